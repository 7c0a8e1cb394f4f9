// Lookups at DNS servers that others wrote: knot and bind (authoritative), unbound (recursive) and dnsmasq (forwarder).

import Bowline
import TestSupport
import Testing

@Suite("Lookups at real servers", .timeLimit(.minutes(10)))
struct RealServerLookupTests {
    /// Looks names up, all at once, at a server on 127.0.0.1.
    private func look(_ hosts: [String], types: [RecordType] = [.aaaa, .a], at port: UInt16) async throws -> [Outcome] {
        try await Reactor.run { reactor in
            let resolver = DNSResolver(reactor, asking: .ip(.v4(.loopback), port: port))
            let lookups = hosts.map { resolver.lookup($0, types: types) }
            var outcomes: [Outcome] = []
            for lookup in lookups { outcomes.append(await lookup.outcome) }
            return outcomes
        }
    }

    private static let records: String = {
        // As many as bind takes for a name, and more than a datagram does.
        let many = (0..<100).map { "many 60 A 192.0.2.\($0)" }
        let others = ["h 60 A 192.0.2.1", "h 60 AAAA 2001:db8::1", "alias 5 CNAME h", "text 60 TXT \"hi\""]
        return (others + many).joined(separator: "\n")
    }()

    @Test(
        "knot: both families, aliases, NODATA, NXDOMAIN, a long answer over TCP, and another's zone refused",
        .enabled(if: RealServer.isInstalled("knotd"), "knot is not installed"))
    func knot() async throws {
        try await checkAuthority(try #require(try RealServer.knot(zone: "example.test", records: Self.records)))
    }

    @Test(
        "bind: both families, aliases, NODATA, NXDOMAIN, a long answer over TCP, and another's zone refused",
        .enabled(if: RealServer.isInstalled("named"), "bind is not installed"))
    func bind() async throws {
        try await checkAuthority(try #require(try RealServer.bind(zone: "example.test", records: Self.records)))
    }

    private func checkAuthority(_ server: RealServer) async throws {
        defer { server.stop() }
        let hosts = ["h", "alias", "text", "missing", "many"].map { "\($0).example.test" } + ["h.other.test"]
        let outcomes = try await look(hosts, at: server.dnsPort)
        #expect(Set(outcomes[0].addresses ?? []) == [one, six])
        #expect(Set(outcomes[1].addresses ?? []) == [one, six])
        #expect(outcomes[1].answer?.questions.map(\.ttl) == [5, 5])
        #expect(outcomes[2].kind == .nodata)
        #expect(outcomes[3].kind == .nxdomain)
        #expect(outcomes[4].addresses?.count == 100)
        #expect(outcomes[4].answer?.questions.first { $0.type == .a }?.origin.usedTCP == true)
        #expect(outcomes[5].kind == .refused)
        let text = try await look(["text.example.test"], types: [.txt], at: server.dnsPort)
        #expect(text[0].answer?.questions.first?.records.map(\.data.description) == ["\"hi\""])
    }

    @Test(
        "unbound: what it was told, and NXDOMAIN for the rest",
        .enabled(if: RealServer.isInstalled("unbound"), "unbound is not installed"))
    func unbound() async throws {
        let server = try #require(
            try RealServer.unbound(localData: ["h.example.test. 60 A 192.0.2.1", "h.example.test. 60 AAAA 2001:db8::1"])
        )
        defer { server.stop() }
        let outcomes = try await look(["h.example.test", "missing.example.test"], at: server.dnsPort)
        #expect(Set(outcomes[0].addresses ?? []) == [one, six])
        #expect(outcomes[1].kind == .nxdomain)
    }

    @Test(
        "dnsmasq: what its hosts file says",
        .enabled(if: RealServer.isInstalled("dnsmasq"), "dnsmasq is not installed"))
    func dnsmasq() async throws {
        let server = try #require(try RealServer.dnsmasq(hosts: ["h.example.test": ["192.0.2.1", "2001:db8::1"]]))
        defer { server.stop() }
        let outcomes = try await look(["h.example.test"], at: server.dnsPort)
        #expect(Set(outcomes[0].addresses ?? []) == [one, six])
    }
}
