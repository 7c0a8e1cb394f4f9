import TestSupport
import Testing

@Suite("Usage", .timeLimit(.minutes(10)))
struct UsageTests {
    static let wrong: [[String]] = [
        [], ["--"], ["--nonsense", "h"], ["-q", "h"], ["--max-redirs"], ["--max-redirs", "-1", "h"], ["-4", "-6", "h"],
        ["-m", "0", "h"], ["-m", "abc", "h"], ["-m", "nan", "h"], ["--dns-timeout", "-1", "h"],
        ["--resolve", "h:1", "h"],
        ["--resolve", "h:0:127.0.0.1", "h"], ["--resolve", "h:80:", "h"], ["--resolve", "h:80:name", "h"],
        ["--dns-server", "name", "h"], ["--dns-server", "127.0.0.1:0", "h"], ["--concurrency", "0", "h"],
        ["-H", "no colon", "h"], ["-H", "a b: c", "h"], ["-H", "a: b\r\nc: d", "h"], ["-X", "A B", "h"],
        ["-X", "", "h"],
        ["-d", "@/nonexistent", "h"], ["-o", "file", "h", "i"], ["--json", "--body", "h"], ["--json", "-i", "h"],
        ["--proxy", "ftp://p", "h"], ["-x", "http://", "h"], ["--noproxy", "*", "h"], ["--proxy-insecure", "h"],
        ["--proxy-cacert", "f", "h"],
        ["--max-filesize", "x", "h"], ["--json", "resolve", "h"], ["resolve"],
        ["resolve", "--type", "NONE", "h"], ["resolve", "-4", "--type", "AAAA", "h"],
        ["resolve", "--type", "OPT", "h"], ["resolve", "--type", "A,TYPE0", "h"], ["resolve", "--type", "ANY", "h"],
        ["resolve", "--type", "TYPE252", "h"], ["resolve", "--type", "TYPE65535", "h"], ["-H", "Host:", "h"],
        ["-H", "Content-Length:", "-d", "x", "h"], ["resolve", "--body", "h"],
        ["demo", "h"],
        ["--no-cache", "--cache-file", "f", "h"], ["--cache-file", "", "h"], ["cache"], ["cache", "--json"],
        ["cache", "nonsense"], ["cache", "list", "h"], ["cache", "show"], ["cache", "show", "a..b"],
        ["cache", "flush", "a", "b"], ["cache", "import"], ["cache", "list", "--cache-file", ""],
        ["--cacert", "/dev/null/file", "h"],
        // What comes later is absent, and never ignored.
        ["-o", "", "h"], ["--per-host", "0", "h"], ["--retries", "-1", "h"], ["--input", "/dev/null/file"],
        ["--input", "/dev/null"],
        ["-"],
        ["--input", "/"],
    ]

    @Test("wrong usage is 64, with a line that says why and nothing on stdout", arguments: wrong)
    func usage(arguments: [String]) throws {
        let output = try command(arguments)
        #expect(output.exitCode == 64)
        #expect(output.stdout == "")
        #expect(output.stderr.hasPrefix("Error: "))
    }

    @Test(
        "a list that can't be read is named", arguments: [["--input"], ["resolve", "--input"]],
        ["/nonexistent/list", "/"])
    func list(arguments: [String], path: String) throws {
        let output = try command(arguments + [path])
        #expect(output.exitCode == 64)
        #expect(output.stderr.hasPrefix("Error: Can't read \(path): "))
    }

    @Test(
        "--help names every exit code",
        arguments: [1, 3, 6, 7, 8, 18, 22, 23, 28, 35, 47, 52, 55, 56, 60, 61, 63, 64, 130, 143])
    func exitCodes(code: Int) throws {
        let help = try command(["--help"]).stdout
        let codes = try #require(help.split(separator: "Exit codes").last)
        #expect(codes.split { !$0.isNumber }.contains("\(code)"))
    }

    @Test("an unknown option is told, also where nothing else is", arguments: [[], ["resolve"]])
    func unknown(verb: [String]) throws {
        #expect(try command(verb + ["--version"]).stderr.hasPrefix("Error: Unknown option '--version'"))
    }

    @Test(
        "--help is no failure",
        arguments: [[], ["resolve"], ["demo"], ["cache"], ["cache", "show"], ["cache", "import"]])
    func help(verb: [String]) throws {
        let output = try command(verb + ["--help"])
        #expect(output.exitCode == 0)
        #expect(output.stdout.contains("USAGE: resolve-and-fetch"))
    }
}
