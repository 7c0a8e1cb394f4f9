// Names from a list, of any length, as they come.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

@Suite("Resolving a list", .timeLimit(.minutes(10)))
struct NameListTests {
    private let servers: Servers
    private let folder: TemporaryFolder

    init() throws {
        servers = try Servers { question in
            switch question.name.text.first {
            case "s": .delayed(by: .milliseconds(200), .addresses([.v4(.loopback)]))
            case "n": .addresses([.v4(.loopback)])
            default: .nxdomain()
            }
        }
        folder = try TemporaryFolder()
    }

    private func resolve(_ arguments: String..., input: String = "") throws -> Subprocess.Output {
        try command(["resolve", "-4"] + servers.names + arguments, input: input)
    }

    @Test("each name of a file has its line, in the order in which they end", arguments: ["-", "--input"])
    func file(way: String) throws {
        let list = "\u{FEFF}# names\r\nslow.test\r\n\r\n  n1.test\t\n#n2.test\nn3.test"
        let file = try folder.write("names.txt", text: list)
        let output = way == "-" ? try resolve("--json", "-", input: list) : try resolve("--json", "--input", file)
        #expect(output.exitCode == 0 && output.stderr == "")
        let lines = try output.json()
        #expect(Set(lines.map { $0["name"] }) == ["slow.test", "n1.test", "n3.test"])
        #expect(lines.last?["name"] == "slow.test")
        #expect(lines.allSatisfy { $0["cache"] == .null && $0["addresses"] == ["127.0.0.1"] })
    }

    @Test("no more than --concurrency are asked at once")
    func concurrency() throws {
        let output = try resolve("--json", "--concurrency", "1", "--input", "-", input: "slow.test\nn1.test\n")
        #expect(try output.json().map { $0["name"] } == ["slow.test", "n1.test"])
    }

    @Test("a name is resolved while the list is still being written")
    func streaming() throws {
        let program = try TestedCommand.path()
        // The second name isn't written before the first has its line.
        let line = """
            (echo n1.test; until grep -q n1.test "$0/out"; do read -t 0.01 < <(:) || true; done; echo n2.test) |
            \(program) resolve --no-cache -4 --json \(servers.names.joined(separator: " ")) - > "$0/out"; cat "$0/out"
            """
        try folder.write("out", text: "")
        let output = try Subprocess.run("bash", ["-c", line, folder.path], timeout: .seconds(60))
        #expect(try output.json().map { $0["name"] } == ["n1.test", "n2.test"])
    }

    @Test("failures are counted over the whole list: 1 for several, the name's own code for one")
    func codes() throws {
        #expect(try resolve("--json", "-", input: "n1.test\nmissing.test\n").exitCode == 1)
        #expect(try resolve("--json", "-", input: "missing.test\n").exitCode == 6)
        let text = try resolve("-", input: "n1.test\nmissing.test\nworse.test\n")
        #expect(text.exitCode == 1 && text.complaints.count == 2)
    }

    @Test("a list that is empty, or can't be opened, is wrong usage")
    func noList() throws {
        #expect(try resolve("-", input: "# nothing\n").exitCode == 64)
        #expect(try resolve("--input", "/dev/null").exitCode == 64)
        #expect(try resolve("--input", "/dev/null/file").exitCode == 64)
        #expect(try resolve("--input", "/").exitCode == 64)
    }

    @Test("names given and names listed are both resolved")
    func both() throws {
        let output = try resolve("--json", "n1.test", "--input", "-", input: "n2.test\n")
        #expect(Set(try output.json().map { $0["name"] }) == ["n1.test", "n2.test"])
    }

    @Test("a signal ends it with 130, and what was named has its line")
    func signal() throws {
        let output = try command(
            ["resolve", "-4", "-v", "--json", "--concurrency", "1"] + servers.names + ["slow.test", "n1.test", "-"],
            input: "n2.test\n", interruption: .init(signal: SIGINT, whenWritten: "slow.test"))
        #expect(output.exitCode == 130)
        #expect(try output.json().map { $0["name"] } == ["slow.test", "n1.test"])
    }
}
