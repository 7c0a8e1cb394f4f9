// A protocol that keeps whatever happens to it, for tests to look at.

public import Bowline

/// Records everything that its connection tells it.
///
/// ```swift
/// let seen = AccumulatingProtocol()
/// let transport = MemoryTransport()
/// transport.start(seen)
/// transport.deliver("ab")
/// transport.deliverEnd()
/// print(seen.text, seen.events)      // ab [made, received 2, lost: closed in order]
/// ```
/// Subclass it, or give it closures, to make it act too.
open class AccumulatingProtocol: Protocol {
    /// One thing that a protocol was told.
    public enum Event: Hashable, Sendable, CustomStringConvertible {
        case made
        /// So many bytes.
        case received(Int)
        case readConnectionLost
        case writeConnectionLost
        case lost(ConnectionEnd)

        /// The event in words, as in `received 2`.
        public var description: String {
            switch self {
            case .made: "made"
            case .received(let count): "received \(count)"
            case .readConnectionLost: "read connection lost"
            case .writeConnectionLost: "write connection lost"
            case .lost(let reason): "lost: \(reason)"
            }
        }
    }

    /// The transport, from `makeConnection` on.
    public var transport: (any Transport)?

    /// Everything in order.
    public internal(set) var events: [Event] = []
    /// All bytes that have arrived.
    public private(set) var received: [UInt8] = []

    /// Called after `connectionMade` was recorded.
    public var onMade: ((AccumulatingProtocol) -> Void)?
    /// Called with bytes after they were recorded.
    public var onData: ((AccumulatingProtocol, [UInt8]) -> Void)?
    /// Called after `connectionLost` was recorded.
    public var onLost: ((AccumulatingProtocol, ConnectionEnd) -> Void)?

    /// Creates a protocol that only records, or that also calls `onData` with what arrives.
    public init(onData: ((AccumulatingProtocol, [UInt8]) -> Void)? = nil) {
        self.onData = onData
    }

    /// All bytes that have arrived, as text; what isn't UTF-8 is repaired.
    public var text: String { String(decoding: received, as: UTF8.self) }

    /// Why the connection ended; nil while it stands.
    public var end: ConnectionEnd? {
        for case .lost(let reason) in events { return reason }
        return nil
    }

    open func connectionMade() {
        events.append(.made)
        onMade?(self)
    }

    open func dataReceived(_ bytes: RawSpan) {
        let copy = bytes.withUnsafeBytes { Array($0) }
        received += copy
        events.append(.received(copy.count))
        onData?(self, copy)
    }

    open func connectionLost(_ reason: ConnectionEnd) {
        events.append(.lost(reason))
        onLost?(self, reason)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension AccumulatingProtocol: Sendable {}

/// Records as `AccumulatingProtocol` does, and goes on when one direction is closed.
///
/// ```swift
/// let seen = AccumulatingHalfCloseableProtocol()
/// let transport = MemoryTransport()
/// transport.start(seen)
/// seen.onReadLost = { seen in seen.transport?.loseConnection() }
/// transport.deliverEnd()
/// print(seen.events.count)
/// ```
open class AccumulatingHalfCloseableProtocol: AccumulatingProtocol, HalfCloseableProtocol {
    /// Called after `readConnectionLost` was recorded.
    public var onReadLost: ((AccumulatingHalfCloseableProtocol) -> Void)?
    /// Called after `writeConnectionLost` was recorded.
    public var onWriteLost: ((AccumulatingHalfCloseableProtocol) -> Void)?

    open func readConnectionLost() {
        events.append(.readConnectionLost)
        onReadLost?(self)
    }

    open func writeConnectionLost() {
        events.append(.writeConnectionLost)
        onWriteLost?(self)
    }
}
