// HTML on its way out. What this module writes goes in by `raw`; everything else, above all what came from the network, by
// `text`, which no markup survives.

struct Markup {
    private(set) var html = ""

    /// Adds markup.
    mutating func raw(_ markup: String) { html += markup }

    /// Adds text.
    mutating func text(_ text: String) { html += Self.escaped(text) }

    /// Adds an element that holds text; `attributes` is markup.
    mutating func element(_ name: String, _ attributes: String = "", _ text: String) {
        html += attributes.isEmpty ? "<\(name)>" : "<\(name) \(attributes)>"
        self.text(text)
        html += "</\(name)>"
    }

    /// The text as it stands in an element or between double quotes: no markup, and nothing that can't be seen.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default:
                switch scalar.value {
                // Controls, and the marks that turn the direction of what follows.
                case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                    escaped += "\\u{" + String(scalar.value, radix: 16) + "}"
                default: escaped.unicodeScalars.append(scalar)
                }
            }
        }
        return escaped
    }
}
