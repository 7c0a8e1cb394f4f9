// Short names: which names they may mean, in which order they are asked, and what is said if none of them exists.

import Bowline
import BowlineTesting
import Testing

@Suite("The search list", .timeLimit(.minutes(10)))
struct SearchListTests {
    struct Seen: Sendable {
        var outcome: Outcome
        var asked: [String]
        var told: Int
    }

    /// Looks a host up with the domains a.test and b.test, and ndots 1 unless told otherwise.
    private func look(
        _ host: String, ndots: Int = 1, _ answers: @escaping @Sendable (String) -> FakeDNSServer.Action
    ) async throws -> Seen {
        try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { answers($0.name.text) }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock()) {
                $0.search = ["a.test", "b.test"].compactMap { try? DomainName($0) }
                $0.ndots = ndots
            }
            var told = 0
            let outcome = await resolver.resolve(LookupRequest(host, types: [.a])) { _ in told += 1 }.outcome
            return Seen(outcome: outcome, asked: server.questions.map(\.name.text), told: told)
        }
    }

    @Test(
        "a name with too few dots is asked with each domain first, one with enough as it is first, and one that ends in a dot alone",
        arguments: [
            ("h", 1, ["h.a.test", "h.b.test", "h"]), ("h.x", 1, ["h.x", "h.x.a.test", "h.x.b.test"]),
            ("h.x", 2, ["h.x.a.test", "h.x.b.test", "h.x"]), ("h.", 1, ["h"]), ("h.x.", 3, ["h.x"]),
            ("h。", 1, ["h"]),
        ] as [(String, Int, [String])])
    func order(host: String, ndots: Int, expected: [String]) async throws {
        let seen = try await look(host, ndots: ndots) { _ in .nxdomain() }
        #expect(seen.asked == expected)
        #expect(seen.outcome.kind == .nxdomain)
        #expect(seen.told == 1)
    }

    @Test("the first candidate that exists counts, the others are not asked, and the answer says which it was")
    func found() async throws {
        let seen = try await look("h") { $0 == "h.b.test" ? .addresses([one]) : .nxdomain() }
        #expect(seen.asked == ["h.a.test", "h.b.test"])
        #expect(seen.outcome.addresses == [one])
        #expect(seen.outcome.answer?.name?.text == "h.b.test")
    }

    @Test("a candidate without a record of the type, or whose domain is broken, leads to the next")
    func next() async throws {
        for action in [FakeDNSServer.Action.nodata(), .code(.servFail)] {
            let seen = try await look("h") { $0 == "h.a.test" ? action : .addresses([two]) }
            #expect(seen.asked == ["h.a.test", "h.b.test"])
            #expect(seen.outcome.addresses == [two])
        }
    }

    @Test("a broken domain never looks like a missing name")
    func failure() async throws {
        let seen = try await look("h") { $0 == "h.a.test" ? .code(.servFail) : .nxdomain() }
        #expect(seen.outcome.kind == .servfail)
        #expect(seen.outcome.error?.name.text == "h.a.test")
        #expect(seen.outcome.error?.searched.map(\.text) == ["h.b.test", "h"])
    }

    @Test("a server that refuses ends the search: what is wrong isn't the name")
    func refused() async throws {
        let seen = try await look("h") { _ in .code(.refused) }
        #expect(seen.asked == ["h.a.test"])
        #expect(seen.outcome.kind == .refused)
    }

    @Test(
        "names of special use never leave with a domain behind them",
        arguments: ["localhost", "x.localhost", "x.invalid", "x.onion"])
    func special(host: String) async throws {
        let seen = try await look(host) { _ in .addresses([one]) }
        #expect(seen.asked.isEmpty)
    }

    @Test("one deadline covers all candidates")
    func deadline() async throws {
        let (kind, elapsed) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "h.a.test" ? .nxdomain() : .drop
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock) {
                $0.search = ["a.test", "b.test"].compactMap { try? DomainName($0) }
            }
            let started = clock.now
            let lookup = resolver.lookup("h", types: [.a], timeout: .seconds(2))
            try await server.await(2, on: reactor)
            clock.advance(by: .seconds(2))
            return (await lookup.outcome.kind, clock.now - started)
        }
        #expect(kind == .timeout)
        #expect(elapsed == .seconds(2))
    }

    @Test("giving up ends the candidate that is being asked, and nothing more is asked")
    func cancelled() async throws {
        let asked = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .delayed(by: .milliseconds(10), .nxdomain()) }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock()) {
                $0.search = ["a.test", "b.test"].compactMap { try? DomainName($0) }
            }
            let lookup = resolver.lookup("h", types: [.a])
            lookup.addBoth { _ in }
            try await server.await(1, on: reactor)
            lookup.cancel()
            try await reactor.pass(.milliseconds(50))
            return server.questions.map(\.name.text)
        }
        #expect(asked == ["h.a.test"])
    }
}
