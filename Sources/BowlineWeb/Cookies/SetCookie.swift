// The value of a Set-Cookie field, taken apart as browsers do (RFC 6265bis, 5.6): tolerant of what servers write, and without
// judging yet whether they may.

struct SetCookie: Equatable {
    /// 5.6: "If the sum of the lengths of the name string and the value string is more than 4096 octets, abort".
    static let maximumPairOctets = 4096
    /// 5.6: longer attributes are ignored.
    static let maximumAttributeOctets = 1024
    /// 5.5: "MUST limit the maximum value … SHOULD NOT be greater than 400 days".
    static let maximumLifetime: Int64 = 400 * 24 * 60 * 60

    var name = ""
    var value = ""
    /// How it is sent back: name and value as they came (5.6 and 5.8.3 speak of octets).
    var octets: [UInt8] = []
    /// In seconds since 1970; nil if neither Expires nor Max-Age is there.
    var expiry: Int64?
    /// Without its leading dot, in lower case; empty if there is none.
    var domain = ""
    /// Nil for the default.
    var path: String?
    var isSecure = false
    var isHTTPOnly = false
    var sameSite: Cookie.SameSite?

    /// Nil if it is to be ignored.
    init?(_ field: ArraySlice<UInt8>, now: Int64) {
        guard field.allSatisfy({ HTTPOctets.isFieldContent($0) }) else { return nil }
        let parts = field.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(Self.trimmed)
        guard let pair = parts.first else { return nil }
        let equals = pair.firstIndex(of: UInt8(ascii: "="))
        let nameOctets = Self.trimmed(pair[..<(equals ?? pair.startIndex)])
        let valueOctets = Self.trimmed(equals.map { pair[($0 + 1)...] } ?? pair)
        guard !nameOctets.isEmpty || !valueOctets.isEmpty,
            nameOctets.count + valueOctets.count <= Self.maximumPairOctets
        else { return nil }
        name = Self.text(nameOctets)
        value = Self.text(valueOctets)
        octets = (nameOctets.isEmpty ? [] : nameOctets + [UInt8(ascii: "=")]) + valueOctets
        // Max-Age goes before Expires, wherever they stand; of two of a kind the last counts.
        var (expires, maximumAge): (Int64?, Int64?) = (nil, nil)
        for part in parts.dropFirst() {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let key = halves.first.map { Self.text($0).lowercased() } ?? ""
            let text = halves.count == 2 ? Self.text(halves[1]) : ""
            guard text.utf8.count <= Self.maximumAttributeOctets else { continue }
            switch key {
            case "expires": expires = CookieDate.seconds(text).map { min($0, now + Self.maximumLifetime) } ?? expires
            case "max-age": maximumAge = Self.age(text) ?? maximumAge
            case "domain":
                domain = (text.utf8.first == UInt8(ascii: ".") ? String(text.dropFirst()) : text).lowercased()
            case "path": path = text.utf8.first == UInt8(ascii: "/") ? text : nil
            case "secure": isSecure = true
            case "httponly": isHTTPOnly = true
            case "samesite": sameSite = Cookie.SameSite(rawValue: text.lowercased())
            default: break
            }
        }
        expiry = maximumAge.map { $0 <= 0 ? .min : now + min($0, Self.maximumLifetime) } ?? expires
    }

    /// Digits, with a minus before them perhaps.
    private static func age(_ text: String) -> Int64? {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy(HTTPOctets.isDigit) else { return nil }
        return digits.count == text.utf8.count ? Int64(text) ?? .max : 0
    }

    private static func trimmed(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = octets.drop(while: HTTPOctets.isBlank)
        guard let last = start.lastIndex(where: { !HTTPOctets.isBlank($0) }) else { return start.prefix(0) }
        return start[...last]
    }

    private static func text(_ octets: ArraySlice<UInt8>) -> String {
        trimmed(octets).withUnsafeBytes(HTTPOctets.text)
    }
}
