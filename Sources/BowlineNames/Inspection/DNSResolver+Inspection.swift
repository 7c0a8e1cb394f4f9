// What the resolver shows of itself. Reads only: looking changes nothing, not even the order of use.

import BowlineTransport

extension DNSResolver {
    /// The questions that wait for their answers, the oldest first.
    public func inFlight() -> [QuestionSnapshot] {
        questionsInFlight.map { $0.snapshot(now: now) }.sorted { $0.age > $1.age }
    }

    /// The servers with what is known of each, in the configuration's order. Empty before the first question.
    public func servers() -> [ServerSnapshot] {
        channels.map { $0.snapshot() }
    }

    /// What the next lookup of a host would find, and why.
    public func explain(_ host: String) -> NameExplanation {
        if let address = IPAddress(host) {
            var explanation = NameExplanation(host: host, name: nil, source: .literal)
            explanation.addresses = [address]
            return explanation
        }
        let name = try? DomainName(host)
        var explanation = NameExplanation(host: host, name: name, source: .network)
        guard let name else { return explanation }
        explanation.entries = cache.snapshot(of: name, now: now)
        explanation.inFlight = inFlight().filter { $0.name == name }
        explanation.servers = servers().map(\.address)
        switch localVerdict(on: name, port: nil) {
        case .addresses(let addresses, let source):
            explanation.source = source
            explanation.addresses = addresses
        case .nonexistent:
            explanation.source = .special
        case nil:
            // A failure that is kept is an answer, too.
            guard explanation.entries.contains(where: { $0.state != .stale }) else { break }
            explanation.source = .cache
            explanation.addresses = explanation.entries.filter { $0.state == .fresh }.flatMap { entry in
                entry.data.compactMap { if case .address(let address) = $0 { address } else { nil } }
            }
        }
        return explanation
    }
}
