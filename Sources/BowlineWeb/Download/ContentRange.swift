// What a response with a part says of it (RFC 9110, 14.4), and what tells versions of a page apart.

/// `bytes 500-999/1000`, `bytes 500-999/*` or, where nothing could be given, `bytes */1000`.
struct ContentRange: Hashable {
    /// Nil in a 416.
    let first: Int?
    /// The size of the whole; nil if it isn't known.
    let size: Int?

    init?(_ value: String?) {
        guard let value, value.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        size = halves[1] == "*" ? nil : Self.number(halves[1])
        guard halves[0] != "*" else {
            first = nil
            return
        }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last else {
            return nil
        }
        self.first = first
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy(HTTPOctets.isDigit) ? Int(text) : nil
    }

    /// What If-Range may be asked with for this version (RFC 9110, 13.1.5): a strong ETag, or a date that is a second
    /// older than the response, within which the page could have changed again (8.8.2.2). Nil if there is neither.
    static func validator(_ fields: HTTPFieldSection) -> String? {
        if let tag = fields["etag"] { return tag.utf8.first == UInt8(ascii: "\"") ? tag : nil }
        guard let modified = fields["last-modified"], let date = fields["date"], modified != date else { return nil }
        return modified
    }

    /// Whether a response says that it is of the version that `validator` stands for. Parts of what may be two versions
    /// aren't put together (RFC 9110, 15.3.7.3): not every server looks at If-Range, and one that says nothing has not
    /// said yes.
    static func confirms(_ validator: String, _ fields: HTTPFieldSection) -> Bool {
        fields[validator.utf8.first == UInt8(ascii: "\"") ? "etag" : "last-modified"] == validator
    }
}
