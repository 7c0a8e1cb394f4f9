// Each event as it happens, for -v: milliseconds since the target's start, and what it is, a line on stderr.

import Bowline

struct EventLog {
    private let clock: any ReactorClock
    private let start: ReactorInstant
    private let prefix: String

    /// - Parameter name: what the lines begin with, where there are several targets.
    init(_ clock: any ReactorClock, name: String?) {
        self.clock = clock
        start = clock.now
        prefix = name.map { "\(TerminalText.escaped($0)): " } ?? ""
    }

    func tell(_ event: PageEvent) {
        switch event {
        case .connecting(let target): tell("connecting to \(target)")
        case .connector(.answered(let answer)): tell(answer)
        case .connector(.attemptStarted(let attempt)): tell("trying \(attempt.address)")
        case .connector(.attemptEnded(let attempt)):
            tell("\(attempt.address) \(attempt.outcome?.rawValue ?? "ended")")
        case .connector(.proxySecured(let tls)): tell("the proxy: \(tls.explanation)")
        case .connector(.secured(let tls)): tell(tls.explanation)
        case .reusing(let peer): tell("the connection to \(peer) serves again")
        case .retrying: tell("that connection was closed meanwhile; once more, on a new one")
        case .requestSent: tell("request sent")
        case .head(let head):
            let count = head.fields.count
            tell("\(head.status) \(head.reason), \(count == 1 ? "1 field" : "\(count) fields")")
        case .redirect(let url): tell("redirected to \(url)")
        }
    }

    func tell(_ answer: TypeAnswer) {
        let question = NameFindings.Question(type: answer.type, answer: answer)
        let data = answer.records.map { "\($0.data)" }.joined(separator: " ")
        tell("\(answer.type) \(data.isEmpty ? "" : "\(data), ")\(question.explanation)")
    }

    func tell(_ text: String) {
        let time = Times.text(clock.now - start)
        let padding = String(repeating: " ", count: max(0, 10 - time.count))
        Console.log("\(padding)\(time)  \(prefix)\(TerminalText.escaped(text))")
    }
}
