// Reading JSON, one level at a time. SQLite does it, which is here anyway; Foundation's decoder would cost the command more at its
// start than all else.

import BowlineNames

/// Reads objects and arrays.
final class JSONReader {
    /// A value. What is in objects and arrays comes as text, to be read in its turn.
    enum Value {
        case null
        case bool(Bool)
        case integer(Int64)
        case real(Double)
        case string(String)
        case object(String)
        case array(String)
    }

    private let connection: SQLiteConnection
    private let statement: SQLiteStatement

    init() throws(CacheStoreError) {
        connection = try SQLiteConnection(path: ":memory:", busyTimeout: 0)
        // An object or an array is given as its text.
        statement = try connection.prepare("SELECT key, type, value FROM json_each(?1)")
    }

    /// The members of an object; nil if it is none. Of two with the same key, the last counts.
    func members(_ text: String) -> [String: Value]? {
        guard isA("{", text), let rows = rows(text) else { return nil }
        return Dictionary(rows) { _, last in last }
    }

    /// The elements of an array; nil if it is none.
    func elements(_ text: String) -> [Value]? {
        guard isA("[", text) else { return nil }
        return rows(text)?.map(\.1)
    }

    private func isA(_ bracket: Character, _ text: String) -> Bool {
        text.first { !" \t\r\n".contains($0) } == bracket
    }

    private func rows(_ text: String) -> [(String, Value)]? {
        var rows: [(String, Value)] = []
        do throws(CacheStoreError) {
            try statement.bind([.text(text)])
            while try statement.step() { rows.append((statement.text(0), value)) }
        } catch {
            return nil
        }
        return rows
    }

    private var value: Value {
        switch statement.text(1) {
        case "true": .bool(true)
        case "false": .bool(false)
        case "integer": .integer(statement.integer(2))
        case "real": .real(statement.real(2))
        case "text": .string(statement.text(2))
        case "object": .object(statement.text(2))
        case "array": .array(statement.text(2))
        default: .null
        }
    }
}
