// What the resolver shows of itself. Reads only: looking changes nothing, not even the order of use.

import BowlineTransport

extension DNSResolver {
    /// The questions that wait for their answers, the oldest first. Who is told that the reactor stops still finds there what
    /// waited until then.
    public func inFlight() -> [QuestionSnapshot] {
        abandoned + questionsInFlight.map { $0.snapshot(now: now) }.sorted { $0.age > $1.age }
    }

    /// Of these, the ones that a lookup of a host waits for: about its name, or about what the search list makes of it.
    public func inFlight(for host: String) -> [QuestionSnapshot] {
        guard let names = try? settledConfiguration?.candidates(for: host) else { return [] }
        return inFlight().filter { names.contains($0.name) }
    }

    /// The servers with what is known of each, in the configuration's order. Empty before the first question.
    public func servers() -> [ServerSnapshot] {
        nameServers.map { $0.snapshot() }
    }

    /// The addresses that the user has decided on.
    public func pinned() -> [Pin] { pinTable.all }

    /// What the next lookup of a host would find, and why.
    public func explain(_ host: String, port: UInt16?) -> NameExplanation {
        if let address = IPAddress(host) {
            var explanation = NameExplanation(host: host, name: nil, source: .literal)
            explanation.addresses = [address]
            return explanation
        }
        let name = try? DomainName(host)
        var explanation = NameExplanation(host: host, name: name, source: .network)
        guard let name else { return explanation }
        let pins = pinned().filter { $0.host == "*" || $0.rowName == name }.flatMap(\.entries)
        explanation.entries = pins + cache.snapshot(of: name, now: now)
        explanation.inFlight = inFlight().filter { $0.name == name }
        explanation.servers = servers().map(\.address)
        switch localVerdict(on: name, port: port) {
        case .addresses(let addresses, let source):
            explanation.source = source
            explanation.addresses = addresses
        case .nonexistent:
            explanation.source = .special
        case nil:
            explanation.takeCached()
        }
        return explanation
    }
}

extension NameExplanation {
    /// Reads from the cache's rows what a lookup of addresses would get of them.
    fileprivate mutating func takeCached() {
        let rows = entries.filter { $0.state != .pinned && ($0.type == nil || $0.type == .a || $0.type == .aaaa) }
        // Past their TTL and with servers that failed just now, records are served without asking (RFC 8767, 5).
        let stale = rows.filter { $0.state == .stale && $0.failure != nil }
        let isKnown = rows.contains { $0.state == .fresh || $0.state == .negative || $0.state == .failed }
        guard isKnown || !stale.isEmpty else { return }
        let fresh = rows.filter { $0.state == .fresh }
        source = isKnown ? .cache : .stale
        addresses = (fresh + stale).flatMap { entry in
            entry.data.compactMap { if case .address(let address) = $0 { address } else { nil } }
        }
    }
}
