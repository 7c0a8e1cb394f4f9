// The encodings of the web (WHATWG Encoding). UTF-8, UTF-16 and windows-1252, which are nearly all pages, are decoded here; the
// others by iconv(3), and only those in the table of labels: a label comes from a stranger, and iconv knows a hundred
// converters that nobody has tested on hostile bytes.

import Glibc

/// A way to write text as bytes.
enum TextEncoding: Equatable {
    case utf8
    case utf16LittleEndian
    case utf16BigEndian
    /// Also what pages mean by ISO-8859-1 and US-ASCII.
    case windows1252
    /// Octets above 127 become private characters from U+F780 on: scripts of old pages read files so.
    case userDefined
    /// One that must not be decoded, since what browsers and others make of it differs: all of it becomes one U+FFFD.
    case replacement
    /// Any other, by the name that iconv has for it.
    case iconv(String)

    /// Decodes all of `bytes`; what is no text in this encoding becomes U+FFFD.
    func decode(_ bytes: ArraySlice<UInt8>) -> String {
        switch self {
        case .utf8: String(decoding: bytes, as: UTF8.self)
        case .utf16LittleEndian: Self.decodeUTF16(bytes) { UInt16($1) << 8 | UInt16($0) }
        case .utf16BigEndian: Self.decodeUTF16(bytes) { UInt16($0) << 8 | UInt16($1) }
        case .windows1252: Self.decodeWindows1252(bytes)
        case .userDefined:
            String(
                String.UnicodeScalarView(
                    bytes.map { Unicode.Scalar($0 < 0x80 ? UInt32($0) : 0xF700 + UInt32($0)) ?? "\u{FFFD}" }))
        case .replacement: bytes.isEmpty ? "" : "\u{FFFD}"
        case .iconv(let name): Iconv.decode(bytes, from: name) ?? String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func decodeUTF16(_ bytes: ArraySlice<UInt8>, _ unit: (UInt8, UInt8) -> UInt16) -> String {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2 + 1)
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            units.append(unit(bytes[index], bytes[index + 1]))
            index += 2
        }
        // Half a unit at the end.
        if index < bytes.endIndex { units.append(0xFFFD) }
        return String(decoding: units, as: UTF16.self)
    }

    /// What windows-1252 has at 0x80…0x9F; the five that it leaves open are controls.
    private static let upperControls: [Unicode.Scalar] = [
        "\u{20AC}", "\u{81}", "\u{201A}", "\u{192}", "\u{201E}", "\u{2026}", "\u{2020}", "\u{2021}", "\u{2C6}",
        "\u{2030}",
        "\u{160}", "\u{2039}", "\u{152}", "\u{8D}", "\u{17D}", "\u{8F}", "\u{90}", "\u{2018}", "\u{2019}", "\u{201C}",
        "\u{201D}", "\u{2022}", "\u{2013}", "\u{2014}", "\u{2DC}", "\u{2122}", "\u{161}", "\u{203A}", "\u{153}",
        "\u{9D}",
        "\u{17E}", "\u{178}",
    ]

    private static func decodeWindows1252(_ bytes: ArraySlice<UInt8>) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 8)
        for octet in bytes {
            if octet < 0x80 {
                output.append(octet)
            } else {
                let scalar = octet < 0xA0 ? upperControls[Int(octet) - 0x80] : Unicode.Scalar(octet)
                output += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// The conversion to UTF-8 by glibc's tables. The C functions are `iconv_open`, `iconv` and `iconv_close`.
private enum Iconv {
    /// Decodes all of `bytes`; nil if this system lacks the converter.
    static func decode(_ bytes: ArraySlice<UInt8>, from name: String) -> String? {
        guard let converter = iconv_open("UTF-8", name), converter != iconv_t(bitPattern: -1) else { return nil }
        defer { iconv_close(converter) }
        // iconv takes its input by a mutable pointer, and doesn't write there.
        var input = bytes.map { CChar(bitPattern: $0) }
        var output: [UInt8] = []
        var piece = [CChar](repeating: 0, count: 16 * 1024)
        input.withUnsafeMutableBufferPointer { input in
            var next = input.baseAddress
            var left = input.count
            while left > 0 {
                let status = convert(converter, &next, &left, &piece, &output)
                if status == EILSEQ || status == EINVAL {
                    output += UTF8.encodedReplacementCharacter
                    // EINVAL: a character that the input ends in.
                    if status == EINVAL { break }
                    next = next.map { $0 + 1 }
                    left -= 1
                }
            }
            // What a converter keeps back until it has seen what follows comes out for no input.
            next = nil
            _ = convert(converter, &next, &left, &piece, &output)
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Converts as much as fits into `piece`; 0 or E2BIG when it may go on, else what stopped it.
    private static func convert(
        _ converter: iconv_t, _ next: inout UnsafeMutablePointer<CChar>?, _ left: inout Int, _ piece: inout [CChar],
        _ output: inout [UInt8]
    ) -> Int32 {
        piece.withUnsafeMutableBufferPointer { piece in
            var target = piece.baseAddress
            var room = piece.count
            let result = iconv(converter, &next, &left, &target, &room)
            let status = result == -1 ? errno : 0
            output += piece.prefix(piece.count - room).lazy.map { UInt8(bitPattern: $0) }
            return status
        }
    }
}
