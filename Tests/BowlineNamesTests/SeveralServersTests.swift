// Several servers, of which the first is no help: how soon the next one is asked, and how little it costs.

import Bowline
import BowlineTesting
import Testing

@Suite("Several servers", .timeLimit(.minutes(10)))
struct SeveralServersTests {
    struct Seen: Sendable {
        var outcome: Outcome
        var elapsed: Duration
        var first: Int
        var second: Int
    }

    /// Looks a name up with a first server that does as it is told, and a second one that answers.
    /// - Parameter silence: how long the clock is let run once the first has both questions.
    private func look(
        silence: Duration? = nil, _ action: @escaping @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action
    ) async throws -> Seen {
        try await Reactor.run { reactor in
            let clock = ManualClock()
            let bad = try FakeDNSServer(reactor: reactor, answers: action)
            let good = try FakeDNSServer(reactor: reactor) { _ in .addresses([one, six]) }
            let resolver = DNSResolver(reactor, asking: bad.address, good.address, clock: clock)
            let started = clock.now
            let lookup = resolver.lookup("h.test")
            if let silence {
                try await bad.await(2, on: reactor)
                clock.advance(by: silence)
            }
            let outcome = await lookup.outcome
            return Seen(
                outcome: outcome, elapsed: clock.now - started, first: bad.questions.count,
                second: good.questions.count)
        }
    }

    @Test(
        "a failure of the first sends the question to the second at once, and to the first no more",
        arguments: [.servFail, .refused, .notImp] as [ResponseCode])
    func failure(code: ResponseCode) async throws {
        let seen = try await look { _ in .code(code) }
        #expect(Set(seen.outcome.addresses ?? []) == [one, six])
        #expect(seen.first == 2)
        #expect(seen.second == 2)
        #expect(seen.elapsed == .zero)
        let origin = try #require(seen.outcome.answer?.questions.first?.origin)
        #expect(origin.attempts == 2)
    }

    @Test("garbage of the first sends the question to the second at once")
    func malformed() async throws {
        let seen = try await look { .records([FakeDNSServer.Record("h.test", $0.type, data: [1])]) }
        #expect(Set(seen.outcome.addresses ?? []) == [one, six])
        #expect(seen.elapsed == .zero)
    }

    @Test("NXDOMAIN of the first settles the matter")
    func nxdomain() async throws {
        let seen = try await look { _ in .nxdomain() }
        #expect(seen.outcome.kind == .nxdomain)
        #expect(seen.second == 0)
    }

    @Test("a silent first costs 300 ms, and no more")
    func silent() async throws {
        let seen = try await look(silence: .milliseconds(300)) { _ in .drop }
        #expect(Set(seen.outcome.addresses ?? []) == [one, six])
        #expect(seen.elapsed == .milliseconds(300))
        #expect(seen.second == 2)
    }

    @Test("a silent first costs each of 1,000 lookups little more than 300 ms, and then it isn't the first any more")
    func silentToMany() async throws {
        let (early, answered, elapsed, later) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let silent = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let good = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(reactor, asking: silent.address, good.address, clock: clock)
            let started = clock.now
            let lookups = (0..<1_000).map { resolver.lookup("h\($0).test", types: [.a]) }
            try await silent.await(64, on: reactor)
            clock.advance(by: .milliseconds(299))
            let early = lookups.count { $0.isFired }
            while !lookups.allSatisfy(\.isFired), clock.now - started < .seconds(9) {
                clock.advance(by: .milliseconds(1))
                try await reactor.pass(.milliseconds(1))
            }
            let elapsed = clock.now - started
            var answered = 0
            for lookup in lookups { if await lookup.outcome.addresses == [one] { answered += 1 } }
            let before = silent.questions.count
            let next = await resolver.lookup("next.test", types: [.a]).outcome
            return (early, answered, elapsed, next.addresses == [one] && silent.questions.count == before)
        }
        #expect(early == 0)
        #expect(answered == 1_000)
        // A question that is lost on the way to the second server costs it 250 ms more.
        #expect(elapsed <= .milliseconds(900))
        #expect(later)
    }

    @Test("a first whose pace is known gets no more time than it usually takes")
    func measured() async throws {
        let (before, after, outcome) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let first = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "h.test" ? .addresses([one]) : .drop
            }
            let second = try FakeDNSServer(reactor: reactor) { _ in .addresses([two]) }
            let resolver = DNSResolver(reactor, asking: first.address, second.address, clock: clock)
            _ = await resolver.lookup("h.test", types: [.a]).outcome
            let lookup = resolver.lookup("hung.test", types: [.a])
            try await first.await(2, on: reactor)
            clock.advance(by: .milliseconds(49))
            try await reactor.pass(.milliseconds(5))
            let before = second.questions.count
            clock.advance(by: .milliseconds(1))
            return (before, clock.now.nanoseconds, await lookup.outcome)
        }
        #expect(before == 0)
        #expect(after > 0)
        #expect(outcome.addresses == [two])
    }

    @Test("a first that answers after it was overtaken changes nothing")
    func overtaken() async throws {
        let seen = try await look(silence: .milliseconds(300)) { _ in
            .delayed(by: .milliseconds(50), .addresses([two]))
        }
        // The second was asked while the first still thought about it; whichever came first counts, and once.
        let addresses = Set(seen.outcome.addresses ?? [])
        #expect(addresses == [one, six] || addresses == [two] || addresses == [one] || addresses == [six, two])
        #expect(seen.second == 2)
    }

    @Test("a server that has gone is asked last, until it is time to see whether it is back")
    func failing() async throws {
        let (states, counts) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let good = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(reactor, asking: deadServers[0], good.address, clock: clock)
            var states: [ServerSnapshot.State] = []
            for index in 0..<3 {
                _ = await resolver.lookup("h\(index).test", types: [.a]).outcome
                states.append(resolver.servers()[0].state)
            }
            let before = resolver.servers()[0].counts.questions
            clock.advance(by: .seconds(1))
            let probing = resolver.lookup("later.test", types: [.a])
            let probed = resolver.servers()[0].counts.questions
            _ = await probing.outcome
            _ = await resolver.lookup("last.test", types: [.a]).outcome
            return (states, [before, probed, resolver.servers()[0].counts.questions])
        }
        #expect(states == [.failing, .failing, .failing])
        #expect(counts == [1, 2, 2])
    }

    @Test("with rotate the servers take turns")
    func rotation() async throws {
        let counts = try await Reactor.run { reactor in
            let first = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let second = try FakeDNSServer(reactor: reactor) { _ in .addresses([two]) }
            let resolver = DNSResolver(reactor, asking: first.address, second.address, clock: ManualClock()) {
                $0.rotates = true
            }
            for index in 0..<10 { _ = await resolver.lookup("h\(index).test", types: [.a]).outcome }
            return [first.questions.count, second.questions.count]
        }
        #expect(counts == [5, 5])
    }

    @Test("where nobody listens at the first, ICMP says so, and the lookup goes on at once")
    func dead() async throws {
        let (outcome, elapsed) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let good = try FakeDNSServer(reactor: reactor) { _ in .addresses([one, six]) }
            let resolver = DNSResolver(reactor, asking: deadServers[0], good.address, clock: clock)
            let started = clock.now
            return (await resolver.lookup("h.test").outcome, clock.now - started)
        }
        #expect(Set(outcome.addresses ?? []) == [one, six])
        #expect(elapsed == .zero)
    }

    @Test("where nobody listens at all, 100 lookups at once fail at once, each with every server's report")
    func allDead() async throws {
        let outcomes = try await Reactor.run { reactor in
            // Its clock stands still: a query that nobody fails would never end.
            let resolver = DNSResolver(reactor, asking: deadServers[0], deadServers[1], clock: ManualClock())
            let lookups = (0..<100).map { resolver.lookup("h\($0).test") }
            var outcomes: [Outcome] = []
            for lookup in lookups { outcomes.append(await lookup.outcome) }
            return outcomes
        }
        #expect(outcomes.allSatisfy { $0.kind == .noServer })
        #expect(
            outcomes.allSatisfy {
                Set($0.error?.questions.first?.failure?.servers.map(\.server) ?? []) == Set(deadServers)
            }
        )
    }

    @Test("without a server there is one error, at once")
    func none() async throws {
        let outcome = try await Reactor.run { reactor in await DNSResolver(reactor).lookup("h.test").outcome }
        #expect(outcome.kind == .noServer)
        #expect(outcome.error?.servers.isEmpty == true)
    }

    @Test("when all fail, the error has each server's code and explanation")
    func evidence() async throws {
        let (outcome, servers) = try await Reactor.run { reactor in
            let first = try FakeDNSServer(reactor: reactor) { _ in
                .code(.servFail, ExtendedError(code: 22, text: "no route"))
            }
            let second = try FakeDNSServer(reactor: reactor) { _ in .code(.refused) }
            let resolver = DNSResolver(reactor, asking: first.address, second.address, clock: ManualClock())
            return (await resolver.lookup("h.test", types: [.a]).outcome, [first.address, second.address])
        }
        let error = try #require(outcome.error)
        #expect(error.kind == .servfail)
        #expect(error.servers.map(\.server) == servers)
        #expect(error.servers.map(\.responseCode) == [.servFail, .refused])
        #expect(error.extendedErrors == [ExtendedError(code: 22, text: "no route")])
        #expect(error.attempts == 2)
    }

    @Test("an answer for one family comes at once, while the other's is dropped")
    func droppedFamily() async throws {
        let (arrival, outcome) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.type == .aaaa ? .drop : .addresses([one])
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let started = clock.now
            var arrival: Duration?
            let request = LookupRequest("h.test", timeout: .milliseconds(400))
            let lookup = resolver.resolve(request) { answer in
                if answer.type == .a { arrival = clock.now - started }
            }
            while arrival == nil { try await reactor.pass(.milliseconds(1)) }
            clock.advance(by: .milliseconds(400))
            return (arrival, await lookup.outcome)
        }
        #expect(arrival == .zero)
        #expect(outcome.addresses == [one])
        #expect(outcome.answer?.questions.first { $0.type == .aaaa }?.failure?.kind == .timeout)
    }

    @Test("one family fails and the other has addresses: the lookup has them, and each type says how it ended")
    func oneFamily() async throws {
        let outcome = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.type == .aaaa ? .code(.servFail) : .addresses([one])
            }
            return await DNSResolver(reactor, asking: server.address).lookup("h.test").outcome
        }
        #expect(outcome.addresses == [one])
        #expect(outcome.answer?.questions.first { $0.type == .aaaa }?.failure?.kind == .servfail)
    }
}
