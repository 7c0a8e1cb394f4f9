// What the cache keeps, for how long, and what it says about it. Time is a number here.

import Bowline
import Testing

@Suite("The cache")
struct ResolverCacheTests {
    private let h = Packet.name("h.test")
    private let w = Packet.name("w.test")
    private let server = SocketAddress.ip(.v4(.loopback), port: 53)

    private func at(_ seconds: Double) -> ReactorInstant {
        ReactorInstant(nanoseconds: Int64(seconds * 1e9))
    }

    private func cache(_ capacity: Int = 100) -> ResolverCache {
        var policy = CachePolicy()
        policy.capacity = capacity
        return ResolverCache(policy: policy)
    }

    private func failure(_ kind: LookupError.Kind = .timeout) -> LookupError {
        LookupError(kind, name: h, types: [.a], servers: [.init(server: server, kind: kind)], attempts: 3)
    }

    /// What a lookup finds, as a word.
    private func look(_ cache: ResolverCache, _ name: DomainName, _ seconds: Double) -> String {
        look(cache, name, .a, seconds)
    }

    private func look(_ cache: ResolverCache, _ name: DomainName, _ type: RecordType, _ seconds: Double) -> String {
        switch cache.lookup(name, type, now: at(seconds)) {
        case .hit(let cached), .due(let cached): "\(cached.answer.outcome)"
        case .stale: "stale"
        case .expired: "miss"
        case .failed(let failure): "failed \(failure.error.kind)"
        case .miss: "miss"
        }
    }

    @Test("answers with a TTL that falls, and not any more at its exact end")
    func expiry() throws {
        let cache = cache()
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(1))
        guard case .hit(let cached) = cache.lookup(h, .a, now: at(2)) else {
            Issue.record("missed")
            return
        }
        #expect(cached.remaining(at: at(2)) == .seconds(59))
        #expect(cached.answer.addresses == [address("192.0.2.1")])
        #expect(look(cache, h, 60.999_999) == "answer")
        #expect(look(cache, h, 61) == "miss")
        #expect(look(cache, h, .aaaa, 2) == "miss")
        #expect(look(cache, w, 2) == "miss")
        #expect(cache.statistics.positiveHits == 2)
        #expect(cache.statistics.misses == 3)
        #expect(cache.statistics.expiredMisses == 1)
        #expect(cache.statistics.lookups == 5)
    }

    @Test("finds a name in any case and with a dot at its end")
    func anyCase() throws {
        let cache = cache()
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        #expect(look(cache, try DomainName("H.TeSt."), 1) == "answer")
    }

    @Test("keeps nothing with a TTL of 0, nor what was known before")
    func zero() {
        let cache = cache()
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        let cached = cache.store(
            Packet().a("h.test", "192.0.2.2", 0).answer, for: h, .a, origin: AnswerOrigin(), now: at(1))
        #expect(cached.answer.addresses == [address("192.0.2.2")])
        #expect(!cached.isFresh(at: at(1)))
        #expect(look(cache, h, 1) == "miss")
        #expect(cache.count == 0)
        #expect(cache.statistics.uncacheable == 1)
    }

    @Test(
        "keeps an answer for a day at most, and a negative one for three hours",
        arguments: [(UInt32(0x7FFF_FFFF), 86_400.0, 10_800.0), (20_000, 20_000, 10_800), (5, 5, 5)])
    func limits(ttl: UInt32, positive: Double, negative: Double) {
        let cache = cache()
        cache.store(Packet().a("h.test", "192.0.2.1", ttl).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        #expect(look(cache, h, positive - 0.001) == "answer")
        #expect(look(cache, h, positive) == "miss")
        let nodata = Packet("h.test", .aaaa).soa("test", ttl: ttl, minimum: .max).answer
        cache.store(nodata, for: h, .aaaa, origin: AnswerOrigin(), now: at(0))
        #expect(look(cache, h, .aaaa, negative - 0.001) == "nodata")
        #expect(look(cache, h, .aaaa, negative) == "miss")
    }

    @Test("keeps NODATA for its type only, for min(SOA TTL, MINIMUM), and not without SOA")
    func nodata() {
        let cache = cache()
        cache.store(Packet().soa("test", ttl: 77, minimum: 30).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        #expect(look(cache, h, 29) == "nodata")
        #expect(look(cache, h, 30) == "miss")
        #expect(look(cache, h, .aaaa, 1) == "miss")
        cache.store(Packet().answer, for: h, .a, origin: AnswerOrigin(), now: at(40))
        #expect(look(cache, h, 40) == "miss")
        #expect(cache.count == 0)
    }

    @Test("keeps NXDOMAIN for every type of the name, until somebody knows it")
    func nxdomain() {
        let cache = cache()
        let nowhere = Packet(code: .nxdomain).soa("test", ttl: 77, minimum: 30).answer
        cache.store(nowhere, for: h, .a, origin: AnswerOrigin(), now: at(0))
        for type in [RecordType.a, .aaaa, .https] { #expect(look(cache, h, type, 29) == "nxdomain") }
        #expect(look(cache, h, .a, 30) == "miss")
        #expect(look(cache, w, 1) == "miss")
        #expect(cache.statistics.negativeHits == 3)

        cache.store(nowhere, for: h, .a, origin: AnswerOrigin(), now: at(40))
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(41))
        #expect(look(cache, h, 42) == "answer")
        #expect(look(cache, h, .aaaa, 42) == "miss")
        cache.store(nowhere, for: h, .a, origin: AnswerOrigin(), now: at(43))
        #expect(look(cache, h, 44) == "nxdomain")
        cache.store(Packet(code: .nxdomain).answer, for: h, .a, origin: AnswerOrigin(), now: at(45))
        #expect(look(cache, h, 45) == "miss")
        #expect(cache.count == 0)
    }

    @Test("doesn't let an NXDOMAIN to AAAA take away the addresses of type A (RFC 4074, 4.2)")
    func brokenServer() {
        let cache = cache()
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        let nowhere = Packet("h.test", .aaaa, code: .nxdomain).soa("test", ttl: 30, minimum: 30).answer
        cache.store(nowhere, for: h, .aaaa, origin: AnswerOrigin(), now: at(1))
        #expect(look(cache, h, 2) == "answer")
        #expect(look(cache, h, .aaaa, 2) == "nxdomain")
    }

    @Test("keeps NXDOMAIN behind an alias for the target, and for the alias with the smaller TTL")
    func nxdomainBehindAlias() {
        let cache = cache()
        let answer = Packet(code: .nxdomain).cname("h.test", "w.test", 7).soa("test", ttl: 30, minimum: 30).answer
        cache.store(answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        #expect(look(cache, h, 6) == "nxdomain")
        #expect(look(cache, h, .aaaa, 6) == "miss")
        #expect(look(cache, w, .aaaa, 6) == "nxdomain")
        #expect(look(cache, h, 7) == "miss")
        guard case .hit(let cached) = cache.lookup(w, .a, now: at(1)) else {
            Issue.record("missed")
            return
        }
        #expect(cached.answer.aliases.isEmpty)
        cache.store(
            Packet().cname("h.test", "w.test", 7).a("w.test", "192.0.2.1", 9).answer, for: h, .a,
            origin: AnswerOrigin(),
            now: at(2))
        #expect(look(cache, w, .aaaa, 3) == "miss")
    }

    @Test("keeps failures for a second, then twice as long each time, up to five minutes")
    func failures() {
        let cache = cache()
        var now = 0.0
        for delay in [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            let noted = cache.noteFailure(failure(), for: h, .a, now: at(now))
            #expect(noted.expires == at(now + delay))
            #expect(look(cache, h, now + delay - 0.001) == "failed timeout")
            #expect(look(cache, h, now + delay) == "miss")
            #expect(look(cache, h, .aaaa, now) == "miss")
            now += delay
        }
        #expect(cache.count == 1)
        #expect(cache.statistics.failures == 12)
        // Five minutes after the last one ended it is forgotten.
        #expect(cache.noteFailure(failure(), for: h, .a, now: at(now + 299)).count == 13)
        #expect(cache.noteFailure(failure(), for: h, .a, now: at(now + 299 + 600)).count == 1)
    }

    @Test("forgets failures with the first answer, and never puts one before an answer that is still good")
    func failureAndAnswer() {
        let cache = cache()
        cache.noteFailure(failure(), for: h, .a, now: at(0))
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0.5))
        #expect(look(cache, h, 0.6) == "answer")
        #expect(cache.noteFailure(failure(.servfail), for: h, .a, now: at(59)).count == 1)
        #expect(look(cache, h, 59.5) == "answer")
        cache.noteFailure(failure(.servfail), for: h, .a, now: at(59.5))
        #expect(look(cache, h, 60.6) == "stale")
        #expect(look(cache, h, 61.6) == "miss")
    }

    @Test("doesn't keep what is no answer", arguments: [ResponseCode.servFail, .refused, .formErr])
    func noAnswer(code: ResponseCode) {
        let cache = cache()
        let cached = cache.store(Packet(code: code).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        #expect(!cached.isFresh(at: at(0)))
        #expect(cache.count == 0)
    }

    @Test("lets an alias take the place of a name's own records of other types, and leaves what was found behind one")
    func aliasArrives() {
        for (isBehindAlias, expected) in [(false, "miss"), (true, "answer")] {
            let cache = cache()
            let six = Packet("h.test", .aaaa)
            let answer =
                isBehindAlias
                ? six.cname("h.test", "w.test", 60).with { $0.address(w, address("2001:db8::1"), ttl: 60) }
                : six.with { $0.address(h, address("2001:db8::1"), ttl: 60) }
            cache.store(answer.answer, for: h, .aaaa, origin: AnswerOrigin(), now: at(0))
            #expect(look(cache, h, .aaaa, 1) == "answer")
            cache.store(
                Packet().cname("h.test", "w.test", 60).a("w.test", "192.0.2.1", 60).answer, for: h, .a,
                origin: AnswerOrigin(), now: at(1))
            #expect(look(cache, h, .aaaa, 2) == expected)
        }
    }

    @Test("shows when the addresses of a name changed, and what they were before; another order is no change")
    func change() throws {
        let cache = cache()
        func put(_ addresses: [String], _ now: Double) {
            let packet = addresses.reduce(Packet()) { $0.a("h.test", $1, 9) }
            cache.store(packet.answer, for: h, .a, origin: AnswerOrigin(), now: at(now))
        }
        put(["192.0.2.1", "192.0.2.2"], 0)
        put(["192.0.2.2", "192.0.2.1"], 10)
        #expect(cache.snapshot(now: at(10)).first?.sinceChange == nil)
        put(["192.0.2.3"], 20)
        let entry = try #require(cache.snapshot(now: at(25)).first)
        #expect(entry.changeCount == 1)
        #expect(entry.sinceChange == .seconds(5))
        #expect(entry.previousData.map(\.description) == ["192.0.2.2", "192.0.2.1"])
    }

    @Test("lets go of what was used least recently")
    func eviction() {
        let cache = cache(3)
        func put(_ name: String, _ now: Double) {
            cache.store(
                Packet(name).a(name, "192.0.2.1", 60).answer, for: Packet.name(name), .a, origin: AnswerOrigin(),
                now: at(now))
        }
        put("a", 0)
        put("b", 1)
        put("c", 2)
        #expect(look(cache, Packet.name("a"), 3) == "answer")
        put("d", 4)
        #expect(cache.count == 3)
        #expect(look(cache, Packet.name("b"), 5) == "miss")
        #expect(cache.snapshot(now: at(6)).map(\.name.text) == ["d", "a", "c"])
        put("c", 7)
        #expect(cache.snapshot(now: at(8)).map(\.name.text) == ["c", "d", "a"])
        #expect(cache.statistics.evictions == 1)
    }

    @Test("with a capacity of 0 keeps nothing and works")
    func noCapacity() {
        let cache = cache(0)
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        cache.noteFailure(failure(), for: h, .a, now: at(0))
        #expect(look(cache, h, 0) == "miss")
        #expect(cache.count == 0)
        #expect(cache.flush() == 0)
    }

    @Test("shows of an entry all that is known")
    func snapshot() throws {
        let cache = cache()
        let origin = AnswerOrigin(server: server, roundTrip: .milliseconds(3), attempts: 2, usedTCP: true, waiters: 4)
        let answer = Packet().cname("h.test", "w.test", 60).a("w.test", "192.0.2.1", 300).a("w.test", "192.0.2.2", 200)
            .edns(0, ExtendedError(code: 3)).answer
        cache.store(answer, for: h, .a, origin: origin, now: at(10))
        _ = cache.lookup(h, .a, now: at(12))
        _ = cache.lookup(h, .a, now: at(15))
        cache.noteConnect(h, address("192.0.2.1"), outcome: "refused", duration: nil, now: at(15))
        cache.noteConnect(h, address("192.0.2.1"), outcome: "connected", duration: .milliseconds(9), now: at(16))
        cache.noteConnect(h, address("192.0.2.9"), outcome: "connected", duration: nil, now: at(16))
        cache.noteConnect(h, address("::1"), outcome: "connected", duration: nil, now: at(16))

        let entry = try #require(cache.snapshot(of: h, now: at(20)).first)
        var expected = CacheEntry(name: h, type: .a, state: .fresh)
        expected.data = [.address(address("192.0.2.1")), .address(address("192.0.2.2"))]
        expected.aliases = [AliasStep(name: h, target: w, ttl: 60)]
        expected.recordTTL = 200
        expected.originalTTL = .seconds(60)
        expected.lifetime = .seconds(60)
        expected.remaining = .seconds(50)
        expected.origin = origin
        expected.responseCode = .noError
        expected.extendedErrors = [ExtendedError(code: 3)]
        expected.hits = 2
        expected.nextRefresh = at(64)
        expected.age = .seconds(10)
        expected.idle = .seconds(5)
        expected.connects = [
            .init(address: address("192.0.2.1"), outcome: "connected", duration: .milliseconds(9), when: at(16))
        ]
        #expect(entry == expected)
        #expect(cache.connects(h, .a) == expected.connects)
        #expect(cache.statistics.hits == 2, "looking doesn't count")

        // A new answer keeps what is known of the addresses that stay.
        cache.store(Packet().a("h.test", "192.0.2.1", 9).answer, for: h, .a, origin: origin, now: at(30))
        #expect(cache.connects(h, .a) == expected.connects)
        cache.store(Packet().a("h.test", "192.0.2.7", 9).answer, for: h, .a, origin: origin, now: at(31))
        #expect(cache.connects(h, .a).isEmpty)
        #expect(cache.snapshot(now: at(31)).first?.hits == 2)
    }

    @Test("says of each entry what the next lookup will do with it")
    func states() {
        let cache = cache()
        let nowhere = Packet("x.test", code: .nxdomain).soa("test", ttl: 30, minimum: 30).answer
        cache.store(nowhere, for: Packet.name("x.test"), .a, origin: AnswerOrigin(), now: at(0))
        cache.store(Packet().a("h.test", "192.0.2.1", 60).answer, for: h, .a, origin: AnswerOrigin(), now: at(0))
        cache.noteFailure(failure(), for: w, .a, now: at(0))
        func states(_ seconds: Double) -> [String] {
            cache.snapshot(now: at(seconds)).map { "\($0.name) \($0.type?.description ?? "any") \($0.state)" }
        }
        #expect(states(0.5) == ["w.test A failed", "h.test A fresh", "x.test any negative"])
        #expect(states(1) == ["h.test A fresh", "x.test any negative"])
        #expect(states(30) == ["h.test A fresh", "x.test any stale"])
        #expect(states(60) == ["h.test A stale", "x.test any stale"])
        cache.noteFailure(failure(), for: h, .a, now: at(60))
        #expect(states(60.5) == ["h.test A stale", "x.test any stale"])
        #expect(cache.snapshot(of: h, now: at(60.5)).first?.failure?.kind == .timeout)
        #expect(cache.snapshot(of: w, now: at(0.5)).first?.origin.server == server)
        #expect(cache.snapshot(of: w, now: at(0.5)).first?.remaining == .milliseconds(500))
    }

    @Test("flushes a name with all its types, or everything")
    func flush() {
        let cache = cache()
        for type in [RecordType.a, .aaaa] {
            cache.store(
                Packet("h.test", type).soa("test", ttl: 9, minimum: 9).answer, for: h, type, origin: AnswerOrigin(),
                now: at(0))
            cache.store(
                Packet("w.test", type).soa("test", ttl: 9, minimum: 9).answer, for: w, type, origin: AnswerOrigin(),
                now: at(0))
        }
        #expect(cache.flush(h) == 2)
        #expect(look(cache, h, 1) == "miss")
        #expect(look(cache, w, 1) == "nodata")
        #expect(cache.flush() == 2)
        #expect(cache.count == 0)
        #expect(cache.snapshot(now: at(1)).isEmpty)
        #expect(cache.statistics.flushed == 4)
    }

    @Test("does what a list of pairs would do, over 20,000 random steps", arguments: [1, 7, 64, 200])
    func model(capacity: Int) {
        var generator = SeededGenerator(state: UInt64(capacity))
        let cache = cache(capacity)
        let names = (0..<150).map { Packet.name("n\($0).test") }
        // The most recently used first.
        var model: [(name: DomainName, type: RecordType, expires: Double)] = []
        let answers = (0..<40).map { Packet().a("h.test", "192.0.2.1", UInt32($0)).answer }
        for step in 0..<20_000 {
            let now = Double(step) / 100
            let name = names.randomElement(using: &generator) ?? h
            let type: RecordType = Bool.random(using: &generator) ? .a : .aaaa
            let known = model.firstIndex { $0.name == name && $0.type == type }
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<50:
                let isHit = look(cache, name, type, now) == "answer"
                let isExpected = known.map { now < model[$0].expires } ?? false
                #expect(isHit == isExpected)
                if let known, isExpected { model.insert(model.remove(at: known), at: 0) }
            case 50..<98:
                let ttl = Int.random(in: 0..<40, using: &generator)
                cache.store(answers[ttl], for: name, type, origin: AnswerOrigin(), now: at(now))
                if let known { model.remove(at: known) }
                if ttl > 0 { model.insert((name, type, now + Double(ttl)), at: 0) }
                if model.count > capacity { model.removeLast() }
            default:
                cache.flush(name)
                model.removeAll { $0.name == name }
            }
            #expect(cache.count == model.count)
            if step.isMultiple(of: 500) {
                #expect(
                    cache.snapshot(now: at(now)).map { "\($0.name) \($0.type ?? .any)" }
                        == model.map { "\($0.name) \($0.type)" })
            }
        }
    }
}
