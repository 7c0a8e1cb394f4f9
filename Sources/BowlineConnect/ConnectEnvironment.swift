// What a connector needs of the world. On a reactor it is the reactor's; in a test it is a manual clock, a scripted
// resolver and a scripted dialer.

package import BowlineNames
package import BowlineReactor
package import BowlineTransport

package struct ConnectEnvironment {
    package var clock: any ReactorClock
    package var resolver: any Resolver
    package var dialer: any Dialer
    /// Source addresses for the order of destinations (RFC 6724): nil for one that can't be reached.
    package var source: (IPAddress) -> IPAddress?
    /// Queues something for the delivery phase.
    package var deliverLater: (any TurnDelivery) -> Void
    /// Keeps a connector, and tells it when the reactor stops, until it is unregistered.
    package var register: (Connector) -> Void
    package var unregister: (Connector) -> Void

    package init(
        clock: any ReactorClock, resolver: any Resolver, dialer: any Dialer,
        source: @escaping (IPAddress) -> IPAddress? = { $0 },
        deliverLater: @escaping (any TurnDelivery) -> Void,
        register: @escaping (Connector) -> Void = { _ in }, unregister: @escaping (Connector) -> Void = { _ in }
    ) {
        self.clock = clock
        self.resolver = resolver
        self.dialer = dialer
        self.source = source
        self.deliverLater = deliverLater
        self.register = register
        self.unregister = unregister
    }

    /// The order in which to try the addresses of a host: RFC 6724, with what is remembered of them.
    func order(for host: String) -> ([IPAddress]) -> [IPAddress] {
        { addresses in
            let connects = rememberedConnects(host)
            return AddressOrdering.sorted(
                addresses.map { address in
                    AddressOrdering.Candidate(
                        address, source: source(address), history: .init(connects.first { $0.address == address }))
                })
        }
    }

    private func rememberedConnects(_ host: String) -> [CacheEntry.ConnectRecord] {
        guard let name = try? DomainName(host) else { return [] }
        return resolver.cache.connects(name, .aaaa) + resolver.cache.connects(name, .a)
    }

    /// Remembers how connecting to the addresses of a host went.
    func noteAttempts(_ attempts: [ConnectionAttempt], _ host: String) {
        guard let name = try? DomainName(host) else { return }
        for attempt in attempts {
            guard let address = attempt.address.ipAddress, let end = attempt.end, let outcome = attempt.outcome,
                outcome != .cancelled
            else { continue }
            resolver.cache.noteConnect(
                name, address, outcome: outcome.rawValue,
                duration: outcome == .connected ? end - attempt.start : nil, now: end)
        }
    }
}

extension AddressOrdering.History {
    /// Judges by the last attempt. The time is taken as its power of two, so that equally good addresses stay equal and
    /// the server's rotation of them keeps its effect.
    fileprivate init(_ record: CacheEntry.ConnectRecord?) {
        guard let record else {
            self = .unknown
            return
        }
        guard record.outcome == ConnectionAttempt.Outcome.connected.rawValue else {
            self = .failed
            return
        }
        let milliseconds = max(1, Int((record.duration ?? .zero) / .milliseconds(1)))
        self = .connected(roundTrip: .milliseconds(1 << (Int.bitWidth - milliseconds.leadingZeroBitCount)))
    }
}
