import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

@Suite("Fetching", .timeLimit(.minutes(10)))
struct FetchTests {
    private let servers: Servers
    /// SHA-256 of "hello, world".
    private static let digest = "09ca7e4eaa6e8ae9c7d261167129184883644d07dfba7cbfbc4c8a2e08360d5b"

    init() throws { servers = try Servers() }

    private func json(_ arguments: String...) throws -> JSONValue {
        let output = try command(servers.names + ["--json"] + arguments)
        #expect(output.stderr == "")
        return try #require(try output.json().first)
    }

    @Test("a page is reported with every key of the contract")
    func success() throws {
        let line = try json(servers.url())
        #expect(
            line.keys == [
                "target", "url", "host", "port", "ok", "status", "bytes", "sha256", "proxy", "address", "addresses",
                "redirects", "dns", "attempts", "tls", "timings", "error", "retries",
            ])
        #expect(line["target"] == .string(servers.url()))
        #expect(line["url"] == .string(servers.url()))
        #expect(line["host"] == "h.test")
        #expect(line["port"] == .number(Double(servers.webPort)))
        #expect(line["ok"] == true)
        #expect(line["status"] == 200)
        #expect(line["bytes"] == 12)
        #expect(line["sha256"] == .string(Self.digest))
        #expect(line["address"] == "127.0.0.1")
        #expect(line["addresses"] == ["127.0.0.1"])
        #expect(line["redirects"] == [])
        #expect(line["error"] == .null)
    }

    @Test("the names' part says who answered what")
    func dns() throws {
        let line = try json(servers.url(host: "both.test"))
        let dns = try #require(line["dns"])
        let server = JSONValue.string("127.0.0.1:\(servers.dnsPort)")
        #expect(
            dns.keys == ["source", "server", "tries", "tcp", "rcode", "ede", "answers", "cnames", "questions"])
        #expect(dns["source"] == "network")
        #expect(dns["server"] == server)
        #expect(dns["tries"] == 1)
        #expect(dns["tcp"] == false)
        #expect(dns["rcode"] == "NOERROR")
        #expect(dns["ede"] == .null)
        #expect(Set(dns["answers"]?.array.compactMap { $0["data"]?.string } ?? []) == ["::1", "127.0.0.1"])
        #expect(dns["answers"]?[0]?["ttl"] == 300)
        let question = try #require(dns["questions"]?[0])
        #expect(
            question.keys == ["type", "source", "server", "tries", "tcp", "rcode", "ede", "rtt_ms", "outcome"])
        #expect(question["type"] == "AAAA")
        #expect(question["outcome"] == "answer")
        #expect(question["server"] == server)
        #expect(question["rtt_ms"]?.number ?? -1 >= 0)
    }

    @Test("each attempt is there, the one that was refused too")
    func attempts() throws {
        let attempts = try #require(try json(servers.url(host: "both.test"))["attempts"]).array
        #expect(attempts.allSatisfy { $0.keys == ["address", "start_ms", "end_ms", "outcome"] })
        #expect(attempts.last?["address"] == .string("127.0.0.1:\(servers.webPort)"))
        #expect(attempts.last?["outcome"] == "connected")
        // Where there is no IPv6, its address comes last and isn't tried.
        if attempts.count == 2 {
            #expect(attempts[0]["outcome"] == "refused" || attempts[0]["outcome"] == "unreachable")
        }
    }

    @Test("times are there, and in order")
    func timings() throws {
        let timings = try #require(try json(servers.url())["timings"])
        #expect(timings.keys == ["dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms"])
        #expect(timings["tls_ms"] == .null)
        let names = try #require(timings["dns_ms"]?.number)
        let connect = try #require(timings["connect_ms"]?.number)
        let first = try #require(timings["first_byte_ms"]?.number)
        let total = try #require(timings["total_ms"]?.number)
        #expect(0 < names && names + connect <= first && first <= total)
    }

    @Test("aliases are told with their TTLs")
    func aliases() throws {
        let dns = try #require(try json(servers.url(host: "alias.test"))["dns"])
        #expect(dns["cnames"] == [["name": "alias.test", "target": "w.test", "ttl": 60]])
    }

    @Test("an answer that came over TCP says so")
    func tcp() throws {
        #expect(try json(servers.url(host: "big.test"))["dns"]?["tcp"] == true)
    }

    @Test("a question that nobody waited for is cancelled")
    func lame() throws {
        let dns = try #require(try json(servers.url(host: "lame.test"))["dns"])
        #expect(dns["questions"]?.array.map { $0["outcome"] } == ["answer", "cancelled"])
        #expect(dns["questions"]?[1]?["type"] == "AAAA")
    }

    @Test("redirects are followed and told")
    func redirects() throws {
        let line = try json(servers.url("/old"))
        #expect(line["url"] == .string(servers.url()))
        #expect(line["redirects"] == [["url": .string(servers.url("/old")), "status": 301]])
        #expect(line["status"] == 200)
    }

    @Test("--max-redirs 0 makes the redirect the result")
    func noRedirects() throws {
        let line = try json("--max-redirs", "0", servers.url("/old"))
        #expect(line["ok"] == true)
        #expect(line["status"] == 301)
        #expect(line["redirects"] == [])
    }

    @Test("a body's framing doesn't show", arguments: ["/chunked", "/"])
    func framing(path: String) throws {
        let line = try json(servers.url(path))
        #expect(line["bytes"] == 12)
        #expect(line["sha256"] == .string(Self.digest))
    }

    @Test("a host and a host with a port are targets", arguments: ["127.0.0.1:", "h.test:"])
    func shortTargets(target: String) throws {
        let line = try json("\(target)\(servers.webPort)")
        #expect(line["ok"] == true)
        #expect(line["target"] == .string("\(target)\(servers.webPort)"))
        #expect(line["url"] == .string("http://\(target)\(servers.webPort)/"))
    }

    @Test("an address needs no server")
    func literal() throws {
        let dns = try #require(try json("127.0.0.1:\(servers.webPort)")["dns"])
        #expect(dns["source"] == "literal")
        #expect(dns["server"] == .null)
        #expect(dns["questions"]?.array.count == 1)
        #expect(servers.questions.isEmpty)
    }

    @Test("a pin comes before the DNS", arguments: ["nowhere.test", "*"])
    func pins(host: String) throws {
        let line = try json(
            "--resolve", "\(host):\(servers.webPort):127.0.0.1", servers.url(host: "nowhere.test"))
        #expect(line["ok"] == true)
        #expect(line["dns"]?["source"] == "pin")
        #expect(servers.questions.isEmpty)
    }

    @Test("-4 and -6 ask for one family only", arguments: [("-4", RecordType.a), ("-6", .aaaa)])
    func families(flag: String, type: RecordType) throws {
        let line = try json(flag, servers.url(host: "both.test"))
        #expect(servers.questions.map(\.type) == [type])
        #expect(line["dns"]?["questions"]?.array.map { $0["type"] } == [.string("\(type)")])
        #expect(line["ok"] == .bool(flag == "-4"))
    }

    @Test("method, fields, agent and body are sent, also those that begin with a dash")
    func request() throws {
        let output = try command(
            servers.names + [
                "-X", "PUT", "-H", "-x: y", "-H", "Accept:text/plain", "-A", "-agent", "-d", "-1", "-d", "b=2",
            ]
                + [servers.url("/echo")])
        #expect(output.exitCode == 0)
        let request = try #require(servers.requests.first)
        #expect(request.method == "PUT")
        #expect(request.fields["-x"] == "y")
        #expect(request.fields["accept"] == "text/plain")
        #expect(request.fields["user-agent"] == "-agent")
        #expect(request.fields["content-type"] == "application/x-www-form-urlencoded")
        #expect(String(decoding: request.body, as: UTF8.self) == "-1&b=2")
    }

    @Test("an empty agent and a field without a value are left out, as curl does; a semicolon sends it empty")
    func omitted() throws {
        let output = try command(
            servers.names + [
                "-A", "", "-H", "Accept-Encoding:", "-H", "content-type: ", "-H", "X-Empty;", "-d", "x",
                servers.url("/echo"),
            ])
        #expect(output.exitCode == 0)
        let fields = try #require(servers.requests.last?.fields)
        for name in ["user-agent", "accept-encoding", "content-type"] { #expect(fields[name] == nil, "\(name)") }
        #expect(fields["x-empty"] == "" && fields["content-length"] == "1")
    }

    @Test("-d alone is a POST, and @ means a file without its line ends")
    func dataFile() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("data", text: "a=1\r\n&b=2\n")
        #expect(try command(servers.names + ["-d", "@\(path)", servers.url("/echo")]).exitCode == 0)
        let request = try #require(servers.requests.first)
        #expect(request.method == "POST")
        #expect(String(decoding: request.body, as: UTF8.self) == "a=1&b=2")
    }

    @Test("a verb after -- is a host, and one in a URL is one", arguments: ["resolve", "demo", "cache"])
    func verbsAsHosts(verb: String) throws {
        let pin = ["--json", "--resolve", "*:\(servers.webPort):127.0.0.1", "--resolve", "*:80:127.0.0.1"]
        let bare = try command(pin + ["--", verb])
        #expect(try bare.json().first?["host"] == .string(verb))
        let url = try command(pin + ["http://\(verb):\(servers.webPort)/"])
        #expect(try url.json().first?["ok"] == true)
    }

    @Test("several targets are reported in the order of completion, and one that fails makes 1")
    func several() throws {
        let targets = [servers.url("/busy"), servers.url("/"), servers.url("/missing")]
        let output = try command(servers.names + ["--json"] + targets)
        let lines = try output.json()
        #expect(lines.count == 3)
        #expect(lines.last?["target"] == .string(targets[0]))
        #expect(Set(lines.compactMap { $0["target"]?.string }) == Set(targets))
        #expect(output.exitCode == 1)
        #expect(try command(servers.names + Array(targets.prefix(2))).exitCode == 0)
    }

    @Test("targets are read from stdin and from files: comments, blank lines, CRLF and a BOM are fine")
    func lists() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("list", text: "\u{FEFF}# a list\r\n\r\n\(servers.url("/a"))\r\n\t \n")
        let output = try command(
            servers.names + ["--json", "--concurrency", "1", servers.url(), "-", "--input", path],
            input: " \(servers.url("/b#c"))\n#\(servers.url("/d"))")
        #expect(
            try output.json().compactMap { $0["target"]?.string }
                == [servers.url(), servers.url("/b#c"), servers.url("/a")])
    }

    @Test(
        "a list may be of any length, and what is left of it when a signal comes has its lines",
        arguments: [true, false])
    func interrupted(isFile: Bool) throws {
        let folder = try TemporaryFolder()
        let count = 3_000
        let list = ([servers.url("/stall")] + (1..<count).map { "h\($0).test" }).joined(separator: "\n")
        let file = try folder.write("targets.txt", text: list)
        let output = try command(
            servers.names + ["-v", "--json", "--concurrency", "1"] + (isFile ? ["--input", file] : ["-"]),
            input: isFile ? "" : list, interruption: .init(signal: SIGINT, whenWritten: "request sent"))
        #expect(output.exitCode == 130)
        let lines = try output.json()
        #expect(lines.allSatisfy { $0["error"]?["code"] == "cancelled" })
        // Of a pipe no more is there than was read.
        #expect(isFile ? lines.count == count : lines.count > 1)
    }

    @Test("-o takes the body of a list's only target, and refuses a list of several before anything is fetched")
    func oneOfList() throws {
        let folder = try TemporaryFolder()
        let body = "\(folder.path)/body"
        let several = try command(
            servers.names + ["-o", body, "-"], input: "\(servers.url())\n\(servers.url("/old"))\n")
        #expect(several.exitCode == 64 && several.stderr.hasPrefix("Error: -o takes the body of one target"))
        #expect(servers.requests.isEmpty)
        #expect(try command(servers.names + ["-o", body, "-"], input: "# one\n\(servers.url())\n").exitCode == 0)
        #expect(folder.read("body") == "hello, world")
    }

    @Test("a line that is too long for a target is none, and no part of it is fetched")
    func longLine() throws {
        let long = servers.url("/\(String(repeating: "a", count: 65_536))")
        let output = try command(servers.names + ["-"], input: "\(long)\n\(servers.url())\n")
        #expect(output.exitCode == 1)
        #expect(servers.requests.map(\.target) == ["/"])
        let complaint = try #require(output.complaints.first)
        #expect(complaint.count < 1_100 && complaint.hasSuffix("it has more than 65536 octets"))
    }

    @Test("--concurrency bounds what runs at once")
    func concurrency() throws {
        let targets = [servers.url("/busy"), servers.url("/"), servers.url("/old")]
        let lines = try command(servers.names + ["--json", "--concurrency", "1"] + targets).json()
        #expect(lines.compactMap { $0["target"]?.string } == targets)
    }

    @Test("-v tells each event with its time")
    func verbose() throws {
        let output = try command(servers.names + ["-v", servers.url("/old", host: "both.test")])
        for word in [
            "connecting to both.test", "AAAA ::1", "trying 127.0.0.1", "request sent", "301", "redirected", "done",
        ] {
            #expect(output.stderr.contains(word), "\(word)")
        }
        #expect(output.complaints.allSatisfy { $0.contains(" ms  ") || $0.contains(" s  ") })
    }

    @Test("the text report has the result, the names and the timeline")
    func text() throws {
        let output = try command(servers.names + [servers.url(host: "alias.test")])
        #expect(output.stdout.hasPrefix("✓ \(servers.url(host: "alias.test"))  200 OK  12 bytes, text/plain"))
        for word in ["alias.test → w.test  ttl 60 s", "from 127.0.0.1:\(servers.dnsPort) over UDP", "first byte", "━"] {
            #expect(output.stdout.contains(word), "\(word)")
        }
        #expect(output.stderr == "")
    }
}
