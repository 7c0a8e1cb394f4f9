import Glibc
import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Output", .timeLimit(.minutes(10)))
struct OutputTests {
    private let servers: Servers

    init() throws { servers = try Servers() }

    @Test("-o writes the body to a file, and the report stays")
    func file() throws {
        let folder = try TemporaryFolder()
        let output = try command(servers.names + ["-o", "\(folder.path)/page", servers.url()])
        #expect(folder.read("page") == "hello, world")
        #expect(output.stdout.hasPrefix("✓"))
        #expect(output.exitCode == 0)
    }

    @Test("--body writes the body to stdout and nothing else there", arguments: [["--body"], ["-o", "-"]])
    func body(options: [String]) throws {
        let output = try command(servers.names + options + [servers.url()])
        #expect(output.stdout == "hello, world")
        #expect(output.stderr.hasPrefix("✓"))
    }

    @Test("-i writes all heads before the body")
    func heads() throws {
        let output = try command(servers.names + ["-i", servers.url("/old")])
        #expect(output.stdout.hasPrefix("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n"))
        #expect(output.stdout.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"))
        #expect(output.stdout.hasSuffix("\r\n\r\nhello, world"))
        let folder = try TemporaryFolder()
        _ = try command(servers.names + ["--json", "-i", "-o", "\(folder.path)/page", servers.url()])
        #expect(folder.read("page").hasPrefix("HTTP/1.1 200 OK\r\n"))
    }

    @Test("a full disk behind stdout is 23 and a line on stderr", arguments: [[], ["--json"], ["--body"]])
    func fullDisk(options: [String]) throws {
        let line = (servers.names + options).joined(separator: " ")
        let output = try shell("\(line) \(servers.url()) > /dev/full")
        #expect(output.exitCode == 23)
        #expect(output.stderr.contains("can't write to stdout: No space left on device"))
    }

    @Test("a reader that has gone away is 23 and not a signal", arguments: [[], ["--json"], ["--body"]])
    func brokenPipe(options: [String]) throws {
        let line = (servers.names + options).joined(separator: " ")
        let output = try shell("\(line) \(servers.url("/busy")) | true; exit ${PIPESTATUS[0]}")
        #expect(output.exitCode == 23)
    }

    @Test("a reader that takes its time makes nothing late", arguments: [true, false])
    func slowReader(isFetch: Bool) throws {
        let servers = try Servers { _ in .addresses([.v4(.loopback)]) }
        let folder = try TemporaryFolder()
        // Some hundred octets a line: more than a pipe holds.
        let targets = (0..<600).map { isFetch ? servers.url("/#\($0)") : "h\($0).test" }
        let list = try folder.write("list", text: targets.joined(separator: "\n"))
        let names = servers.names.joined(separator: " ")
        let options = "\(names) --no-cache --json -m 0.8 --concurrency 20 --input \(list)"
        let program = try TestedCommand.path()
        let output = try Subprocess.run(
            "bash", ["-c", "\(program) \(isFetch ? "" : "resolve") \(options) | (sleep 1.5; cat)"])
        let lines = try output.json()
        #expect(lines.count == 600)
        let failed = lines.first { $0["ok"] != true }
        #expect(failed == nil, "\(failed?["error"] ?? .null)")
    }

    @Test(
        "a body on its way to stdout takes no memory, whole or with a reader that takes its time; what is too late is 28",
        .enabled(if: RealServer.isInstalled("nginx"), "nginx is not installed"))
    func largeBody() throws {
        let size = 300 << 20
        let server = try #require(try RealServer.nginx(pages: ["/large": ""]))
        #expect(truncate("\(server.folder.path)/pages/large", size) == 0)
        let url = "http://127.0.0.1:\(server.port)/large"
        let program = try "\(TestedCommand.path()) --no-cache --body --max-filesize \(size)"
        // Half of what the body would take (KiB).
        let bound = "ulimit -d \(size >> 11);"
        for reader in ["wc -c", "(sleep 1.5; wc -c)"] {
            let output = try Subprocess.run(
                "bash", ["-c", "\(bound) \(program) \(url) | \(reader); exit ${PIPESTATUS[0]}"])
            #expect(output.exitCode == 0 && output.stdout == "\(size)\n", "\(output.stderr)")
        }
        let late = try Subprocess.run(
            "bash", ["-c", "\(program) -m 0.5 \(url) | (sleep 1.5; wc -c); exit ${PIPESTATUS[0]}"])
        #expect(late.exitCode == 28 && late.stderr.contains("--max-time allows more"), "\(late.stderr)")
        #expect(Int(late.stdout.dropLast()).map { $0 < size } == true)
        // A try that fails leaves nothing behind where there may be another.
        let retried = try Subprocess.run("bash", ["-c", "\(program) --retries 1 \(url) | wc -c"])
        #expect(retried.stdout == "\(size)\n")
    }

    @Test("an interruption ends also what waits for a reader that takes nothing", arguments: [true, false])
    func unread(isFetch: Bool) throws {
        let servers = try Servers { _ in .addresses([.v4(.loopback)]) }
        let folder = try TemporaryFolder()
        // More than a pipe holds.
        let targets = (0..<600).map { isFetch ? servers.url("/#\($0)") : "h\($0).test" }
        let list = try folder.write("list", text: targets.joined(separator: "\n"))
        let options = "\(servers.names.joined(separator: " ")) --no-cache --json --input \(list)"
        let program = "\(try TestedCommand.path()) \(isFetch ? "" : "resolve") \(options)"
        let output = try Subprocess.run(
            "bash",
            [
                "-c",
                """
                mkfifo \(folder.path)/pipe
                sleep 100 < \(folder.path)/pipe & reader=$!
                \(program) > \(folder.path)/pipe & run=$!
                sleep 1
                kill -TERM $run
                wait $run
                code=$?
                kill $reader && echo it was still there
                exit $code
                """,
            ])
        #expect(output.exitCode == 143)
        #expect(output.stdout == "it was still there\n")
    }

    @Test("a closed stdout is 23, and no socket takes its place")
    func closedOutput() throws {
        let output = try shell("\(servers.names.joined(separator: " ")) \(servers.url()) >&- <&-")
        #expect(output.exitCode == 23)
        #expect(servers.requests.count == 1)
    }

    @Test("there are no colours where there is no terminal")
    func plain() throws {
        let output = try command(servers.names + [servers.url()], environment: ["TERM": "xterm", "NO_COLOR": nil])
        #expect(!output.stdout.contains("\u{1B}"))
    }

    @Test(
        "there are colours on a terminal, but not with NO_COLOR",
        .enabled(if: Executables.find("script") != nil, "script(1) is not installed"))
    func terminal() throws {
        let program = try TestedCommand.path()
        let line = "\(program) --no-cache \(servers.names.joined(separator: " ")) \(servers.url("/evil"))"
        func run(_ setting: String?) throws -> String {
            try Subprocess.run(
                "script", ["-qec", line, "/dev/null"], environment: ["TERM": "xterm", "NO_COLOR": setting]
            ).stdout
        }
        #expect(try run(nil).contains("\u{1B}[32m"))
        #expect(try !run("1").contains("\u{1B}["))
    }

    @Test("no line is wider than the terminal says", arguments: [40, 80, 120])
    func width(columns: Int) throws {
        let output = try command(
            servers.names + [servers.url(host: "both.test")], environment: ["COLUMNS": "\(columns)"])
        let bars = output.stdout.split(separator: "\n").filter { $0.contains("━") || $0.contains("╸") }
        #expect(!bars.isEmpty)
        #expect(bars.allSatisfy { $0.count <= columns })
    }

    @Test("a width that is none counts as unknown", arguments: ["", "0", "-5", "wide"])
    func noWidth(columns: String) throws {
        let output = try command(servers.names + [servers.url()], environment: ["COLUMNS": columns])
        #expect(output.stdout.split(separator: "\n").contains { $0.count > 60 && $0.contains("━") })
    }

    private func shell(_ rest: String) throws -> Subprocess.Output {
        try Subprocess.run("bash", ["-c", "\(try TestedCommand.path()) --no-cache \(rest)"])
    }
}
