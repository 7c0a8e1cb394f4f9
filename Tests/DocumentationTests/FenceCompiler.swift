// Hands examples to the compiler as a user would write them.

import TestSupport

struct FenceCompiler {
    /// A sentence of the compiler about a line of the documentation.
    struct Diagnostic {
        let path: String
        let line: Int
        let text: String
    }

    private let compiler: SwiftCompiler
    private let folder: TemporaryFolder

    /// Finds the compiler and the modules; throws what is missing.
    init() throws {
        compiler = try SwiftCompiler()
        folder = try TemporaryFolder()
    }

    /// Compiles examples together, each in a file of its own and in a function of its own.
    func compile(_ fences: [Fence]) throws -> [Diagnostic] {
        var files = [try folder.write("Prelude.swift", text: Prelude.declarations)]
        for (index, fence) in fences.enumerated() {
            files.append(try folder.write("Example\(index).swift", text: Prelude.wrap(fence, number: index)))
        }
        return try run(files)
    }

    /// Compiles an example as the main.swift of a program.
    func compileProgram(_ fence: Fence) throws -> [Diagnostic] {
        try run([folder.write("program/main.swift", text: Prelude.located(fence.code, fence))])
    }

    private func run(_ files: [String]) throws -> [Diagnostic] {
        let output = try compiler.compile(files, module: "Examples", options: ["-suppress-warnings"])
        if output.exitCode == 0 { return [] }
        let lines = output.stderr.split(separator: "\n")
        let errors = lines.compactMap { line -> Diagnostic? in
            let parts = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, let number = Int(parts[1]), parts[3].hasPrefix(" error: ") else { return nil }
            let root = Repository.root + "/"
            let path = parts[0].hasPrefix(root) ? parts[0].dropFirst(root.count) : parts[0]
            return Diagnostic(path: String(path), line: number, text: String(parts[3].dropFirst(8)))
        }
        return errors.isEmpty ? [Diagnostic(path: "swiftc", line: 0, text: output.stderr)] : errors
    }
}

/// What an example may take as given: a reader knows it from the text around.
enum Prelude {
    /// Declarations beside the examples. `Echo` and `Finger` are the protocols of the guides.
    static let declarations = """
        import Bowline

        final class Echo: Protocol {
            var transport: (any Transport)?
            func dataReceived(_ bytes: RawSpan) { transport?.write(bytes) }
        }

        final class Finger: Protocol {
            var transport: (any Transport)?
            func connectionMade() { transport?.write("root\\r\\n") }
            func dataReceived(_ bytes: RawSpan) {}
        }
        """

    /// What is at hand inside an example that isn't a program.
    static let parameters = """
        reactor: Reactor, handle: ReactorHandle, transport: any Transport, connector: Connector, cache: ResolverCache, \
        record: ResourceRecord
        """

    static func wrap(_ fence: Fence, number: Int) -> String {
        let imports = fence.code.filter { $0.hasPrefix("import ") }.map(String.init)
        let code = fence.code.map { $0.hasPrefix("import ") ? "" : $0 }
        let head = (["import Bowline"] + imports + kit(fence)).joined(separator: "\n")
        if fence.isFile { return head + "\n" + located(code, fence) }
        return head + "\nfunc example\(number)(\(parameters)) async throws {\n" + located(code, fence) + "}\n"
    }

    /// The test kit's own examples are written for those who have imported it.
    private static func kit(_ fence: Fence) -> [String] {
        fence.path.hasPrefix("Sources/BowlineTesting/") ? ["import BowlineTesting"] : []
    }

    /// Code whose diagnostics name the lines of the documentation.
    static func located(_ code: [Substring], _ fence: Fence) -> String {
        "#sourceLocation(file: \"\(Repository.root)/\(fence.path)\", line: \(fence.line))\n"
            + code.joined(separator: "\n") + "\n#sourceLocation()\n"
    }
}
