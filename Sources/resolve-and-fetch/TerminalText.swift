// What may reach a terminal, and how it looks there. Text from the network goes through `escaped` first, always.

import Glibc

enum TerminalText {
    /// The text with everything that a terminal would obey, that would break the line, or that can't be seen made visible.
    static func escaped(_ text: String) -> String {
        escaped(text) { isControl($0) || isInvisible($0) }
    }

    private static func escaped(_ text: String, _ isTold: (Unicode.Scalar) -> Bool) -> String {
        guard text.unicodeScalars.contains(where: isTold) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if isTold(scalar) {
                let digits = String(scalar.value, radix: 16)
                escaped += scalar.value < 0x100 ? "\\x\(digits.count == 1 ? "0" : "")\(digits)" : "\\u{\(digits)}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Bytes as text for a terminal: line ends and tabs stay, and what joins and separates letters in running text.
    static func escaped(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false)
                .map { escaped(String($0), isControl) }.joined(separator: "\t")
        }.joined(separator: "\n")
    }

    /// The C0 and C1 controls, line separators, and the marks that turn the direction of text.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// What leaves no mark on a screen, so that one name looks like another: zero-width characters, fillers, format
    /// characters, variation selectors (UAX 44, Default_Ignorable_Code_Point), and the blank of Braille.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0xA0 else { return false }
        let properties = scalar.properties
        return properties.isDefaultIgnorableCodePoint || properties.generalCategory == .format || scalar.value == 0x2800
    }

    /// A text of no more than so many characters: of a longer one, its beginning and its end.
    static func abridged(_ text: String, to length: Int) -> String {
        // No character is less than an octet.
        guard text.utf8.count > length, text.count > length else { return text }
        let half = (length - 1) / 2
        return "\(text.prefix(half))…\(text.suffix(half))"
    }

    /// How wide a text is, for the characters that the report is made of.
    static func width(_ text: String) -> Int { text.count }

    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - self.width(text)))
    }

    /// A text that is no wider than this.
    static func shortened(_ text: String, to width: Int) -> String {
        self.width(text) <= width ? text : width <= 0 ? "" : text.prefix(max(0, width - 1)) + "…"
    }
}

/// How text looks at one descriptor.
struct Style {
    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
        case dim = 2
        case bold = 1
    }

    /// Whether colours are used.
    var hasColours = false
    /// Whether people look at it.
    var isTerminal = false
    /// How many characters a line of a report has.
    var width = 80
    /// How many characters a line of the terminal has.
    var terminalWidth = 80

    private static let narrowest = 40
    private static let widest = 160

    init() {}

    /// The style of a descriptor: colours only on a terminal, and never with NO_COLOR (no-color.org).
    init(of descriptor: CInt) {
        isTerminal = isatty(descriptor) == 1
        let forbidsColours = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
        hasColours = isTerminal && !forbidsColours && terminal != "dumb" && !terminal.isEmpty
        var size = winsize()
        if isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
            width = Int(size.ws_col)
        } else if let columns = getenv("COLUMNS").flatMap({ Int(String(cString: $0)) }), columns > 0 {
            width = columns
        }
        terminalWidth = width
        width = min(max(width, Self.narrowest), Self.widest)
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        hasColours ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }
}
