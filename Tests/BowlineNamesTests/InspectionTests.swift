// What a resolver shows of itself: one snapshot, true at its instant.

import Bowline
import BowlineTesting
import Testing

@Suite("Looking into a resolver", .timeLimit(.minutes(10)))
struct InspectionTests {
    @Test("a question in flight is shown with whom it asks and who waits, and no more once it is answered")
    func inFlight() async throws {
        let (during, after, server) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .delayed(by: .milliseconds(20), .addresses([one])) }
            let resolver = DNSResolver(reactor, asking: server.address)
            let first = resolver.lookup("h.test", types: [.a])
            let second = resolver.lookup("h.test", types: [.a])
            let during = resolver.snapshot(now: reactor.now)
            _ = try await first.value
            _ = try await second.value
            return (during, resolver.snapshot(now: reactor.now), server.address)
        }
        let question = try #require(during.inFlight.first)
        #expect(during.inFlight.count == 1)
        #expect(question.name == (try DomainName("h.test")))
        #expect(question.waiters == 2)
        #expect(question.servers == [server])
        #expect(during.entries.isEmpty)
        #expect(after.inFlight.isEmpty)
        #expect(after.entries.map(\.data) == [[.address(one)]])
        #expect(after.servers.map(\.address) == [server])
    }

    @Test("what a lookup waits for is told from what others ask below the same label, also when the reactor stops")
    func inFlightForHost() async throws {
        let (short, absolute, unknown, stopped) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            configuration.search = [try DomainName("corp.test")]
            let resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            func names(_ host: String) -> [String] { resolver.inFlight(for: host).map(\.name.text) }
            #expect(names("aa") == [])
            // The deeper one is the older one, and so the first of all.
            for host in ["aa.other.test.", "aa"] {
                resolver.lookup(host, types: [.a]).addErrback { _ in
                    LookupAnswer(name: nil, questions: [], elapsed: .zero)
                }
            }
            var stopped: [String] = []
            resolver.lookup("late.test.", types: [.a]).addBoth { _ in stopped = names("aa") }
            let told = (names("aa"), names("aa."), names("b d"))
            resolver.reactorStopped()
            return (told.0, told.1, told.2, stopped)
        }
        #expect(short == ["aa.corp.test"])
        #expect(absolute == [])
        #expect(unknown == [])
        #expect(stopped == ["aa.corp.test"])
    }

    @Test("pins stand in the same table as what was learnt, and decide for their port")
    func pins() async throws {
        let (snapshot, plain, pinned, wild) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let pins = [
                Pin(host: "H.test", port: 80, addresses: [two, six]), Pin(host: "*", port: 81, addresses: [two]),
            ]
            let resolver = DNSResolver(reactor, asking: server.address, pins: pins)
            _ = try await resolver.lookup("h.test", types: [.a]).value
            return (
                resolver.snapshot(now: reactor.now), resolver.explain("h.test"), resolver.explain("h.test", port: 80),
                resolver.explain("w.test", port: 81)
            )
        }
        #expect(snapshot.entries.map(\.state) == [.pinned, .pinned, .pinned, .fresh])
        #expect(snapshot.entries.map(\.port) == [80, 80, 81, nil])
        #expect(snapshot.entries.map(\.name.text) == ["h.test", "h.test", "*", "h.test"])
        #expect(snapshot.entries.map(\.data) == [[.address(six)], [.address(two)], [.address(two)], [.address(one)]])
        #expect(plain.source == .cache && plain.addresses == [one] && plain.entries.count == 4)
        #expect(pinned.source == .pin && pinned.addresses == [two, six])
        #expect(wild.source == .pin && wild.addresses == [two] && wild.entries.map(\.state) == [.pinned])
    }

    @Test("an explanation tells what is served stale or fails from what would be asked for")
    func staleAndFailed() async throws {
        let sources = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(reactor, asking: server.address)
            var known = DNSAnswer(outcome: .answer)
            known.addresses = [one]
            known.ttl = 60
            let name = DomainName(canonical: "old.test")
            resolver.cache.store(known, for: name, .a, origin: AnswerOrigin(), now: reactor.now + .seconds(-61))
            let expired = resolver.explain("old.test")
            let failure = LookupError(.timeout, name: name, types: [.a])
            resolver.cache.noteFailure(failure, for: name, .a, now: reactor.now)
            let stale = resolver.explain("old.test")
            let other = DomainName(canonical: "bad.test")
            resolver.cache.noteFailure(failure, for: other, .a, now: reactor.now)
            let failed = resolver.explain("bad.test")
            return [expired, stale, failed].map { ($0.source, $0.addresses, $0.entries.map(\.state)) }
        }
        #expect(sources.map(\.0) == [.network, .stale, .cache])
        #expect(sources.map(\.1) == [[], [one], []])
        #expect(sources.map(\.2) == [[.stale], [.stale], [.failed]])
    }

    @Test("an explanation says where the next lookup would get its answer")
    func explain() async throws {
        let sources = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(
                reactor, asking: server.address, hosts: HostsFile(contents: "192.0.2.2 gate.test\n"))
            let before = resolver.explain("h.test")
            _ = try await resolver.lookup("h.test", types: [.a]).value
            let names = ["h.test", "192.0.2.9", "gate.test", "localhost", "x.onion"]
            return [before.source] + names.map { resolver.explain($0).source }
        }
        #expect(sources == [.network, .cache, .literal, .hosts, .special, .special])
    }
}
