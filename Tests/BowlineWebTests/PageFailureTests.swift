// Servers that misbehave: each ends in one outcome, with the phase and the code that scripts know, and the same whether
// its bytes come at once or one by one.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

struct Misbehaviour: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let ending: HTTPResponder.Ending
    let expected: String

    init(_ name: String, _ text: String, then ending: HTTPResponder.Ending = .close, _ expected: String) {
        testDescription = name
        bytes = Array(text.utf8)
        self.ending = ending
        self.expected = expected
    }

    /// A response of status 200 with these field lines and this body.
    static func ok(
        _ name: String, _ fields: String, _ body: String, then ending: HTTPResponder.Ending = .close, _ expected: String
    ) -> Misbehaviour {
        Misbehaviour(name, "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(body)", then: ending, expected)
    }
}

private let misbehaviours: [Misbehaviour] = [
    .ok(
        "length and chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "200 hello"),
    .ok("equal lengths", "Content-Length: 5\r\nContent-Length: 5", "hello", "200 hello"),
    .ok("equal lengths in one field", "Content-Length: 5, 5", "hello", "200 hello"),
    .ok("differing lengths", "Content-Length: 5\r\nContent-Length: 4", "hello", "http/malformed"),
    .ok("differing lengths in one field", "Content-Length: 5, 4", "hello", "http/malformed"),
    .ok("signed length", "Content-Length: +5", "hello", "http/malformed"),
    .ok("negative length", "Content-Length: -5", "hello", "http/malformed"),
    .ok("hexadecimal length", "Content-Length: 0x5", "hello", "http/malformed"),
    .ok("length of 2^63-1", "Content-Length: 9223372036854775807", "hello", "http/too-large"),
    .ok("length of 2^64", "Content-Length: 18446744073709551616", "hello", "http/too-large"),
    .ok("chunked, identity", "Transfer-Encoding: chunked, identity", "hello", "200 hello"),
    .ok("compressed and chunked", "Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n", "http/encoding"),
    .ok("compressed", "Transfer-Encoding: X-Deflate, DEFLATE", "hello", "http/encoding"),
    .ok("compressed, and nothing comes", "Transfer-Encoding: gzip", "", then: .stall, "http/encoding"),
    .ok("xchunked", "Transfer-Encoding: xchunked", "hello", "200 hello"),
    .ok("chunk size overflow", "Transfer-Encoding: chunked", "fffffffffffffffff\r\nx", "http/too-large"),
    .ok("chunk size of no digits", "Transfer-Encoding: chunked", "\r\nhello", "http/malformed"),
    .ok("missing last chunk", "Transfer-Encoding: chunked", "5\r\nhello\r\n", "receive/truncated"),
    .ok("trailers", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", "200 hello"),
    .ok("bare LF in chunk framing", "Transfer-Encoding: chunked", "5\nhello\n0\n\n", "http/malformed"),
    Misbehaviour("bare LF in the head", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "200 hello"),
    .ok("bare CR in a field", "X: a\rb", "", "http/malformed"),
    .ok("NUL in a field", "X: a\0b", "", "http/malformed"),
    .ok("a folded field", "X: a\r\n b\r\nContent-Length: 2", "ok", "200 ok"),
    Misbehaviour("a body on 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "204 "),
    Misbehaviour("a body on 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "304 "),
    Misbehaviour(
        "101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello", "http/malformed"),
    Misbehaviour(
        "101 unasked, and the connection stands", "HTTP/1.1 101 Sure\r\n\r\nhello", then: .stall, "http/malformed"),
    Misbehaviour(
        "interim responses",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok"),
    Misbehaviour(
        "interim responses without end", String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 40), "http/too-large"),
    Misbehaviour("an interim response only", "HTTP/1.1 100 Continue\r\n\r\n", "receive/truncated"),
    .ok(
        "two responses in one segment", "Content-Length: 3", "oneHTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\ntwo",
        "200 one"),
    .ok("bytes after the end, and the connection stands", "Content-Length: 2", "ok?!", then: .stall, "200 ok"),
    Misbehaviour("HTTP/0.9", "<html>hello</html>", "http/malformed"),
    Misbehaviour("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "http/malformed"),
    Misbehaviour("another protocol", "SSH-2.0-OpenSSH_9.2\r\n", then: .stall, "http/malformed"),
    Misbehaviour(
        "HTTP/1.0 with chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "http/malformed"),
    Misbehaviour("status 99", "HTTP/1.1 099 Odd\r\n\r\n", "http/malformed"),
    Misbehaviour("status 799", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", "799 "),
    Misbehaviour("nothing, closed", "", "receive/empty"),
    Misbehaviour("nothing, reset", "", then: .reset, "receive/reset"),
    Misbehaviour("closed in the status line", "HTTP/1.1 20", "receive/truncated"),
    Misbehaviour("closed in a field", "HTTP/1.1 200 OK\r\nContent-", "receive/truncated"),
    .ok("closed in the body", "Content-Length: 10", "hello", "receive/truncated"),  // W126
    .ok("closed before the body", "Content-Length: 10", "", "receive/truncated"),
    .ok("reset in the body", "Content-Length: 10", "hello", then: .reset, "receive/reset"),
    .ok("reset in a body without length", "X: y", "hello", then: .reset, "receive/reset"),
    .ok("a body that ends with the connection", "X: y", "hello", "200 hello"),
    .ok("an empty body that ends with the connection", "X: y", "", "200 "),
    .ok("no body, and the connection stands", "Content-Length: 0", "", then: .stall, "200 "),
]

private let largeMisbehaviours: [Misbehaviour] = [
    .ok(
        "a chunk extension of 1 MB", "Transfer-Encoding: chunked", "5;" + String(repeating: "x", count: 1 << 20),
        "http/too-large"),
    .ok("100,000 fields", String(repeating: "X: y\r\n", count: 100_000) + "Z: z", "", "http/too-large"),
    Misbehaviour(
        "a field without end", "HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 1 << 20), "http/too-large"),
    Misbehaviour(
        "a status line without end", "HTTP/1.1 200 " + String(repeating: "y", count: 1 << 20), "http/too-large"),
    .ok("a body over the limit", "X: y", String(repeating: "x", count: 2 << 20), "http/too-large"),
    .ok(
        "a chunked body over the limit", "Transfer-Encoding: chunked",
        String(repeating: "8000\r\n\(String(repeating: "x", count: 0x8000))\r\n", count: 40), "http/too-large"),
    .ok("a length over the limit", "Content-Length: 1048577", "", then: .stall, "http/too-large"),
]

@Suite("Servers that misbehave")
struct PageFailureTests {
    @Test("each has one outcome, and no connection is left", arguments: misbehaviours)
    func outcomes(_ server: Misbehaviour) async throws {
        for pieces in [nil, 1, 7] {
            let (found, left) = try await onReactor { reactor in
                let port = try port(reactor, sending: server.bytes, then: server.ending, pieces: pieces)
                let found = await outcome(reactor, "http://127.0.0.1:\(port)/")
                reactor.agent.closeIdleConnections()
                try await reactor.deferLater(.milliseconds(2)) {}.value
                return (found, connectedSockets(to: port))
            }
            #expect(found == server.expected, "pieces: \(pieces ?? 0)")
            #expect(left == 0)
        }
    }

    @Test("what is too large is refused when that is seen, and not read to its end", arguments: largeMisbehaviours)
    func limits(_ server: Misbehaviour) async throws {
        let found = try await onReactor { reactor in
            var request = PageRequest(
                "http://127.0.0.1:\(try port(reactor, sending: server.bytes, then: server.ending))/")
            request.limits.bodyBytes = 1 << 20
            return await outcome(reactor, request)
        }
        #expect(found == server.expected)
    }

    @Test("a switch to another protocol that was asked for is the result, and its bytes are nobody's")
    func upgrade() async throws {
        let bytes = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello".utf8)
        let (found, left) = try await onReactor { reactor in
            let port = try port(reactor, sending: bytes, then: .stall)
            var request = PageRequest("http://127.0.0.1:\(port)/")
            request.fields = [("Connection", "upgrade"), ("upgrade", "x")]
            let found = await outcome(reactor, request)
            try await until(reactor) { connectedSockets(to: port) == 0 }
            return (found, reactor.agent.snapshot().connectionCount)
        }
        #expect(found == "101 ")
        #expect(left == 0)
    }

    @Test("a body as large as the limit is taken")
    func exactLimit() async throws {
        let found = try await onReactor { reactor in
            let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody".utf8)
            var request = PageRequest("http://127.0.0.1:\(try port(reactor, sending: bytes))/")
            request.limits.bodyBytes = 4
            return await outcome(reactor, request)
        }
        #expect(found == "200 body")
    }

    @Test("an error says in one line what happened where")
    func lines() async throws {
        let (lines, port) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                switch request.target {
                case "/short": .cut(after: 45, .respond(.init("hello, world")), then: .close)
                case "/empty": .close
                case "/reset": .reset
                default: .raw(Array("220 smtp.test ESMTP\r\n".utf8))
                }
            }
            var lines: [String] = []
            for path in ["/short", "/empty", "/reset", "/"] {
                lines.append("\(try await failure(reactor, PageRequest("http://127.0.0.1:\(server.port)\(path)")))")
            }
            return (lines, server.port)
        }
        let place = "http://127.0.0.1:\(port)"
        #expect(lines[0].hasPrefix("\(place)/short: the connection ended "))
        #expect(lines[1] == "\(place)/empty: the connection ended before the first byte of a response")
        #expect(lines[2] == "\(place)/reset: the connection was lost: Connection reset by peer")
        #expect(lines[3] == "\(place)/: what came doesn't begin with HTTP/")
    }

    @Test(
        "a failed connect has its own code for each way to fail",
        arguments: [
            (ECONNREFUSED, "connect/refused"), (EHOSTUNREACH, "connect/unreachable"),
            (ENETUNREACH, "connect/unreachable"),
            (ETIMEDOUT, "connect/timeout"), (ECONNRESET, "connect/reset"), (EACCES, "connect/denied"),
            (EMFILE, "connect/denied"),
        ])
    func connectCodes(_ code: CInt, _ expected: String) async throws {
        let found = try await onReactor { reactor in
            let dialer = ScriptedDialer(clock: reactor)
            dialer.otherwise = .failsAtOnce(code)
            reactor.dialer = dialer
            return await outcome(reactor, "http://127.0.0.1/")
        }
        #expect(found == expected)
    }

    @Test("a failed lookup has its own code for each way to fail", arguments: LookupError.Kind.allCases)
    func nameCodes(_ kind: LookupError.Kind) async throws {
        let error = try await onReactor { reactor in
            let resolver = ScriptedResolver(clock: reactor)
            resolver.otherwise = .fails(kind, after: .milliseconds(1))
            reactor.resolver = resolver
            return try await failure(reactor, PageRequest("http://h.test/"))
        }
        #expect(words(error) == "dns/\(kind.rawValue)")
        #expect(error.report.url?.host.description == "h.test")
    }

    @Test("names fail as the DNS server says, through the real resolver")
    func realNames() async throws {
        let found = try await onReactor { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                switch question.name.text {
                case "servfail.test": .code(.servFail)
                case "refused.test": .code(.refused)
                case "nodata.test": .nodata()
                case "silent.test": .drop
                case "good.test": .addresses([.v4(.loopback)])
                default: .nxdomain()
                }
            }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            reactor.resolver = DNSResolver(
                reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            let web = try HTTPResponder(reactor: reactor) { _ in .respond(.init("hello")) }
            var found: [String] = []
            for name in ["servfail", "refused", "nodata", "silent", "nowhere", "good"] {
                var request = PageRequest("http://\(name).test:\(web.port)/")
                if name == "silent" { request.connect.nameTimeout = .milliseconds(100) }
                found.append(await outcome(reactor, request))
            }
            configuration.servers = [.ip(.v4(.loopback), port: Loopback.deadPort)]
            reactor.resolver = DNSResolver(
                reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            found.append(await outcome(reactor, "http://late.test:\(web.port)/"))
            return found
        }
        #expect(
            found == [
                "dns/servfail", "dns/refused", "dns/nodata", "dns/timeout", "dns/nxdomain", "200 hello",
                "dns/no-server",
            ])
    }

    @Test("the budgets of name and connection end as timeouts of their phase")
    func timeouts() async throws {
        let found = try await onReactor { reactor in
            let resolver = ScriptedResolver(clock: reactor)
            resolver.plan("silent.test", .never)
            resolver.plan("h.test", .addresses([.v4(.loopback)]))
            reactor.resolver = resolver
            reactor.dialer = ScriptedDialer(clock: reactor)
            var found: [String] = []
            for host in ["silent.test", "h.test"] {
                var request = PageRequest("http://\(host)/")
                request.connect.timeout = .milliseconds(20)
                let error = try await failure(reactor, request)
                found.append("\(words(error)) \(error.report.attempts.map { $0.outcome?.rawValue ?? "none" })")
            }
            return found
        }
        #expect(found == ["dns/timeout []", #"connect/timeout ["timeout"]"#])
    }
}
