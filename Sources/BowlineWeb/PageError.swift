// Why there is no page: one family of errors for every step, with what was learnt until then.

public import BowlineConnect
public import BowlineDeferred
import BowlineNames
import BowlineReactor
public import BowlineTransport

/// Reports a fetch that failed: in which step, why, and what had happened until then.
///
/// ```swift
/// reactor.getPage("http://nowhere.invalid/").onFailure { error in
///     guard let error = error as? PageError else { return }
///     print(error.phase.rawValue, error.code, error)    // dns nxdomain no such name: nowhere.invalid …
/// }
/// ```
public struct PageError: Error, Sendable {
    /// The step that failed. The raw value is the word that scripts know.
    public enum Phase: String, Hashable, Sendable {
        /// The URL, or the request.
        case target
        /// The name.
        case dns
        /// The connection.
        case connect
        /// TLS.
        case tls
        /// Sending the request.
        case send
        /// Receiving the response.
        case receive
        /// The response itself.
        case http
    }

    /// Why.
    public enum Reason: Sendable {
        /// The text, or where a response redirects to, is no URL that can be fetched.
        case url(HTTPURLError)
        /// The request can't be sent as it was asked for.
        case request(HTTPRequestError)
        /// The source of the request's body failed, with this error.
        case source(any Error)
        /// The response leads from https to http, which the request doesn't allow.
        case insecureRedirect(HTTPURL)
        /// There was no connection.
        case connect(ConnectError)
        /// TLS ended the connection after its handshake: an alert, or what is no valid TLS.
        case tls(TLSError)
        /// The connection was lost, as errno says.
        case lost(CInt)
        /// The response isn't HTTP, is too large, or stopped early.
        case response(HTTPParseError)
        /// The content can't be decoded.
        case encoding(ContentDecodingError)
        /// A status outside 2xx, where a page was asked for.
        case status(PageResponse)
        /// More redirects than were allowed.
        case redirects(limit: Int)
        /// The deadline of the whole fetch passed.
        case deadline(Duration)
        /// The reactor stopped, in any step.
        case stopped
    }

    /// The step that failed.
    public let phase: Phase
    /// Why.
    public let reason: Reason
    /// What was learnt until then.
    public let report: PageReport

    package init(phase: Phase, reason: Reason, report: PageReport) {
        self.phase = phase
        self.reason = reason
        self.report = report
    }

    /// What failed in one word, as scripts know it: `nxdomain`, `refused`, `truncated`, `deadline`, …
    public var code: String {
        switch reason {
        case .url(let error): error.code.rawValue
        case .request: HTTPURLError.Code.badTarget.rawValue
        case .source: "body"
        case .connect(let error): Self.code(of: error)
        case .tls(let error): Self.code(of: error)
        case .lost: "reset"
        case .response(let error): error.code.rawValue
        case .encoding: "encoding"
        case .status: "status"
        case .redirects, .insecureRedirect: "redirects"
        case .deadline: "deadline"
        case .stopped: "cancelled"
        }
    }

    private static func code(of error: ConnectError) -> String {
        switch error.reason {
        case .badName, .badTarget: HTTPURLError.Code.badTarget.rawValue
        case .lookup(let failure): failure.kind.rawValue
        case .attemptsFailed: error.attemptOutcome?.rawValue ?? "unreachable"
        case .proxy(let error): code(of: error)
        case .tls(let error), .proxyTLS(let error): code(of: error)
        case .timedOut: "timeout"
        case .resolver: LookupError.Kind.servfail.rawValue
        case .cancelled, .stopped, .declined: "cancelled"
        }
    }

    /// The words of a connection that failed: for a script it is the same whether the proxy or the target refuses.
    private static func code(of error: ProxyError) -> String {
        switch error.kind {
        case .badProxy: HTTPURLError.Code.badTarget.rawValue
        case .authentication, .forbidden: "denied"
        case .unreachable, .failed: "unreachable"
        case .refused: "refused"
        case .timedOut: "timeout"
        case .closed, .malformed: "reset"
        }
    }

    private static func code(of error: TLSError) -> String { error.isCertificate ? "certificate" : "handshake" }

    /// The error inside: an `HTTPURLError`, `HTTPRequestError`, `ConnectError`, `TLSError`, `SystemError`, `HTTPParseError`,
    /// `ContentDecodingError` or `ReactorStopped`; nil where the reason says it all.
    public var cause: (any Error)? {
        switch reason {
        case .url(let error): error
        case .request(let error): error
        case .source(let error): error
        case .connect(let error): error
        case .tls(let error): error
        case .lost(let code): SystemError(code, phase == .send ? "send" : "recv")
        case .response(let error): error
        case .encoding(let error): error
        case .status, .redirects, .deadline, .insecureRedirect: nil
        case .stopped: ReactorStopped()
        }
    }

    /// The response inside, where there is one.
    public var response: PageResponse? {
        if case .status(let response) = reason { response } else { nil }
    }
}

extension PageError: DeliberateEnding {
    /// Whether it was cancelled, or its reactor stopped.
    public var isDeliberate: Bool {
        switch reason {
        case .stopped: true
        case .connect(let error): error.isDeliberate
        default: false
        }
    }
}

extension PageError: CustomStringConvertible {
    /// One line: what failed, with its target.
    public var description: String {
        switch reason {
        case .url(let error): "\(origin)\(error)"
        case .request(let error): "\(origin)\(error)"
        case .source(let error): "\(place): the body can't be sent: \(error)"
        case .insecureRedirect(let url):
            "\(place) redirects from https to \(url), where everybody can read along; "
                + "allowsInsecureRedirects permits it"
        case .connect(let error): "\(error)"
        case .tls(let error): "\(place): \(error)"
        case .lost(let code): "\(place): the connection was lost: \(SystemError.text(of: code))"
        case .response(let error): "\(place): \(error)"
        case .encoding(let error): "\(place): \(error)"
        case .status(let response): "\(place) answered \(Self.line(of: response.head))"
        case .redirects(let limit): "\(place): more than \(limit) redirects"
        case .deadline(let deadline): "\(place): not done within \(deadline.inWords) (\(progress))"
        case .stopped: "\(place): \(ReactorStopped())"
        }
    }

    private var place: String { report.url.map { "\($0)" } ?? "the fetch" }

    /// Where a URL came from that the caller didn't write.
    private var origin: String { report.head == nil ? "" : "\(place) redirects to what can't be fetched: " }

    private static func line(of head: HTTPResponseHead) -> String {
        head.reason.isEmpty ? "\(head.status)" : "\(head.status) \(head.reason)"
    }

    private var progress: String {
        switch phase {
        case .target: "not begun"
        case .dns: "the name was not resolved"
        case .connect: "no connection yet"
        case .tls: "the TLS handshake was not done"
        case .send: "sending the request"
        case .receive, .http: report.head == nil ? "waiting for the response" : "receiving the body"
        }
    }
}
