// A comparison's result: one JSON object a line for scripts, one line of a table for people.

import Glibc

struct Row {
    let bench: String
    let name: String
    let unit: String
    let referenceName: String
    let target: Double?
    let runs: Int
    /// Why a figure is missing, where that isn't an error.
    var note: String?
    var ours: Double?
    var reference: Double?
    var ratio: Double?
    /// What went wrong while it was measured.
    var failure: String?

    var json: String {
        var fields = [
            ("bench", quoted(bench)), ("case", quoted(name)), ("unit", quoted(unit)), ("ours", number(ours)),
            ("reference", number(reference)), ("reference_name", quoted(referenceName)), ("ratio", number(ratio)),
            ("target", number(target)), ("runs", "\(runs)"),
        ]
        if let why = failure ?? note { fields.append(("note", quoted(why))) }
        return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }

    private func number(_ value: Double?) -> String {
        value.map { compact($0) } ?? "null"
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// The table that people read, a line at a time: a long bench shows what it has.
enum Table {
    static let head =
        cell("bench", 9) + cell("case", 42) + cell("ours", -11) + cell("reference", -11) + cell("ratio", -8)
        + cell("target", -8) + "  unit, reference"

    static func line(_ row: Row) -> String {
        let verdict =
            if let ratio = row.ratio, let target = row.target, ratio < target { " SHORT" } else { "" }
        let why = (row.failure ?? row.note).map { " (\($0))" } ?? ""
        return cell(row.bench, 9) + cell(row.name, 42) + cell(text(row.ours), -11) + cell(text(row.reference), -11)
            + cell(text(row.ratio), -8) + cell(text(row.target), -8)
            + "  \(row.unit), \(row.referenceName)\(why)\(verdict)"
    }

    private static func text(_ value: Double?) -> String {
        value.map { compact($0) } ?? "-"
    }

    /// `text` filled with spaces to `width`; a negative width puts it at the right edge.
    private static func cell(_ text: String, _ width: Int) -> String {
        let fill = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? fill + text : text + fill
    }
}

/// Three or four significant digits, which is what a shared machine can tell: 17832, 412.5, 0.983.
private func compact(_ value: Double) -> String {
    let decimals = abs(value) >= 1000 ? 0 : abs(value) >= 100 ? 1 : abs(value) >= 10 ? 2 : 3
    let scale = [1.0, 10, 100, 1000][decimals]
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
}
