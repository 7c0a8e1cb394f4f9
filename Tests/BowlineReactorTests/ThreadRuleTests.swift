// What the compiler says about breaking the thread rule. Its region analysis runs on SIL, so `-typecheck` would find
// nothing: each fixture is compiled that far, against the modules of this very build.

import TestSupport
import Testing

@Suite("The thread rule", .enabled(if: SwiftCompiler.isAvailable, "swiftc or the modules are missing"))
struct ThreadRuleTests {
    @Test("what keeps the rule compiles")
    func control() throws {
        let outcome = try compile("Allowed")
        #expect(outcome.exitCode == 0, "\(outcome.stderr)")
    }

    @Test(
        "what breaks the rule doesn't, and is told why",
        arguments: [
            ("DeferredInTask", "risks causing data races"),
            ("DeferredInChildTask", "sending task-isolated 'deferred' into async let risks causing data races"),
            ("TransportInHandle", "capture of 'transport' with non-Sendable type"),
            ("ReactorInTask", "risks causing data races"),
            ("ReactorToActor", "sending 'reactor' to actor-isolated instance method 'keep' risks causing data races"),
            ("ReactorAfterSending", "'reactor' used after being passed as a 'sending' parameter"),
            ("DelayedCallInThread", "closure captures 'call' which is accessible to code in the current task"),
        ])
    func refused(_ fixture: String, _ sentence: String) throws {
        let outcome = try compile(fixture)
        #expect(outcome.exitCode == 1)
        #expect(outcome.stderr.contains(sentence), "\(outcome.stderr)")
        // And for no other reason.
        let errors = outcome.stderr.split(separator: "\n").filter { $0.contains(".swift:") && $0.contains(": error:") }
        #expect(!errors.isEmpty)
        for error in errors {
            let isOfTheRule = ["DataRace]", "SendableClosureCaptures]"].contains { error.contains($0) }
            #expect(isOfTheRule, "\(error)")
        }
    }

    /// Compiles Tests/Fixtures/`fixture`.swift as a user's module would be.
    private func compile(_ fixture: String) throws -> Subprocess.Output {
        try SwiftCompiler().compile(["\(SwiftCompiler.root)/Tests/Fixtures/\(fixture).swift"], module: "Fixture")
    }
}
