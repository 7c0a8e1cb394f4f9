// A reactor as its connectors see it, and the list of those that are at work. It sits in a slot of the reactor.

import BowlineNames
import BowlineReactor
import BowlineTransport

final class ReactorEnvironment: ConnectEnvironment {
    enum Slot: ReactorSlot {
        static func makeDefault(for reactor: Reactor) -> ReactorEnvironment { ReactorEnvironment(reactor) }
        static func reactorStopped(_ value: ReactorEnvironment) { value.reactorStopped() }
        static func reload(_ value: ReactorEnvironment) { value.sources = SourceAddresses() }
    }

    private unowned let reactor: Reactor

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) var dialer: any Dialer
    @exclusivity(unchecked) var sources = SourceAddresses()
    /// Those that connect now. Each knows its place, so that leaving searches nothing.
    @exclusivity(unchecked) private var connectors: [Connector] = []

    init(_ reactor: Reactor) {
        self.reactor = reactor
        dialer = SocketDialer(reactor: reactor)
    }

    var clock: any ReactorClock { reactor }
    var resolver: any Resolver { reactor.resolver }

    func sourceAddress(toward destination: IPAddress) -> IPAddress? {
        sources.source(toward: destination, at: reactor.now, ask: SocketCalls.sourceAddress)
    }

    func noteUnreachable(_ destination: IPAddress) {
        sources.noteUnreachable(destination)
    }

    func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext {
        try reactor.tlsContext(for: configuration)
    }

    func deliverLater(_ work: any TurnDelivery) { reactor.deliverThisTurn(work) }

    func remember(_ connector: Connector) {
        connector.place = connectors.count
        connectors.append(connector)
    }

    func forget(_ connector: Connector) {
        let last = connectors.removeLast()
        guard last !== connector else { return }
        connectors[connector.place] = last
        last.place = connector.place
    }

    private func reactorStopped() {
        for connector in connectors { connector.reactorStopped() }
    }
}

@available(*, unavailable)
extension ReactorEnvironment: Sendable {}
