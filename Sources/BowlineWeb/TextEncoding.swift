// The encodings of the web, by the labels that the WHATWG Encoding standard gives them. UTF-8, UTF-16 and windows-1252,
// which are nearly all pages, are decoded here; the others by iconv(3), and only those in the table: a label
// comes from a stranger, and iconv knows a hundred converters that nobody has tested on hostile bytes.

import Glibc

/// A way to write text as bytes.
enum TextEncoding: Equatable {
    case utf8
    case utf16LittleEndian
    case utf16BigEndian
    /// Also what pages mean by ISO-8859-1 and US-ASCII.
    case windows1252
    /// Any other, by the name that iconv has for it.
    case iconv(String)

    /// Finds the encoding that a label names, case and blanks around it ignored; nil if it names none.
    init?(label: String) {
        let bytes = Array(label.utf8)
        let trimmed = bytes.withUnsafeBytes { bytes in
            bytes[HTTPOctets.trimmed(bytes, 0..<bytes.count)].map(HTTPOctets.lower)
        }
        let label = String(decoding: trimmed, as: UTF8.self)
        switch label {
        case "utf-8", "utf8", "unicode-1-1-utf-8", "x-unicode20utf8": self = .utf8
        case "utf-16", "utf-16le", "ucs-2", "unicode", "csunicode", "iso-10646-ucs-2": self = .utf16LittleEndian
        case "utf-16be", "unicodefffe": self = .utf16BigEndian
        case "windows-1252", "cp1252", "x-cp1252", "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "l1", "ascii",
            "us-ascii", "cp819", "ibm819":
            self = .windows1252
        default:
            guard let name = Self.iconvNames[label] else { return nil }
            self = .iconv(name)
        }
    }

    /// Labels, and glibc's name for what the standard means by them (GBK is read as GB18030, Shift_JIS as CP932, …).
    private static let iconvNames: [String: String] = {
        var names: [String: String] = [:]
        for number in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] {
            for label in ["iso-8859-\(number)", "iso8859-\(number)", "iso_8859-\(number)", "iso8859\(number)"] {
                names[label] = "ISO-8859-\(number)"
            }
        }
        for number in [1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258] {
            for label in ["windows-\(number)", "cp\(number)", "x-cp\(number)"] { names[label] = "CP\(number)" }
        }
        let groups = [
            "CP1254": ["iso-8859-9", "iso8859-9", "iso_8859-9", "latin5"],
            "ISO-8859-2": ["latin2", "l2"], "ISO-8859-3": ["latin3"], "ISO-8859-4": ["latin4"],
            "ISO-8859-5": ["cyrillic"], "ISO-8859-6": ["arabic"], "ISO-8859-7": ["greek"],
            "ISO-8859-8": ["hebrew", "iso-8859-8-i", "logical"],
            "CP874": ["windows-874", "tis-620", "iso-8859-11", "iso8859-11", "dos-874"],
            "CP866": ["ibm866", "cp866", "866"],
            "KOI8-R": ["koi8-r", "koi8", "koi8_r", "koi"], "KOI8-U": ["koi8-u", "koi8-ru"],
            "MACINTOSH": ["macintosh", "mac", "x-mac-roman"],
            "GB18030": ["gb18030", "gbk", "gb2312", "x-gbk", "gb_2312-80", "chinese"],
            "BIG5-HKSCS": ["big5", "big5-hkscs", "x-x-big5", "cn-big5"],
            "EUC-JP": ["euc-jp", "x-euc-jp"],
            "CP932": ["shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji"],
            "ISO-2022-JP": ["iso-2022-jp"],
            "CP949": ["euc-kr", "ks_c_5601-1987", "windows-949", "korean", "ksc5601"],
        ]
        for (name, labels) in groups {
            for label in labels { names[label] = name }
        }
        return names
    }()

    /// Decodes all of `bytes`; what is no text in this encoding becomes U+FFFD.
    func decode(_ bytes: ArraySlice<UInt8>) -> String {
        switch self {
        case .utf8: String(decoding: bytes, as: UTF8.self)
        case .utf16LittleEndian: Self.decodeUTF16(bytes) { UInt16($1) << 8 | UInt16($0) }
        case .utf16BigEndian: Self.decodeUTF16(bytes) { UInt16($0) << 8 | UInt16($1) }
        case .windows1252: Self.decodeWindows1252(bytes)
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
