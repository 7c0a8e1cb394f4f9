// An http or https URL that has been checked: what getPage, redirects and the command work with instead of text.
// Stricter than browsers (WHATWG): what they repair or guess (backslashes, blanks, 0x7f.1, missing slashes) is refused
// here, because the next reader may guess differently. It never accepts what they refuse, and never touches the network.

public import BowlineNames
public import BowlineTransport

/// Holds an http or https URL (RFC 3986, RFC 9110, 4.2), normalised: lower-case scheme and host, international names in
/// their ASCII form, no dot segments, non-ASCII characters percent-encoded.
///
/// ```swift
/// let url = try HTTPURL("http://Example.com:8080/a/../b?q=1#top")
/// print(url)                              // http://example.com:8080/b?q=1#top
/// print(url.authority, url.target)        // example.com:8080 /b?q=1
/// print(try url.resolve("../c"))          // http://example.com:8080/c
/// print(url.origin == (try HTTPURL("https://example.com:8080")).origin)   // false
/// ```
public struct HTTPURL: Hashable, Sendable {
    /// The scheme of a URL that can be fetched.
    public enum Scheme: String, Hashable, Sendable {
        /// Over plain TCP.
        case http
        /// Over TLS.
        case https

        /// 80 or 443.
        public var defaultPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }

        /// Reads a scheme, ASCII case ignored; without making a string of it.
        init?(_ bytes: ArraySlice<UInt8>) {
            let lowercased = bytes.lazy.map(HTTPOctets.lower)
            if lowercased.elementsEqual("http".utf8) {
                self = .http
            } else if lowercased.elementsEqual("https".utf8) {
                self = .https
            } else {
                return nil
            }
        }
    }

    /// What to connect to.
    public enum Host: Hashable, Sendable, CustomStringConvertible {
        /// A name, to be resolved. One with a dot at its end is absolute: no search list completes it.
        case name(DomainName, isAbsolute: Bool = false)
        /// A literal IPv4 address.
        case ipv4(IPv4Address)
        /// A literal IPv6 address, without a zone.
        case ipv6(IPv6Address)

        /// The host as it stands in a URL: an IPv6 address is in brackets.
        public var description: String {
            switch self {
            case .name(let name, let isAbsolute): isAbsolute ? "\(name)." : name.description
            case .ipv4(let address): address.description
            case .ipv6(let address): "[\(address)]"
            }
        }

        /// The host as a connector takes it: the name in its ASCII form, or the address without brackets.
        public var connectable: String {
            if case .ipv6(let address) = self { address.description } else { description }
        }
    }

    /// Scheme, host and port: what credentials, cookies and connections belong to (RFC 9110, 4.3.1).
    public struct Origin: Hashable, Sendable, CustomStringConvertible {
        /// The scheme.
        public let scheme: Scheme
        /// The host.
        public let host: Host
        /// The port, the default one included.
        public let port: UInt16

        /// The origin as a URL without a path; the port only if it isn't the scheme's.
        public var description: String { "\(scheme.rawValue)://\(authority)" }

        /// Host and port as the Host field has them; the port only if it isn't the scheme's.
        public var authority: String {
            port == scheme.defaultPort ? host.description : "\(host):\(port)"
        }
    }

    /// Scheme, host and port.
    public let origin: Origin
    /// What stands before the @, percent-encoded as it came, nil without. It is never a part of `description`,
    /// so that passwords don't get into logs.
    public let userInfo: String?
    /// Path and query as a request line has them (origin form; RFC 9112, 3.2.1). Begins with a slash.
    public let target: String
    /// What stands after the #, percent-encoded, nil without. It is never sent.
    public let fragment: String?
    /// How much of the target is the path.
    private let pathLength: Int

    /// The scheme.
    public var scheme: Scheme { origin.scheme }
    /// The host.
    public var host: Host { origin.host }
    /// The port, the scheme's if the URL names none.
    public var port: UInt16 { origin.port }
    /// Host and port as the Host field has them; the port only if it isn't the scheme's.
    public var authority: String { origin.authority }
    /// The path; `/` at least.
    public var path: String { String(decoding: target.utf8.prefix(pathLength), as: UTF8.self) }
    /// What stands after the ?, nil without one.
    public var query: String? {
        guard target.utf8.count > pathLength else { return nil }
        return String(decoding: target.utf8.dropFirst(pathLength + 1), as: UTF8.self)
    }

    /// Reads an absolute URL.
    ///
    /// - Parameter text: the whole URL; no blanks around it.
    /// - Throws: what is wrong with it, in one sentence.
    /// - Complexity: O(length).
    public init(_ text: String) throws(HTTPURLError) {
        let bytes = Array(text.utf8)
        try HTTPURLText.check(bytes[...])
        guard !bytes.isEmpty else { throw .empty }
        guard let colon = HTTPURLText.schemeEnd(bytes[...]) else { throw .noScheme }
        guard let scheme = Scheme(bytes[..<colon]) else {
            throw .unsupportedScheme(String(decoding: bytes[..<colon].map(HTTPOctets.lower), as: UTF8.self))
        }
        let rest = bytes[(colon + 1)...]
        guard rest.starts(with: "//".utf8) else { throw .noHost }
        try self.init(scheme: scheme, afterSlashes: rest.dropFirst(2))
    }

    /// Reads what follows `//`: in a URL, and in a reference that keeps the scheme of its base.
    init(scheme: Scheme, afterSlashes bytes: ArraySlice<UInt8>) throws(HTTPURLError) {
        let end = bytes.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let authority = try HTTPURLText.Authority(bytes[..<(end ?? bytes.endIndex)])
        self.init(
            origin: Origin(scheme: scheme, host: authority.host, port: authority.port ?? scheme.defaultPort),
            userInfo: authority.userInfo, parts: HTTPURLText.Parts(bytes[(end ?? bytes.endIndex)...]))
    }

    /// Joins checked parts; normalises path, query and fragment.
    init(origin: Origin, userInfo: String?, parts: HTTPURLText.Parts) {
        self.origin = origin
        self.userInfo = userInfo
        var target: [UInt8] = []
        target.reserveCapacity(parts.path.count + (parts.query?.count ?? 0) + 2)
        HTTPURLText.appendPath(parts.path, to: &target)
        pathLength = target.count
        if let query = parts.query {
            target.append(UInt8(ascii: "?"))
            HTTPURLText.append(query, to: &target, encoding: HTTPURLText.mustBeEncodedInQuery)
        }
        self.target = String(decoding: target, as: UTF8.self)
        fragment = parts.fragment.map { fragment in
            var encoded: [UInt8] = []
            HTTPURLText.append(fragment, to: &encoded, encoding: HTTPURLText.mustBeEncodedInFragment)
            return String(decoding: encoded, as: UTF8.self)
        }
    }

    /// The same URL with another fragment.
    init(_ url: HTTPURL, fragment: String?) {
        origin = url.origin
        userInfo = url.userInfo
        target = url.target
        pathLength = url.pathLength
        self.fragment = fragment
    }

    /// Whether `other` has the same scheme, host and port.
    public func isSameOrigin(as other: HTTPURL) -> Bool { origin == other.origin }
}

extension HTTPURL: CustomStringConvertible {
    /// The URL, without user information.
    public var description: String {
        let fragment = fragment.map { "#\($0)" } ?? ""
        return "\(origin)\(target)\(fragment)"
    }
}
