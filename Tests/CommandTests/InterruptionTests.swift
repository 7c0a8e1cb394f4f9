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
        #expect(try output.json().first?["error"]?["code"] == "cancelled")
    }
}
