// A server and its questions on the wire, with the clock in the test's hand: when what is sent again, how it is counted, and
// what nobody can put into the cache.

import Bowline
import BowlineTesting
import Testing

@Suite("The exchange with a server", .timeLimit(.minutes(10)))
struct ExchangeTests {
    private static let wrong = IPAddress.v4(IPv4Address(203, 0, 113, 66))

    // MARK: sending again

    @Test(
        "a question that is lost is sent again after 250 ms and at 1 s: the same octets from the same port, and no more"
    )
    func resending() async throws {
        let (counts, questions, outcome, tries) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let lookup = resolver.lookup("h.test", types: [.a], timeout: .seconds(8))
            var counts: [Int] = []
            try await server.await(1, on: reactor)
            for (step, expected) in [(249, 1), (1, 2), (749, 2), (1, 3), (3_999, 3)] {
                clock.advance(by: .milliseconds(step))
                try await server.await(expected, on: reactor)
                try await reactor.pass(.milliseconds(5))
                counts.append(server.questions.count)
            }
            let tries = resolver.inFlight().first?.tries
            clock.advance(by: .milliseconds(1))
            return (counts, server.questions, await lookup.outcome, tries)
        }
        #expect(counts == [1, 2, 2, 3, 3])
        #expect(Set(questions.map(\.id)).count == 1)
        #expect(Set(questions.map(\.client)).count == 1)
        #expect(Set(questions.map(\.spelling)).count == 1)
        #expect(tries == 3)
        #expect(outcome.kind == .timeout)
        #expect(outcome.error?.attempts == 3)
    }

    @Test("no more than three datagrams carry a question, in whatever manner it is asked (RFC 9520)")
    func bound() async throws {
        let (transports, kind) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                if question.count < 3 { return .drop }
                var reply = FakeDNSServer.Reply(code: .formErr)
                reply.hasEDNS = false
                return .reply(reply)
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let lookup = resolver.lookup("h.test", types: [.a])
            for (count, step) in [(1, 250), (2, 750)] {
                try await server.await(count, on: reactor)
                clock.advance(by: .milliseconds(step))
            }
            let kind = await lookup.outcome.kind
            return (server.questions.map(\.transport), kind)
        }
        #expect(transports == [.udp, .udp, .udp])
        #expect(kind == .servfail)
    }

    @Test("an answer tells how many datagrams it took, and its round trip is the last one's")
    func honest() async throws {
        let (origin, row) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { $0.count == 1 ? .drop : .addresses([one]) }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let lookup = resolver.lookup("h.test", types: [.a])
            try await server.await(1, on: reactor)
            clock.advance(by: .milliseconds(250))
            return (await lookup.outcome.answer?.questions.first?.origin, resolver.servers().first)
        }
        #expect(origin?.attempts == 2)
        #expect(origin?.roundTrip == .zero)
        #expect(row?.counts.datagrams == 2)
        #expect(row?.counts.retransmissions == 1)
        // Which of the two was answered can't be told, so nothing is learnt of the server's pace.
        #expect(row?.smoothedRoundTrip == nil)
    }

    @Test("`timeout` and `attempts` of the configuration say how long and how often a server is asked")
    func configured() async throws {
        let (count, elapsed, kind) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock) {
                $0.timeout = .seconds(2)
                $0.attempts = 2
            }
            let started = clock.now
            let lookup = resolver.lookup("h.test", types: [.a])
            try await server.await(1, on: reactor)
            clock.advance(by: .milliseconds(250))
            try await server.await(2, on: reactor)
            clock.advance(by: .milliseconds(1_749))
            try await reactor.pass(.milliseconds(5))
            clock.advance(by: .milliseconds(1))
            let kind = await lookup.outcome.kind
            return (server.questions.count, clock.now - started, kind)
        }
        #expect(count == 2)
        #expect(elapsed == .seconds(2))
        #expect(kind == .timeout)
    }

    @Test("with `single-request` a name's second question waits for the answer to the first")
    func oneByOne() async throws {
        let (before, outcome) = try await Reactor.run { reactor in
            let clock = ManualClock()
            var holdsBack = true
            let server = try FakeDNSServer(reactor: reactor) { _ in holdsBack ? .drop : .addresses([one, six]) }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock) { $0.singleRequest = true }
            let lookup = resolver.lookup("h.test")
            try await server.await(1, on: reactor)
            try await reactor.pass(.milliseconds(10))
            let before = server.questions.map(\.type)
            holdsBack = false
            clock.advance(by: .milliseconds(250))
            return (before, await lookup.outcome)
        }
        #expect(before == [.aaaa])
        #expect(Set(outcome.addresses ?? []) == [one, six])
    }

    @Test("names that hang leave the window to others after 20 ms, however many they are")
    func hanging() async throws {
        let (early, outcome) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text.hasPrefix("hung") ? .drop : .addresses([one])
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            for index in 0..<64 { resolver.lookup("hung\(index).test", types: [.a]).addBoth { _ in } }
            let lookup = resolver.lookup("h.test", types: [.a])
            try await server.await(64, on: reactor)
            clock.advance(by: .milliseconds(19))
            try await reactor.pass(.milliseconds(5))
            let early = server.questions.contains { $0.name.text == "h.test" }
            clock.advance(by: .milliseconds(1))
            return (early, await lookup.outcome)
        }
        #expect(!early)
        #expect(outcome.addresses == [one])
    }

    @Test("behind 1,000 names that hang a name gets its answer within half a second")
    func hangingMany() async throws {
        let (elapsed, sent) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text.hasPrefix("hung") ? .drop : .addresses([one])
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            for index in 0..<1_000 { resolver.lookup("hung\(index).test", types: [.a]).addBoth { _ in } }
            let lookup = resolver.lookup("h.test", types: [.a])
            let started = clock.now
            while !lookup.isFired, clock.now - started < .seconds(9) {
                clock.advance(by: .milliseconds(5))
                try await reactor.pass(.milliseconds(1))
            }
            return (clock.now - started, lookup.isFired)
        }
        #expect(sent)
        #expect(elapsed <= .milliseconds(500))
    }

    @Test("what was lost together is sent again in parts, a millisecond apart")
    func parts() async throws {
        let counts = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            for index in 0..<64 { resolver.lookup("h\(index).test", types: [.a]).addBoth { _ in } }
            try await server.await(64, on: reactor)
            var counts: [Int] = []
            for (step, expected) in [(250, 80), (1, 96), (1, 112), (1, 128), (1, 128)] {
                clock.advance(by: .milliseconds(step))
                try await server.await(expected, on: reactor)
                try await reactor.pass(.milliseconds(5))
                counts.append(server.questions.count)
            }
            return counts
        }
        #expect(counts == [80, 96, 112, 128, 128])
    }

    // MARK: what nobody can put into the cache

    @Test(
        "an answer that is forged is not believed, and not remembered",
        arguments: FakeDNSServer.Forgery.allCases.filter { $0 != .notAResponse })
    func forged(forgery: FakeDNSServer.Forgery) async throws {
        let (outcome, entries) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                let forged = FakeDNSServer.Action.forged(forgery, FakeDNSServer.Reply(addresses: [Self.wrong]))
                let right = FakeDNSServer.Action.addresses([one])
                return question.transport == .tcp ? right : .sequence([forged, .delayed(by: .milliseconds(20), right)])
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            let outcome = await resolver.lookup("a-name-with-letters.test", types: [.a]).outcome
            return (outcome, resolver.cache.snapshot())
        }
        #expect(outcome.addresses == [one])
        #expect(entries.map(\.data) == [[.address(one)]])
    }

    @Test("questions mix the case of their letters, each in its own way")
    func spelling() async throws {
        let spellings = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one], ttl: 0) }
            let resolver = DNSResolver(reactor, asking: server.address)
            for _ in 0..<8 { _ = await resolver.lookup("a-name-with-letters.test", types: [.a]).outcome }
            return Set(server.questions.map(\.spelling))
        }
        #expect(spellings.count == 8)
        #expect(spellings.allSatisfy { $0.lowercased() == "a-name-with-letters.test" })
    }

    @Test("a server that doesn't keep the case is found out over TCP, once, and then asked in small letters")
    func lowerCase() async throws {
        let (outcomes, questions, row) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                let isLower = question.spelling == question.name.text
                return isLower ? .addresses([one]) : .forged(.spelling, FakeDNSServer.Reply(addresses: [one]))
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            let names = ["a-name-with-letters.test", "another-name-with-letters.test"]
            var outcomes: [Outcome] = []
            for name in names { outcomes.append(await resolver.lookup(name, types: [.a]).outcome) }
            return (outcomes, server.questions, resolver.servers().first)
        }
        #expect(outcomes.allSatisfy { $0.addresses == [one] })
        #expect(questions.map(\.transport) == [.udp, .udp, .tcp, .udp])
        #expect(row?.keepsCase == false)
        #expect(row?.counts.mismatches == 2)
    }

    @Test("who forges the spelling doesn't make a server lose its case: what comes over TCP is what it does")
    func forgedSpelling() async throws {
        let (outcome, row) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.transport == .tcp
                    ? .addresses([one]) : .forged(.spelling, FakeDNSServer.Reply(addresses: [Self.wrong]))
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            let outcome = await resolver.lookup("a-name-with-letters.test", types: [.a]).outcome
            return (outcome, resolver.servers().first)
        }
        #expect(outcome.addresses == [one])
        #expect(row?.counts.mismatches == 2)
        #expect(row?.keepsCase == true)
    }

    @Test("a server that is asked over TCP alone is seen to keep the case, or not to", arguments: [true, false])
    func caseOverTCP(keeps: Bool) async throws {
        let row = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                keeps ? .addresses([one]) : .forged(.spelling, FakeDNSServer.Reply(addresses: [one]))
            }
            let resolver = DNSResolver(reactor, asking: server.address, usesTCPOnly: true, clock: ManualClock())
            _ = try await resolver.lookup("a-name-with-letters.test", types: [.a]).value
            return resolver.servers().first
        }
        #expect(row?.keepsCase == keeps)
        #expect(row?.counts.datagrams == 0)
    }

    @Test("questions that are in flight together leave from several ports")
    func ports() async throws {
        let ports = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            for index in 0..<60 {
                resolver.lookup("h\(index).test", types: [.a]).addBoth { _ in }
                // Another turn.
                try await reactor.pass(.zero)
            }
            try await server.await(60, on: reactor)
            return Set(server.questions.map(\.client))
        }
        #expect(ports.count == 4)
    }

    @Test("one question after the other leaves from another port each time")
    func freshPorts() async throws {
        let ports = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one], ttl: 0) }
            let resolver = DNSResolver(reactor, asking: server.address)
            for _ in 0..<20 { _ = await resolver.lookup("h.test", types: [.a]).outcome }
            return Set(server.questions.map(\.client))
        }
        // The system may give a port again, but hardly all the time.
        #expect(ports.count > 10)
    }
}
