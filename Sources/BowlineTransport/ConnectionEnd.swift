// Why a connection ended, as its protocol and its factory are told.

import BowlineReactor

/// Says how a connection ended.
///
/// ```swift
/// final class Watcher: Protocol {
///     var transport: (any Transport)?
///     func dataReceived(_ bytes: RawSpan) {}
///     func connectionLost(_ reason: ConnectionEnd) {
///         if !reason.isClean { print("the connection was", reason) }      // lost: Connection reset by peer
///     }
/// }
/// ```
public enum ConnectionEnd: Error, Hashable, Sendable, CustomStringConvertible {
    /// In order: closed by either side with everything delivered.
    case done
    /// By an error of the system, given as errno: ECONNRESET, EPIPE, ETIMEDOUT, …
    case lost(CInt)
    /// By `abortConnection`.
    case aborted
    /// `loseConnection` could not deliver what was written in the time it had.
    case timedOut
    /// The reactor stopped.
    case stopped
    /// The other end of a TLS connection was gone without a close_notify: what has come may not be all.
    case truncated
    /// By TLS: the handshake failed, the other end sent an alert, or what came was no valid TLS.
    case tls(TLSError)

    /// Whether the connection ended in order.
    public var isClean: Bool { self == .done }

    /// How it ended, in a clause.
    public var description: String {
        switch self {
        case .done: "closed in order"
        case .lost(let code): "lost: \(SystemError.text(of: code))"
        case .aborted: "aborted on this side"
        case .timedOut: "closing timed out: the peer did not take what was written"
        case .stopped: "the reactor stopped"
        case .truncated: "cut off: the other end closed without TLS's close_notify"
        case .tls(let error): "ended by TLS: \(error)"
        }
    }
}
