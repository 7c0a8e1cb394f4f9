// Why there is no connection, with all that was tried: each server asked and each address dialled. One line of text.

public import BowlineNames
import BowlineReactor

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
        /// The host is no name.
        case target
        /// Turning the name into addresses.
        case name
        /// Connecting to one of them.
        case connect
    }

    /// Why.
    public enum Reason: Hashable, Sendable {
        /// The host is no name that could be looked up.
        case badName(NameError)
        /// The name has no address.
        case lookup(LookupError)
        /// Every address was tried, and none took the connection.
        case attemptsFailed
        /// The timeout came first.
        case timedOut
        /// `stopConnecting()`, or whoever wanted the connection has left.
        case cancelled
        /// The reactor stopped.
        case stopped
    }

    /// Why.
    public let reason: Reason
    /// What was to be connected to.
    public let target: ConnectTarget
    /// Every attempt, in order, with its outcome.
    public let attempts: [ConnectionAttempt]
    /// What the lookup brought for each family, until then.
    public let answers: [TypeAnswer]
    /// How long it took.
    public let elapsed: Duration

    /// Creates an error.
    public init(
        _ reason: Reason, target: ConnectTarget, attempts: [ConnectionAttempt] = [], answers: [TypeAnswer] = [],
        elapsed: Duration = .zero
    ) {
        self.reason = reason
        self.target = target
        self.attempts = attempts
        self.answers = answers
        self.elapsed = elapsed
    }

    /// The step that failed: the name as long as there was nothing to dial.
    public var phase: Phase {
        switch reason {
        case .badName: .target
        case .lookup: .name
        case .attemptsFailed: .connect
        case .timedOut, .cancelled, .stopped: attempts.isEmpty ? .name : .connect
        }
    }

    /// The outcome of the last attempt that failed by itself, which stands for them all.
    public var attemptOutcome: ConnectionAttempt.Outcome? {
        attempts.last { $0.outcome != nil && $0.outcome != .cancelled }?.outcome
    }
}

extension ConnectError: CustomStringConvertible {
    public var description: String {
        switch reason {
        case .badName(let error): "\(error)"
        case .lookup(let error): "\(error)"
        case .attemptsFailed: "cannot connect to \(target): \(tried)"
        case .timedOut where attempts.isEmpty:
            "cannot connect to \(target): its name was not resolved within \(Self.text(of: elapsed))"
        case .timedOut: "cannot connect to \(target) within \(Self.text(of: elapsed)): \(tried)"
        case .cancelled: "connecting to \(target) was cancelled"
        case .stopped: "connecting to \(target) ended: \(ReactorStopped())"
        }
    }

    private var tried: String {
        attempts.map { attempt in
            "\(attempt.address) \(attempt.outcome?.rawValue ?? "pending")"
        }.joined(separator: ", ")
    }

    private static func text(of duration: Duration) -> String {
        let milliseconds = duration.saturatingNanoseconds / 1_000_000
        guard milliseconds >= 1_000 else { return "\(milliseconds) ms" }
        let tenths = milliseconds / 100 % 10
        return tenths == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds / 1_000).\(tenths) s"
    }
}

extension ConnectError.Reason {
    /// Makes the reason of a race's end.
    init(_ failure: RaceFailure) {
        switch failure.reason {
        case .allAttemptsFailed: self = .attemptsFailed
        case .timedOut: self = .timedOut
        case .cancelled: self = .cancelled
        case .noAddress: self.init(lookups: failure.lookups)
        }
    }

    /// Sums up lookups that brought no address, of either family.
    private init(lookups: [RaceFailure.Lookup]) {
        let errors = lookups.compactMap(\.error)
        if errors.contains(where: { $0 is ReactorStopped }) {
            self = .stopped
        } else if let error = errors.lazy.compactMap({ $0 as? NameError }).first {
            self = .badName(error)
        } else {
            let failures = errors.compactMap { $0 as? LookupError }
            self = .lookup(failures.first { $0.kind == .nxdomain } ?? failures.first ?? Self.nodata)
        }
    }

    private static var nodata: LookupError { LookupError(.nodata, name: .root, types: [.aaaa, .a]) }
}
