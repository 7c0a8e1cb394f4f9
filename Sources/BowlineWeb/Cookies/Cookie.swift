// A cookie as a jar keeps it.

/// A cookie that a server has set (RFC 6265bis).
///
/// ```swift
/// reactor.agent.cookies = CookieJar()
/// reactor.getPage("http://example.com/").addCallback { _ in
///     for cookie in reactor.agent.cookies?.snapshot() ?? [] { print(cookie.domain, cookie.path, cookie.name) }
/// }
/// ```
public struct Cookie: Hashable, Sendable {
    /// What a cookie says of requests that come from other sites. It is kept, and not acted upon: requests of an agent come
    /// from no site.
    public enum SameSite: String, Hashable, Sendable {
        case strict, lax, none
    }

    /// Its name; empty for one that has none.
    public let name: String
    /// Its value. What isn't UTF-8 is shown as ISO-8859-1, and goes back as it came all the same.
    public let value: String
    /// How it is sent: name and value as they came, octet by octet.
    let octets: [UInt8]
    /// The host that it is for, or the domain.
    public let domain: String
    /// Whether it is for that host only, and not for those below.
    public let isHostOnly: Bool
    /// The path that it is for, and those below.
    public let path: String
    /// When it ends, in seconds since 1970; nil for one that lives as long as the jar.
    public let expiry: Int64?
    /// Whether it goes over https only.
    public let isSecure: Bool
    /// Whether scripts of a page must not see it.
    public let isHTTPOnly: Bool
    /// What it says of other sites; nil if nothing.
    public let sameSite: SameSite?

    /// What is the same cookie when it is set again (RFC 6265bis, 5.7).
    struct Identity: Hashable {
        /// In octets: names that are the same to the eye, or to `String`, are two.
        let name: [UInt8]
        let domain: String
        let isHostOnly: Bool
        let path: String
    }

    var identity: Identity {
        let name = name.isEmpty ? [] : Array(octets.prefix { $0 != UInt8(ascii: "=") })
        return Identity(name: name, domain: domain, isHostOnly: isHostOnly, path: path)
    }
}
