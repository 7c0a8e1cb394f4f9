// Many lookups, and lookups that are cancelled, stopped and begun where one wouldn't expect it: each has one outcome, and
// nothing stays behind.

import Bowline
import BowlineTesting
import Glibc
import Synchronization
import TestSupport
import Testing

// One at a time: some of them measure time, and others take all there is.
@Suite("Lookups", .serialized, .timeLimit(.minutes(10)))
struct ResolverLifeTests {
    /// More time than a slow machine needs for thousands of lookups at once.
    private static let ample: Duration = .seconds(60)

    @Test("10,000 lookups of one name send two queries")
    func coalescing() async throws {
        let (counts, questions, waiters) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                .delayed(by: .milliseconds(20), .addresses([one, six]))
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            let lookups = (0..<10_000).map { _ in resolver.lookup("h.test", timeout: Self.ample) }
            var counts: [Int] = []
            for lookup in lookups { counts.append(try await lookup.value.addresses.count) }
            let waiters = try await lookups[0].value.questions.map(\.origin.waiters)
            // On a machine that is slow enough a query is sent again, the same one.
            return (counts, Set(server.questions.map(\.id)).count, waiters)
        }
        #expect(counts.allSatisfy { $0 == 2 })
        #expect(questions == 2)
        #expect(waiters == [10_000, 10_000])
    }

    @Test("10,000 lookups of 10,000 names at once all succeed")
    func manyNames() async throws {
        let (failures, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one, six]) }
            let resolver = DNSResolver(reactor, asking: server.address)
            let lookups = (0..<10_000).map { resolver.lookup("h\($0).test", timeout: Self.ample) }
            var failures = 0
            for lookup in lookups where await lookup.outcome.addresses?.count != 2 { failures += 1 }
            return (failures, Set(server.questions.map { "\($0.name) \($0.type)" }).count)
        }
        #expect(failures == 0)
        #expect(questions == 20_000)
    }

    @Test("a server that hasn't answered yet is asked 64 questions, and the others wait their turn")
    func window() async throws {
        let (early, window, waiting, order) = try await Reactor.run { reactor in
            var order: [String] = []
            let server = try FakeDNSServer(reactor: reactor) { question in
                order.append(question.name.text)
                return .delayed(by: .milliseconds(20), .addresses([one]))
            }
            // Its clock stands still, so that nothing counts as late.
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            let lookups = (0..<350).map { resolver.lookup("h\($0).test", types: [.a]) }
            let before = try #require(resolver.servers().first)
            try await server.await(64, on: reactor)
            let early = order.count
            for lookup in lookups { _ = try await lookup.value }
            return (early, before.window, before.waiting, order)
        }
        #expect(early == 64)
        #expect(window == 64)
        #expect(waiting == 350 - 64)
        // Several ports lead to the server, and the system decides which is read first.
        #expect(Set(order) == Set((0..<350).map { "h\($0).test" }))
        #expect(order.count == 350)
    }

    @Test("after 100,000 lookups, one after the other or many at once, no descriptor is left")
    func descriptors() async throws {
        let (sockets, failures) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text.hasPrefix("t") && question.transport == .udp
                    ? .truncated(overTCP: .drop) : .addresses([one], ttl: 0)
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            var failures = 0
            for _ in 0..<1_000 where await resolver.lookup("h.test", types: [.a]).outcome.addresses == nil {
                failures += 1
            }
            for round in 0..<99 {
                let lookups = (0..<1_000).map { resolver.lookup("h\($0).test", types: [.a], timeout: Self.ample) }
                for lookup in lookups where await lookup.outcome.addresses == nil { failures += 1 }
                if round % 33 == 0 {
                    for index in 0..<5 {
                        _ = await resolver.lookup("t\(round)-\(index).test", types: [.a]).outcome
                    }
                    server.forgetQuestions()
                }
            }
            try await reactor.pass(.milliseconds(20))
            return (openSockets(to: server.address), failures)
        }
        #expect(failures == 0)
        #expect(sockets == 0)
    }

    @Test("a name that hangs delays no other")
    func hungName() async throws {
        let slowest = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "hung.test" ? .drop : .addresses([one])
            }
            // Its clock stands still: what waited for the hung one would never end.
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let hung = resolver.lookup("hung.test")
            var slowest = Duration.zero
            for index in 0..<200 {
                let started = clock.now
                _ = try await resolver.lookup("h\(index).test").value
                slowest = max(slowest, clock.now - started)
            }
            hung.cancel()
            return slowest
        }
        #expect(slowest == .zero)
    }

    @Test("a reactor that has looked up names is freed when it has stopped and nobody holds it")
    func freed() async throws {
        let isFreed = try await onThread {
            weak var freed: Reactor?
            do {
                let reactor = Reactor()
                freed = reactor
                let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
                reactor.resolver = DNSResolver(reactor, asking: server.address)
                reactor.callWhenRunning { [unowned reactor] in
                    reactor.resolver.lookup("h.test").addBoth { _ in reactor.stop() }
                }
                try reactor.run()
            }
            return freed == nil
        }
        #expect(isFreed)
    }

    @Test("a black hole of 5 s costs fewer than 50 turns")
    func blackHole() async throws {
        let (turns, kind, sendings) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address)
            let before = reactor.turnCount
            let outcome = await resolver.lookup("h.test", timeout: .seconds(5)).outcome
            return (reactor.turnCount - before, outcome.kind, server.questions.map(\.count))
        }
        #expect(turns < 50)
        #expect(kind == .timeout)
        // Sent three times for each of two types, and no more than that (RFC 9520).
        #expect(sendings.sorted() == [1, 1, 2, 2, 3, 3])
    }

    @Test("a TCP answer that doesn't come is asked for again after a second")
    func secondTry() async throws {
        let (outcome, elapsed) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                .truncated(overTCP: question.count == 2 ? .drop : .addresses([one]))
            }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let started = clock.now
            let lookup = resolver.lookup("h.test", types: [.a])
            try await server.await(2, on: reactor)
            clock.advance(by: .milliseconds(999))
            try await reactor.pass(.milliseconds(5))
            let early = server.questions.count
            #expect(early == 2)
            clock.advance(by: .milliseconds(1))
            return (await lookup.outcome, clock.now - started)
        }
        #expect(outcome.addresses == [one])
        #expect(elapsed == .seconds(1))
    }

    @Test("one who waits leaves, and the others get their answer")
    func leaving() async throws {
        let (left, stayed, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                .delayed(by: .milliseconds(20), .addresses([one]))
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            let lookups = (0..<3).map { _ in resolver.lookup("h.test", types: [.a]) }
            lookups[1].cancel()
            return (
                await lookups[1].outcome, [await lookups[0].outcome.addresses, await lookups[2].outcome.addresses],
                server.questions.count
            )
        }
        guard case .other("CancelledError") = left else {
            Issue.record("\(left)")
            return
        }
        #expect(stayed == [[one], [one]])
        #expect(questions == 1)
    }

    @Test("when all have left, a late answer is silent, but the cache has learnt from it")
    func lateAnswer() async throws {
        let (told, source) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                .delayed(by: .milliseconds(20), .addresses([one]))
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            var told = 0
            let lookup = resolver.resolve(LookupRequest("h.test", types: [.a])) { _ in told += 1 }
            lookup.addBoth { _ in }
            lookup.cancel()
            // However slow the machine is: nothing else ends what is in flight.
            while resolver.cache.count == 0 { try await reactor.pass(.milliseconds(1)) }
            return (told, try await resolver.lookup("h.test", types: [.a]).value.questions.first?.origin.source)
        }
        #expect(told == 0)
        #expect(source == .cache)
    }

    @Test("a second after all have left, c-ares is told to give up, and its sockets are closed")
    func abandoned() async throws {
        let sockets = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let lookups = (0..<150).map { resolver.lookup("h\($0).test") }
            for lookup in lookups {
                lookup.addBoth { _ in }
                lookup.cancel()
            }
            clock.advance(by: .milliseconds(999))
            try await reactor.pass(.milliseconds(5))
            let before = openSockets(to: server.address)
            clock.advance(by: .milliseconds(1))
            try await reactor.pass(.milliseconds(5))
            return [before, openSockets(to: server.address)]
        }
        #expect(sockets == [1, 0])
    }

    @Test("a resolver that goes takes along what it asked for the cache alone, and its sockets")
    func forgotten() async throws {
        let sockets = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            do {
                let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
                let lookup = resolver.lookup("h.test", types: [.a])
                lookup.addBoth { _ in }
                try await server.await(1, on: reactor)
                lookup.cancel()
            }
            try await reactor.pass(.milliseconds(5))
            return openSockets(to: server.address)
        }
        #expect(sockets == 0)
    }

    @Test("lookups from inside a callback, 1,000 deep, and from inside an answer")
    func reentrancy() async throws {
        let (depth, inner) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(reactor, asking: server.address)
            let done = Deferred<Int>()
            func next(_ number: Int) {
                resolver.lookup("h\(number).test", types: [.a]).addBoth { _ in
                    if number < 1_000 { next(number + 1) } else { done.callback(number) }
                }
            }
            next(1)
            let depth = try await done.value
            var inner: Deferred<LookupAnswer>?
            let request = LookupRequest("outer.test", types: [.a])
            _ = try await resolver.resolve(request) { _ in inner = resolver.lookup("inner.test") }.value
            return (depth, await inner?.outcome.addresses)
        }
        #expect(depth == 1_000)
        #expect(inner == [one])
    }

    @Test("everything may be cancelled from inside an answer, also the lookup that is being answered")
    func cancelInside() async throws {
        let outcomes = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one, six]) }
            let resolver = DNSResolver(reactor, asking: server.address)
            var lookups: [Deferred<LookupAnswer>] = []
            for index in 0..<20 {
                let request = LookupRequest(index % 2 == 0 ? "same.test" : "h\(index).test")
                lookups.append(resolver.resolve(request) { _ in for lookup in lookups { lookup.cancel() } })
            }
            var outcomes: [Outcome] = []
            for lookup in lookups { outcomes.append(await lookup.outcome) }
            let afterwards = await resolver.lookup("afterwards.test").outcome
            return outcomes + [afterwards]
        }
        #expect(Set(outcomes.last?.addresses ?? []) == [one, six])
        for outcome in outcomes.dropLast() {
            guard case .other("CancelledError") = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
    }

    @Test("the configuration is read anew from inside an answer, while queries are in flight")
    func reloadInside() async throws {
        let (outcomes, sockets) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                .delayed(by: .milliseconds(question.name.text.hasPrefix("slow") ? 30 : 0), .addresses([one]))
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            let slow = (0..<150).map { resolver.lookup("slow\($0).test", types: [.a]) }
            var outcomes: [Outcome] = []
            for index in 0..<20 {
                let request = LookupRequest("h\(index).test", types: [.a])
                outcomes.append(await resolver.resolve(request) { _ in resolver.reload() }.outcome)
            }
            for lookup in slow { outcomes.append(await lookup.outcome) }
            try await reactor.pass(.milliseconds(5))
            return (outcomes, openSockets(to: server.address))
        }
        #expect(outcomes.count == 170)
        #expect(sockets == 0)
        #expect(outcomes.allSatisfy { $0.addresses == [one] })
    }

    @Test("a resolver that is replaced while it is busy finishes its work")
    func replaced() async throws {
        let outcome = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                .delayed(by: .milliseconds(20), .addresses([one]))
            }
            reactor.resolver = DNSResolver(reactor, asking: server.address)
            let lookup = reactor.resolver.lookup("h.test", types: [.a])
            reactor.resolver = DNSResolver(reactor)
            return await lookup.outcome
        }
        #expect(outcome.addresses == [one])
    }

    @Test(
        "a reactor that stops fails what is in flight with ReactorStopped, and leaves no socket",
        arguments: [false, true])
    func stop(isReplaced: Bool) async throws {
        let log = Mutex<[String]>([])
        let (server, inFlight) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "stop.test" ? .addresses([one]) : .truncated(overTCP: .drop)
            }
            // Its clock stands still: nothing is sent again or given up, however slow the machine is.
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            reactor.resolver = resolver
            // No more than the window of a server that is new lets out at once.
            for index in 0..<20 {
                resolver.lookup("h\(index).test").onResult { result in
                    guard case .failure(let error) = result else { return }
                    log.withLock { $0.append("\(type(of: error))") }
                    // What is begun now fails too, and holds nothing up.
                    resolver.lookup("late\(index).test").addBoth { result in
                        guard case .failure(let error) = result else { return }
                        log.withLock { $0.append("late \(type(of: error))") }
                    }
                }.addBoth { _ in }
            }
            if isReplaced { reactor.resolver = DNSResolver(reactor) }
            try await reactor.pass(.milliseconds(10))
            // From inside an answer: the body ends, and with it the reactor.
            let inFlight = openSockets(to: server.address)
            _ = try await resolver.resolve(LookupRequest("stop.test", types: [.a])) { _ in reactor.stop() }.value
            return (server.address, inFlight)
        }
        let lines = log.withLock { $0 }
        #expect(lines.count { $0 == "ReactorStopped" } == 20)
        #expect(lines.count { $0 == "late ReactorStopped" } == 20)
        #expect(inFlight == 2)
        #expect(openSockets(to: server) == 0)
    }

    @Test("who is told that the reactor stops may give up all others", arguments: [false, true])
    func giveUpWhenStopped(areImpatient: Bool) async throws {
        let log = Mutex<[String]>([])
        try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address)
            var waiting: [Deferred<LookupAnswer>] = []
            for index in 0..<8 {
                // One with less patience than those before it stands elsewhere.
                let timeout = Duration.seconds(areImpatient ? 20 - index : 20)
                let deferred = resolver.lookup("h\(index).test", types: [.a], timeout: timeout)
                waiting.append(deferred)
            }
            for deferred in waiting {
                deferred.addBoth { result in
                    guard case .failure(let error) = result else { return }
                    log.withLock { $0.append("\(type(of: error))") }
                    for other in waiting { other.cancel() }
                }.addBoth { _ in }
            }
            try await reactor.pass(.milliseconds(10))
        }
        let lines = log.withLock { $0 }
        #expect(lines.count { $0 == "ReactorStopped" } == 1)
        #expect(lines.count { $0 == "CancelledError" } == 7)
    }

    @Test("a reactor that runs again looks names up again")
    func restart() async throws {
        try await Task.detached {
            let reactor = Reactor()
            for _ in 0..<3 {
                var addresses: [IPAddress]?
                reactor.spawn {
                    do {
                        let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one], ttl: 0) }
                        reactor.resolver = DNSResolver(reactor, asking: server.address)
                        addresses = await reactor.resolver.lookup("h.test", types: [.a]).outcome.addresses
                    } catch {}
                    reactor.stop()
                }
                try reactor.run()
                #expect(addresses == [one])
            }
        }.value
    }
}
