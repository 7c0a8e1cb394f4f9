// What a resolver shows of itself: one snapshot, true at its instant.

import Bowline
import BowlineTesting
import Testing

@Suite("Looking into a resolver", .timeLimit(.minutes(1)))
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
