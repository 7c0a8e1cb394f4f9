// Reads the small files of configuration: hosts and resolv.conf. Blocks, so it is called before the loop runs or from the
// thread pool, never in steady state on the loop's thread.

import Glibc

enum FileContents {
    /// More than any hosts file; block lists have some 10 MiB.
    private static let maximumOctets = 64 << 20

    /// The octets of a regular file; nil if it is missing, unreadable, too large or no file. Never waits for a writer.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var octets: [UInt8] = []
        while true {
            let start = octets.count
            // The size is a hint only; files in /proc say 0.
            let room = max(4096, Int(status.st_size) - start + 1)
            guard start + room <= maximumOctets else { return nil }
            octets.append(contentsOf: repeatElement(0, count: room))
            let count = octets.withUnsafeMutableBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return Glibc.read(descriptor, base + start, room)
            }
            if count < 0, errno == EINTR {
                octets.removeLast(room)
                continue
            }
            guard count >= 0 else { return nil }
            octets.removeLast(room - count)
            if count == 0 { return octets }
        }
    }
}

/// The lines of a file of configuration, as words: split at blanks, without what follows a comment sign.
enum ConfigurationLines {
    /// Calls `body` with the words of each line that has any. LF and CRLF end a line; a BOM is skipped.
    static func forEach(_ octets: [UInt8], comment: [UInt8], _ body: ([ArraySlice<UInt8>]) -> Void) {
        let text = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? octets.dropFirst(3) : octets[...]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let content = line.prefix { !comment.contains($0) }
            let words = content.split {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
            }
            if !words.isEmpty { body(words) }
        }
    }
}
