import TestSupport
import Testing

@Suite(
    "Examples of the documentation", .timeLimit(.minutes(10)),
    .enabled(if: SwiftCompiler.isAvailable, "swiftc, or the modules that were built with the tests, can't be found"))
struct ExampleTests {
    @Test("every example compiles as a user would write it")
    func compiles() throws {
        let fences = try Fence.all().filter { $0.kind == .valid }
        #expect(fences.count > 50, "the README, the guides and the sources have more examples than that")
        let compiler = try FenceCompiler()
        report(try compiler.compile(fences))
    }

    @Test("every example that begins with an import compiles as a program of its own")
    func programs() throws {
        let compiler = try FenceCompiler()
        for fence in try Fence.all() where fence.kind == .valid && fence.isProgram && fence.path.hasSuffix(".md") {
            report(try compiler.compileProgram(fence))
        }
    }

    @Test("what the guides call an error is one, in the words that they quote")
    func rejected() throws {
        let compiler = try FenceCompiler()
        for fence in try Fence.all() where fence.kind == .rejected {
            #expect(!fence.expectedErrors.isEmpty, "\(fence.path):\(fence.line) doesn't say what is wrong")
            let errors = try compiler.compile([fence]).map(\.text)
            for expected in fence.expectedErrors {
                #expect(
                    errors.contains { $0.contains(expected) }, "\(fence.path):\(fence.line): \(expected); got \(errors)"
                )
            }
        }
    }

    private func report(_ diagnostics: [FenceCompiler.Diagnostic]) {
        for diagnostic in diagnostics {
            let place = SourceLocation(
                fileID: "Documentation/\(diagnostic.path)", filePath: "\(Repository.root)/\(diagnostic.path)",
                line: max(1, diagnostic.line), column: 1)
            Issue.record("\(diagnostic.path):\(diagnostic.line): \(diagnostic.text)", sourceLocation: place)
        }
    }
}
