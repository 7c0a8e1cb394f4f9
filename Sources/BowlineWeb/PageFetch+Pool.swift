// What the pool tells while a fetch waits for its connection.

import BowlineConnect
import BowlineReactor

extension PageFetch: PoolClient {
    func poolConnects(_ connector: Connector) {
        report.queueTime = agent.clock.now - report.hopStart
        self.connector = connector
        request.observer?(.connecting(connector.target))
        if let observer = request.observer { connector.observer = { observer(.connector($0)) } }
    }

    func poolGave(_ connection: ClientConnection) {
        ticket = nil
        guard !isOver else { return connection.abandonUnused() }
        if connection.exchangeCount > 0 { report.queueTime = agent.clock.now - report.hopStart }
        // One that has just served somebody else may have been closed behind its response.
        if connection.exchangeCount > 0, !canBeSentAgain, !connection.isSurelyFree, let url = report.url {
            connection.abandonUnused()
            ask(for: url, agent.pool.lane(url, for: self), mustBeFresh: true)
            return
        }
        let head = self.head
        self.head = []
        begin(on: connection, head: head)
    }

    func poolFailed(_ error: ConnectError) {
        ticket = nil
        if !error.unanswered.isEmpty { report.unanswered = error.unanswered }
        fail(error.reason == .stopped ? .stopped : .connect(error), in: PageError.Phase(error.phase))
    }

    func poolStopped() {
        ticket = nil
        fail(.stopped, in: .connect)
    }
}

extension PageError.Phase {
    init(_ phase: ConnectError.Phase) {
        switch phase {
        case .target: self = .target
        case .name: self = .dns
        case .connect, .proxy: self = .connect
        case .tls: self = .tls
        }
    }
}
