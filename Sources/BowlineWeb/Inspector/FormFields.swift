// The fields of a query or of a form, as browsers write them (application/x-www-form-urlencoded, WHATWG URL, 5).

struct FormFields {
    private(set) var pairs: [(name: String, value: String)] = []

    init() {}

    init(_ text: String) {
        for piece in text.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = piece.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            pairs.append((Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : ""))
        }
    }

    /// The value of the first field of a name.
    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// The fields of two forms, those of the first found first.
    static func + (first: FormFields, second: FormFields) -> FormFields {
        var sum = first
        sum.pairs += second.pairs
        return sum
    }

    private static func decoded(_ text: Substring.UTF8View) -> String {
        var octets: [UInt8] = []
        var rest = text
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "%"), let value = hexadecimal(rest.prefix(2)) {
                rest = rest.dropFirst(2)
                octets.append(value)
            } else {
                octets.append(octet == UInt8(ascii: "+") ? UInt8(ascii: " ") : octet)
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: Substring.UTF8View) -> UInt8? {
        guard digits.count == 2, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-") else {
            return nil
        }
        return UInt8(Substring(digits), radix: 16)
    }

    /// A name or value as it stands in a query.
    static func encoded(_ text: String) -> String {
        var encoded = ""
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                encoded.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                encoded += "%" + (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
