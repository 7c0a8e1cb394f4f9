import TestSupport
import Testing

@Suite("The demo", .timeLimit(.minutes(10)))
struct DemoTests {
    @Test("it shows three pages, and ends well")
    func demo() throws {
        let output = try command(["demo"])
        #expect(output.exitCode == 0)
        #expect(output.stderr == "")
        #expect(output.stdout.split(separator: "\n").count { $0.hasPrefix("✓ http://") } == 3)
        #expect(output.stdout.contains("connected"))
    }

    @Test("its output may go nowhere")
    func brokenPipe() throws {
        let program = try TestedCommand.path()
        #expect(try Subprocess.run("bash", ["-c", "\(program) demo > /dev/full"]).exitCode == 23)
    }
}
