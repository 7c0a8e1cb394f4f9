// The octets of a text, lent for a moment. `withUTF8` needs a variable, and so a copy and a count for each look at a name.

extension String {
    /// Calls a function with the text as UTF-8; without copying it, as long as it is no String of another language.
    func withOctets<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        if let result = try utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return try copy.withUTF8(body)
    }
}
