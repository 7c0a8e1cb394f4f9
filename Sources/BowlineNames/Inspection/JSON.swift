// A small JSON writer: keys in the order given, nulls written. What the command prints and what the inspector serves goes
// through it. Foundation's encoder would cost more than the whole fetch in start-up time.

import BowlineReactor

package enum JSON {
    case null
    case bool(Bool)
    case integer(Int)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])
    /// A number of milliseconds; microseconds are what is left of it.
    case milliseconds(Double)
    /// A number of seconds, with milliseconds; it may be negative.
    case seconds(Double)

    /// The value as one line. RFC 8259.
    package var text: String {
        var output = ""
        write(to: &output)
        return output
    }

    private func write(to output: inout String) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += "\(value)"
        case .string(let value): Self.write(value, to: &output)
        case .milliseconds(let value): output += Self.thousandths(max(0, value))
        case .seconds(let value): output += Self.thousandths(value)
        case .array(let values):
            output += "["
            for (index, value) in values.enumerated() {
                if index > 0 { output += ", " }
                value.write(to: &output)
            }
            output += "]"
        case .object(let members):
            output += "{"
            for (index, (key, value)) in members.enumerated() {
                if index > 0 { output += ", " }
                Self.write(key, to: &output)
                output += ": "
                value.write(to: &output)
            }
            output += "}"
        }
    }

    private static func thousandths(_ value: Double) -> String {
        let scaled = Int((value * 1_000).rounded())
        let fraction = String(1_000 + scaled.magnitude % 1_000).dropFirst()
        return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / 1_000).\(fraction)"
    }

    private static func write(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: output += "\\\""
            case 0x5C: output += "\\\\"
            // Besides what JSON wants escaped, what a terminal would obey: the line may be looked at.
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
                output += "\\u" + String(0x10000 + scalar.value, radix: 16).dropFirst()
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}

extension JSON {
    package static func string(_ value: (some CustomStringConvertible)?) -> JSON {
        value.map { .string("\($0)") } ?? .null
    }

    package static func integer(_ value: Int?) -> JSON { value.map { .integer($0) } ?? .null }
    package static func bool(_ value: Bool?) -> JSON { value.map { .bool($0) } ?? .null }

    package static func milliseconds(_ value: Duration?) -> JSON {
        value.map { .milliseconds($0.inMilliseconds) } ?? .null
    }

    package static func seconds(_ value: Duration?) -> JSON {
        value.map { .seconds($0.inMilliseconds / 1_000) } ?? .null
    }
}
