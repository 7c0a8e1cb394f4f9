// Looks for the encoding that an HTML page declares in itself: the "prescan a byte stream" of the HTML standard.
// Called by TextDecoding, on bytes, since the encoding isn't known yet; it isn't a parser of HTML.

/// The search for `<meta charset>` and `<meta http-equiv="Content-Type">`.
struct MetaPrescan {
    /// How far a page is searched (HTML, 13.2.3.2).
    private static let limit = 1024

    private let bytes: [UInt8]
    private var index = 0

    /// The encoding that the page declares, or nil.
    static func encoding(of page: [UInt8]) -> TextEncoding? {
        guard page.prefix(limit).contains(UInt8(ascii: "<")) else { return nil }
        var scan = MetaPrescan(bytes: page.count > limit ? Array(page.prefix(limit)) : page)
        return scan.run()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func run() -> TextEncoding? {
        while index < bytes.count {
            if skip("<!--") {
                // `<!-->` is a whole comment.
                index -= 2
                guard skip(to: "-->") else { return nil }
            } else if skipMeta() {
                if let encoding = declared() { return encoding }
            } else if bytes[index] == UInt8(ascii: "<"), let next = bytes[safe: index + 1] {
                readTag(after: next)
            } else {
                index += 1
            }
        }
        return nil
    }

    private mutating func readTag(after next: UInt8) {
        switch next {
        case UInt8(ascii: "!"), UInt8(ascii: "?"):
            if !skip(to: ">") { index = bytes.count }
        case UInt8(ascii: "/"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
            while index < bytes.count, !Self.isSpace(bytes[index]), bytes[index] != UInt8(ascii: ">") { index += 1 }
            while attribute() != nil {}
            index += 1
        default:
            index += 1
        }
    }

    /// The encoding of the `<meta` whose name was just passed.
    private mutating func declared() -> TextEncoding? {
        var seen: Set<String> = []
        var hasPragma = false
        var needsPragma: Bool?
        var encoding: TextEncoding?
        while let (name, value) = attribute() {
            guard seen.insert(name).inserted else { continue }
            switch name {
            case "http-equiv": hasPragma = value == "content-type"
            case "charset":
                encoding = TextEncoding(label: value)
                needsPragma = false
            case "content" where encoding == nil:
                if let label = Self.charset(in: value) {
                    encoding = TextEncoding(label: label)
                    needsPragma = true
                }
            default: break
            }
        }
        // A tag that the search doesn't see the end of counts for nothing.
        guard index < bytes.count, let needsPragma, !needsPragma || hasPragma else { return nil }
        // A page whose meta could be read byte by byte isn't in UTF-16.
        if encoding == .utf16LittleEndian || encoding == .utf16BigEndian { return .utf8 }
        if encoding == .userDefined { return .windows1252 }
        return encoding
    }

    /// The next attribute of a tag in lower case, nil at its end.
    private mutating func attribute() -> (name: String, value: String)? {
        while let octet = bytes[safe: index], Self.isSpace(octet) || octet == UInt8(ascii: "/") { index += 1 }
        guard let first = bytes[safe: index], first != UInt8(ascii: ">") else { return nil }
        var name: [UInt8] = []
        while let octet = bytes[safe: index], octet != UInt8(ascii: "/"), octet != UInt8(ascii: ">"),
            !Self.isSpace(octet)
        {
            if octet == UInt8(ascii: "="), !name.isEmpty { break }
            name.append(HTTPOctets.lower(octet))
            index += 1
        }
        while let octet = bytes[safe: index], Self.isSpace(octet) { index += 1 }
        var value: [UInt8] = []
        if bytes[safe: index] == UInt8(ascii: "=") {
            index += 1
            while let octet = bytes[safe: index], Self.isSpace(octet) { index += 1 }
            value = attributeValue()
        }
        return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private mutating func attributeValue() -> [UInt8] {
        var value: [UInt8] = []
        if let quote = bytes[safe: index], quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            index += 1
            while let octet = bytes[safe: index], octet != quote {
                value.append(HTTPOctets.lower(octet))
                index += 1
            }
            index += 1
        } else {
            while let octet = bytes[safe: index], !Self.isSpace(octet), octet != UInt8(ascii: ">") {
                value.append(HTTPOctets.lower(octet))
                index += 1
            }
        }
        return value
    }

    /// The label in `text/html; charset=label` (HTML, "extracting a character encoding from a meta element").
    private static func charset(in content: String) -> String? {
        var rest = Array(content.utf8)[...]
        while let range = rest.firstRange(of: "charset".utf8) {
            rest = rest[range.upperBound...].drop(while: isSpace)
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst().drop(while: isSpace)
            guard let first = rest.first else { return nil }
            if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
                guard let end = rest.dropFirst().firstIndex(of: first) else { return nil }
                return String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
            }
            return String(decoding: rest.prefix { !isSpace($0) && $0 != UInt8(ascii: ";") }, as: UTF8.self)
        }
        return nil
    }

    /// Passes `lowercased` if it stands here, ASCII case ignored.
    private mutating func skip(_ lowercased: StaticString) -> Bool {
        let range = index..<index + lowercased.utf8CodeUnitCount
        guard range.upperBound <= bytes.count, bytes.withUnsafeBytes({ HTTPOctets.equal($0, range, lowercased) }) else {
            return false
        }
        index = range.upperBound
        return true
    }

    /// Passes the name of a meta tag; not that of a metadata tag.
    private mutating func skipMeta() -> Bool {
        let start = index
        if skip("<meta"), let next = bytes[safe: index], Self.isSpace(next) || next == UInt8(ascii: "/") { return true }
        index = start
        return false
    }

    /// Passes the next `text`; false if there is none.
    private mutating func skip(to text: String) -> Bool {
        guard let range = bytes[index...].firstRange(of: text.utf8) else { return false }
        index = range.upperBound
        return true
    }

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0C || octet == 0x0D
    }
}

extension [UInt8] {
    /// The byte at `index`, nil beyond the end.
    fileprivate subscript(safe index: Int) -> UInt8? { index < count ? self[index] : nil }
}
