// Targets from a file or from stdin, one a line.

import Bowline

enum TargetList {
    /// Reads the targets of a file; `-` is stdin.
    static func read(_ path: String) throws(SystemError) -> [String] {
        targets(in: try Files.read(path == "-" ? "/dev/stdin" : path))
    }

    /// The targets of a text: each line that isn't blank and doesn't begin with #, without the blanks around it. Line
    /// ends may be CR LF, and a byte order mark may come first.
    static func targets(in bytes: [UInt8]) -> [String] {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
        return text.split(separator: 0x0A).compactMap { line in
            let start = line.drop(while: isBlank)
            guard let last = start.lastIndex(where: { !isBlank($0) }), start.first != UInt8(ascii: "#") else {
                return nil
            }
            return String(decoding: start[...last], as: UTF8.self)
        }
    }

    private static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x09 || octet == 0x0D
    }
}
