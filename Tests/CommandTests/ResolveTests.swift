import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Resolving", .timeLimit(.minutes(10)))
struct ResolveTests {
    private let servers: Servers

    init() throws { servers = try Servers() }

    private func json(_ arguments: String...) throws -> JSONValue {
        let output = try command(["resolve"] + servers.names + ["--json"] + arguments)
        #expect(output.stderr == "")
        return try #require(try output.json().first)
    }

    @Test("a name is reported with every key of the contract")
    func success() throws {
        let line = try json("alias.test")
        #expect(
            line.keys == [
                "name", "ok", "source", "server", "tries", "tcp", "rcode", "ede", "addresses", "answers", "cnames",
                "questions", "ttl", "duration_ms", "error", "cache",
            ])
        #expect(line["name"] == "alias.test")
        #expect(line["ok"] == true)
        #expect(line["source"] == "network")
        #expect(line["addresses"] == ["127.0.0.1"])
        #expect(line["cnames"] == [["name": "alias.test", "target": "w.test", "ttl": 60]])
        #expect(line["ttl"] == 60)
        #expect(line["questions"]?.array.count == 2)
        #expect(line["error"] == .null)
    }

    @Test("--type asks for these types only")
    func types() throws {
        let line = try json("--type", "txt", "text.test")
        #expect(line["ok"] == true)
        #expect(line["answers"]?[0]?["type"] == "TXT")
        #expect(line["answers"]?[0]?["data"]?.string?.contains("hello") == true)
        #expect(line["addresses"] == [])
        #expect(servers.questions.map { "\($0.type)" } == ["TXT"])
    }

    @Test("-4 leaves the other family out")
    func family() throws {
        _ = try json("-4", "both.test")
        #expect(servers.questions.map { "\($0.type)" } == ["A"])
    }

    @Test("a pin holds for a name alone, too")
    func pin() throws {
        let line = try json("--resolve", "nowhere.test:80:192.0.2.1,2001:db8::1", "nowhere.test")
        #expect(line["source"] == "pin")
        #expect(line["addresses"] == ["192.0.2.1", "2001:db8::1"])
        #expect(servers.questions.isEmpty)
    }

    @Test("an address is its own answer")
    func literal() throws {
        #expect(try json("::1")["source"] == "literal")
    }

    struct Row: Sendable {
        let arguments: [String]
        let phase: String
        let code: String
        let exit: CInt
    }

    @Test(
        "each failure has its code",
        arguments: [
            Row(arguments: ["nowhere.test"], phase: "dns", code: "nxdomain", exit: 6),
            Row(arguments: ["empty.test"], phase: "dns", code: "nodata", exit: 6),
            Row(arguments: ["failing.test"], phase: "dns", code: "servfail", exit: 6),
            Row(arguments: ["--dns-timeout", "0.2", "hung.test"], phase: "dns", code: "timeout", exit: 28),
            Row(arguments: ["-m", "0.2", "hung.test"], phase: "dns", code: "deadline", exit: 28),
            Row(arguments: ["a b"], phase: "target", code: "bad-target", exit: 3),
            Row(arguments: [""], phase: "target", code: "bad-target", exit: 3),
        ])
    func failures(row: Row) throws {
        let output = try command(["resolve", "--json"] + servers.names + row.arguments)
        #expect(output.exitCode == row.exit)
        let line = try #require(try output.json().first)
        #expect(line["ok"] == false)
        #expect(line["error"]?["phase"] == .string(row.phase))
        #expect(line["error"]?["code"] == .string(row.code))
        let text = try command(["resolve"] + servers.names + row.arguments)
        #expect(text.exitCode == row.exit)
        #expect(text.complaints.count == 1)
    }

    @Test("what came, though malformed, is from its server; where nothing can come, it was asked")
    func asked() throws {
        let record = FakeDNSServer.Record("h.test", .a, data: [127, 0, 0])
        let malformed = try Servers { _ in .records([record]) }
        let came = try command(["resolve", "-4"] + malformed.names + ["h.test"])
        #expect(came.stdout.contains("a malformed answer, from 127.0.0.1:\(malformed.dnsPort) over UDP"))
        let dead = "127.0.0.1:\(Loopback.deadPort)"
        let nobody = try command(["resolve", "-4", "--dns-server", dead, "h.test"])
        #expect(nobody.stdout.contains("no server can be reached, asked \(dead) over UDP"))
    }

    @Test(
        "an address of the family that isn't wanted is called one",
        arguments: [
            ("-4", "::1", "an IPv6 address, and has no A"), ("-6", "127.0.0.1", "an IPv4 address, and has no AAAA"),
        ])
    func otherFamily(flag: String, address: String, words: String) throws {
        let output = try command(["resolve", flag] + servers.names + [address])
        #expect(output.exitCode == 6)
        #expect(output.stderr == "resolve-and-fetch: \(address) is \(words) record\n")
        #expect(output.stdout.contains("no record of this type, the text is an address"))
        #expect(servers.questions.isEmpty)
    }

    @Test("several names are 1 if any failed")
    func several() throws {
        let output = try command(["resolve", "--json"] + servers.names + ["h.test", "nowhere.test"])
        #expect(try output.json().count == 2)
        #expect(output.exitCode == 1)
    }

    @Test("text explains each answer: source, server, tries, transport, aliases, rcode, the server's reason")
    func text() throws {
        let output = try command(["resolve"] + servers.names + ["alias.test", "big.test", "failing.test", "127.0.0.1"])
        for word in [
            "alias.test → w.test  ttl 60 s", "127.0.0.1  ttl 300 s",
            "from 127.0.0.1:\(servers.dnsPort) over UDP in ", "over TCP", "NOERROR, 1 try", "the server failed",
            "SERVFAIL", "the text is an address", "cached 60 s from the server, ", "cached kept for 1 s, ",
        ] {
            #expect(output.stdout.contains(word), "\(word)")
        }
    }

    @Test("a server that is down or silent before the one that answers is told of")
    func laggards() throws {
        let silent = try Servers { _ in .drop }
        let output = try command(
            ["resolve", "--no-cache", "--dns-server", "127.0.0.1:\(Loopback.deadPort)"] + silent.names + servers.names
                + ["h.test"])
        #expect(output.exitCode == 0)
        #expect(output.stdout.contains("127.0.0.1:\(Loopback.deadPort): refused or broken off"))
        #expect(output.stdout.contains("127.0.0.1:\(silent.dnsPort): no answer"))
    }
}
