// Who makes the protocols of outgoing connections, and is told what becomes of them.

public import BowlineTransport

/// Makes the protocols of a connector's connections and is told how connecting goes.
///
/// ```swift
/// let factory = ClientFactory { Finger() }
/// reactor.connectTCP(host: "example.com", port: 79, factory: factory)
/// ```
/// Subclass it to see more:
/// ```swift
/// final class Persistent: ClientFactory {
///     override func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) {
///         connector.connect()
///     }
/// }
/// ```
/// For each `connect()` comes `startedConnecting`, and then either `clientConnectionFailed`, or `buildProtocol`,
/// `clientConnectionMade`, the protocol's life, and `clientConnectionLost` after the protocol's `connectionLost`. One
/// factory may serve several connectors.
open class ClientFactory: Factory {
    /// Creates a factory that makes its protocols with `makeProtocol`.
    public init(_ makeProtocol: @escaping () -> (any Protocol)?) {
        super.init(makeProtocol)
    }

    /// Creates a factory whose subclass overrides `buildProtocol`.
    public init() {
        super.init(nil)
    }

    /// A connector has begun. `connector.stopConnecting()` may be called from here. Does nothing by default.
    open func startedConnecting(_ connector: Connector) {}

    /// A protocol has been given its connection, and its `connectionMade` has run. Does nothing by default.
    open func clientConnectionMade(_ connector: Connector, _ protocol: any Protocol) {}

    /// There is no connection, and why. `connector.connect()` may be called from here. Does nothing by default.
    open func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {}

    /// The connection has ended, and its protocol knows. `connector.connect()` may be called from here. Does nothing by
    /// default.
    open func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) {}
}
