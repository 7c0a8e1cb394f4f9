// What is served past its TTL, and what is asked for ahead of its end, in virtual time: scripted servers, a clock by hand,
// and between them the resolver's own desk and lookups.

import Bowline
import BowlineTesting
import Testing

@testable import BowlineNames

@Suite("Serving what is stale")
struct StaleTests {
    private let world = DeskWorld()
    private var clock: ManualClock { world.clock }

    /// Learns an address of h.test with a TTL of 60 s, and lets it expire.
    private func learnAndExpire() {
        world.lookup()
        world.server.answer()
        clock.advance(by: .seconds(61))
    }

    @Test("records past their TTL are served after 1.8 s without an answer, with a TTL of 30 s, and no sooner")
    func late() throws {
        learnAndExpire()
        let log = world.lookup()
        #expect(world.server.asked == 2)
        clock.advance(by: .milliseconds(1_799))
        #expect(log.answers.isEmpty)
        clock.advance(by: .milliseconds(1))
        let answer = try #require(log.answers.first)
        #expect(answer.addresses == [one])
        #expect(answer.origin.source == .stale)
        #expect(answer.origin.server == world.server.address)
        #expect(answer.ttl == 30)
        #expect(answer.records.map(\.ttl) == [30])
        #expect(answer.failure == nil)
        #expect(answer.failedServers.map(\.kind) == [.timeout])
        #expect(answer.failedServers.map(\.server) == [world.server.address])
        #expect(log.result?.addresses == [one])
        #expect(world.cache.statistics.staleAnswers == 1)
    }

    @Test("asking goes on behind a stale answer, and what comes is used")
    func refreshes() {
        learnAndExpire()
        world.lookup()
        clock.advance(by: .seconds(4))
        #expect(world.desk.inFlight.map(\.waiterCount) == [0])
        world.server.answer("192.0.2.2")
        #expect(world.desk.inFlight.isEmpty)
        #expect(clock.delayedCalls.isEmpty)
        let log = world.lookup()
        #expect(log.sources == [.cache])
        #expect(log.answers.first?.addresses == [two])
    }

    @Test("records past their TTL are served at once when the servers fail, and these aren't asked again for 30 s")
    func failure() {
        learnAndExpire()
        let first = world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(first.sources == [.stale])
        let second = world.lookup()
        #expect(second.sources == [.stale])
        // Both say why, the second from what is remembered of the first's failure.
        for log in [first, second] { #expect(log.answers.first?.failedServers.map(\.kind) == [.servfail]) }
        #expect(world.cache.statistics.staleHits == 1)
        #expect(world.cache.statistics.staleAnswers == 1)
        #expect(world.cache.statistics.lookups == 3)
        clock.advance(by: .milliseconds(29_999))
        #expect(world.lookup().sources == [.stale])
        #expect(world.server.asked == 2)
        clock.advance(by: .milliseconds(1))
        #expect(world.lookup().answers.isEmpty)
        #expect(world.server.asked == 3)
        world.server.answer("192.0.2.2")
        #expect(world.lookup().answers.first?.addresses == [two])
    }

    @Test("servers that stay silent behind a stale answer aren't asked again for 30 s either")
    func silence() {
        learnAndExpire()
        world.lookup()
        clock.advance(by: .milliseconds(1_800) + world.cache.policy.refreshTimeout)
        #expect(world.lookup().sources == [.stale])
        clock.advance(by: .seconds(29))
        #expect(world.lookup().sources == [.stale])
        #expect(world.server.asked == 2)
        #expect(world.desk.inFlight.isEmpty)
        clock.advance(by: .seconds(1))
        world.lookup()
        #expect(world.server.asked == 3)
    }

    @Test("an outage is one failure, however many lookups were served something stale meanwhile")
    func oneFailure() {
        learnAndExpire()
        // One that isn't served anything stale keeps the question going for longer.
        let key = Question.Key(name: Packet.name("h.test"), type: .a)
        let patient = Waiter()
        for _ in 0..<12 { world.lookup() }
        world.desk.inFlight.first { $0.key == key }?.join(patient)
        clock.advance(by: .milliseconds(1_800))
        #expect(world.cache.statistics.staleAnswers == 12)
        let refreshTimeout = world.cache.policy.refreshTimeout
        clock.advance(by: refreshTimeout)
        #expect(world.cache.statistics.failures == 1)
        clock.advance(by: .milliseconds(29_999))
        #expect(world.lookup().sources == [.stale])
        // The question is in flight still: who joins it is served at once, and its failure isn't counted again.
        clock.advance(by: .milliseconds(1))
        let late = world.lookup()
        clock.advance(by: refreshTimeout)
        #expect(late.sources == [.stale])
        #expect(world.server.asked == 2)
        #expect(world.cache.statistics.failures == 1)
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("many served something stale leave room for what is refreshed ahead of its end")
    func room() {
        learnAndExpire()
        for _ in 0..<2 * world.cache.policy.refreshLimit { world.lookup() }
        clock.advance(by: .milliseconds(1_800))
        // One timer for all of them.
        #expect(clock.delayedCalls.count == 1)
    }

    @Test("who joins a question that is late already is served at once")
    func joining() {
        learnAndExpire()
        world.lookup()
        clock.advance(by: .milliseconds(1_000))
        let second = world.lookup()
        clock.advance(by: .milliseconds(800))
        #expect(second.sources == [.stale])
        let third = world.lookup()
        clock.advance(by: .zero)
        #expect(third.sources == [.stale])
        #expect(world.server.asked == 2)
    }

    @Test("a lookup whose own time is shorter gets what is stale after half of it: the rest is for connecting")
    func shortTimeout() {
        learnAndExpire()
        let log = world.lookup(timeout: .milliseconds(500))
        clock.advance(by: .milliseconds(249))
        #expect(log.sources.isEmpty)
        clock.advance(by: .milliseconds(1))
        #expect(log.sources == [.stale])
        #expect(world.entry?.hits == 1 && world.entry?.idle == .zero)
        #expect(log.result?.addresses == [one])
        world.server.answer("192.0.2.2")
        #expect(world.lookup().answers.first?.addresses == [two])
    }

    @Test("NXDOMAIN and NODATA are answers: they replace what is stale", arguments: [ResponseCode.nxdomain, .noError])
    func negative(code: ResponseCode) {
        learnAndExpire()
        let log = world.lookup()
        world.server.negative(code)
        #expect(log.kinds == [code == .nxdomain ? .nxdomain : .nodata])
        // Past the negative answer's own end the old records don't come back.
        clock.advance(by: .seconds(31))
        let later = world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(later.kinds == [.servfail])
    }

    @Test("an NXDOMAIN to another type takes away the right to be served stale")
    func otherType() {
        learnAndExpire()
        let name = Packet.name("h.test")
        world.cache.store(
            Packet("h.test", .aaaa, code: .nxdomain).soa("test", ttl: 30, minimum: 30).answer, for: name, .aaaa,
            origin: AnswerOrigin(), now: clock.now)
        clock.advance(by: .seconds(31))
        let log = world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(log.kinds == [.servfail])
    }

    @Test("an answer with a TTL of 0 is for those who wait, and never stale")
    func zero() {
        let first = world.lookup()
        world.server.answer(ttl: 0)
        #expect(first.sources == [.network])
        let second = world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(second.kinds == [.servfail])
    }

    @Test("records older than the policy allows aren't served")
    func tooOld() {
        world.lookup()
        world.server.answer()
        clock.advance(by: .seconds(60) + world.cache.policy.maximumStaleAge)
        let log = world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(log.kinds == [.servfail])
    }

    @Test("a policy without stale answers serves none")
    func optOut() {
        var policy = CachePolicy()
        policy.maximumStaleAge = .zero
        let world = DeskWorld(policy)
        world.lookup()
        world.server.answer()
        world.clock.advance(by: .seconds(61))
        let log = world.lookup()
        world.clock.advance(by: .seconds(2))
        #expect(log.answers.isEmpty)
        world.server.reply(.packet(code: .servFail))
        #expect(log.kinds == [.servfail])
    }

    @Test("cancelling a lookup that would be served something stale leaves nothing behind")
    func cancel() {
        learnAndExpire()
        let log = world.lookup()
        log.deferred?.cancel()
        clock.advance(by: .seconds(1))
        #expect(world.desk.inFlight.isEmpty)
        #expect(clock.delayedCalls.isEmpty)
        #expect(log.answers.isEmpty)
    }

    @Test("when the resolver stops, no timer is left of what went on in the background")
    func stop() {
        learnAndExpire()
        world.lookup()
        clock.advance(by: .seconds(2))
        world.desk.abandonAll()
        #expect(clock.delayedCalls.isEmpty)
    }
}

@Suite("Asking ahead of an answer's end")
struct RefreshTests {
    private let world = DeskWorld()
    private var clock: ManualClock { world.clock }

    @Test("an answer that is used is asked for again in the last tenth of its TTL, and nobody waits")
    func refresh() {
        world.lookup()
        world.server.answer()
        world.lookup()
        world.lookup()
        #expect(world.entry?.nextRefresh == clock.now + .seconds(54))
        clock.advance(by: .milliseconds(53_999))
        #expect(world.lookup().sources == [.cache])
        #expect(world.server.asked == 1)
        clock.advance(by: .milliseconds(1))
        #expect(world.lookup().sources == [.cache])
        #expect(world.lookup().sources == [.cache])
        #expect(world.server.asked == 2)
        #expect(world.desk.inFlight.map(\.waiterCount) == [0])
        world.server.answer("192.0.2.2")
        #expect(clock.delayedCalls.isEmpty)
        #expect(world.entry?.previousData == [.address(one)])
        #expect(world.entry?.changeCount == 1)
        clock.advance(by: .seconds(50))
        #expect(world.lookup().answers.first?.addresses == [two])
        #expect(world.server.asked == 2)
        #expect(world.cache.statistics.refreshes == 1)
    }

    @Test("an answer that nobody uses isn't asked for again")
    func unused() {
        world.lookup()
        world.server.answer()
        clock.advance(by: .seconds(58))
        #expect(world.entry?.nextRefresh == nil)
        // The first use.
        #expect(world.lookup().sources == [.cache])
        #expect(world.server.asked == 1)
    }

    @Test("a refresh that fails leaves the answer in use, and is tried again after the failure's time")
    func failed() {
        world.lookup()
        world.server.answer()
        for _ in 0..<2 { world.lookup() }
        clock.advance(by: .seconds(54))
        world.lookup()
        world.server.reply(.packet(code: .servFail))
        #expect(world.lookup().sources == [.cache])
        #expect(world.server.asked == 2)
        clock.advance(by: .seconds(1))
        #expect(world.lookup().sources == [.cache])
        #expect(world.server.asked == 3)
    }

    @Test("no more are asked for at once than the policy allows, and it may allow none")
    func bounded() {
        for (limit, hits, expected) in [(1, 2, 3), (0, 2, 2), (8, 2, 4), (8, 0, 2)] {
            var policy = CachePolicy()
            policy.refreshLimit = limit
            policy.refreshHits = hits
            let world = DeskWorld(policy)
            for host in ["h.test", "w.test"] {
                world.lookup(host)
                world.server.answer(of: host)
            }
            world.clock.advance(by: .seconds(55))
            for _ in 0..<3 {
                for host in ["h.test", "w.test"] { world.lookup(host) }
            }
            #expect(world.server.asked == expected)
        }
    }
}

/// A desk with one scripted server and a clock, and lookups as the resolver makes them.
private final class DeskWorld {
    let clock = ManualClock(now: ReactorInstant(nanoseconds: 5_000_000_000))
    let server = ScriptedServer(1)
    let cache: ResolverCache
    private lazy var lookups = LookupLine(of: self, clock: clock)
    private(set) lazy var desk = QuestionDesk(cache: cache, clock: clock, servers: server)

    init(_ policy: CachePolicy = CachePolicy()) {
        cache = ResolverCache(policy: policy)
    }

    var entry: CacheEntry? { cache.snapshot(now: clock.now).first }

    /// Looks up type A, as a resolver does.
    @discardableResult
    func lookup(_ host: String = "h.test", timeout: Duration = .seconds(20)) -> LookupLog {
        let name = Packet.name(host)
        let log = LookupLog()
        let lookup = Lookup(name, LookupRequest(host, types: [.a], timeout: timeout), at: clock.now, in: lookups) {
            log.answers.append($0)
        }
        switch desk.find(name, .a, at: clock.now) {
        case .known(let answer):
            lookup.take(answer)
        case .unknown(let stale):
            lookup.await(desk.ask(name, .a, at: clock.now, for: lookup, inReserve: stale))
        }
        log.deferred = lookup.begin().addBoth { log.result = try? $0.get() }
        return log
    }
}

private final class LookupLog {
    var answers: [TypeAnswer] = []
    var result: LookupAnswer?
    var deferred: Deferred<Void>?

    var sources: [AnswerSource] { answers.map(\.origin.source) }
    var kinds: [LookupError.Kind?] { answers.map { $0.failure?.kind } }
}

extension ScriptedServer {
    fileprivate func answer(_ text: String = "192.0.2.1", ttl: UInt32 = 60, of host: String = "h.test") {
        end(packet: Packet(host).a(host, text, ttl).octets)
    }

    /// NODATA or NXDOMAIN, to be kept for 30 s.
    fileprivate func negative(_ code: ResponseCode) {
        end(packet: Packet(code: code).soa("test", ttl: 30, minimum: 30).octets)
    }
}
