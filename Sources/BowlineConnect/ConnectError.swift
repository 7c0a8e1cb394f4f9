// Why there is no connection, with all that was tried: each server asked and each address dialled. One line of text.

public import BowlineDeferred
public import BowlineNames
public import BowlineTransport
import BowlineReactor
import Glibc

/// Reports that a connector could not connect.
///
/// ```swift
/// final class Reporter: ClientFactory {
///     override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
///         print(error)            // cannot connect to h.test:80: [::1]:80 refused, 127.0.0.1:80 timeout
///         print(error.phase, error.attempts.count)
///     }
/// }
/// ```
public struct ConnectError: Error, Sendable {
    /// The step that failed.
    public enum Phase: String, Hashable, Sendable {
        /// What was asked for can't be connected to.
        case target
        /// Turning the name into addresses.
        case name
        /// Connecting to one of them.
        case connect
        /// Having the proxy connect.
        case proxy
        /// The TLS handshake, with the target or with the proxy: the reason tells which.
        case tls
    }

    /// Why.
    public enum Reason: Hashable, Sendable {
        /// The target, with these options, can't be connected to.
        case badTarget(TargetProblem)
        /// The host is no name that could be looked up.
        case badName(NameError)
        /// The name has no address.
        case lookup(LookupError)
        /// The resolver failed with an error of its own, in its words.
        case resolver(String)
        /// Every address was tried, and none took the connection.
        case attemptsFailed
        /// The proxy didn't make the connection.
        case proxy(ProxyError)
        /// The TLS handshake with the proxy failed, or TLS can't be spoken with it as it was asked for.
        case proxyTLS(TLSError)
        /// The TLS handshake with the target failed, or TLS can't be spoken with it as it was asked for.
        case tls(TLSError)
        /// The timeout came first.
        case timedOut
        /// `stopConnecting()`, or whoever wanted the connection has left.
        case cancelled
        /// The reactor stopped.
        case stopped
        /// There was a connection, and the factory of an endpoint made no protocol for it.
        case declined
    }

    /// Why.
    public let reason: Reason
    /// What was to be connected to.
    public let target: ConnectTarget
    /// The proxy that was to do it; nil for none. The answers and attempts are of its name and addresses.
    public let proxy: Proxy?
    /// Every attempt, in order, with its outcome.
    public let attempts: [ConnectionAttempt]
    /// What the lookup brought for each family, until then.
    public let answers: [TypeAnswer]
    /// What was still being asked about the name when the reactor stopped; empty for any other reason.
    public internal(set) var unanswered: [QuestionSnapshot] = []
    /// How long it took.
    public let elapsed: Duration
    /// What was being done with the proxy; nil for nothing.
    private let proxyStage: ProxyStage?

    enum ProxyStage {
        case securing, tunneling
    }

    private var isTunneling: Bool { proxyStage == .tunneling }

    /// Creates an error.
    public init(
        _ reason: Reason, target: ConnectTarget, attempts: [ConnectionAttempt] = [], answers: [TypeAnswer] = [],
        elapsed: Duration = .zero
    ) {
        self.init(
            reason, target: target, proxy: nil, proxyStage: nil, attempts: attempts, answers: answers,
            elapsed: elapsed)
    }

    init(
        _ reason: Reason, target: ConnectTarget, proxy: Proxy?, proxyStage: ProxyStage?, attempts: [ConnectionAttempt],
        answers: [TypeAnswer], elapsed: Duration
    ) {
        self.proxy = proxy
        self.proxyStage = proxyStage
        self.reason = reason
        self.target = target
        self.attempts = attempts
        self.answers = answers
        self.elapsed = elapsed
    }

    /// The step that failed: the name as long as there was nothing to dial.
    public var phase: Phase {
        switch reason {
        case .badTarget, .badName: .target
        case .lookup, .resolver: .name
        case .attemptsFailed, .declined: .connect
        case .proxy: .proxy
        case .tls, .proxyTLS: .tls
        case .timedOut where isTunneling, .cancelled where isTunneling, .stopped where isTunneling: .proxy
        // A connection that stood and is not enough: its handshake was under way.
        case .timedOut, .cancelled, .stopped:
            attempts.isEmpty ? .name : attempts.contains { $0.outcome == .connected } ? .tls : .connect
        }
    }

    /// The outcome of the last attempt that failed by itself, which stands for them all.
    public var attemptOutcome: ConnectionAttempt.Outcome? {
        attempts.last { $0.outcome != nil && $0.outcome != .cancelled }?.outcome
    }
}

extension ConnectError: DeliberateEnding {
    /// Whether it was cancelled, or its reactor stopped.
    public var isDeliberate: Bool { reason == .cancelled || reason == .stopped }
}

extension ConnectError: CustomStringConvertible {
    /// One line: what failed, every address that was tried, and what to do where there is something to do.
    public var description: String {
        switch reason {
        case .badTarget(let problem): "cannot connect to \(place): \(problem)"
        case .badName(let error): "\(proxy == nil ? "" : "cannot connect to \(place): ")\(error)"
        case .lookup(let error): "\(proxy == nil ? "" : "cannot connect to \(place): ")\(error)"
        case .resolver(let words): "cannot look up the name of \(proxy?.target ?? target): \(words)"
        case .proxy(let error): "cannot connect to \(place): \(error)"
        case .attemptsFailed: "cannot connect to \(place): \(tried)\(advice.map { "; \($0)" } ?? "")"
        case .timedOut where attempts.isEmpty:
            "cannot connect to \(place): \(nameOwner) name was not resolved within \(elapsed.inWords)"
        case .tls(let error): "cannot speak TLS with \(place): \(error)"
        case .proxyTLS(let error): "cannot connect to \(place): cannot speak TLS with the proxy: \(error)"
        case .timedOut where proxyStage == .securing:
            "cannot connect to \(place) within \(elapsed.inWords): the TLS handshake with the proxy was not done"
        case .timedOut where phase == .tls:
            "cannot connect to \(place) within \(elapsed.inWords): the TLS handshake was not done"
        case .timedOut where phase == .proxy:
            "cannot connect to \(place) within \(elapsed.inWords): the proxy has not answered"
        case .timedOut: "cannot connect to \(place) within \(elapsed.inWords): \(tried)"
        case .cancelled: "connecting to \(place) was cancelled"
        case .stopped: "connecting to \(place) ended: \(ReactorStopped())"
        case .declined: "the factory made no protocol for the connection to \(place)"
        }
    }

    private var place: String { proxy.map { "\(target) through \($0)" } ?? "\(target)" }
    private var nameOwner: String { proxy == nil ? "its" : "the proxy's" }

    /// Each address with its outcome, and each family whose lookup failed so that there may be more addresses.
    private var tried: String {
        let outcomes = attempts.map { attempt in
            let words = attempt.needsWords ? attempt.errno.map { SystemError.text(of: $0) } : nil
            let reason = words ?? attempt.refusal.map { "\($0)" }
            return "\(attempt.address) \(attempt.outcome?.rawValue ?? "pending")\(reason.map { " (\($0))" } ?? "")"
        }
        let unknown = answers.compactMap { answer -> String? in
            guard let kind = answer.failure?.kind, kind != .nodata, kind != .nxdomain else { return nil }
            return "\(answer.type) lookup \(kind.rawValue)"
        }
        return (outcomes + unknown).joined(separator: ", ")
    }

    private var advice: String? {
        if attempts.allSatisfy({ $0.refusal != nil }) { return "the address policy forbids it" }
        let codes = Set(attempts.compactMap(\.errno))
        if codes.contains(EMFILE) || codes.contains(ENFILE) {
            return "raise the limit of open files (ulimit -n), or connect to fewer hosts at once"
        }
        if codes.contains(EADDRINUSE) { return "another connection has the local address; bind to port 0" }
        if case .unix = target {
            switch codes.first {
            case ENOENT: return "there is no such socket: is the server running?"
            case ECONNREFUSED: return "nobody listens on it: is the server running?"
            case EACCES: return "this user may not write to it"
            default: return nil
            }
        }
        return codes == [ECONNREFUSED] ? "nothing listens on that port" : nil
    }
}

extension ConnectionAttempt {
    /// Whether the outcome says less than the system's words.
    fileprivate var needsWords: Bool { outcome == .denied || outcome == .unreachable }
}

extension ConnectError.Reason {
    /// Makes the reason of a lookup's failure.
    init(lookup error: any Error) {
        switch error {
        case let error as LookupError: self = .lookup(error)
        case let error as NameError: self = .badName(error)
        case is ReactorStopped: self = .stopped
        case is CancelledError: self = .cancelled
        default: self = .resolver("\(error)")
        }
    }
}
