import Glibc
import TestSupport
import Testing

@Suite("Subprocess")
struct SubprocessTests {
    @Test("exit code, both outputs, input, folder and environment are the program's")
    func output() throws {
        let script = "cat; echo $BOWLINE_WORD; pwd; echo wrong >&2; exit 7"
        let output = try Subprocess.run(
            "sh", ["-c", script], environment: ["BOWLINE_WORD": "word"], directory: "/usr", input: "in\n")
        #expect(output.exitCode == 7)
        #expect(output.stdout == "in\nword\n/usr\n")
        #expect(output.stderr == "wrong\n")
    }

    @Test("more than a pipe holds goes both ways")
    func large() throws {
        let text = String(repeating: "0123456789", count: 100_000)
        #expect(try Subprocess.run("cat", input: text).stdout == text)
    }

    @Test("a program that never ends is killed with its children")
    func timeout() throws {
        let output = try Subprocess.run("sh", ["-c", "sleep 600 & echo $!; wait"], timeout: .milliseconds(300))
        #expect(output.end == .timedOut)
        let child = try #require(pid_t(output.stdout.prefix { $0.isNumber }))
        // Nobody but init takes a killed orphan away, so it may be there a moment longer, as a zombie.
        #expect(try Subprocess.run("cat", ["/proc/\(child)/stat"]).stdout.contains(") S ") == false)
    }

    @Test("a signal goes out when a text is seen")
    func interruption() throws {
        let output = try Subprocess.run(
            "sh", ["-c", "trap 'exit 130' INT; echo ready; sleep 600 & wait"],
            interruption: .init(signal: SIGINT, whenWritten: "ready"))
        #expect(output.exitCode == 130)
    }

    @Test("a program that isn't there is an error")
    func missing() {
        #expect(throws: SupportError.self) { try Subprocess.run("no-such-program-here") }
    }
}
