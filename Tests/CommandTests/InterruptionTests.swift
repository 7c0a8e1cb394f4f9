import Glibc
import TestSupport
import Testing

@Suite("Interruptions", .timeLimit(.minutes(10)))
struct InterruptionTests {
    private let servers: Servers

    init() throws { servers = try Servers() }

    @Test(
        "a signal ends it with what was learnt until then",
        arguments: [(SIGINT, 130 as CInt), (SIGTERM, 143 as CInt)])
    func signals(signal: CInt, code: CInt) throws {
        let output = try command(
            servers.names + ["-v", "--json", servers.url("/stall")],
            interruption: .init(signal: signal, whenWritten: "request sent"))
        #expect(output.exitCode == code)
        let line = try #require(try output.json().first)
        #expect(line["error"]?["code"] == "cancelled")
        #expect(line["error"]?["message"] == .string("\(servers.url("/stall")): interrupted"))
        #expect(line["address"] == "127.0.0.1")
        #expect(line["attempts"]?[0]?["outcome"] == "connected")
    }

    @Test("each target has its line, also those that were not begun")
    func many() throws {
        let targets = [servers.url("/stall"), servers.url("/"), "hung.test"]
        let output = try command(
            servers.names + ["-v", "--json", "--concurrency", "1"] + targets,
            interruption: .init(signal: SIGINT, whenWritten: "request sent"))
        #expect(output.exitCode == 130)
        #expect(try output.json().compactMap { $0["target"]?.string } == targets)
    }

    @Test("a lookup can be interrupted", arguments: [[], ["resolve"]])
    func lookups(verb: [String]) throws {
        let output = try command(
            verb + servers.names + ["-v", "--json", "hung.test"],
            interruption: .init(signal: SIGINT, whenWritten: "hung.test"))
        #expect(output.exitCode == 130)
        let line = try #require(try output.json().first)
        #expect(line["error"]?["code"] == "cancelled")
        // Whom it was asked of until then.
        let dns = verb.isEmpty ? line["dns"] : line
        #expect(dns?["source"] == "network")
        #expect(dns?["server"] == .string("127.0.0.1:\(servers.dnsPort)"))
        #expect(dns?["questions"]?[0]?["server"] == .string("127.0.0.1:\(servers.dnsPort)"))
    }

    @Test(
        "of a long list that is interrupted, what has been read is told, and that there was more",
        arguments: [true, false])
    func longList(resolves: Bool) throws {
        let folder = try TemporaryFolder()
        let count = 200_000
        let list = try folder.write("list", text: "hung.test\n" + (0..<count).map { "h\($0).test\n" }.joined())
        let output = try command(
            (resolves ? ["resolve"] : []) + servers.names
                + ["-v", "--json", "--no-cache", "--concurrency", "1", "--input", list],
            interruption: .init(signal: SIGINT, whenWritten: "hung.test"))
        #expect(output.exitCode == 130)
        let lines = output.stdout.split(separator: "\n")
        #expect(lines.count > 1 && lines.count < count / 10)
        #expect(output.stderr.contains("the rest was not read"))
    }
}
