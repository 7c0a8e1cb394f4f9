// Who makes the protocols of connections. What is particular to outgoing ones (ClientFactory) lives with the connector.

/// Makes a protocol for each connection, and knows how many ports and connectors use it.
///
/// `ServerFactory` and `ClientFactory` are what one usually writes or subclasses.
///
/// ```swift
/// final class CountingFactory: ServerFactory {
///     private(set) var connections = 0
///
///     override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
///         connections += 1
///         return connections > 1_000 ? nil : Echo()       // nil: this one is closed
///     }
/// }
/// let port = try reactor.listenTCP(port: 0, factory: CountingFactory())
/// print(port.address)
/// ```
open class Factory {
    private let makeProtocol: (() -> (any Protocol)?)?
    private var users = 0

    /// Creates a factory that makes its protocols with `makeProtocol`; a subclass may override `buildProtocol` instead.
    public init(_ makeProtocol: (() -> (any Protocol)?)? = nil) {
        self.makeProtocol = makeProtocol
    }

    /// Makes the protocol for a connection with `address`. Nil declines it: the connection is closed.
    open func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        makeProtocol?()
    }

    /// The first port or connector begins to use this factory. Does nothing by default.
    open func startFactory() {}

    /// The last port or connector has stopped using this factory. Does nothing by default.
    open func stopFactory() {}

    /// Counts a user in; calls `startFactory` for the first.
    package func begin() {
        users += 1
        if users == 1 { startFactory() }
    }

    /// Counts a user out; calls `stopFactory` after the last.
    package func end() {
        users -= 1
        if users == 0 { stopFactory() }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension Factory: Sendable {}

/// Makes the protocols of the connections that a listening port accepts.
///
/// ```swift
/// let port = try reactor.listenTCP(port: 0, factory: ServerFactory { Echo() })
/// print("listening on", port.address)
/// ```
open class ServerFactory: Factory {
    /// Creates a factory that makes its protocols with `makeProtocol`.
    public init(_ makeProtocol: @escaping () -> (any Protocol)?) {
        super.init(makeProtocol)
    }

    /// Creates a factory whose subclass overrides `buildProtocol`.
    public init() {
        super.init(nil)
    }
}
