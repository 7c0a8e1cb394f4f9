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
    /// Its value.
    public let value: String
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
        let name: String
        let domain: String
        let isHostOnly: Bool
        let path: String
    }

    var identity: Identity { Identity(name: name, domain: domain, isHostOnly: isHostOnly, path: path) }

    /// How it is sent.
    var pair: String { name.isEmpty ? value : "\(name)=\(value)" }
}
