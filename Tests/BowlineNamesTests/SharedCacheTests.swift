// One cache, several reactors: what one learns the others know, and nothing of it is torn.

import Bowline
import BowlineTesting
import Testing

@Suite("A shared cache", .timeLimit(.minutes(10)))
struct SharedCacheTests {
    private let h = Packet.name("h.test")
    private let shared = SharedCache()

    private func at(_ seconds: Double) -> ReactorInstant {
        ReactorInstant(nanoseconds: Int64(seconds * 1e9))
    }

    private func addresses(_ found: ResolverCache.Lookup) -> [IPAddress]? {
        switch found {
        case .hit(let cached), .due(let cached): Array(cached.answer.addresses)
        default: nil
        }
    }

    private func put(_ cache: ResolverCache, _ seconds: Double) {
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(seconds))
    }

    @Test("what one reactor has learnt another finds, and then has at hand")
    func sharing() {
        let (one, two) = (ResolverCache(sharing: shared), ResolverCache(sharing: shared))
        put(one, 0)
        #expect(addresses(two.lookup(h, .a, now: at(1))) == [address("192.0.2.1")])
        #expect(shared.statistics.lookups == 1)
        for _ in 0..<5 { _ = two.lookup(h, .a, now: at(2)) }
        #expect(shared.statistics.lookups == 1, "answered without asking the shared cache")
        #expect(two.statistics.positiveHits == 6)
        // A snapshot counts them all, whoever takes it.
        #expect(two.snapshot(now: at(3)).map(\.hits) == [6])
        #expect(shared.snapshot(now: at(3)).map(\.hits) == [6])
        #expect(one.count == 1 && two.count == 1 && shared.count == 1)
        #expect(addresses(two.lookup(h, .a, now: at(60))) == nil)
    }

    @Test("flushing one reactor's cache flushes it for all")
    func flush() {
        let (one, two) = (ResolverCache(sharing: shared), ResolverCache(sharing: shared))
        put(one, 0)
        _ = two.lookup(h, .a, now: at(1))
        one.flush(h)
        #expect(addresses(two.lookup(h, .a, now: at(2))) == nil)
        #expect(addresses(one.lookup(h, .a, now: at(2))) == nil)
        #expect(shared.count == 0)
    }

    @Test("failures, stale records, connect results and changes are everybody's")
    func others() {
        let (one, two) = (ResolverCache(sharing: shared), ResolverCache(sharing: shared))
        put(one, 0)
        two.noteConnect(h, address("192.0.2.1"), outcome: "refused", duration: nil, now: at(1))
        #expect(one.connects(h, .a).map(\.outcome) == ["refused"])
        #expect(one.changes(since: 0, now: at(1)).entries.count == 1)
        #expect(one.generation == two.generation)
        guard case .expired = two.lookup(h, .a, now: at(61)) else {
            Issue.record("no stale records")
            return
        }
        one.noteFailure(LookupError(.timeout, name: h, types: [.a]), for: h, .a, now: at(61))
        guard case .stale = two.lookup(h, .a, now: at(62)) else {
            Issue.record("the failure isn't known")
            return
        }
        let other = SharedCache()
        #expect(ResolverCache(sharing: other).restore(one.snapshot(now: at(62)), now: at(62)) == 1)
        #expect(other.count == 1)
    }

    @Test("of the reactors that use an answer near its end one asks ahead, and another when that failed")
    func refresh() {
        func isDue(_ cache: ResolverCache, _ seconds: Double) -> Bool {
            if case .due = cache.lookup(h, .a, now: at(seconds)) { true } else { false }
        }
        let (one, two) = (ResolverCache(sharing: shared), ResolverCache(sharing: shared))
        put(one, 0)
        for _ in 0..<3 { #expect(!isDue(two, 1)) }
        #expect(isDue(two, 54))
        #expect(!isDue(one, 54) && !isDue(two, 54))
        two.noteFailure(LookupError(.timeout, name: h, types: [.a]), for: h, .a, now: at(55))
        #expect(!isDue(one, 55.5))
        #expect(isDue(one, 56))
        #expect(!isDue(two, 56))
    }

    @Test("a shared cache without capacity keeps nothing and works")
    func noCapacity() {
        var policy = CachePolicy()
        policy.capacity = 0
        let view = ResolverCache(sharing: SharedCache(policy: policy))
        put(view, 0)
        #expect(addresses(view.lookup(h, .a, now: at(1))) == nil)
        #expect(view.count == 0)
    }

    @Test("a name that one reactor resolved, another on its own thread doesn't ask for")
    func twoReactors() async throws {
        let shared = shared
        let first = try await Reactor.run { reactor in
            // The second reactor may have to wait a minute for a thread, on a busy machine.
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one], ttl: 86_400) }
            let resolver = DNSResolver(
                reactor: reactor, configuration: .asking(server.address), hosts: .table(HostsFile()),
                cache: ResolverCache(sharing: shared))
            let answer = try await resolver.lookup("h.test", types: [.a]).value
            return (answer.addresses, server.questions.count)
        }
        let second = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([two]) }
            let resolver = DNSResolver(
                reactor: reactor, configuration: .asking(server.address), hosts: .table(HostsFile()),
                cache: ResolverCache(sharing: shared))
            let answer = try await resolver.lookup("h.test", types: [.a]).value
            return (answer.addresses, answer.questions.map(\.origin.source), server.questions.count)
        }
        // A busy machine may have sent its question twice.
        #expect(first.0 == [one] && first.1 >= 1)
        #expect(second.0 == [one] && second.1 == [.cache] && second.2 == 0)
    }

    /// Each name's answers hold their number twice, so that a mixture of two would show.
    @Test("threads that learn, look up, flush and take snapshots at once never see half of an answer")
    func threads() async {
        var policy = CachePolicy()
        policy.capacity = 64
        let shared = SharedCache(policy: policy)
        let names = (0..<100).map { Packet.name("n\($0).test") }
        let wrong = await withTaskGroup(of: Int.self) { group in
            for seed in 1...4 {
                group.addTask {
                    var generator = SeededGenerator(state: UInt64(seed))
                    let view = ResolverCache(sharing: shared)
                    var wrong = 0
                    for step in 0..<4_000 {
                        let now = ReactorInstant(nanoseconds: Int64(step) * 10_000_000)
                        let number = Int.random(in: 0..<100, using: &generator)
                        switch Int.random(in: 0..<20, using: &generator) {
                        case 0: view.flush(names[number])
                        case 1: if view.snapshot(now: now).count > 64 { wrong += 1 }
                        case 2..<8:
                            var answer = DNSAnswer(outcome: .answer)
                            answer.addresses = [.v4(IPv4Address(10, 0, UInt8(seed), UInt8(number)))]
                            answer.addresses.append(.v4(IPv4Address(10, 1, UInt8(seed), UInt8(number))))
                            answer.ttl = UInt32.random(in: 1...9, using: &generator)
                            view.store(answer, for: names[number], .a, origin: AnswerOrigin(), now: now)
                        default:
                            guard case .hit(let cached) = view.lookup(names[number], .a, now: now) else { continue }
                            let octets = cached.answer.addresses.map { address -> [UInt8] in
                                guard case .v4(let v4) = address else { return [] }
                                return "\(v4)".split(separator: ".").compactMap { UInt8($0) }
                            }
                            let isWhole =
                                octets.count == 2 && octets[0][2...] == octets[1][2...]
                                && octets[0][3] == UInt8(number) && octets[0][1] == 0 && octets[1][1] == 1
                            if !isWhole { wrong += 1 }
                        }
                    }
                    return wrong
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(shared.count <= 64)
    }
}

extension ResolverConfiguration {
    fileprivate static func asking(_ server: SocketAddress) -> ResolverConfiguration {
        var configuration = ResolverConfiguration()
        configuration.servers = [server]
        return configuration
    }
}
