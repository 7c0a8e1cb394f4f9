// A proxy as a value, and its text. How it is spoken with is in the two handshakes.

import BowlineNames
public import BowlineTransport

/// Somebody who connects in one's place.
///
/// ```swift
/// var options = ConnectOptions()
/// options.proxy = try Proxy("socks5://user:secret@proxy.example.com:1080")
/// reactor.connectTCP(host: "example.com", port: 79, factory: ClientFactory { Finger() }, options: options)
/// ```
/// The name of the target isn't looked up here: the proxy gets it as it is, and looks it up where it stands.
public struct Proxy: Hashable, Sendable {
    /// How a proxy is spoken with.
    public enum Kind: String, Hashable, Sendable {
        /// An HTTP proxy: CONNECT (RFC 9110, 9.3.6).
        case http
        /// An HTTP proxy that TLS is spoken with, so that nobody on the way to it sees the credentials and the target's name.
        case https
        /// SOCKS version 5 (RFC 1928), with user and password (RFC 1929) if there are any.
        case socks5

        /// Whether it takes requests of HTTP.
        package var isHTTP: Bool { self != .socks5 }
    }

    /// Who somebody is to the proxy.
    public struct Credentials: Hashable, Sendable {
        /// The user, without a colon for an HTTP proxy.
        public let user: String
        /// The password.
        public let password: String

        /// Creates credentials.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        /// What an HTTP proxy is told (RFC 7617).
        package var basic: String { "Basic \(Base64.text(of: Array("\(user):\(password)".utf8)))" }
    }

    /// How it is spoken with.
    public let kind: Kind
    /// A name, which is looked up here, or the text of an address, IPv6 without brackets.
    public let host: String
    /// The port, 1 to 65535.
    public let port: UInt16
    /// Who one is to the proxy; nil for nobody.
    public let credentials: Credentials?
    /// How TLS is spoken with a proxy of the kind `https`, whose certificate must be for `host`: whom the targets' certificates
    /// are believed by doesn't vouch for it. Other kinds have no use for it.
    public var tls = Self.usualTLS

    private static let usualTLS = {
        var tls = TLSClientConfiguration()
        tls.applicationProtocols = ["http/1.1"]
        return tls
    }()

    /// Creates a proxy.
    ///
    /// - Throws: `ProxyError` of the kind `badProxy`, if it can't be one.
    public init(
        _ kind: Kind, host: String, port: UInt16, credentials: Credentials? = nil
    ) throws(ProxyError) {
        guard port > 0 else { throw ProxyError(.badProxy, "port 0 is none to connect to") }
        if IPAddress(host) == nil {
            do throws(NameError) { _ = try DomainName(host) } catch { throw ProxyError(.badProxy, "\(error)") }
        }
        if let credentials { try Self.check(credentials, kind) }
        self.kind = kind
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// Reads "http://proxy:3128", "https://proxy", "socks5://user:password@[::1]:1080", or "proxy:3128", which is an HTTP proxy.
    /// User and password are percent-encoded; "socks5h" is the same as "socks5". Without a port it is 80, 443 or 1080.
    ///
    /// - Throws: `ProxyError` of the kind `badProxy`.
    public init(_ text: String) throws(ProxyError) {
        let parts = try ProxyText(text)
        try self.init(parts.kind, host: parts.host, port: parts.port, credentials: parts.credentials)
    }

    private static func check(_ credentials: Credentials, _ kind: Kind) throws(ProxyError) {
        switch kind {
        case .http, .https:
            // RFC 7617, 2.
            guard !credentials.user.utf8.contains(UInt8(ascii: ":")) else {
                throw ProxyError(.badProxy, "the user for an HTTP proxy has no colon")
            }
            guard (credentials.user + credentials.password).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw ProxyError(.badProxy, "user and password for an HTTP proxy have no control characters")
            }
        case .socks5:
            // RFC 1929, 2.
            guard [credentials.user, credentials.password].allSatisfy({ (1...255).contains($0.utf8.count) }) else {
                throw ProxyError(.badProxy, "user and password for SOCKS have 1 to 255 octets")
            }
        }
    }

    /// What is connected to.
    var target: ConnectTarget { .host(host, port: port) }

    /// What its certificate must be for, as `Connector.serverName` has it for the target.
    var serverName: String { IPAddress(host) == nil ? (try? DomainName(host))?.text ?? host : host }
}

extension Proxy: CustomStringConvertible {
    /// "socks5://proxy.example.com:1080", without the credentials.
    public var description: String { "\(kind.rawValue)://\(target)" }
}
