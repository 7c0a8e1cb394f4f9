// The state of a pool at one instant, for people and inspectors: values, made when asked for.

public import BowlineTransport

/// Shows the connections of an agent at one instant.
///
/// ```swift
/// let pool = reactor.agent.snapshot()
/// print(pool.connectionCount, "connections,", pool.counters.reused, "exchanges on old ones")
/// for host in pool.hosts {
///     print(host.origin, host.connections.count, host.connecting, host.waiting)
/// }
/// ```
public struct PoolSnapshot: Hashable, Sendable {
    /// One connection.
    public struct Connection: Hashable, Sendable {
        /// The other end.
        public let peer: SocketAddress
        /// Whether it serves a request now.
        public let isBusy: Bool
        /// How many requests were sent on it.
        public let exchanges: Int
        /// How long ago it was made.
        public let age: Duration
        /// How long it has served nobody; nil if it is busy.
        public let idleTime: Duration?
    }

    /// What there is for one origin.
    public struct Host: Hashable, Sendable {
        /// Scheme, host and port.
        public let origin: HTTPURL.Origin
        /// The connections that stand.
        public let connections: [Connection]
        /// How many are being made.
        public let connecting: Int
        /// How many requests wait for one.
        public let waiting: Int
    }

    /// What has happened since the agent was made.
    public struct Counters: Hashable, Sendable {
        /// Exchanges that were begun on a new connection.
        public internal(set) var fresh = 0
        /// Exchanges that were begun on one that had served before.
        public internal(set) var reused = 0
        /// Requests that had to wait for a place.
        public internal(set) var queued = 0
        /// Requests that were sent again, since the connection was closed just when they were sent.
        public internal(set) var retried = 0
        /// Idle connections that were closed because their time was over.
        public internal(set) var expired = 0
        /// Connections that were closed to make room for one to another host.
        public internal(set) var evicted = 0
        /// Idle connections that ended by themselves: the server closed them, or sent what nobody had asked for.
        public internal(set) var dropped = 0
    }

    /// The origins with a connection or a request, in no particular order.
    public let hosts: [Host]
    /// What has happened so far.
    public let counters: Counters

    /// How many connections stand or are being made.
    public var connectionCount: Int { hosts.reduce(0) { $0 + $1.connections.count + $1.connecting } }
    /// How many requests wait for a connection.
    public var waitingCount: Int { hosts.reduce(0) { $0 + $1.waiting } }
}
