import TestSupport
import Testing

@Suite("What the texts of the repository promise")
struct RepositoryTests {
    @Test("the README's map names every folder of Sources, and no other")
    func map() throws {
        let readme = try Repository.read("README.md")
        let folders = try Repository.folders(in: "Sources")
        for folder in folders {
            #expect(readme.contains("| `\(folder)` |"), "\(folder) isn't in the map of the README")
        }
        let rows = readme.matches(of: #/\n\| `([A-Za-z-]+)` \| /#).map { String($0.1) }
        let unknown = rows.filter { !folders.contains($0) }
        #expect(unknown.isEmpty)
    }

    @Test("nothing is left for later in the code")
    func later() throws {
        // Written apart, so that this file doesn't find itself.
        let words = ["TO" + "DO", "FIX" + "ME"]
        for path in try Repository.files(
            in: ["Sources", "Tests", "Tools", "README.md", "Package.swift"], ending: [".swift", ".md", ".c", ".h"])
        {
            for (index, line) in try Repository.lines(of: path).enumerated() {
                #expect(!words.contains { line.contains($0) }, "\(path):\(index + 1): \(line)")
            }
        }
    }

    @Test("the documentation of every public type has an example")
    func examples() throws {
        for path in try Repository.files(in: ["Sources"], ending: [".swift"]) {
            for type in PublicType.all(in: try Repository.lines(of: path)) {
                #expect(type.hasExample, "\(path):\(type.line): \(type.name) has none")
            }
        }
    }

    @Test("every test that the list of promises names exists")
    func promises() throws {
        var names: [String: String] = [:]
        for row in try Repository.lines(of: "Sources/Bowline/Bowline.docc/Promises.md") {
            for match in row.matches(of: #/`([A-Za-z/]+\.swift)`: ((?:"[^"]+"(?:, )?)+)/#) {
                let path = "Tests/\(match.1)"
                let text = try names[path] ?? Repository.read(path)
                names[path] = text
                for name in match.2.matches(of: #/"([^"]+)"/#) {
                    #expect(text.contains("\"\(name.1)\""), "\(path) has no test \"\(name.1)\"")
                }
            }
        }
        #expect(names.count > 5)
    }

    @Test("the list of promises has every number, once")
    func numbers() throws {
        let rows = try Repository.lines(of: "Sources/Bowline/Bowline.docc/Promises.md")
        let numbers = rows.compactMap { $0.prefixMatch(of: #/\| [DRCENW](\d+) \|/#).flatMap { Int($0.1) } }
        #expect(numbers == Array(1...131))
    }

    @Test(
        "the pages build, and every link in them leads somewhere",
        .enabled(if: Executables.find("docc") != nil, "docc is not installed"), .timeLimit(.minutes(10)))
    func pages() throws {
        let folder = try TemporaryFolder()
        let output = try Subprocess.run(
            "\(Repository.root)/Tools/docs", ["\(folder.path)/pages"],
            environment: ["BOWLINE_BUILD": Executables.folder()], timeout: .seconds(600))
        #expect(output.exitCode == 0, "\(output.stdout)\(output.stderr)")
    }
}

/// A public type at the top of a file, as its source shows it.
struct PublicType {
    let name: String
    /// The line of its declaration, from 1.
    let line: Int
    let hasExample: Bool

    static func all(in lines: [Substring]) -> [PublicType] {
        var types: [PublicType] = []
        var hasExample = false
        for (index, line) in lines.enumerated() {
            if line.hasPrefix("///") {
                if line.hasPrefix("/// ```swift") { hasExample = true }
                continue
            }
            let declaration = #/(?:public|open) (?:final )?(?:class|struct|enum|protocol|actor) (\w+)/#
            if let match = line.prefixMatch(of: declaration) {
                types.append(PublicType(name: String(match.1), line: index + 1, hasExample: hasExample))
            }
            // An attribute may stand between the comment and the declaration.
            if !line.hasPrefix("@") { hasExample = false }
        }
        return types
    }
}
