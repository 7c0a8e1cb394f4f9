// From text to a name and from a name to octets. A host that a person or a URL gave takes `init(_:)`; a name in DNS
// notation, with escapes, takes `init(escaped:)`. What comes from a packet is read by WireName.

extension DomainName {
    /// Makes a name of a host name as people and URLs write it.
    ///
    /// Accepts every ASCII character that can't be mistaken for a part of a URL, so that names that exist keep working:
    /// `_dmarc.example`, `r3---sn-x.test`, `*.example`. International names are converted (UTS 46, see `IDNA`), and
    /// `。` counts as a dot. One dot at the end is fine.
    ///
    /// - Parameter text: at most 253 characters after conversion, each label 1 to 63; "." is the root.
    /// - Throws: ``NameError`` with the reason.
    /// - Complexity: O(length); no allocation if the text is in lower case already, without a dot at the end.
    public init(_ text: String) throws(NameError) {
        var ascii = text
        var examined = text.withOctets { Self.examine($0) }
        if case .international = examined {
            ascii = try IDNA.asciiForm(of: text)
            examined = ascii.withOctets { Self.examine($0, isConverted: true) }
        }
        switch examined {
        case .canonical: self.init(canonical: ascii)
        case .foldable, .international: self.init(canonical: Self.folded(ascii))
        case .invalid(let reason): throw NameError(text: text, reason: reason)
        }
    }

    /// Makes a name of DNS notation: every octet is possible, written as `\DDD` or after a backslash (RFC 1035, 5.1).
    ///
    /// - Parameter text: what ``text`` or ``description`` gave, or a name from a zone file. ASCII only.
    /// - Throws: ``NameError`` with the reason.
    public init(escaped text: String) throws(NameError) {
        guard !text.isEmpty else { throw NameError(text: text, reason: .empty) }
        if let odd = text.unicodeScalars.first(where: { $0.value <= 0x20 || $0.value >= 0x7F }) {
            throw NameError(text: text, reason: .forbiddenCharacter(odd))
        }
        var reason: NameError.Reason?
        guard let wire = Self.wireFormat(ofSpelling: text, problem: &reason) else {
            throw NameError(text: text, reason: reason ?? .badEscape)
        }
        self = wire.withUnsafeBytes { WireName.canonical($0.bytes, at: 0) } ?? .root
    }

    private enum Examined {
        case canonical, foldable, international, invalid(NameError.Reason)
    }

    /// The characters that the WHATWG URL standard forbids in a domain: controls, space, and `"#%/:<>?@[\]^|` with DEL
    /// and the back-tick. A bit each.
    private static let forbidden: (low: UInt64, high: UInt64) = {
        var low: UInt64 = 0x1_FFFF_FFFF
        var high: UInt64 = 1 << 63
        for character in "\"#%/:<>?@[\\]^`|".utf8 {
            if character < 64 { low |= 1 << UInt64(character) } else { high |= 1 << UInt64(character - 64) }
        }
        return (low, high)
    }()

    /// Looks at each octet once. After the conversion its xn-- labels are labels like any other.
    private static func examine(_ text: UnsafeBufferPointer<UInt8>, isConverted: Bool = false) -> Examined {
        let dot = UInt8(ascii: ".")
        if text.isEmpty { return .invalid(.empty) }
        if text.count == 1, text[0] == dot { return .foldable }
        let forbidden = forbidden
        var isFolded = true
        var isInternational = false
        var problem: NameError.Reason?
        var labelStart = 0
        for index in text.indices {
            let octet = text[index]
            // What nearly every octet of a name is: a small letter or a digit.
            if octet &- 0x61 < 26 || octet &- 0x30 < 10 { continue }
            if octet == dot {
                let length = index - labelStart
                if length == 0, problem == nil { problem = .emptyLabel }
                if length > maximumLabelOctets, problem == nil { problem = .labelTooLong }
                labelStart = index + 1
            } else if octet >= 0x80 {
                isInternational = true
            } else if (octet < 64 ? forbidden.low >> UInt64(octet) : forbidden.high >> UInt64(octet - 64)) & 1 == 1 {
                return .invalid(.forbiddenCharacter(Unicode.Scalar(octet)))
            } else if octet >= UInt8(ascii: "A"), octet <= UInt8(ascii: "Z") {
                isFolded = false
            } else if octet == UInt8(ascii: "-"), index == labelStart + 3, text[index - 1] == octet,
                text[labelStart] | 0x20 == UInt8(ascii: "x"), text[labelStart + 1] | 0x20 == UInt8(ascii: "n")
            {
                isInternational = true
            }
        }
        // Octets of UTF-8 say nothing about the length of the converted label.
        if isInternational, !isConverted { return .international }
        if text.count - labelStart > maximumLabelOctets, problem == nil { problem = .labelTooLong }
        let endsInDot = labelStart == text.count
        // On the wire a length byte takes the place of each dot, with one more in front and the root's zero.
        if text.count - (endsInDot ? 1 : 0) > maximumWireOctets - 2, problem == nil { problem = .nameTooLong }
        if let problem { return .invalid(problem) }
        return isFolded && !endsInDot ? .canonical : .foldable
    }

    private static func folded(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            let count = bytes.last == UInt8(ascii: ".") ? bytes.count - 1 : bytes.count
            return String(unsafeUninitializedCapacity: count) { target in
                for index in 0..<count { target[index] = ASCII.lowercase(bytes[index]) }
                return count
            }
        }
    }

    /// Encodes a name in DNS notation for the wire and keeps its case, for questions that mix it (0x20).
    ///
    /// - Returns: nil if the text isn't a name: an empty label, a length, a bad escape.
    package static func wireFormat(ofSpelling text: String) -> [UInt8]? {
        var ignored: NameError.Reason?
        return wireFormat(ofSpelling: text, problem: &ignored)
    }

    private static func wireFormat(ofSpelling text: String, problem: inout NameError.Reason?) -> [UInt8]? {
        if text.isEmpty || text == "." { return [0] }
        var wire: [UInt8] = []
        wire.reserveCapacity(text.utf8.count + 2)
        wire.append(0)
        var lengthAt = 0
        var octets = text.utf8.makeIterator()
        var endsInDot = false
        while let octet = octets.next() {
            endsInDot = false
            switch octet {
            case UInt8(ascii: "."):
                guard wire[lengthAt] > 0 else {
                    problem = .emptyLabel
                    return nil
                }
                endsInDot = true
                lengthAt = wire.count
                wire.append(0)
                continue
            case UInt8(ascii: "\\"):
                guard let value = escaped(&octets) else {
                    problem = .badEscape
                    return nil
                }
                wire.append(value)
            default:
                wire.append(octet)
            }
            wire[lengthAt] += 1
            guard wire[lengthAt] <= maximumLabelOctets else {
                problem = .labelTooLong
                return nil
            }
        }
        if !endsInDot { wire.append(0) }
        guard wire.count <= maximumWireOctets else {
            problem = .nameTooLong
            return nil
        }
        return wire
    }

    private static func escaped(_ octets: inout String.UTF8View.Iterator) -> UInt8? {
        guard let first = octets.next() else { return nil }
        guard (0x30...0x39).contains(first) else { return first }
        guard let second = octets.next(), (0x30...0x39).contains(second),
            let third = octets.next(), (0x30...0x39).contains(third)
        else { return nil }
        return UInt8(exactly: Int(first - 0x30) * 100 + Int(second - 0x30) * 10 + Int(third - 0x30))
    }
}

/// The few things that ASCII needs where locale and Unicode would be wrong and slow.
package enum ASCII {
    /// Folds A to Z, and nothing else (RFC 4343).
    @inline(__always)
    package static func lowercase(_ octet: UInt8) -> UInt8 {
        octet &- 0x41 < 26 ? octet | 0x20 : octet
    }
}
