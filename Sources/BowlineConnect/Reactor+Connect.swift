// The door to connecting, and what a reactor keeps for it.

public import BowlineReactor
public import BowlineTransport

extension Reactor {
    /// Connects to a host by TCP. The host may be a name: it is looked up without blocking, and its addresses are raced
    /// (RFC 8305); the first connection that stands is given to a protocol of `factory`.
    ///
    /// Returns at once. Nothing has touched the network then, and no outcome is told before.
    /// - Parameters:
    ///   - host: a name, or the text of an address, IPv6 without brackets.
    ///   - port: 1 to 65535.
    ///   - timeout: from this call to the connection, name and all addresses included.
    ///   - bindAddress: the local address to connect from.
    /// - Returns: the connector, which can be watched, stopped and used again.
    @discardableResult
    public func connectTCP(
        host: String, port: UInt16, factory: ClientFactory, timeout: Duration = .seconds(30),
        bindAddress: SocketAddress? = nil
    ) -> Connector {
        var options = ConnectOptions()
        options.timeout = timeout
        options.bindAddress = bindAddress
        return connectTCP(host: host, port: port, factory: factory, options: options)
    }

    /// Connects to a host by TCP, with options.
    @discardableResult
    public func connectTCP(
        host: String, port: UInt16, factory: ClientFactory, options: ConnectOptions
    ) -> Connector {
        connect(to: .host(host, port: port), factory: factory, options: options)
    }

    /// Connects to a host by TCP and TLS: the factory's protocol gets the connection when the handshake is over, and the
    /// server's certificate was verified for `host`. The timeout covers all of it.
    @discardableResult
    public func connectTLS(
        host: String, port: UInt16, factory: ClientFactory, tls: TLSClientConfiguration = TLSClientConfiguration(),
        timeout: Duration = .seconds(30)
    ) -> Connector {
        var options = ConnectOptions()
        options.timeout = timeout
        options.tls = tls
        return connectTCP(host: host, port: port, factory: factory, options: options)
    }

    /// Connects to a UNIX stream socket; as `connectTCP`, without a name.
    @discardableResult
    public func connectUNIX(
        path: String, factory: ClientFactory, timeout: Duration = .seconds(30)
    ) -> Connector {
        var options = ConnectOptions()
        options.timeout = timeout
        return connect(to: .unix(path: path), factory: factory, options: options)
    }

    private func connect(to target: ConnectTarget, factory: ClientFactory, options: ConnectOptions) -> Connector {
        let connector = Connector(to: target, factory: factory, options: options, environment: connectEnvironment)
        connector.connect()
        return connector
    }

    /// What connectors of this reactor share.
    package var connectEnvironment: any ConnectEnvironment { self[ReactorEnvironment.Slot.self] }

    /// Who dials for this reactor's connectors. A `SocketDialer` unless set.
    public var dialer: any Dialer {
        get { self[ReactorEnvironment.Slot.self].dialer }
        set { self[ReactorEnvironment.Slot.self].dialer = newValue }
    }
}
