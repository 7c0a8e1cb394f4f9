// The examples of the documentation: what stands between ```swift and ``` in a page, or in the comment of a declaration.

struct Fence: Sendable {
    /// What a reader is to believe of an example.
    enum Kind: String {
        /// It compiles.
        case valid = "swift"
        /// It is rejected, with the words that stand behind `// error:` in it.
        case rejected = "swift-error"
    }

    let kind: Kind
    /// The file, relative to the package.
    let path: String
    /// The line of its first line of code, from 1.
    let line: Int
    let code: [Substring]

    /// Whether it is a whole program: a reader would put it into a main.swift.
    var isProgram: Bool { code.first { !$0.isEmpty }?.hasPrefix("import ") == true }

    /// Whether it holds declarations that Swift wants at the top of a file.
    var isFile: Bool { code.contains { $0.hasPrefix("extension ") || $0.hasPrefix("@main") } }

    /// The words that the compiler must say.
    var expectedErrors: [String] {
        code.compactMap { line in line.firstRange(of: "// error: ").map { String(line[$0.upperBound...]) } }
    }

    /// All examples of the README, of the DocC catalogue and of the sources.
    static func all() throws -> [Fence] {
        let sources = try Repository.files(in: ["Sources"], ending: [".swift", ".md"])
        return try (["README.md"] + sources).flatMap { try fences(in: $0, Repository.lines(of: $0)) }
    }

    static func fences(in path: String, _ lines: [Substring]) -> [Fence] {
        var fences: [Fence] = []
        var open: (kind: Kind?, line: Int, code: [Substring])?
        for (index, line) in lines.enumerated() {
            guard let text = path.hasSuffix(".md") ? line : comment(line) else {
                open = nil
                continue
            }
            let trimmed = text.drop { $0 == " " }
            if var fence = open {
                if trimmed == "```" {
                    if let kind = fence.kind {
                        fences.append(Fence(kind: kind, path: path, line: fence.line, code: fence.code))
                    }
                    open = nil
                } else {
                    fence.code.append(text)
                    open = fence
                }
            } else if trimmed.hasPrefix("```") {
                open = (Kind(rawValue: String(trimmed.dropFirst(3))), index + 2, [])
            }
        }
        return fences
    }

    /// The text of a line of a documentation comment; nil for any other line.
    private static func comment(_ line: Substring) -> Substring? {
        let trimmed = line.drop { $0 == " " }
        guard trimmed.hasPrefix("///") else { return nil }
        let text = trimmed.dropFirst(3)
        return text.first == " " ? text.dropFirst() : text
    }
}
