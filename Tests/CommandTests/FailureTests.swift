@testable import resolve_and_fetch

import Bowline
import TestSupport
import Testing

@Suite("Failing", .timeLimit(.minutes(10)))
struct FailureTests {
    private let servers: Servers

    init() throws { servers = try Servers() }

    /// A row of the contract's table. In the arguments, `WEB` stands for the web server's port and `DEAD` for one where
    /// nobody listens.
    struct Row: CustomTestStringConvertible, Sendable {
        let arguments: [String]
        let phase: String
        let code: String
        let exit: CInt

        init(_ arguments: String..., phase: String, code: String, exit: CInt) {
            self.arguments = arguments
            self.phase = phase
            self.code = code
            self.exit = exit
        }

        var testDescription: String { "\(arguments.joined(separator: " ")): \(phase) \(code) \(exit)" }
    }

    static let rows: [Row] = [
        Row("http://a b/", phase: "target", code: "bad-target", exit: 3),
        Row("http://[::1", phase: "target", code: "bad-target", exit: 3),
        Row("http://h.test:0/", phase: "target", code: "bad-target", exit: 3),
        Row("h.test:65536", phase: "target", code: "bad-target", exit: 3),
        Row("http://h.test:99999999999999999999/", phase: "target", code: "bad-target", exit: 3),
        Row(String(repeating: "a", count: 64) + ".test", phase: "target", code: "bad-target", exit: 3),
        Row("", phase: "target", code: "bad-target", exit: 3),
        Row("http://", phase: "target", code: "bad-target", exit: 3),
        Row("http://h..test/", phase: "target", code: "bad-target", exit: 3),
        Row("http://h.test:WEB/a\r\nX: y", phase: "target", code: "bad-target", exit: 3),
        Row("http://h.test:WEB/\u{1B}[31m", phase: "target", code: "bad-target", exit: 3),
        Row("http://user:secret@h.test:WEB/", phase: "target", code: "bad-target", exit: 3),
        Row("ftp://h.test/", phase: "target", code: "unsupported-scheme", exit: 1),
        Row("https://h.test:WEB/", phase: "tls", code: "handshake", exit: 35),
        Row("http://h.test:WEB/secure", phase: "target", code: "unsupported-scheme", exit: 1),
        Row("nowhere.test", phase: "dns", code: "nxdomain", exit: 6),
        Row("empty.test", phase: "dns", code: "nodata", exit: 6),
        Row("failing.test", phase: "dns", code: "servfail", exit: 6),
        Row("refused.test", phase: "dns", code: "refused", exit: 6),
        Row("--dns-timeout", "0.2", "hung.test", phase: "dns", code: "timeout", exit: 28),
        Row("--connect-timeout", "0.2", "hung.test", phase: "dns", code: "timeout", exit: 28),
        Row("-m", "0.2", "hung.test", phase: "dns", code: "deadline", exit: 28),
        Row("-6", "h.test:WEB", phase: "dns", code: "nodata", exit: 6),
        Row("-6", "127.0.0.1:WEB", phase: "target", code: "bad-target", exit: 3),
        Row("h.test:DEAD", phase: "connect", code: "refused", exit: 7),
        Row("127.0.0.1:DEAD", phase: "connect", code: "refused", exit: 7),
        Row("-m0.3", "http://h.test:WEB/stall", phase: "receive", code: "deadline", exit: 28),
        Row("http://h.test:WEB/reset", phase: "receive", code: "reset", exit: 56),
        Row("http://h.test:WEB/short", phase: "receive", code: "truncated", exit: 18),
        Row("http://h.test:WEB/empty", phase: "receive", code: "empty", exit: 52),
        Row("http://h.test:WEB/garbage", phase: "http", code: "malformed", exit: 8),
        Row("http://h.test:WEB/missing", phase: "http", code: "status", exit: 22),
        Row("http://h.test:WEB/loop", phase: "http", code: "redirects", exit: 47),
        Row("--max-redirs", "2", "http://h.test:WEB/loop", phase: "http", code: "redirects", exit: 47),
        Row("--max-filesize", "11", "http://h.test:WEB/", phase: "http", code: "too-large", exit: 63),
        Row("-o", "/dev/null/file", "http://h.test:WEB/", phase: "output", code: "write", exit: 23),
        Row("-o", "/dev/full", "http://h.test:WEB/", phase: "output", code: "write", exit: 23),
    ]

    private func arguments(_ row: Row) -> [String] {
        row.arguments.map { argument in
            argument.split(separator: "WEB", omittingEmptySubsequences: false).joined(separator: "\(servers.webPort)")
                .split(separator: "DEAD", omittingEmptySubsequences: false).joined(separator: "\(Loopback.deadPort)")
        }
    }

    @Test("each failure has its phase, its code and its exit code", arguments: rows)
    func json(row: Row) throws {
        let output = try command(servers.names + ["--json"] + arguments(row))
        #expect(output.exitCode == row.exit)
        let line = try #require(try output.json().first)
        #expect(line["ok"] == false)
        #expect(line["error"]?["phase"] == .string(row.phase))
        #expect(line["error"]?["code"] == .string(row.code))
        #expect(line.keys.count == 18)
        let message = try #require(line["error"]?["message"]?.string)
        #expect(!message.isEmpty && !message.contains("\n"))
        #expect(output.stderr == "")
    }

    @Test("each failure is one line on stderr, without control bytes", arguments: rows)
    func text(row: Row) throws {
        let output = try command(servers.names + arguments(row))
        #expect(output.exitCode == row.exit)
        #expect(output.complaints.count == 1)
        #expect(output.stderr.hasPrefix("resolve-and-fetch: "))
        #expect(!output.stderr.dropLast().unicodeScalars.contains { $0.value < 0x20 || 0x7F..<0xA0 ~= $0.value })
        #expect(!output.stderr.contains("secret"))
    }

    @Test("what was learnt until then is filled in")
    func partial() throws {
        let output = try command(servers.names + ["--json", "-m", "0.3", servers.url("/stall")])
        let line = try #require(try output.json().first)
        #expect(line["address"] == "127.0.0.1")
        #expect(line["attempts"]?.array.count == 1)
        #expect(line["timings"]?["connect_ms"] != .null)
        #expect(line["timings"]?["first_byte_ms"] == .null)
        #expect(line["status"] == .null)
        #expect(line["bytes"] == .null)
        #expect(line["sha256"] == .null)
    }

    @Test("a redirect to what can't be fetched is told as one, with what was learnt on the way")
    func redirect() throws {
        let line = try #require(try command(servers.names + ["--json", servers.url("/secure")]).json().first)
        #expect(line["status"] == 301)
        #expect(line["addresses"]?.array.isEmpty == false)
        #expect(line["dns"]?["source"] == "network")
        let message = try #require(line["error"]?["message"]?.string)
        #expect(message.contains("\(servers.url("/secure")) redirects to"))
        #expect(!message.contains("secret"))
    }

    @Test("a deadline that passes while a name is asked for names the server that was asked, also for people")
    func unanswered() throws {
        let output = try command(servers.names + ["-m", "0.3", "hung.test"])
        #expect(output.exitCode == 28)
        #expect(output.stdout.contains(#/A +no answer from 127\.0\.0\.1:\d+ so far, \d+ tr/#), "\(output.stdout)")
    }

    @Test("credentials in a URL: the message says what the command takes, and whose URL it is")
    func credentials() throws {
        let output = try command(["http://user:secret@h.test/"])
        #expect(output.stderr.contains("send them with -H 'Authorization: …' instead"))
        let redirected = try command(servers.names + [servers.url("/credentials")])
        #expect(redirected.exitCode == 3)
        let place = servers.url("/credentials")
        #expect(redirected.stderr.contains("\(place) redirects to what can't be fetched: the URL has"))
        #expect(!redirected.stdout.contains("from \(place)"))
    }

    @Test("a length beyond all numbers is told without a number, and without advice that wouldn't help")
    func hugeLength() throws {
        let output = try command(servers.names + [servers.url("/huge")])
        #expect(output.exitCode == 63)
        #expect(output.stderr.contains("a body of more bytes than can be counted"))
        #expect(!output.stderr.contains("--max-filesize"))
    }

    @Test("a target that is none has nulls")
    func nothingLearnt() throws {
        let line = try #require(try command(["--json", "http://a b/"]).json().first)
        for key in ["url", "host", "port", "status", "bytes", "sha256", "address", "addresses", "dns", "attempts"] {
            #expect(line[key] == .null, "\(key)")
        }
        #expect(line["timings"]?["total_ms"] == .null)
    }

    @Test("a status of 400 and up still has its body")
    func status() throws {
        let line = try #require(try command(servers.names + ["--json", servers.url("/missing")]).json().first)
        #expect(line["status"] == 404)
        #expect(line["bytes"] == 12)
    }

    @Test("the reason that a server gives is told, without its control bytes")
    func extendedError() throws {
        let output = try command(servers.names + ["--json", "failing.test"])
        let dns = try #require(try output.json().first?["dns"])
        #expect(dns["rcode"] == "SERVFAIL")
        #expect(!output.stdout.dropLast().unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test("an address that stays silent is a timeout", .enabled(if: hasIPv6, "there is no IPv6"))
    func silentAddress() throws {
        var port: UInt16
        var hole: BlackHole
        // Another test may take the port first.
        repeat {
            port = try Loopback.freePort()
            hole = BlackHole(port: port)
        } while !hole.isSilent
        let output = try command(["--json", "--connect-timeout", "0.3", "[::1]:\(port)"])
        withExtendedLifetime(hole) {}
        #expect(output.exitCode == 28)
        let line = try #require(try output.json().first)
        #expect(line["error"]?["phase"] == "connect")
        #expect(line["error"]?["code"] == "timeout")
        #expect(line["attempts"]?[0]?["outcome"] == "timeout")
    }

    @Test("control bytes of a server reach no report")
    func escaping() throws {
        let output = try command(servers.names + [servers.url("/evil")])
        #expect(!output.stdout.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || 0x7F..<0xA0 ~= $0.value })
    }

    private static let hasIPv6 = (try? Loopback.freePort()).map { BlackHole(port: $0).isSilent } ?? false

    @Test("a deadline in the middle of a lookup tells whom the name was asked of, and how often")
    func deadlineOfLookup() throws {
        let servers = try Servers()
        let output = try command(["--json", "-m", "0.3"] + servers.names + ["hung.test"])
        #expect(output.exitCode == 28)
        let names = try #require(try output.json().first?["dns"])
        #expect(names["server"] == .string("127.0.0.1:\(servers.dnsPort)") && names["source"] == "network")
        #expect(try #require(names["tries"]?.number) >= 1)
        #expect(names["questions"]?.array.count == 2)
        for question in names["questions"]?.array ?? [] { #expect(question["outcome"] == "cancelled") }
    }

    @Test("a server where nobody listens refuses each question, and the name has no server")
    func noServer() throws {
        let output = try command(["resolve", "--json", "--dns-server", "127.0.0.1:\(Loopback.deadPort)", "h.test"])
        #expect(output.exitCode == 6)
        let line = try #require(try output.json().first)
        #expect(line["error"]?["code"] == "no-server")
        #expect(line["questions"]?.array.compactMap { $0["outcome"] } == ["refused", "refused"])
    }

    @Test("without a descriptor for its questions a lookup says so, and blames no server")
    func noDescriptors() throws {
        let servers = try Servers()
        let program = try TestedCommand.path()
        let rest = "exec \(program) resolve --no-cache \(servers.names.joined(separator: " ")) h.test"
        // How many it needs before its first question depends on what it was given: the least with which it begins.
        for limit in 6..<32 {
            let output = try Subprocess.run("bash", ["-c", "ulimit -n \(limit); \(rest)"])
            guard !output.stderr.hasPrefix("Error: ") else { continue }
            #expect(output.exitCode == 6)
            #expect(output.stderr.contains("Too many open files); raise the limit of open files (ulimit -n)"))
            return
        }
        Issue.record("it didn't begin with 31 descriptors")
    }

    @Test("an argument that isn't UTF-8 is refused, and not changed on its way")
    func unreadable() throws {
        let program = try TestedCommand.path()
        let output = try Subprocess.run("bash", ["-c", "\(program) -d $'\\xff' http://127.0.0.1:1/"])
        #expect(output.exitCode == 64)
        #expect(output.stderr.hasPrefix("Error: Argument 2 isn't UTF-8"))
    }
}
