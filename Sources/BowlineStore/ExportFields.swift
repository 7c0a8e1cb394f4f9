// The fields of a line of an export, each of which must be there and be what it should be.

struct ExportFields {
    /// Why a line is no entry.
    struct Problem: Error {
        let text: String

        init(_ text: String) {
            self.text = text
        }
    }

    private let members: [String: JSONReader.Value]
    private let reader: JSONReader

    init(_ text: String, _ reader: JSONReader) throws(Problem) {
        guard let members = reader.members(text) else { throw Problem("it is no object of JSON") }
        self.members = members
        self.reader = reader
    }

    func text(_ key: String) throws(Problem) -> String {
        guard case .string(let text) = members[key] else { throw Problem("\"\(key)\" isn't a text") }
        return text
    }

    func bool(_ key: String) throws(Problem) -> Bool {
        guard case .bool(let value) = members[key] else { throw Problem("\"\(key)\" isn't true or false") }
        return value
    }

    func number<Number: FixedWidthInteger>(_ key: String) throws(Problem) -> Number {
        guard case .integer(let value) = members[key], let number = Number(exactly: value) else {
            throw Problem("\"\(key)\" isn't a whole number from \(Number.min) to \(Number.max)")
        }
        return number
    }

    func texts(_ key: String) throws(Problem) -> [String] {
        try elements(key).map { element throws(Problem) in
            guard case .string(let text) = element else { throw Problem("\"\(key)\" isn't a list of texts") }
            return text
        }
    }

    func objects(_ key: String) throws(Problem) -> [ExportFields] {
        try elements(key).map { element throws(Problem) in
            guard case .object(let text) = element else { throw Problem("\"\(key)\" isn't a list of objects") }
            return try ExportFields(text, reader)
        }
    }

    private func elements(_ key: String) throws(Problem) -> [JSONReader.Value] {
        guard case .array(let text) = members[key], let elements = reader.elements(text) else {
            throw Problem("\"\(key)\" isn't a list")
        }
        return elements
    }

    /// Nil where it is null.
    func optional<Value>(_ key: String, _ read: (String) throws(Problem) -> Value) throws(Problem) -> Value? {
        if case .null = members[key] { return nil }
        return try read(key)
    }

    /// A value that was made of a text.
    func checked<Value>(_ value: Value?, _ text: String, _ what: String) throws(Problem) -> Value {
        guard let value else { throw Problem("\"\(text)\" isn't \(what)") }
        return value
    }
}
