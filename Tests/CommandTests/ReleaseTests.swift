// What the release command is besides a faster one: a file by itself.

import TestSupport
import Testing

@Suite("The release command", .enabled(if: TestedCommand.named != nil, "BOWLINE_COMMAND names none"))
struct ReleaseTests {
    @Test("needs glibc where it runs, and no other library")
    func libraries() throws {
        let output = try Subprocess.run("ldd", [TestedCommand.path()])
        let words = output.stdout.split(whereSeparator: \.isWhitespace).filter { $0.contains(".so") }
        let names = Set(words.compactMap { $0.split(separator: "/").last?.prefix { $0 != "." && $0 != "-" } })
        #expect(names.isSubset(of: ["linux", "ld", "libc", "libm"]))
        #expect(names.contains("libc"))
    }
}
