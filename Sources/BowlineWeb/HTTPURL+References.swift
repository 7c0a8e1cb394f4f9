// From a reference in a page or a Location field to a URL, and from what a person types to a URL.

import BowlineTransport

extension HTTPURL {
    /// Resolves a reference against this URL, as RFC 3986, 5.2 says: `//host`, `/path`, `path`, `?query`, `#fragment`,
    /// nothing, or a whole URL.
    ///
    /// - Parameter reference: the reference; no blanks around it.
    /// - Throws: what is wrong with it, also when it leads to another scheme.
    /// - Complexity: O(length).
    public func resolve(_ reference: String) throws(HTTPURLError) -> HTTPURL {
        let bytes = Array(reference.utf8)
        try HTTPURLText.check(bytes[...])
        if HTTPURLText.schemeEnd(bytes[...]) != nil { return try HTTPURL(reference) }
        if bytes.starts(with: "//".utf8) { return try HTTPURL(scheme: scheme, afterSlashes: bytes[2...]) }
        var parts = HTTPURLText.Parts(bytes[...])
        if parts.path.isEmpty {
            parts.path = Array(path.utf8)[...]
            if parts.query == nil { parts.query = query.map { Array($0.utf8)[...] } }
        } else if parts.path.first != UInt8(ascii: "/") {
            // RFC 3986, 5.2.3: all but the last segment of the base.
            let base = Array(path.utf8)
            let end = base.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
            parts.path = base[..<end] + parts.path
        }
        return HTTPURL(origin: origin, userInfo: userInfo, parts: parts)
    }

    /// Resolves the value of a Location field against this URL, from which it came. A location without a fragment
    /// inherits this one's (RFC 9110, 10.2.2).
    ///
    /// Blanks, which many servers forget to encode, are encoded, as browsers (WHATWG URL) and curl do: in a path or a query
    /// there is one thing only that they can mean. Elsewhere, and other characters that stand in no URL, are refused.
    /// - Throws: what is wrong with the location.
    public func redirected(to location: String) throws(HTTPURLError) -> HTTPURL {
        let url = try resolve(HTTPURLText.encodingBlanks(location))
        return url.fragment == nil && fragment != nil ? HTTPURL(url, fragment: fragment) : url
    }

    /// Reads what a person names as a target: a host, `host:port`, `[v6]:port`, a literal address, or an http(s) URL.
    /// A host means `http://host/`.
    ///
    /// - Throws: what is wrong with it.
    public init(target text: String) throws(HTTPURLError) {
        let bytes = Array(text.utf8)
        try HTTPURLText.check(bytes[...])
        guard !bytes.isEmpty else { throw .empty }
        if let colon = HTTPURLText.schemeEnd(bytes[...]), bytes[(colon + 1)...].starts(with: "//".utf8) {
            try self.init(text)
            return
        }
        let unzoned = bytes.prefix { $0 != UInt8(ascii: "%") }
        if let address = IPv6Address(String(decoding: unzoned, as: UTF8.self)) {
            guard unzoned.count == bytes.count else { throw .zonedAddress }
            let origin = Origin(scheme: .http, host: .ipv6(address), port: Scheme.http.defaultPort)
            self.init(origin: origin, userInfo: nil, parts: HTTPURLText.Parts([]))
            return
        }
        guard !bytes.contains(where: { "/?#@".utf8.contains($0) }) else { throw .notHostAndPort }
        guard bytes.last != UInt8(ascii: ":") else { throw .badPort("") }
        try self.init(scheme: .http, afterSlashes: bytes[...])
    }
}
