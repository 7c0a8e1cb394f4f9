// The cookies of an agent (RFC 6265bis, 5.7 and 5.8): who may set which, and which goes where. No I/O, and no clock but the
// one that is given.

import BowlineNames
import Glibc

/// Keeps the cookies that servers set, and says which go with a request.
///
/// ```swift
/// reactor.agent.cookies = CookieJar()
/// reactor.getPage("https://example.com/login")
///     .addCallback { _ in reactor.getPage("https://example.com/account") }
///     .addCallback { page in print(page.count) }
///     .addErrback { error in print(error) }
/// ```
/// An agent has none unless it is given one. Cookies stay in memory; ``snapshot()`` shows them.
public final class CookieJar {
    /// The most cookies that are kept for one domain; as in browsers. RFC 6265bis, 6.1 wants at least 50.
    public static let maximumPerDomain = 180
    /// The most cookies that are kept in all. RFC 6265bis, 6.1 wants at least 3000.
    public static let maximumInTotal = 3000

    private struct Entry {
        var cookie: Cookie
        /// Counted, not timed: many are set within one second.
        var created: Int
        var used: Int
    }

    private let now: () -> Int64
    private var entries: [Cookie.Identity: Entry] = [:]
    private var counter = 0

    /// Creates an empty jar.
    ///
    /// - Parameter now: the time of day in seconds since 1970, for tests.
    public init(now: @escaping () -> Int64) {
        self.now = now
    }

    /// Creates an empty jar, which goes by the system's time of day.
    public convenience init() {
        self.init { Int64(time(nil)) }
    }

    /// The cookies that are valid, by domain, path and name. O(n log n).
    public func snapshot() -> [Cookie] {
        let time = now()
        return entries.values.map(\.cookie).filter { !$0.isExpired(at: time) }
            .sorted { ($0.domain, $0.path, $0.name) < ($1.domain, $1.path, $1.name) }
    }

    /// Forgets all cookies.
    public func removeAll() { entries = [:] }

    /// Forgets those for a host, and for the domains that it is in.
    public func removeAll(for host: String) {
        let host = host.lowercased()
        entries = entries.filter { !$0.value.cookie.matches(host: host) }
    }

    // MARK: setting (5.7)

    /// Takes a value of Set-Cookie that came from `url`. What the server may not set is ignored.
    public func store(_ setCookie: String, from url: HTTPURL) {
        store(Array(setCookie.utf8)[...], from: url)
    }

    /// The same, of the octets of a field.
    func store(_ setCookie: ArraySlice<UInt8>, from url: HTTPURL) {
        let time = now()
        guard let parsed = SetCookie(setCookie, now: time), let cookie = Self.cookie(parsed, from: url) else { return }
        guard cookie.isSecure || url.scheme == .https || !wouldOverlay(cookie) else { return }
        counter += 1
        let known = entries[cookie.identity]
        guard !cookie.isExpired(at: time) else {
            entries[cookie.identity] = nil
            return
        }
        entries[cookie.identity] = Entry(cookie: cookie, created: known?.created ?? counter, used: counter)
        if known == nil { evict(cookie.domain, at: time) }
    }

    private static func cookie(_ parsed: SetCookie, from url: HTTPURL) -> Cookie? {
        let host = url.host.inCookies
        var domain = ""
        if !parsed.domain.isEmpty {
            switch url.host {
            case .name(let name, _):
                guard let wanted = try? DomainName(parsed.domain) else { return nil }
                // A host that is a public suffix itself sets cookies for itself.
                if PublicSuffixes.contains(wanted.text) {
                    guard wanted == name else { return nil }
                } else {
                    guard name.isEqualOrBelow(wanted) else { return nil }
                    domain = wanted.text
                }
            case .ipv4, .ipv6:
                // Addresses have no domains.
                guard parsed.domain == host else { return nil }
            }
        }
        guard !parsed.isSecure || url.scheme == .https else { return nil }
        guard parsed.sameSite != Cookie.SameSite.none || parsed.isSecure else { return nil }
        // Octet by octet, as the server reads it: a character may begin with a prefix's last one and go on.
        func begins(_ text: String, _ prefix: String) -> Bool { text.lowercased().utf8.starts(with: prefix.utf8) }
        let isPrefixed = { (prefix: String) in begins(parsed.name, prefix) }
        if isPrefixed("__secure-") { guard parsed.isSecure else { return nil } }
        if isPrefixed("__host-") {
            guard parsed.isSecure, parsed.domain.isEmpty, parsed.path == "/" else { return nil }
        }
        if parsed.name.isEmpty {
            // It would be sent as one that has such a name.
            guard !begins(parsed.value, "__secure-"), !begins(parsed.value, "__host-") else { return nil }
        }
        return Cookie(
            name: parsed.name, value: parsed.value, octets: parsed.octets, domain: domain.isEmpty ? host : domain,
            isHostOnly: domain.isEmpty,
            path: parsed.path ?? defaultPath(url), expiry: parsed.expiry, isSecure: parsed.isSecure,
            isHTTPOnly: parsed.isHTTPOnly, sameSite: parsed.sameSite)
    }

    /// 5.1.4: the folder of the URL's path.
    private static func defaultPath(_ url: HTTPURL) -> String {
        let path = url.path
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.utf8.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Whether a cookie that came over http would come before, or replace, one that only https may set (5.7, step 11).
    private func wouldOverlay(_ cookie: Cookie) -> Bool {
        entries.values.contains { entry in
            let other = entry.cookie
            return other.isSecure && other.name == cookie.name
                && (Cookie.isInside(cookie.domain, other.domain) || Cookie.isInside(other.domain, cookie.domain))
                && Cookie.isPath(cookie.path, at: other.path)
        }
    }

    /// Makes room (5.7, last step): what has expired goes first, then what was used longest ago, of one domain first what
    /// isn't secure.
    private func evict(_ domain: String, at time: Int64) {
        var mine = entries.filter { $0.value.cookie.domain == domain }
        guard mine.count > Self.maximumPerDomain || entries.count > Self.maximumInTotal else { return }
        entries = entries.filter { !$0.value.cookie.isExpired(at: time) }
        mine = mine.filter { entries[$0.key] != nil }
        while mine.count > Self.maximumPerDomain,
            let oldest = mine.min(by: {
                ($0.value.cookie.isSecure ? 1 : 0, $0.value.used) < ($1.value.cookie.isSecure ? 1 : 0, $1.value.used)
            })
        {
            mine[oldest.key] = nil
            entries[oldest.key] = nil
        }
        while entries.count > Self.maximumInTotal, let oldest = entries.min(by: { $0.value.used < $1.value.used }) {
            entries[oldest.key] = nil
        }
    }

    // MARK: sending (5.8)

    /// The value of the Cookie field for a request; nil if there is none to send. What isn't UTF-8 is shown as ISO-8859-1; an
    /// agent sends what came.
    public func field(for url: HTTPURL) -> String? {
        octets(for: url).map { $0.withUnsafeBytes(HTTPOctets.text) }
    }

    /// The same as it is sent.
    func octets(for url: HTTPURL) -> [UInt8]? {
        if entries.isEmpty { return nil }
        let (time, host, path) = (now(), url.host.inCookies, url.path)
        let matching = entries.filter { _, entry in
            let cookie = entry.cookie
            return !cookie.isExpired(at: time) && (!cookie.isSecure || url.scheme == .https)
                && cookie.matches(host: host) && Cookie.isPath(path, at: cookie.path)
        }
        guard !matching.isEmpty else { return nil }
        counter += 1
        for identity in matching.keys { entries[identity]?.used = counter }
        let pairs = matching.values
            .sorted { first, second in
                let (one, other) = (first.cookie.path.utf8.count, second.cookie.path.utf8.count)
                return one == other ? first.created < second.created : one > other
            }
            .map(\.cookie.octets)
        return Array(pairs.joined(separator: "; ".utf8))
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension CookieJar: Sendable {}

extension HTTPURL.Host {
    /// What cookies are for: an absolute name is no other host.
    fileprivate var inCookies: String {
        if case .name(let name, _) = self { name.text } else { connectable }
    }
}

extension Cookie {
    func isExpired(at time: Int64) -> Bool { expiry.map { $0 <= time } ?? false }

    /// Whether it is for a host.
    func matches(host: String) -> Bool {
        isHostOnly ? host == domain : Self.isInside(host, domain)
    }

    /// 5.1.3. Addresses are inside of themselves only: a cookie of theirs is host-only.
    static func isInside(_ host: String, _ domain: String) -> Bool {
        host == domain || host.hasSuffix(".\(domain)")
    }

    /// 5.1.4.
    static func isPath(_ path: String, at cookiePath: String) -> Bool {
        guard path.utf8.starts(with: cookiePath.utf8) else { return false }
        return path.utf8.count == cookiePath.utf8.count || cookiePath.utf8.last == UInt8(ascii: "/")
            || path.utf8.dropFirst(cookiePath.utf8.count).first == UInt8(ascii: "/")
    }
}
