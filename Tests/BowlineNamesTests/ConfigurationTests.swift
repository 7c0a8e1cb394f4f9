// The system's files and the names that are answered here.

import Bowline
import Glibc
import Testing

@Suite("A name of special use")
struct SpecialNamesTests {
    @Test(
        "is told from ordinary ones",
        arguments: [
            ("localhost", SpecialNames.Verdict.loopback), ("LOCALHOST.", .loopback), ("foo.LocalHost", .loopback),
            ("a.b.localhost.", .loopback), ("notlocalhost", .ordinary), ("localhost.test", .ordinary),
            ("localhost.localdomain", .ordinary), ("invalid", .nonexistent(rfc: 6761)),
            ("A.INVALID.", .nonexistent(rfc: 6761)), ("x.onion", .nonexistent(rfc: 7686)),
            ("onion", .nonexistent(rfc: 7686)),
            ("union", .ordinary), ("printer.local", .ordinary), ("x.svc.cluster.local", .ordinary),
            ("router.home.arpa", .ordinary), ("x.alt", .ordinary), ("x.test", .ordinary), ("x.example", .ordinary),
            (".", .ordinary),
        ])
    func verdict(name: String, verdict: SpecialNames.Verdict) throws {
        #expect(SpecialNames.verdict(on: try DomainName(name)) == verdict)
    }

    @Test("that is one label with a dot in it is ordinary")
    func escaped() throws {
        #expect(SpecialNames.verdict(on: try DomainName(escaped: "a\\.localhost")) == .ordinary)
    }

    @Test("for this machine has both families")
    func loopback() {
        #expect(SpecialNames.loopback(.ipv4).description == "127.0.0.1")
        #expect(SpecialNames.loopback(.ipv6).description == "::1")
    }
}

@Suite("A hosts file")
struct HostsFileTests {
    private let hosts = HostsFile(
        contents: """
            \u{FEFF}127.0.0.1 localhost
            192.0.2.1\tGate.test gate   # the gateway
            2001:db8::1 gate.test.\r
            192.0.2.2 gate.test gate.test
              192.0.2.3   indented
            # 192.0.2.9 commented
            192.0.2.4
            192.0.2 short.test
            not-an-address name.test
            192.0.2.5 bad..name good.test #192.0.2.6 x
            fe80::1%lo linklocal.test
            fe80::1%nosuchif0 lost.test
            192.0.2.7 bücher.test under_score.test\r
            """)

    private func addresses(_ name: String, _ family: AddressFamily? = nil) throws -> [String] {
        hosts.addresses(of: try DomainName(name), family: family).map(\.description)
    }

    @Test("gives all addresses of a name, in any case, by family")
    func lookup() throws {
        #expect(try addresses("GATE.test.") == ["192.0.2.1", "2001:db8::1", "192.0.2.2"])
        #expect(try addresses("gate.test", .ipv4) == ["192.0.2.1", "192.0.2.2"])
        #expect(try addresses("gate.test", .ipv6) == ["2001:db8::1"])
        #expect(try addresses("gate") == ["192.0.2.1"])
        #expect(try addresses("gate", .ipv6) == [])
        #expect(hosts.contains(try DomainName("gate")))
        #expect(try addresses("localhost") == ["127.0.0.1"])
    }

    @Test("skips what is no line of a hosts file, and no more")
    func malformed() throws {
        #expect(try addresses("indented") == ["192.0.2.3"])
        for name in ["commented", "short.test", "name.test", "x", "lost.test"] {
            #expect(!hosts.contains(try DomainName(name)), "\(name)")
        }
        #expect(try addresses("good.test") == ["192.0.2.5"])
        #expect(try addresses("xn--bcher-kva.test") == ["192.0.2.7"])
        #expect(try addresses("under_score.test") == ["192.0.2.7"])
    }

    @Test("keeps the zone of an address")
    func zone() throws {
        let index = if_nametoindex("lo")
        #expect(try addresses("linklocal.test") == ["fe80::1%\(index)"])
    }

    @Test("of random octets is read without harm")
    func garbage() {
        var generator = SeededGenerator(state: 3)
        for _ in 0..<200 {
            let octets = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = HostsFile(contents: octets)
            _ = ResolverConfiguration(contents: octets)
        }
    }

    @Test("is read from disk; one that is missing or no file is empty")
    func load() throws {
        let path = "/tmp/bowline-hosts-\(getpid())"
        let file = try #require(fopen(path, "w"))
        // Larger than one read, so that the reading loops.
        for index in 0..<2_000 { fputs("192.0.2.1 name\(index).test\n", file) }
        fclose(file)
        defer { unlink(path) }
        #expect(HostsFile.load(path: path).count == 2_000)
        #expect(HostsFile.load(path: path + "-missing").count == 0)
        #expect(HostsFile.load(path: "/tmp").count == 0)
        #expect(HostsFile.load(path: "/dev/zero").count == 0)
        #expect(HostsFile.load(path: "/proc/self/status").count == 0)
        #expect(ResolverConfiguration.load(path: path + "-missing") == ResolverConfiguration())
        #expect(ResolverConfiguration.load(path: "/dev/null").servers == [ResolverConfiguration.defaultServer])
    }
}

@Suite("The resolver's configuration")
struct ResolverConfigurationTests {
    @Test("is read from resolv.conf")
    func whole() throws {
        let configuration = ResolverConfiguration(
            contents: """
                # a comment
                ; another
                domain first.test
                nameserver 192.0.2.53
                nameserver 2001:db8::53   # behind the address
                nameserver 192.0.2.53
                nameserver fe80::1%1
                nameserver [2001:db8::54]:5353
                nameserver 192.0.2.55:5300
                nameserver dns.test
                search Corp.test b.test\r
                options ndots:2 timeout:3 attempts:4 rotate use-vc edns0 single-request
                options trust-ad inet6 ndots:x timeout:
                sortlist 130.155.160.0/255.255.240.0
                """)
        #expect(
            configuration.servers.map(\.description) == [
                "192.0.2.53:53", "[2001:db8::53]:53", "[fe80::1%1]:53", "[2001:db8::54]:5353", "192.0.2.55:5300",
            ])
        #expect(configuration.search.map(\.text) == ["corp.test", "b.test"])
        #expect(configuration.ndots == 2)
        #expect(configuration.timeout == .seconds(3))
        #expect(configuration.attempts == 4)
        #expect(
            configuration.rotates && configuration.usesTCPOnly && configuration.usesEDNS && configuration.singleRequest)
        #expect(
            configuration.ignored == [
                "nameserver dns.test", "trust-ad", "inet6", "ndots:x", "timeout:",
                "sortlist 130.155.160.0/255.255.240.0",
            ])
    }

    @Test(
        "without servers asks this machine", arguments: ["", "\n", "nameserver\n", "domain\nsearch\n", "nameserver x"])
    func empty(text: String) {
        let configuration = ResolverConfiguration(contents: text)
        #expect(configuration.servers.map(\.description) == ["127.0.0.1:53"])
        #expect(configuration.search.isEmpty)
        #expect(configuration.ndots == 1)
        #expect(configuration.timeout == nil)
    }

    @Test("takes the last of domain and search")
    func lastWins() {
        #expect(ResolverConfiguration(contents: "search a b\ndomain c d").search.map(\.text) == ["c"])
        #expect(ResolverConfiguration(contents: "domain c\nsearch a . b").search.map(\.text) == ["a", "b"])
    }

    @Test("keeps options within the limits of resolv.conf(5)")
    func limits() {
        let configuration = ResolverConfiguration(contents: "options ndots:99 timeout:99 attempts:99")
        #expect(configuration.ndots == 15)
        #expect(configuration.timeout == .seconds(30))
        #expect(configuration.attempts == 5)
        let low = ResolverConfiguration(contents: "options ndots:0 timeout:0 attempts:0 timeout:99999999999999999999")
        #expect(low.ndots == 0)
        #expect(low.timeout == .seconds(1))
        #expect(low.attempts == 1)
    }

    @Test(
        "refuses what is no server",
        arguments: [
            "", "dns.test", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:+1", "[::1", "[::1]x", "[::1]:",
            "::1:", "[192.0.2.1]:53",
        ])
    func noServer(text: String) {
        #expect(ResolverConfiguration.server(text) == nil)
    }

    @Test(
        "says which names to ask for a text",
        arguments: [
            ("h", 1, ["h.a.test", "h.b.test", "h"]), ("h.", 1, ["h"]), ("x.h", 1, ["x.h", "x.h.a.test", "x.h.b.test"]),
            ("x.h", 2, ["x.h.a.test", "x.h.b.test", "x.h"]), ("X.H.", 5, ["x.h"]),
        ])
    func candidates(text: String, ndots: Int, names: [String]) throws {
        var configuration = ResolverConfiguration(contents: "search a.test b.test")
        configuration.ndots = ndots
        #expect(try configuration.candidates(for: text).map(\.text) == names)
    }
}

@Suite("A lookup's error")
struct LookupErrorTests {
    private let name = Packet.name("h.test")
    private let server = SocketAddress.ip(.v4(.loopback), port: 53)

    @Test("is one line that says what happened, who said so and what to do")
    func texts() {
        let cases: [(LookupError, String)] = [
            (
                LookupError(
                    .nxdomain, name: name, types: [.a], responseCode: .nxdomain,
                    servers: [.init(server: server, kind: .nxdomain, responseCode: .nxdomain)], attempts: 1),
                "no such name: h.test (NXDOMAIN from 127.0.0.1:53); check the spelling"
            ),
            (
                LookupError(.nxdomain, name: Packet.name("x.invalid"), types: [.a], source: .special),
                "no such name: x.invalid (a special name, answered here)"
            ),
            (LookupError(.nodata, name: name, types: [.aaaa, .a]), "h.test exists but has no AAAA or A record"),
            (
                LookupError(
                    .servfail, name: name, types: [.a], responseCode: .servFail,
                    extendedErrors: [ExtendedError(code: 15, text: "a\nb")],
                    servers: [.init(server: server, kind: .servfail, responseCode: .servFail)], attempts: 3),
                "the lookup of h.test failed at the DNS server (SERVFAIL from 127.0.0.1:53, 3 attempts); "
                    + "the server says: Blocked (15): a b; try again later, or ask another server"
            ),
            (
                LookupError(
                    .timeout, name: name, types: [.a], servers: [.init(server: server, kind: .timeout)], attempts: 2,
                    elapsed: .milliseconds(4500)),
                "no answer to the lookup of h.test within 4.5 s (127.0.0.1:53, 2 attempts); check that the server is right and reachable"
            ),
            (
                LookupError(.noServer, name: name, types: [.a]),
                "no DNS server to ask for h.test; check that the server is right and reachable"
            ),
            (
                LookupError(
                    .malformed, name: name, types: [.a],
                    servers: [.init(server: server, kind: .malformed, detail: "\(WireError.aliasLoop)")], attempts: 1),
                "the DNS server's answer for h.test is malformed (127.0.0.1:53: its aliases (CNAME) form a loop)"
            ),
            (LookupError(.cancelled, name: name, types: [.a]), "the lookup of h.test was cancelled"),
        ]
        for (error, text) in cases { #expect("\(error)" == text) }
        for kind in LookupError.Kind.allCases {
            #expect(!"\(LookupError(kind, name: name, types: []))".contains("\n"))
        }
    }
}
