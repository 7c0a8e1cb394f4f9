// How many connections an agent may have, and how long they may do nothing: values, read by the pool.

/// Bounds the connections of an agent.
///
/// ```swift
/// var limits = PoolLimits()
/// limits.connectionsPerHost = 2           // a polite crawler
/// limits.idleTimeout = .seconds(5)
/// reactor.agent = Agent(reactor, limits: limits)
/// ```
public struct PoolLimits: Hashable, Sendable {
    /// The most connections to one origin, of which there is always 1; what is asked for beyond them waits. 8, as
    /// browsers have about as many.
    public var connectionsPerHost = 8
    /// The most connections in total, of which there is always 1. 256.
    public var connectionsInTotal = 256
    /// How long a connection that serves nobody is kept; zero keeps none. 30 s: servers close theirs after 5 (Apache)
    /// to 75 (nginx), and whoever closes first loses no request.
    public var idleTimeout: Duration = .seconds(30)

    /// Creates the usual limits.
    public init() {}
}
