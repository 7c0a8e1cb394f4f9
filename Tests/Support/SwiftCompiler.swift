// Compiles Swift against the modules that the running test was built with, as a user's compiler would see them: language
// mode 6, no upcoming features, nothing of `package` access. Up to SIL, since half of what Swift 6 says about concurrency
// is only found there.

import Glibc

package struct SwiftCompiler {
    private let compiler: String
    private let arguments: [String]

    /// Finds the compiler and the modules.
    /// - Throws: `SupportError` that says what is missing.
    package init() throws {
        guard let compiler = Executables.find("swiftc") else { throw SupportError("swiftc is not installed") }
        self.compiler = compiler
        let build = try Executables.folder()
        guard access("\(build)/Modules/Bowline.swiftmodule", R_OK) == 0 else {
            throw SupportError("\(build)/Modules/Bowline.swiftmodule is not built")
        }
        // The C targets' module maps: SwiftPM writes one for a target, a system library brings its own.
        let maps = try Subprocess.run(
            "find", [build, "\(Self.root)/Sources", "-maxdepth", "2", "-name", "module.modulemap"]
        ).stdout.split(separator: "\n")
        arguments =
            ["-emit-sil", "-wmo", "-o", "/dev/null", "-swift-version", "6", "-diagnostic-style", "llvm"]
            + ["-I", "\(build)/Modules", "-module-cache-path", "\(build)/ModuleCache"]
            + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
    }

    /// Whether there is a compiler and what it needs.
    package static var isAvailable: Bool { (try? SwiftCompiler()) != nil }

    /// The folder of the package.
    package static var root: String {
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    }

    /// Compiles files as one module.
    package func compile(_ files: [String], module: String, options: [String] = []) throws -> Subprocess.Output {
        try Subprocess.run(
            compiler, arguments + options + ["-module-name", module] + files, timeout: .seconds(600))
    }
}
