// What goes out of a cache to be kept, and what comes back in.

import Bowline
import Testing

@Suite("Keeping a cache's entries elsewhere")
struct CachePersistenceTests {
    private let h = Packet.name("h.test")
    private let w = Packet.name("w.test")

    private func at(_ seconds: Double) -> ReactorInstant {
        ReactorInstant(nanoseconds: Int64(seconds * 1e9))
    }

    private func put(_ cache: ResolverCache, _ name: String, _ ttl: UInt32 = 60, at seconds: Double) {
        cache.store(
            Packet(name).a(name, "192.0.2.1", ttl).answer, for: Packet.name(name), .a, origin: AnswerOrigin(),
            now: at(seconds))
    }

    private func names(_ changes: CacheChanges) -> [String] { changes.entries.map(\.name.text) }

    @Test("changes are what was learnt since the last look, and to have been used is none")
    func changes() {
        let cache = ResolverCache()
        put(cache, "h.test", at: 0)
        put(cache, "w.test", at: 1)
        let first = cache.changes(since: 0, now: at(2))
        #expect(names(first) == ["w.test", "h.test"])
        #expect(first.flushedAt == nil && first.removed.isEmpty)

        _ = cache.lookup(h, .a, now: at(3))
        #expect(cache.generation == first.generation)
        #expect(cache.changes(since: first.generation, now: at(3)).entries.isEmpty)

        cache.noteConnect(h, address("192.0.2.1"), outcome: "connected", duration: nil, now: at(4))
        put(cache, "x.test", at: 4)
        let second = cache.changes(since: first.generation, now: at(5))
        #expect(Set(names(second)) == ["h.test", "x.test"])
        #expect(second.entries.first { $0.name == h }?.connects.count == 1)
    }

    @Test("what was flushed or isn't true any more is named, what only made room isn't")
    func removals() {
        var policy = CachePolicy()
        policy.capacity = 2
        let cache = ResolverCache(policy: policy)
        put(cache, "h.test", at: 0)
        put(cache, "w.test", at: 0)
        let mark = cache.generation
        put(cache, "h.test", 0, at: 1)
        #expect(
            cache.changes(since: mark, now: at(1)).removed == [
                CacheChanges.Removal(.entry(CacheChanges.Key(name: h, type: .a)), when: at(1))
            ])
        put(cache, "x.test", at: 2)
        put(cache, "y.test", at: 2)
        #expect(cache.statistics.evictions == 1)
        #expect(cache.changes(since: mark, now: at(2)).removed.count == 1)
        cache.flush(Packet.name("y.test"), now: at(2))
        // A name is flushed whole, and wherever it is kept, if it isn't here at all.
        cache.flush(Packet.name("unknown.test"), now: at(2))
        #expect(
            cache.changes(since: mark, now: at(2)).removed.dropFirst() == [
                CacheChanges.Removal(.name(Packet.name("y.test")), when: at(2)),
                CacheChanges.Removal(.name(Packet.name("unknown.test")), when: at(2)),
            ])
        #expect(names(cache.changes(since: mark, now: at(2))) == ["x.test"])

        let before = cache.generation
        cache.flush(now: at(3))
        put(cache, "h.test", at: 3)
        let all = cache.changes(since: before, now: at(3))
        #expect(all.flushedAt == at(3) && all.removed.isEmpty)
        #expect(names(all) == ["h.test"])
        #expect(cache.changes(since: all.generation, now: at(3)).flushedAt == nil)
    }

    @Test("whoever misses more removals than are remembered begins anew with all entries")
    func overflow() {
        let cache = ResolverCache()
        put(cache, "stays.test", at: 0)
        let mark = cache.generation
        for number in 0...4_096 {
            put(cache, "n\(number).test", at: 0)
            cache.flush(Packet.name("n\(number).test"), now: at(Double(number)))
        }
        let changes = cache.changes(since: mark, now: at(0))
        #expect(changes.flushedAt == at(0))
        #expect(changes.removed.first?.scope == .name(Packet.name("n1.test")) && changes.removed.count == 4_096)
        #expect(names(changes) == ["stays.test"])
    }

    @Test("an entry comes back as it was, says that it was restored, and isn't among the changes")
    func roundTrip() throws {
        let old = ResolverCache()
        let origin = AnswerOrigin(
            server: .ip(.v4(.loopback), port: 53), roundTrip: .milliseconds(3), attempts: 2, usedTCP: true, waiters: 4)
        old.store(
            Packet().cname("h.test", "w.test", 60).a("w.test", "192.0.2.1", 300).edns(0, ExtendedError(code: 3)).answer,
            for: h, .a, origin: origin, now: at(10))
        old.store(
            Packet("m.test", .txt).raw(.txt, [1, 0x78]).answer, for: Packet.name("m.test"), .txt,
            origin: origin, now: at(10))
        old.store(
            Packet("n.test", code: .nxdomain).cname("n.test", "x.test", 7).soa("test", ttl: 90, minimum: 90).answer,
            for: Packet.name("n.test"), .a, origin: origin, now: at(10))
        old.store(
            Packet("e.test", .aaaa).soa("test", ttl: 90, minimum: 90).answer, for: Packet.name("e.test"), .aaaa,
            origin: origin, now: at(10))
        _ = old.lookup(h, .a, now: at(12))
        old.noteConnect(h, address("192.0.2.1"), outcome: "connected", duration: .milliseconds(9), now: at(13))
        let kept = old.snapshot(now: at(14))
        #expect(kept.count == 5)

        // The same instant by another clock.
        let cache = ResolverCache()
        let shifted = kept.map { entry in
            var entry = entry
            entry.connects = entry.connects.map {
                .init(address: $0.address, outcome: $0.outcome, duration: $0.duration, when: at(113))
            }
            return entry
        }
        #expect(cache.restore(shifted, now: at(114)) == 5)
        let expected = shifted.map { entry in
            var entry = entry
            entry.origin.isRestored = true
            return entry
        }
        #expect(cache.snapshot(now: at(114)) == expected)
        #expect(cache.changes(since: 0, now: at(114)).entries.isEmpty)
        guard case .hit(let hit) = cache.lookup(h, .a, now: at(120)) else {
            Issue.record("missed")
            return
        }
        #expect(hit.origin.isRestored)
        #expect(hit.answer.addresses == [address("192.0.2.1")])
        #expect(hit.remaining(at: at(120)) == .seconds(50))
        guard case .expired = cache.lookup(h, .a, now: at(170)) else {
            Issue.record("outlived its TTL")
            return
        }
        // What is learnt anew isn't restored any more.
        put(cache, "h.test", at: 200)
        #expect(cache.snapshot(of: h, now: at(200)).map(\.origin.isRestored) == [false])
    }

    @Test("what is known already stays if it is newer")
    func newer() {
        let old = ResolverCache()
        put(old, "h.test", at: 0)
        put(old, "w.test", at: 0)
        let kept = old.snapshot(now: at(10))

        let cache = ResolverCache()
        cache.store(
            Packet().a("h.test", "192.0.2.7", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(5))
        cache.store(
            Packet("w.test", code: .nxdomain).soa("test", ttl: 60, minimum: 60).answer, for: w, .a,
            origin: AnswerOrigin(), now: at(5))
        #expect(cache.restore(kept, now: at(10)) == 0)
        #expect(cache.snapshot(of: h, now: at(10)).map(\.data) == [[.address(address("192.0.2.7"))]])
        #expect(cache.snapshot(of: w, now: at(10)).map(\.responseCode) == [.nxdomain])
    }

    @Test("restored entries never push out what is there, and the first of them are kept")
    func room() {
        let old = ResolverCache()
        for name in ["c.test", "b.test", "a.test"] { put(old, name, at: 0) }
        var policy = CachePolicy()
        policy.capacity = 3
        let cache = ResolverCache(policy: policy)
        put(cache, "h.test", at: 1)
        #expect(cache.restore(old.snapshot(now: at(1)), now: at(1)) == 2)
        #expect(cache.snapshot(now: at(1)).map(\.name.text) == ["h.test", "a.test", "b.test"])
        #expect(cache.statistics.evictions == 0)
    }

    static let damages: [(String, @Sendable (inout CacheEntry) -> Void)] = [
        ("too old to be served even stale", { $0.remaining = .seconds(-86_400) }),
        ("an address of the other family", { $0.data = [.address(address("::1"))] }),
        ("no address", { $0.data = [.text("x")] }),
        ("no TTL", { $0.originalTTL = nil }),
        ("a TTL of 0", { $0.originalTTL = .zero }),
        ("a lifetime of 0", { $0.lifetime = .zero }),
        (
            "aliases that lead elsewhere",
            { $0.aliases = [AliasStep(name: Packet.name("q.test"), target: $0.name, ttl: 1)] }
        ),
        ("no type", { $0.type = nil }),
        ("a failure's code", { $0.responseCode = .servFail }),
        ("NXDOMAIN with records", { $0.responseCode = .nxdomain }),
        ("pinned", { $0.state = .pinned }),
    ]

    @Test("an entry whose parts don't fit together stays out", arguments: damages.indices)
    func damaged(index: Int) throws {
        let old = ResolverCache()
        put(old, "h.test", at: 0)
        var entry = try #require(old.snapshot(now: at(1)).first)
        Self.damages[index].1(&entry)
        let cache = ResolverCache()
        #expect(cache.restore([entry], now: at(1)) == 0, "\(Self.damages[index].0)")
        #expect(cache.count == 0)
    }

    @Test("no file makes an entry live longer than its TTL and the policy allow")
    func longLife() throws {
        let old = ResolverCache()
        put(old, "h.test", at: 0)
        var entry = try #require(old.snapshot(now: at(1)).first)
        entry.remaining = .seconds(1_000_000)
        entry.age = .seconds(-5)
        let cache = ResolverCache()
        #expect(cache.restore([entry], now: at(100)) == 1)
        #expect(cache.snapshot(now: at(100)).map(\.remaining) == [.seconds(60)])
        entry.lifetime = .seconds(1_000_000)
        entry.originalTTL = .seconds(1_000_000)
        let other = ResolverCache()
        #expect(other.restore([entry], now: at(100)) == 1)
        #expect(other.snapshot(now: at(100)).map(\.remaining) == [.seconds(86_400)])
    }
}
