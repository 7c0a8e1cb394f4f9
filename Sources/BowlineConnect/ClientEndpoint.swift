// A place to connect to, as a value that can be handed around: whoever uses it need not know whether it is a host, a
// UNIX socket, or something around another endpoint.

public import BowlineDeferred
public import BowlineReactor
public import BowlineTransport

/// Connects to one place, as often as asked.
///
/// ```swift
/// func finger(_ endpoint: any ClientEndpoint) -> Deferred<Finger> {
///     endpoint.connect(Finger())
/// }
/// ```
public protocol ClientEndpoint: AnyObject {
    /// Connects, and gives the connection to a protocol of `factory`.
    ///
    /// - Returns: fires with the protocol after its `connectionMade`; fails with a `ConnectError`. Cancelling it gives
    ///   the connection up, in whatever phase it is, and fails it with `CancelledError`.
    @discardableResult
    func connect(_ factory: Factory) -> Deferred<any Protocol>
}

extension ClientEndpoint {
    /// Connects, and gives the connection to `protocol`; fires as `connect(_:)` of a factory does.
    @discardableResult
    public func connect<Speaker: Protocol>(_ protocol: Speaker) -> Deferred<Speaker> {
        connect(Factory { `protocol` }).addCallback { _ in `protocol` }
    }
}

/// Connects to a host by TCP: a name is looked up, and its addresses are raced.
///
/// ```swift
/// let endpoint = TCPClientEndpoint(reactor, host: "example.com", port: 79)
/// endpoint.connect(Finger()).onFailure { error in print(error) }
/// ```
public final class TCPClientEndpoint: ClientEndpoint {
    /// Where it connects to.
    public let host: String
    /// The port there, 1 to 65535.
    public let port: UInt16
    /// How it connects.
    public let options: ConnectOptions
    private let environment: any ConnectEnvironment

    /// Creates an endpoint for connections of `reactor`.
    ///
    /// - Parameter host: a name, or the text of an address, IPv6 without brackets.
    public convenience init(
        _ reactor: Reactor, host: String, port: UInt16, options: ConnectOptions = ConnectOptions()
    ) {
        self.init(reactor.connectEnvironment, host: host, port: port, options: options)
    }

    package init(_ environment: any ConnectEnvironment, host: String, port: UInt16, options: ConnectOptions) {
        self.environment = environment
        self.host = host
        self.port = port
        self.options = options
    }

    /// Connects; see `ClientEndpoint`.
    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<any Protocol> {
        EndpointConnection(factory).begin(.host(host, port: port), options, environment)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension TCPClientEndpoint: Sendable {}

/// Connects to a UNIX stream socket.
///
/// ```swift
/// UNIXClientEndpoint(reactor, path: "/run/app.sock").connect(Finger())
/// ```
public final class UNIXClientEndpoint: ClientEndpoint {
    /// The socket.
    public let path: String
    /// How long connecting may take.
    public let timeout: Duration
    private let environment: any ConnectEnvironment

    /// Creates an endpoint for connections of `reactor`.
    public convenience init(_ reactor: Reactor, path: String, timeout: Duration = .seconds(30)) {
        self.init(reactor.connectEnvironment, path: path, timeout: timeout)
    }

    package init(_ environment: any ConnectEnvironment, path: String, timeout: Duration) {
        self.environment = environment
        self.path = path
        self.timeout = timeout
    }

    /// Connects; see `ClientEndpoint`.
    @discardableResult
    public func connect(_ factory: Factory) -> Deferred<any Protocol> {
        var options = ConnectOptions()
        options.timeout = timeout
        return EndpointConnection(factory).begin(.unix(path: path), options, environment)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension UNIXClientEndpoint: Sendable {}

/// One connection of an endpoint: stands between the connector and the factory that the user gave, and fires.
private final class EndpointConnection: ClientFactory {
    private let factory: Factory
    /// Nil when it has fired or was cancelled.
    private var deferred: Deferred<any Protocol>?
    private var address = SocketAddress.unspecified

    init(_ factory: Factory) {
        self.factory = factory
        super.init()
    }

    func begin(
        _ target: ConnectTarget, _ options: ConnectOptions, _ environment: any ConnectEnvironment
    ) -> Deferred<any Protocol> {
        let connector = Connector(to: target, factory: self, options: options, environment: environment)
        let deferred = Deferred<any Protocol>(canceller: { [self] in
            self.deferred = nil
            connector.disconnect()
        })
        self.deferred = deferred
        connector.connect()
        return deferred
    }

    override func startFactory() { factory.begin() }
    override func stopFactory() { factory.end() }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        // A factory may cancel from here; then nobody wants its protocol.
        let made = factory.buildProtocol(address)
        return deferred == nil ? nil : made
    }

    override func clientConnectionMade(_ connector: Connector, _ protocol: any Protocol) {
        take()?.callback(`protocol`)
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        take()?.errback(error)
    }

    override func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) {
        // Lost before it was made: there was no protocol, or it ended within its connectionMade.
        take()?.errback(
            ConnectError(
                reason == .stopped ? .stopped : .declined, target: connector.target, attempts: connector.attempts,
                answers: connector.answers, elapsed: connector.clock.now - connector.startTime))
    }

    private func take() -> Deferred<any Protocol>? {
        defer { deferred = nil }
        return deferred
    }
}
