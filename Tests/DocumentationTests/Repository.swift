// The files that the documentation tests read: the package's own sources and texts, found from where this file was
// compiled.

import Glibc
import TestSupport

enum Repository {
    /// The package's folder.
    static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// The folder of the test program: the modules that it was built with stand there.
    static let buildFolder: String = {
        let own = try? Subprocess.run("readlink", ["-f", "/proc/\(getpid())/exe"]).stdout
        return "/" + (own ?? "").split(separator: "/").dropLast().joined(separator: "/")
    }()

    /// The paths of the files below some of its folders, relative to it and sorted, whose names end so.
    static func files(in folders: [String], ending suffixes: [String]) throws -> [String] {
        let found = try Subprocess.run(
            "find", folders + ["-type", "f", "-not", "-path", "*/.build/*"], directory: root)
        return found.stdout.split(separator: "\n").map(String.init)
            .filter { path in suffixes.contains { path.hasSuffix($0) } }.sorted()
    }

    /// The names of the folders in one of its folders.
    static func folders(in folder: String) throws -> [String] {
        let found = try Subprocess.run(
            "find", [folder, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%f\\n"], directory: root)
        return found.stdout.split(separator: "\n").map(String.init).sorted()
    }

    /// A file's text.
    static func read(_ path: String) throws -> String {
        let file = open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Unreadable(path: path) }
        defer { close(file) }
        let size = Int(lseek(file, 0, SEEK_END))
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = max(0, pread(file, buffer.baseAddress, size, 0))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A file that can't be read.
    struct Unreadable: Error {
        let path: String
    }

    /// A file's lines; line 1 is the first.
    static func lines(of path: String) throws -> [Substring] {
        try read(path).split(separator: "\n", omittingEmptySubsequences: false)
    }
}
