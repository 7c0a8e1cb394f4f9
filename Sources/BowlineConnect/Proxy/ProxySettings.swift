// Which proxy a URL goes through: a value, made by hand or of the variables that every program on a system reads. Nobody
// here looks into the environment unasked.

import BowlineTransport
import Glibc

/// Says which proxy to use for which host.
///
/// ```swift
/// var settings = ProxySettings()
/// settings.http = try Proxy("http://proxy.example.com:3128")
/// settings.https = settings.http
/// settings.exceptions = ProxyExceptions("localhost, .internal.example.com, 10.0.0.0/8")
/// print(settings.proxy(isSecure: true, host: "db.internal.example.com", port: 443) == nil)     // true
/// ```
public struct ProxySettings: Hashable, Sendable {
    /// The proxy for http.
    public var http: Proxy? {
        get { keptHTTP.value }
        set { keptHTTP.value = newValue }
    }
    /// The proxy for https.
    public var https: Proxy? {
        get { keptHTTPS.value }
        set { keptHTTPS.value = newValue }
    }
    /// The hosts that are connected to directly.
    public var exceptions = ProxyExceptions()

    // Every request has these settings, and few have a proxy.
    private var keptHTTP = OutOfLine<Proxy>()
    private var keptHTTPS = OutOfLine<Proxy>()

    /// No proxy for anything.
    public init() {}

    /// One proxy for everything.
    public init(_ proxy: Proxy) {
        http = proxy
        https = proxy
    }

    /// Reads the variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`; all but the first also in capitals, if
    /// they aren't there in lower case. An empty one counts as none.
    ///
    /// `HTTP_PROXY` isn't read: in a CGI program it is what a stranger sent as the field `Proxy` (httpoxy, CVE-2016-5385).
    /// - Throws: `ProxyError` of the kind `badProxy`, with the name of the variable.
    public init(environment: [String: String]) throws(ProxyError) {
        func value(_ name: String, alsoInCapitals: Bool = true) -> String? {
            let names = alsoInCapitals ? [name, name.uppercased()] : [name]
            return names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        func proxy(_ name: String, alsoInCapitals: Bool = true) throws(ProxyError) -> Proxy? {
            guard let text = value(name, alsoInCapitals: alsoInCapitals) else { return nil }
            do throws(ProxyError) {
                return try Proxy(text)
            } catch {
                throw ProxyError(error.kind, "\(name): \(error)")
            }
        }
        let all = try proxy("all_proxy")
        http = try proxy("http_proxy", alsoInCapitals: false) ?? all
        https = try proxy("https_proxy") ?? all
        exceptions = ProxyExceptions(value("no_proxy") ?? "")
    }

    /// Reads the variables of this process.
    ///
    /// - Throws: `ProxyError` of the kind `badProxy`.
    public static func fromEnvironment() throws(ProxyError) -> ProxySettings {
        var environment: [String: String] = [:]
        let names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
        for name in names {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        return try ProxySettings(environment: environment)
    }

    /// The proxy for a host; nil to connect to it directly.
    ///
    /// - Parameter host: a name, or the text of an address, IPv6 without brackets.
    public func proxy(isSecure: Bool, host: String, port: UInt16) -> Proxy? {
        guard let proxy = isSecure ? https : http else { return nil }
        return exceptions.contains(host: host, port: port) ? nil : proxy
    }
}
