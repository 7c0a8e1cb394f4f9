// What users write: the object that speaks on one connection.

/// Speaks on one connection: told when it is made, what arrives, and how it ended.
///
/// ```swift
/// final class Echo: Protocol {
///     var transport: (any Transport)?
///     func dataReceived(_ bytes: RawSpan) { transport?.write(bytes) }
/// }
/// ```
/// The calls come in this order and each from the loop, never from inside a call to the transport: `connectionMade`
/// once, `dataReceived` any number of times, `connectionLost` once, after which the transport forgets the protocol.
///
/// In a file that needs Swift's own word, the type is `Bowline::Protocol`.
public protocol Protocol: AnyObject {
    /// The transport, from `makeConnection` on.
    var transport: (any Transport)? { get set }

    /// Gives the protocol its transport. By default it is kept in `transport` and `connectionMade` is called.
    func makeConnection(_ transport: any Transport)

    /// The connection is there and can be written to. Does nothing by default.
    func connectionMade()

    /// Bytes have arrived. They are lent: the buffer is the reactor's, and is used again for the next read, so the
    /// compiler lets nobody keep them. Copy what must stay.
    func dataReceived(_ bytes: RawSpan)

    /// The connection has ended, and nothing comes after this. Does nothing by default.
    func connectionLost(_ reason: ConnectionEnd)
}

extension Protocol {
    /// Keeps the transport and calls `connectionMade`.
    public func makeConnection(_ transport: any Transport) {
        self.transport = transport
        connectionMade()
    }

    /// Does nothing.
    public func connectionMade() {}
    /// Does nothing.
    public func connectionLost(_ reason: ConnectionEnd) {}
}

/// A protocol that goes on when one direction of its connection is closed.
///
/// With any other protocol, the peer's end of sending ends the connection.
///
/// ```swift
/// /// Says how much came, once all of it has come.
/// final class Count: HalfCloseableProtocol {
///     var transport: (any Transport)?
///     private var count = 0
///     func dataReceived(_ bytes: RawSpan) { count += bytes.byteCount }
///     func readConnectionLost() {
///         transport?.write("\(count)\r\n")
///         transport?.loseConnection()
///     }
///     func writeConnectionLost() {}
/// }
/// ```
public protocol HalfCloseableProtocol: Protocol {
    /// The peer has sent everything; writing is still possible. Close with `loseConnection` when done.
    func readConnectionLost()

    /// `loseWriteConnection` has been carried out: everything written has left, and the peer sees the end.
    func writeConnectionLost()
}
