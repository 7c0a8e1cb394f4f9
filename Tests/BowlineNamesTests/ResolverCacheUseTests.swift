// What the resolver keeps of answers, and for how long it believes it. Time stands still, so that nothing is asked twice because a
// machine is slow.

import Bowline
import BowlineTesting
import Testing

@Suite("What a resolver remembers", .timeLimit(.minutes(10)))
struct ResolverCacheUseTests {
    @Test("an answer serves later lookups inside the call, with what is left of its TTL")
    func hit() async throws {
        let (wasFired, answer, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one, six], ttl: 300) }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            _ = try await resolver.lookup("h.test").value
            let again = resolver.lookup("H.TEST.")
            return (again.isFired, try await again.value, server.questions.count)
        }
        #expect(wasFired)
        #expect(Set(answer.addresses) == [one, six])
        #expect(answer.questions.allSatisfy { $0.origin.source == .cache && $0.origin.server != nil })
        #expect(answer.questions.allSatisfy { $0.ttl.map { (299...300).contains($0) } == true })
        #expect(questions == 2)
    }

    @Test("the TTL of an answer is the smallest on the way to it")
    func aliasTTL() async throws {
        let (answer, entry, later, stale) = try await Reactor.run { reactor in
            var action = FakeDNSServer.Action.aliases(["w.test"], [one], ttl: 300, aliasTTL: 5)
            let server = try FakeDNSServer(reactor: reactor) { _ in action
            }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let answer = try await resolver.lookup("h.test", types: [.a]).value
            let entry = resolver.cache.snapshot(now: clock.now).first
            clock.advance(by: .seconds(2))
            let later = try await resolver.lookup("h.test", types: [.a]).value
            clock.advance(by: .seconds(4))
            action = .code(.servFail)
            return (answer, entry, later, try await resolver.lookup("h.test", types: [.a]).value)
        }
        let question = try #require(answer.questions.first)
        #expect(question.ttl == 5)
        #expect(later.questions.map(\.aliases.description) == ["[h.test → w.test (3 s)]"])
        #expect(later.questions.map(\.records.description) == ["[w.test 3 IN A 192.0.2.1]"])
        #expect(stale.questions.map(\.origin.source) == [.stale])
        #expect(stale.questions.map(\.aliases.description) == ["[h.test → w.test (30 s)]"])
        #expect(stale.questions.map(\.records.description) == ["[w.test 30 IN A 192.0.2.1]"])
        #expect(question.aliases.map(\.description) == ["h.test → w.test (5 s)"])
        #expect(question.records.map(\.description) == ["w.test 300 IN A 192.0.2.1"])
        #expect(entry?.originalTTL == .seconds(5))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var action: FakeDNSServer.Action
        /// How many queries two lookups send.
        var queries: Int
        var kind: LookupError.Kind?
    }

    static let cases = [
        Case(testDescription: "a TTL of 0 isn't kept", action: .addresses([one], ttl: 0), queries: 2),
        Case(testDescription: "NXDOMAIN with SOA is kept", action: .nxdomain(), queries: 1, kind: .nxdomain),
        Case(
            testDescription: "NXDOMAIN without SOA isn't", action: .nxdomain(minimum: nil), queries: 2, kind: .nxdomain),
        Case(testDescription: "NODATA with SOA is kept", action: .nodata(), queries: 1, kind: .nodata),
        Case(testDescription: "NODATA without SOA isn't", action: .nodata(minimum: nil), queries: 2, kind: .nodata),
        Case(testDescription: "SERVFAIL is kept for a moment", action: .code(.servFail), queries: 1, kind: .servfail),
        Case(testDescription: "REFUSED is kept for a moment", action: .code(.refused), queries: 1, kind: .refused),
    ]

    @Test("and what it doesn't", arguments: cases)
    func negative(test: Case) async throws {
        let (outcomes, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in test.action }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let first = await resolver.lookup("h.test", types: [.a]).outcome
            let second = await resolver.lookup("h.test", types: [.a]).outcome
            return ([first, second], server.questions.count)
        }
        #expect(questions == test.queries)
        if let kind = test.kind {
            #expect(outcomes.map(\.kind) == [kind, kind])
            #expect(outcomes[1].error?.source == (test.queries == 1 ? .cache : .network))
        } else {
            #expect(outcomes.map(\.addresses) == [[one], [one]])
        }
    }

    @Test("NXDOMAIN for one type answers the others, and NODATA doesn't")
    func otherTypes() async throws {
        let questions = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "nx.test" ? .nxdomain() : .nodata()
            }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            for host in ["nx.test", "nodata.test"] {
                _ = await resolver.lookup(host, types: [.a]).outcome
                _ = await resolver.lookup(host, types: [.aaaa]).outcome
            }
            return server.questions.map { "\($0.name) \($0.type)" }
        }
        #expect(questions == ["nx.test A", "nodata.test A", "nodata.test AAAA"])
    }

    @Test("an entry that has expired is asked for again, also a negative one")
    func expired() async throws {
        let (outcomes, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([two]) }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            // As if they had been learnt a minute and a second ago, to be kept for a minute.
            let then = clock.now + .seconds(-61)
            var known = DNSAnswer(outcome: .answer)
            known.addresses = [one]
            known.ttl = 60
            var negative = DNSAnswer(outcome: .nxdomain, responseCode: .nxdomain)
            negative.ttl = 60
            let (old, gone) = (DomainName(canonical: "old.test"), DomainName(canonical: "gone.test"))
            resolver.cache.store(known, for: old, .a, origin: AnswerOrigin(), now: then)
            resolver.cache.store(negative, for: gone, .a, origin: AnswerOrigin(), now: then)
            let outcomes = [
                await resolver.lookup("old.test", types: [.a]).outcome,
                await resolver.lookup("gone.test", types: [.a]).outcome,
            ]
            return (outcomes, server.questions.count)
        }
        #expect(outcomes.map(\.addresses) == [[two], [two]])
        #expect(questions == 2)
    }

    @Test("records past their TTL are served when the server fails, and it isn't asked again with the next lookup")
    func stale() async throws {
        let (outcomes, questions, entry) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .code(.servFail) }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            var known = DNSAnswer(outcome: .answer)
            known.addresses = [one]
            known.ttl = 60
            resolver.cache.store(
                known, for: DomainName(canonical: "h.test"), .a, origin: AnswerOrigin(),
                now: clock.now + .seconds(-61))
            let outcomes = [
                await resolver.lookup("h.test", types: [.a]).outcome,
                await resolver.lookup("h.test", types: [.a]).outcome,
            ]
            return (outcomes, server.questions.count, resolver.cache.snapshot(now: clock.now).first)
        }
        #expect(outcomes.map(\.addresses) == [[one], [one]])
        #expect(outcomes.map { $0.answer?.questions.first?.origin.source } == [.stale, .stale])
        #expect(questions == 1)
        #expect(entry?.state == .stale)
        #expect(entry?.failure?.kind == .servfail)
    }

    @Test("a loopback address with a TTL of 0 after a public one is never in the cache, nor is the public one any more")
    func rebinding() async throws {
        let (answers, entries) = try await Reactor.run { reactor in
            var isSecond = false
            let server = try FakeDNSServer(reactor: reactor) { _ in
                isSecond ? .addresses([.v4(.loopback)], ttl: 0) : .addresses([one], ttl: 1)
            }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let first = try await resolver.lookup("h.test", types: [.a]).value
            // As if the second had passed.
            resolver.cache.flush(now: clock.now)
            var known = DNSAnswer(outcome: .answer)
            known.addresses = [one]
            known.ttl = 1
            let name = DomainName(canonical: "h.test")
            resolver.cache.store(known, for: name, .a, origin: AnswerOrigin(), now: clock.now + .seconds(-2))
            isSecond = true
            let second = try await resolver.lookup("h.test", types: [.a]).value
            return ([first.addresses, second.addresses], resolver.cache.snapshot(now: clock.now))
        }
        #expect(answers == [[one], [.v4(.loopback)]])
        #expect(entries.isEmpty)
    }

    @Test("what is flushed is asked for again")
    func flush() async throws {
        let questions = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            for _ in 0..<2 {
                _ = await resolver.lookup("h.test", types: [.a]).outcome
                resolver.cache.flush(DomainName(canonical: "h.test"), now: clock.now)
            }
            return server.questions.count
        }
        #expect(questions == 2)
    }

    @Test("reading the configuration anew keeps the cache")
    func reload() async throws {
        let questions = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            _ = try await resolver.lookup("h.test", types: [.a]).value
            resolver.reload()
            _ = try await resolver.lookup("h.test", types: [.a]).value
            _ = try await resolver.lookup("other.test", types: [.a]).value
            return server.questions.map(\.name.text)
        }
        #expect(questions == ["h.test", "other.test"])
    }
}
