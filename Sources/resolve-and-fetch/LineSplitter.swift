// Lines out of pieces.

/// Cuts what comes in pieces into lines. Keeps no more than what has come of the present one.
struct LineSplitter {
    /// So much of a line is taken, and the rest of it left out: an octet more than a target may have, which shows by that.
    static let longestLine = FetchPlan.longestTarget + 1
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private var buffer: [UInt8] = []
    private var head = 0
    private var isAtStart = true
    private var isSkipping = false
    private var isEnded = false

    mutating func append(_ bytes: [UInt8]) {
        if head > 0 {
            buffer.removeSubrange(..<head)
            head = 0
        }
        buffer += bytes
    }

    /// Nothing more comes.
    mutating func end() { isEnded = true }

    /// The next line, without its end and without the byte order mark before the first; nil if none is whole yet.
    mutating func next() -> ArraySlice<UInt8>? {
        while true {
            let rest = buffer[head...]
            let end = rest.firstIndex(of: 0x0A)
            guard end != nil || isEnded && !rest.isEmpty || rest.count > Self.longestLine else { return nil }
            var line = rest[..<(end ?? rest.endIndex)]
            head = end.map { $0 + 1 } ?? rest.endIndex
            let isRemainder = isSkipping
            isSkipping = end == nil
            if isRemainder { continue }
            if isAtStart, line.starts(with: Self.mark) { line = line.dropFirst(Self.mark.count) }
            isAtStart = false
            return line.prefix(Self.longestLine)
        }
    }
}
