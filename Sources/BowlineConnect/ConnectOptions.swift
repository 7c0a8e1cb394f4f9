// How to connect: a value that travels from the caller to the connector.

public import BowlineTransport

/// Says how to connect.
///
/// ```swift
/// var options = ConnectOptions()
/// options.timeout = .seconds(5)
/// options.families = [.ipv4]
/// reactor.connectTCP(host: "example.com", port: 80, factory: ClientFactory { Echo() }, options: options)
/// ```
public struct ConnectOptions: Hashable, Sendable {
    /// How long it may take from `connect()` to the connection, the name and every address included. 30 s.
    public var timeout: Duration = .seconds(30)
    /// How long the name alone may take. 10 s.
    public var nameTimeout: Duration = .seconds(10)
    /// The local address to connect from, port 0 for any. Only its family is used then.
    public var bindAddress: SocketAddress?
    /// The families to use, in the order in which to ask for them (RFC 8305, 3: IPv6 first).
    public var families: [AddressFamily] = [.ipv6, .ipv4]
    /// The addresses that may be connected to. All of them.
    public var addressPolicy = AddressPolicy.unrestricted

    /// Who connects in one's place; nil to connect directly. Its name is looked up here, and its addresses are raced; the
    /// target's name goes to it. The timeout covers all of it. UNIX sockets are connected to directly.
    public var proxy: Proxy? {
        get { keptProxy.value }
        set { keptProxy.value = newValue }
    }
    /// Whether the proxy gets the bytes of the connection as they are: requests that name their target themselves.
    package var isForwarding = false

    /// How to speak TLS on the connection before a protocol gets it; nil for plain TCP. The timeout covers the handshake.
    public var tls: TLSClientConfiguration? {
        get { keptTLS.value }
        set { keptTLS.value = newValue }
    }
    /// What the server's certificate must be for; the host that is connected to unless set.
    public var tlsServerName: String?

    // A connector has a copy of all this, and hardly ever a use for these.
    private var keptProxy = OutOfLine<Proxy>()
    private var keptTLS = OutOfLine<TLSClientConfiguration>()

    /// Creates the usual options.
    public init() {}

    /// The families that the local address leaves.
    var usableFamilies: [AddressFamily] {
        guard let local = bindAddress?.ipAddress?.family else { return families }
        return families.contains(local) ? [local] : []
    }
}
