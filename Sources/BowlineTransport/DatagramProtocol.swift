// What users write for UDP: the object that is told of the datagrams that reach one port.

/// Speaks in datagrams on one port.
///
/// ```swift
/// final class EchoDatagrams: DatagramProtocol {
///     var port: DatagramPort?
///     func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress) { port?.write(bytes, to: sender) }
/// }
/// let port = try reactor.listenUDP(port: 0, protocol: EchoDatagrams())
/// ```
/// All calls come from the loop, never from inside a call to the port, but for `startProtocol`.
public protocol DatagramProtocol: AnyObject {
    /// The port, from before `startProtocol` until after `stopProtocol`.
    var port: DatagramPort? { get set }

    /// The port stands and can be written to. Called from inside `listenUDP`. Does nothing by default.
    func startProtocol()

    /// A datagram has arrived, possibly an empty one. The bytes are lent: copy what must stay.
    func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress)

    /// Nobody listens at the address that the port is connected to, as an ICMP message said. Ports that aren't connected
    /// hear of no such thing. Does nothing by default.
    func connectionRefused()

    /// The port is closed, and nothing comes after this. Does nothing by default.
    func stopProtocol()
}

extension DatagramProtocol {
    /// Does nothing.
    public func startProtocol() {}
    /// Does nothing.
    public func connectionRefused() {}
    /// Does nothing.
    public func stopProtocol() {}
}
