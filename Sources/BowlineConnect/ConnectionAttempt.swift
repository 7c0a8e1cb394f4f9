// The record of one address that was tried. The race writes it; errors, connectors, the command and the inspector show it.

import Glibc
public import BowlineReactor
public import BowlineTransport

/// Tells what became of the attempt to connect to one address.
///
/// ```swift
/// func report(_ attempts: [ConnectionAttempt]) {
///     for attempt in attempts {
///         print(attempt.address, attempt.outcome?.rawValue ?? "in progress", attempt.errno ?? 0)
///     }
/// }
/// ```
public struct ConnectionAttempt: Hashable, Sendable {
    /// How an attempt ended.
    public enum Outcome: String, Sendable, CaseIterable {
        /// The connection stands.
        case connected
        /// The other end refused (ECONNREFUSED).
        case refused
        /// There is no way to the address from here.
        case unreachable
        /// No answer came in time, the kernel's or the connector's.
        case timeout
        /// The connection was torn down while it was made.
        case reset
        /// This machine didn't try: a rule, a permission or a limit forbade it. `errno` or `refusal` says which.
        case denied
        /// Another attempt won, or nobody wanted the connection any more.
        case cancelled
    }

    /// Where it went.
    public let address: SocketAddress
    /// When connect(2) was called.
    public let start: ReactorInstant
    /// When it ended, nil while it goes on.
    public internal(set) var end: ReactorInstant?
    /// How it ended, nil while it goes on.
    public internal(set) var outcome: Outcome?
    /// The error that the kernel reported, nil if it reported none.
    public internal(set) var errno: Int32?
    /// What the address is, if the options' address policy forbade to connect to it: then nothing was sent there.
    public internal(set) var refusal: SpecialPurposeAddress?

    init(address: SocketAddress, start: ReactorInstant) {
        self.address = address
        self.start = start
    }
}

extension ConnectionAttempt.Outcome {
    /// Sorts an error of socket(2), bind(2) or connect(2) into the outcomes.
    init(errno: Int32) {
        self =
            switch errno {
            case ECONNREFUSED: .refused
            case ETIMEDOUT: .timeout
            case ECONNRESET, ECONNABORTED, EPIPE: .reset
            // What a dial ends with when its reactor stops.
            case ECANCELED: .cancelled
            // EINVAL comes from a black hole route, EADDRNOTAVAIL from a family without addresses, ENOENT from a UNIX path.
            case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENOENT:
                .unreachable
            default: .denied
            }
    }
}
