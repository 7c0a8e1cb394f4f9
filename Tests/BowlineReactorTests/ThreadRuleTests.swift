// What the compiler says about breaking the thread rule. Its region analysis runs on SIL, so `-typecheck` would find
// nothing: each fixture is compiled that far, against the modules of this very build.

import Glibc
import Testing

@Suite("The thread rule", .enabled(if: Compiler.isInstalled, "swiftc is not in PATH"))
struct ThreadRuleTests {
    @Test("what keeps the rule compiles")
    func control() throws {
        let outcome = try Compiler.compile("Allowed")
        #expect(outcome.status == 0, "\(outcome.text)")
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
        let outcome = try Compiler.compile(fixture)
        #expect(outcome.status != 0)
        #expect(outcome.text.contains(sentence), "\(outcome.text)")
        // And for no other reason.
        let errors = outcome.text.split(separator: "\n").filter { $0.contains(".swift:") && $0.contains(": error:") }
        #expect(!errors.isEmpty)
        for error in errors {
            let isOfTheRule = ["DataRace]", "SendableClosureCaptures]"].contains { error.contains($0) }
            #expect(isOfTheRule, "\(error)")
        }
    }
}

private enum Compiler {
    static var isInstalled: Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").contains { access("\($0)/swiftc", X_OK) == 0 }
    }

    struct Unavailable: Error {
        let what: String
    }

    /// Compiles Tests/Fixtures/`fixture`.swift as a user's module would be.
    static func compile(_ fixture: String) throws -> (status: Int32, text: String) {
        let products = try folder(of: productPath())
        let command = [
            "swiftc", "-emit-sil", "-o", "/dev/null", "-swift-version", "6", "-module-name", "Fixture",
            "-I", products + "/Modules", "-Xcc", "-fmodule-map-file=\(products)/CLinux.build/module.modulemap",
            folder(of: folder(of: #filePath)) + "/Fixtures/\(fixture).swift",
        ]
        let quoted = command.map {
            "'" + $0.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        }
        guard let output = popen(quoted.joined(separator: " ") + " 2>&1", "r") else {
            throw Unavailable(what: "popen")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&chunk, 1, chunk.count, output), count > 0 { bytes += chunk.prefix(count) }
        return (pclose(output), String(decoding: bytes, as: UTF8.self))
    }

    /// The running test bundle, which lies beside the modules that it was built from.
    private static func productPath() throws -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &bytes, bytes.count)
        guard count > 0 else { throw Unavailable(what: "/proc/self/exe") }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
