// Cuts a head or a trailer section into lines and fields (RFC 9112, 2.2 and 5), whatever the pieces it comes in.
// Called by the parsers and the body decoder; it never looks at what a field means.
//
// The outcome depends on the bytes alone, not on how they were cut: a line is judged when its LF is there, and
// the limits speak of positions. A section that comes in one piece is parsed where it lies and copied once.

/// The first line of a head, which the section reader hands over as soon as it is complete.
protocol HTTPStartLine {
    /// False for trailers, which have none.
    static var isPresent: Bool { get }
    /// Whether empty lines before the start line are skipped (RFC 9112, 2.2: by servers only).
    static var skipsEmptyLines: Bool { get }
    /// Refuses a line that can't become a start line, however it goes on: a peer that speaks another
    /// protocol, or greets first, is told from a slow one.
    static func checkBeginning(_ line: UnsafeRawBufferPointer) throws(HTTPParseError)
    /// Reads the whole line, which stands at `offset` in its section.
    mutating func read(_ line: UnsafeRawBufferPointer, at offset: Int) throws(HTTPParseError)
}

/// The start line of a section that has none.
struct HTTPNoStartLine: HTTPStartLine {
    static var isPresent: Bool { false }
    static var skipsEmptyLines: Bool { false }
    static func checkBeginning(_ line: UnsafeRawBufferPointer) {}
    mutating func read(_ line: UnsafeRawBufferPointer, at offset: Int) {}
}

/// The place in one section up to which it has been read.
struct HTTPSectionReader {
    /// What bounds a section, and how its lines end.
    struct Rules {
        var maximumBytes: Int
        var bytesLimit: HTTPParseError.Limit
        var maximumFields: Int
        /// Whether LF alone ends a line too (RFC 9112, 2.2: a recipient MAY take it).
        var acceptsBareLineFeed: Bool
        /// Whether a field may go on in the next line (RFC 9112, 5.2: a server MAY refuse it).
        var acceptsFolds = true
        /// The longest start line, without its line end.
        var maximumStartLineBytes = Int.max
    }

    /// So many fields are made room for with the first: most heads have no more.
    private static let usualFieldCount = 16

    private var lineStart = 0
    private var scanned = 0
    private var hasStartLine = false
    private var hasFolds = false

    /// Whether nothing of the section has been read yet.
    var isAtStart: Bool { lineStart == 0 && scanned == 0 }

    mutating func reset() { self = HTTPSectionReader() }

    /// Reads on in `input`, and moves `position` past what it took.
    ///
    /// True when the section is complete; what follows it stays in the input. False when all of the input was
    /// taken and more is needed.
    mutating func read<Line: HTTPStartLine>(
        _ input: RawSpan, at position: inout Int, rules: Rules, into section: inout HTTPFieldSection, line: inout Line
    ) throws(HTTPParseError) -> Bool {
        let rest = input.extracting(position...)
        if section.bytes.isEmpty {
            if let end = try scan(rest, rules, &section.entries, &line) {
                append(rest.extracting(..<end), to: &section.bytes)
                unfold(&section.bytes, &section.entries)
                position += end
                return true
            }
            append(rest, to: &section.bytes)
            position = input.byteCount
            return false
        }
        let before = section.bytes.count
        // One byte beyond the limit is enough to see that it was passed.
        append(rest.extracting(..<min(rest.byteCount, rules.maximumBytes - before + 1)), to: &section.bytes)
        // Moved out and back: the compiler takes a span of one property for a borrow of them all.
        var entries: [HTTPFieldSection.Entry] = []
        swap(&entries, &section.entries)
        defer { swap(&entries, &section.entries) }
        guard let end = try scan(section.bytes.span.bytes, rules, &entries, &line) else {
            position = input.byteCount
            return false
        }
        section.bytes.removeSubrange(end...)
        unfold(&section.bytes, &entries)
        position += end - before
        return true
    }

    private func append(_ bytes: RawSpan, to storage: inout [UInt8]) {
        bytes.withUnsafeBytes { storage.append(contentsOf: $0) }
    }

    /// Reads the lines that are complete; the end of the section if it is there.
    private mutating func scan<Line: HTTPStartLine>(
        _ bytes: RawSpan, _ rules: Rules, _ entries: inout [HTTPFieldSection.Entry], _ line: inout Line
    ) throws(HTTPParseError) -> Int? {
        try bytes.withUnsafeBytes { bytes throws(HTTPParseError) -> Int? in
            while true {
                let found = HTTPOctets.lineFeed(in: bytes, from: scanned)
                if Line.isPresent, !hasStartLine {
                    try Line.checkBeginning(UnsafeRawBufferPointer(rebasing: bytes[lineStart..<(found ?? bytes.count)]))
                }
                if Line.isPresent, !hasStartLine {
                    try checkStartLine(bytes, rules, lineStart..<(found ?? bytes.count))
                }
                guard (found.map { $0 + 1 } ?? bytes.count) <= rules.maximumBytes else {
                    throw .tooLarge(rules.bytesLimit, limit: rules.maximumBytes)
                }
                guard let lineFeed = found else {
                    scanned = bytes.count
                    return nil
                }
                var lineEnd = lineFeed
                if lineFeed > lineStart, bytes[lineFeed - 1] == HTTPOctets.carriageReturn {
                    lineEnd -= 1
                } else if !rules.acceptsBareLineFeed {
                    throw .bareLineFeed
                }
                let range = lineStart..<lineEnd
                lineStart = lineFeed + 1
                scanned = lineStart
                if Line.isPresent, !hasStartLine {
                    if range.isEmpty, Line.skipsEmptyLines { continue }
                    try line.read(UnsafeRawBufferPointer(rebasing: bytes[range]), at: range.lowerBound)
                    hasStartLine = true
                } else if range.isEmpty {
                    return lineStart
                } else {
                    try readField(bytes, range, rules, &entries)
                }
            }
        }
    }

    /// The CR of a line that isn't whole yet may be its end.
    private func checkStartLine(
        _ bytes: UnsafeRawBufferPointer, _ rules: Rules, _ line: Range<Int>
    ) throws(HTTPParseError) {
        guard line.count > rules.maximumStartLineBytes else { return }
        let endsWithReturn = bytes[line.upperBound - 1] == HTTPOctets.carriageReturn
        guard line.count - (endsWithReturn ? 1 : 0) > rules.maximumStartLineBytes else { return }
        throw .tooLarge(.startLineBytes, limit: rules.maximumStartLineBytes)
    }

    private mutating func readField(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, _ rules: Rules, _ entries: inout [HTTPFieldSection.Entry]
    ) throws(HTTPParseError) {
        if HTTPOctets.isBlank(bytes[line.lowerBound]) {
            guard rules.acceptsFolds || entries.isEmpty else { throw .foldedField }
            return try readFold(bytes, line, &entries)
        }
        guard entries.count < rules.maximumFields else { throw .tooLarge(.fieldCount, limit: rules.maximumFields) }
        var colon = line.lowerBound
        while colon < line.upperBound, HTTPOctets.isToken(bytes[colon]) { colon += 1 }
        // No blank before the colon: RFC 9112, 5.1.
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else {
            if let octet = HTTPOctets.firstForbidden(in: bytes, line) { throw Self.error(octet) }
            throw .badFieldName
        }
        let value = try checked(bytes, colon + 1..<line.upperBound)
        if entries.isEmpty { entries.reserveCapacity(min(Self.usualFieldCount, rules.maximumFields)) }
        entries.append(
            HTTPFieldSection.Entry(
                nameStart: UInt32(line.lowerBound), nameEnd: UInt32(colon),
                valueStart: UInt32(value.lowerBound), valueEnd: UInt32(value.upperBound)))
    }

    /// Adds a folded line to the value before it (RFC 9112, 5.2); the line ends between turn into spaces in `unfold`.
    private mutating func readFold(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, _ entries: inout [HTTPFieldSection.Entry]
    ) throws(HTTPParseError) {
        guard var entry = entries.popLast() else { throw .foldWithoutField }
        let more = try checked(bytes, line)
        if !more.isEmpty {
            if entry.value.isEmpty { entry.valueStart = UInt32(more.lowerBound) } else { hasFolds = true }
            entry.valueEnd = UInt32(more.upperBound)
        }
        entries.append(entry)
    }

    private func checked(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(HTTPParseError) -> Range<Int> {
        if let octet = HTTPOctets.firstForbidden(in: bytes, range) { throw Self.error(octet) }
        return HTTPOctets.trimmed(bytes, range)
    }

    static func error(_ octet: UInt8) -> HTTPParseError {
        octet == HTTPOctets.carriageReturn ? .bareCarriageReturn : .controlByte
    }

    /// Replaces each fold, the blanks around it included, by one space. The line ends of folds are the only
    /// CRs and LFs that a value can hold.
    private func unfold(_ bytes: inout [UInt8], _ entries: inout [HTTPFieldSection.Entry]) {
        guard hasFolds else { return }
        for position in entries.indices {
            let value = entries[position].value
            var end = value.lowerBound
            var isFold = false
            for octet in bytes[value] {
                if octet == HTTPOctets.carriageReturn || octet == HTTPOctets.lineFeed {
                    while end > value.lowerBound, HTTPOctets.isBlank(bytes[end - 1]) { end -= 1 }
                    isFold = true
                } else if !isFold || !HTTPOctets.isBlank(octet) {
                    if isFold {
                        bytes[end] = HTTPOctets.space
                        end += 1
                    }
                    isFold = false
                    bytes[end] = octet
                    end += 1
                }
            }
            entries[position].valueEnd = UInt32(end)
        }
    }
}
