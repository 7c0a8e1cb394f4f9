// The two outputs: stdout, whose errors matter, and stderr, whose errors have nobody to be told to.

import Bowline
import Glibc

enum Console {
    private static let name = "resolve-and-fetch"

    /// Writes lines to stdout.
    static func print(_ lines: [String]) throws(SystemError) {
        guard !lines.isEmpty else { return }
        try Files.write(bytes(lines), to: STDOUT_FILENO)
    }

    /// Writes a line to stderr.
    static func log(_ line: String) {
        log([line])
    }

    /// Writes lines to stderr.
    static func log(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        try? Files.write(bytes(lines), to: STDERR_FILENO)
    }

    /// Writes a text to stderr as it is.
    static func show(_ text: String) {
        try? Files.write(Array(text.utf8), to: STDERR_FILENO)
    }

    /// Tells of a failure: one line on stderr.
    static func complain(_ failure: Failure) {
        log("\(name): \(failure.message)")
    }

    /// Tells of something that is wrong and doesn't matter to the result.
    static func warn(_ text: String) {
        log(TerminalText.escaped("\(name): \(text)"))
    }

    private static func bytes(_ lines: [String]) -> [UInt8] {
        Array((lines.joined(separator: "\n") + "\n").utf8)
    }
}
