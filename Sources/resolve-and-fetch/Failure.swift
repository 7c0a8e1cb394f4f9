// What a target failed with, in the words that scripts know, and the exit code that it makes.

import Bowline
import Glibc

/// Says why a target failed: phase and code are the command's contract, the message is for people.
struct Failure: Error {
    enum Phase: String {
        case target, dns, connect, tls, send, receive, http, output
    }

    var phase: Phase
    var code: String
    var message: String

    /// A target may be as long as a line of a list, and stand in its message more than once.
    private static let longestMessage = 1_001

    /// - Parameter message: any text; it becomes one line without control bytes, and of no great length.
    init(_ phase: Phase, _ code: String, _ message: String) {
        self.phase = phase
        self.code = code
        self.message = TerminalText.escaped(TerminalText.abridged(message, to: Self.longestMessage))
    }

    /// The exit code for one target; curl's numbers where curl has one.
    var exitCode: Int32 {
        switch (phase, code) {
        case (_, "cancelled"): ExitCodes.interrupted
        case (_, "timeout"), (_, "deadline"): 28
        case (.target, "unsupported-scheme"): 1
        case (.target, _): 3
        case (.dns, _): 6
        case (.connect, _): 7
        case (.tls, "certificate"): 60
        case (.tls, _): 35
        case (.send, _): 55
        case (.receive, "truncated"): 18
        case (.receive, "empty"): 52
        case (.receive, _): 56
        case (.http, "status"): 22
        case (.http, "redirects"): 47
        case (.http, "encoding"): 61
        case (.http, "too-large"): 63
        case (.http, _): 8
        case (.output, _): 23
        }
    }
}

/// The exit codes of the whole command.
enum ExitCodes {
    static let interrupted = 128 + SIGINT

    /// The exit code of a run.
    ///
    /// - Parameters:
    ///   - failure: the first, if there was one.
    ///   - signal: what stopped it, if something did.
    static func code(_ failure: Failure?, targets: Int, signal: CInt?) -> Int32 {
        if let signal { return 128 + signal }
        guard let failure else { return 0 }
        return targets == 1 ? failure.exitCode : 1
    }
}

extension Failure {
    init(_ error: HTTPURLError, target: String) {
        let what: String
        switch error {
        case .badName, .numericHost: what = "\(error)"
        case .empty: what = "an empty target: \(error)"
        default: what = "\(target): \(error)"
        }
        self.init(.target, error.code.rawValue, what)
    }

    /// - Parameter target: as the user named it.
    init(_ page: PageError, target: String) {
        let phase = Phase(rawValue: page.phase.rawValue) ?? .target
        switch page.reason {
        case .url where page.report.head != nil, .request where page.report.head != nil:
            // Not what the user wrote: a response redirects there.
            self.init(phase, page.code, "\(page)")
        case .url(let error):
            self.init(error, target: target)
        case .request(.credentialsInURL):
            self.init(
                phase, "bad-target",
                "\(page.report.url.map { "\($0)" } ?? "the target"): the URL has a user name or password; "
                    + "send them with -H 'Authorization: …' instead")
        case .request(let error):
            // The URL's description leaves a password out.
            self.init(phase, "bad-target", "\(page.report.url.map { "\($0)" } ?? "the target"): \(error)")
        case .insecureRedirect(let url):
            // What a program can set, the command has no option for.
            self.init(
                phase, page.code,
                "\(page.report.url.map { "\($0)" } ?? target) redirects from https to \(url), where everybody can read "
                    + "along: not followed; it can be given as a target")
        case .redirects:
            self.init(phase, page.code, "\(page); --max-redirs allows more")
        case .response(.tooLarge(.bodyBytes, let limit)) where limit != .max:
            self.init(phase, page.code, "\(page); --max-filesize allows more")
        case .deadline:
            self.init(phase, page.code, "\(page); --max-time allows more")
        case .stopped:
            self = .interrupted(page.report.url.map { "\($0)" } ?? target, in: phase)
        default:
            self.init(phase, page.code, "\(page)")
        }
    }

    /// The failure of a lookup that stands alone.
    init(lookup error: any Error, name: String) {
        switch error {
        case let error as NameError: self.init(.target, "bad-target", "\(error)")
        case let error as LookupError: self.init(.dns, error.kind.rawValue, "\(error)")
        default: self = .interrupted(name, in: .dns)
        }
    }

    static func status(_ head: HTTPResponseHead, of url: HTTPURL?) -> Failure {
        let place = url.map { "\($0)" } ?? "the server"
        return Failure(
            .http, "status", "\(place) answered \(head.status)\(head.reason.isEmpty ? "" : " \(head.reason)")")
    }

    /// - Parameter error: what became of the file, or of who was to write it.
    init(writing path: String, _ error: any Error, target: String) {
        if let error = error as? SystemError {
            self = .output(path, error)
        } else {
            self = .interrupted(target, in: .output)
        }
    }

    static func late(_ place: String, _ budget: Duration) -> Failure {
        Failure(
            .output, "deadline", "\(place) was not written within \(Times.text(budget)); --max-time allows more")
    }

    static func interrupted(_ target: String, in phase: Phase) -> Failure {
        Failure(phase, "cancelled", "\(target): interrupted")
    }

    static func output(_ place: String, _ error: SystemError) -> Failure {
        Failure(.output, "write", "can't write to \(place): \(SystemError.text(of: error.code))")
    }
}
