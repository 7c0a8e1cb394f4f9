// The fields of one head or trailer section as they came: one block of bytes, and where each field stands in it.
// Filled by HTTPSectionReader, read by everybody; never changed after that.

public import HTTPTypes

/// Holds the field lines of a message in their order, as bytes; text is made only of what is asked for.
///
/// ```swift
/// func describe(_ head: HTTPResponseHead) {
///     print(head.fields["content-type"] ?? "no type")
///     for cookie in head.fields.values(of: "set-cookie") { print(cookie) }
///     print(head.fields.httpFields)          // as swift-http-types has them
/// }
/// ```
public struct HTTPFieldSection: Hashable, Sendable {
    /// Where a field stands in the section's bytes. 32 bits do: a section is bounded by `HTTPLimits.headBytes`.
    struct Entry: Hashable, Sendable {
        var nameStart: UInt32
        var nameEnd: UInt32
        var valueStart: UInt32
        var valueEnd: UInt32

        var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    /// The section from its start line (if it has one) to its empty line.
    var bytes: [UInt8] = []
    var entries: [Entry] = []

    /// Creates an empty section.
    public init() {}

    /// The number of field lines.
    public var count: Int { entries.count }

    /// The name and value of a field line, by its position.
    ///
    /// A value that isn't UTF-8 is read as ISO-8859-1.
    public subscript(position: Int) -> (name: String, value: String) {
        let entry = entries[position]
        return (text(entry.name), text(entry.value))
    }

    /// The value of the first field of this name, ASCII case ignored. O(n) in the fields.
    public subscript(name: String) -> String? {
        for entry in entries where matches(entry, name) { return text(entry.value) }
        return nil
    }

    /// Whether there is a field of this name. O(n) in the fields.
    func contains(_ name: String) -> Bool { entries.contains { matches($0, name) } }

    /// Lends the bytes of the first value of this name, or nil. O(n) in the fields.
    func withValue<Result>(of name: String, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        guard let entry = entries.first(where: { matches($0, name) }) else { return body(nil) }
        return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[entry.value])) }
    }

    /// The values of all fields of this name, in their order. O(n) in the fields.
    public func values(of name: String) -> [String] {
        entries.lazy.filter { matches($0, name) }.map { text($0.value) }
    }

    /// The same as octets: for what goes back, or on, as it came.
    func octets(of name: String) -> [ArraySlice<UInt8>] {
        entries.lazy.filter { matches($0, name) }.map { bytes[$0.value] }
    }

    /// The fields as swift-http-types has them, built anew on each call. O(n), about one allocation a field.
    public var httpFields: HTTPFields {
        var fields = HTTPFields()
        fields.reserveCapacity(entries.count)
        for entry in entries {
            // Never nil: the reader took the name as a token.
            guard let name = HTTPField.Name(text(entry.name)) else { continue }
            // The reader refused CR, LF and NUL, so that nothing is silently replaced here.
            fields.append(HTTPField(name: name, lenientValue: bytes[entry.value]))
        }
        return fields
    }

    /// The section as it came, its start line included.
    public var text: String { text(0..<bytes.count) }

    func text(_ range: Range<Int>) -> String {
        bytes.withUnsafeBytes { HTTPOctets.text(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private func matches(_ entry: Entry, _ name: String) -> Bool {
        // The length of a name tells nearly all others apart.
        guard entry.name.count == name.utf8.count else { return false }
        let name = name.utf8Span.span
        let start = entry.name.lowerBound
        for offset in 0..<name.count
        where HTTPOctets.lower(bytes[start + offset]) != HTTPOctets.lower(name[offset]) {
            return false
        }
        return true
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }
}
