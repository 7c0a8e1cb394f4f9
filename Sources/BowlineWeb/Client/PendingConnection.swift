// A connection that is being made for a request: the factory of its connector. What lies between the socket and HTTP,
// TLS for one, is in the connect options; to HTTP a transport is a transport.

import BowlineConnect
import BowlineReactor
import BowlineTransport

final class PendingConnection: ClientFactory {
    let lane: PoolLane
    /// Nil when it has been served, or given up: a connection outlives the request that it was made for.
    private(set) var ticket: PoolTicket?
    private let pool: ConnectionPool
    private var connector: Connector?

    init(_ lane: PoolLane, for ticket: PoolTicket, in pool: ConnectionPool) {
        self.lane = lane
        self.ticket = ticket
        self.pool = pool
        super.init()
    }

    /// Begins to connect.
    func connect() {
        guard let ticket else { return }
        let origin = lane.route.origin
        let connector = Connector(
            to: .host(origin.host.connectable, port: origin.port), factory: self, options: ticket.options,
            environment: pool.environment)
        self.connector = connector
        ticket.client.poolConnects(connector)
        connector.connect()
    }

    /// Gives up; the client isn't told.
    func stop() {
        let connector = self.connector
        leave()
        connector?.stopConnecting()
    }

    /// Its client has been served, or told.
    func leave() {
        connector?.observer = nil
        connector = nil
        ticket = nil
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        ticket.map { ClientConnection(lane, in: pool, for: $0, tls: connector?.tls, at: pool.clock.now) }
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        guard let ticket else { return }
        leave()
        pool.failed(self, ticket, error)
    }
}
