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

    /// What stays on its reactor's thread, and something to do with it.
    private static let kept = [
        ("Deferred<Int>", "value.callback(1)"), ("any Transport", "value.write(\"hello\")"),
        ("Reactor", "value.stop()"),
    ]
    /// The ways to another thread. TYPE and USE stand for one of the above.
    private static let ways = [
        "a task": "func fixture(_ value: TYPE) { Task { USE }; USE }",
        "the handle's closure":
            "func fixture(_ value: TYPE, _ handle: ReactorHandle) { handle.callFromThread { _ in USE } }",
        "another actor": """
        actor Keeper { var kept: (TYPE)?; func keep(_ value: TYPE) { kept = value } }
        func fixture(_ value: TYPE, _ keeper: Keeper) async { await keeper.keep(value) }
        """,
        "use after sending": """
        func send(_ value: sending TYPE) {}
        func fixture(_ value: sending TYPE) { send(value); USE }
        """,
    ]

    @Test(
        "neither a Deferred nor a transport nor a reactor gets to another thread", arguments: kept,
        ways.sorted { $0.key < $1.key })
    func refused(_ kept: (type: String, use: String), _ way: (key: String, value: String)) throws {
        let folder = try TemporaryFolder()
        let text = way.value.replacing("TYPE", with: kept.type).replacing("USE", with: kept.use)
        let file = try folder.write("Fixture.swift", text: "import Bowline\n\(text)\n")
        try expectRefusal(SwiftCompiler().compile([file], module: "Fixture"))
    }

    @Test(
        "where a Sendable type is asked for, the compiler tells what to do instead",
        arguments: [
            "Reactor", "DelayedCall", "Deferred<Int>", "DeferredQueue<Int>", "Connector", "TLSContext", "Agent",
        ])
    func advice(_ type: String) throws {
        let folder = try TemporaryFolder()
        let text =
            "import Bowline\nfunc keep<T: Sendable>(_ value: T) {}\nfunc fixture(_ value: \(type)) { keep(value) }\n"
        let outcome = try SwiftCompiler().compile([try folder.write("Fixture.swift", text: text)], module: "Fixture")
        #expect(outcome.exitCode == 1)
        let errors = outcome.stderr.split(separator: "\n").filter { $0.contains(".swift:") && $0.contains(": error:") }
        #expect(errors.count == 1)
        #expect(
            errors.first?.contains("come back") == true && errors.first?.contains("callFromThread") == true, "\(errors)"
        )
    }

    @Test("nor does a Deferred in a child task, nor a delayed call in a thread of the pool")
    func refusedElsewhere() throws {
        try expectRefusal(compile("DeferredInChildTask"))
        try expectRefusal(compile("DelayedCallInThread"))
    }

    /// It doesn't compile, and for no other reason than the rule.
    private func expectRefusal(_ outcome: Subprocess.Output) {
        #expect(outcome.exitCode == 1)
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
