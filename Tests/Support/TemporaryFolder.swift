// A folder that is there as long as this object, for a test's files and a server's configuration.

import Glibc

package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        guard let made = "\(parent)/bowline-test.XXXXXX".withCString({ strdup($0).flatMap { mkdtemp($0) } }) else {
            throw SupportError.system("mkdtemp")
        }
        defer { free(made) }
        path = String(cString: made)
    }

    deinit { _ = try? Subprocess.run("/bin/rm", ["-rf", path]) }

    /// Writes a file, and the folders that its path inside this one names.
    @discardableResult
    package func write(_ file: String, _ bytes: some Sequence<UInt8>) throws -> String {
        var folder = path
        for part in file.split(separator: "/").dropLast() {
            folder += "/\(part)"
            mkdir(folder, 0o755)
        }
        let target = "\(path)/\(file)"
        guard let stream = fopen(target, "w") else { throw SupportError.system(target) }
        let bytes = Array(bytes)
        let written = fwrite(bytes, 1, bytes.count, stream)
        // Whatever umask says: what others can write isn't trusted everywhere.
        chmod(target, 0o644)
        guard fclose(stream) == 0, written == bytes.count else { throw SupportError.system(target) }
        return target
    }

    @discardableResult
    package func write(_ file: String, text: String) throws -> String { try write(file, text.utf8) }

    /// A file's text; empty if it isn't there.
    package func read(_ file: String) -> String { String(decoding: bytes(file), as: UTF8.self) }

    /// A file's bytes; none if it isn't there.
    package func bytes(_ file: String) -> [UInt8] {
        guard let stream = fopen("\(path)/\(file)", "r") else { return [] }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                count = fread(buffer.baseAddress, 1, buffer.count, stream)
            }
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }
}
