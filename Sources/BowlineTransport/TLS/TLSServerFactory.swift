// Servers: TLS between a listening port and the factory of its protocols.

public import BowlineReactor

/// Puts TLS between a listening port and a factory, which is asked for a protocol when the handshake is over.
///
/// ```swift
/// let identity = TLSIdentity(certificateFile: "/etc/app/chain.pem", keyFile: "/etc/app/key.pem")
/// let context = try TLSContext(server: TLSServerConfiguration(identity), clock: reactor)
/// let factory = TLSServerFactory(context, factory: ServerFactory { Echo() })
/// factory.onFailure = { peer, error in print(peer, error) }
/// let port = try reactor.listenTCP(port: 0, factory: factory)
/// print(port.address)
/// ```
public final class TLSServerFactory: ServerFactory {
    private let context: TLSContext
    private let factory: ServerFactory

    /// Told of each handshake that failed.
    public var onFailure: ((SocketAddress, TLSError) -> Void)?

    /// Creates a factory around another one.
    public init(_ context: TLSContext, factory: ServerFactory) {
        // fatalError, since a precondition's message is lost in release builds.
        if !context.isServer { fatalError("a server needs the context of a server") }
        self.context = context
        self.factory = factory
        super.init()
    }

    public override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        let connection = TLSConnection(context, name: nil) { [self] result in
            switch result {
            case .success:
                return factory.buildProtocol(address)
            case .failure(let error):
                onFailure?(address, error)
                return nil
            }
        }
        connection.limitHandshake(to: context.handshakeTimeout)
        return connection
    }

    public override func startFactory() { factory.begin() }
    public override func stopFactory() { factory.end() }
}

extension Reactor {
    /// Listens for TLS connections and gives each to a protocol of `factory` once its handshake is over.
    ///
    /// - Parameters:
    ///   - port: 0 lets the system choose; the returned port's `address` tells.
    ///   - interface: the local address to listen on; all IPv4 addresses if nil.
    ///   - backlog: how many connections the system may hold that were not accepted yet.
    ///   - reusePort: let several listeners, one for each reactor, share the port (SO_REUSEPORT).
    ///   - context: made of a `TLSServerConfiguration`.
    /// - Throws: the `SystemError` of socket, bind or listen.
    public func listenTLS(
        port: UInt16, interface: IPAddress? = nil, backlog: Int = 1024, reusePort: Bool = false, context: TLSContext,
        factory: ServerFactory
    ) throws(SystemError) -> ListeningPort {
        try listenTCP(
            port: port, interface: interface, backlog: backlog, reusePort: reusePort,
            factory: TLSServerFactory(context, factory: factory))
    }
}
