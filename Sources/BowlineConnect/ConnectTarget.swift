// What to connect to and how: values that travel from the caller to the connector.

public import BowlineTransport

/// What a connector connects to.
public enum ConnectTarget: Hashable, Sendable, CustomStringConvertible {
    /// A host, by name or by the text of its address, and a port.
    case host(String, port: UInt16)
    /// A UNIX stream socket.
    case unix(path: String)

    public var description: String {
        switch self {
        case .host(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Says how to connect.
///
/// ```swift
/// var options = ConnectOptions()
/// options.timeout = .seconds(5)
/// options.families = [.ipv4]
/// ```
public struct ConnectOptions: Hashable, Sendable {
    /// How long it may take from `connect()` to the connection, the name and every address included. 30 s.
    public var timeout: Duration = .seconds(30)
    /// How long the name alone may take. 10 s.
    public var nameTimeout: Duration = .seconds(10)
    /// The local address to connect from, port 0 for any. Its family is the only one that is tried.
    public var bindAddress: SocketAddress? {
        didSet { if let family = bindAddress?.ipAddress?.family { families = [family] } }
    }
    /// The families to try, in the order in which to ask for them (RFC 8305, 3: IPv6 first).
    public var families: [AddressFamily] = [.ipv6, .ipv4]

    /// Creates the usual options.
    public init() {}
}
