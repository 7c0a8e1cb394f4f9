// How to speak TLS: values that travel from the caller to the context that is made of them.

/// A certificate chain and its private key, as PEM files.
///
/// ```swift
/// let identity = TLSIdentity(certificateFile: "/etc/app/chain.pem", keyFile: "/etc/app/key.pem")
/// print(identity.certificateFile)
/// ```
public struct TLSIdentity: Hashable, Sendable {
    /// The certificate, and behind it the intermediate ones.
    public var certificateFile: String
    /// The private key, not encrypted.
    public var keyFile: String

    /// Creates an identity; the files are read when a context is made of it.
    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

/// Whose certificates are believed.
///
/// ```swift
/// var configuration = TLSClientConfiguration()
/// configuration.trust = .file("/etc/app/authority.pem")
/// ```
public enum TLSTrust: Hashable, Sendable {
    /// The authorities of the system's store (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
    case system
    /// The certificates of a PEM file, and no others. Each is believed by itself: an authority, an intermediate one, or
    /// the peer's own.
    case file(String)
}

/// The oldest version that is spoken. TLS 1.0 and 1.1 are forbidden by RFC 8996.
///
/// ```swift
/// var configuration = TLSClientConfiguration()
/// configuration.minimumVersion = .v1_3
/// ```
public enum TLSVersion: Hashable, Sendable {
    case v1_2, v1_3
}

/// Says how a client speaks TLS. As it is: chain and name are verified with the system's store, TLS 1.2 or later.
///
/// ```swift
/// var options = ConnectOptions()
/// options.tls = TLSClientConfiguration()
/// options.tls?.trust = .file("/etc/app/authority.pem")
/// options.tls?.applicationProtocols = ["http/1.1"]
/// reactor.connectTCP(host: "example.com", port: 443, factory: ClientFactory { Echo() }, options: options)
/// ```
public struct TLSClientConfiguration: Hashable, Sendable {
    /// Whose certificates are believed.
    public var trust = TLSTrust.system
    /// Whether a server whose certificate isn't believed, or isn't for its name, is refused. Where it is not, whoever
    /// stands in between can read along and change what is said: `TLSInfo.isVerified` is false then, and
    /// `TLSInfo.problem` says what would have been refused.
    public var refusesUnverified = true
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.v1_2
    /// What is offered to be spoken inside (ALPN, RFC 7301), the most wanted first; nothing is negotiated if empty.
    public var applicationProtocols: [String] = []
    /// What to show to a server that asks for a certificate.
    public var identity: TLSIdentity?
    /// How long a handshake may take that no connector's timeout covers: after `startTLS`. 30 s.
    public var handshakeTimeout: Duration = .seconds(30)

    /// Creates the usual configuration.
    public init() {}
}

/// Says how a server speaks TLS.
///
/// ```swift
/// let identity = TLSIdentity(certificateFile: "/etc/app/chain.pem", keyFile: "/etc/app/key.pem")
/// let context = try TLSContext(server: TLSServerConfiguration(identity), clock: reactor)
/// let port = try reactor.listenTLS(port: 0, context: context, factory: ServerFactory { Echo() })
/// print(port.address)
/// ```
public struct TLSServerConfiguration: Hashable, Sendable {
    /// What is asked of clients.
    public enum ClientCertificates: Hashable, Sendable {
        /// Nothing.
        case ignored
        /// A certificate if they have one, which must then be believed.
        case optional(TLSTrust)
        /// A certificate that is believed.
        case required(TLSTrust)
    }

    /// Who the server is.
    public var identity: TLSIdentity
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.v1_2
    /// What can be spoken inside (ALPN), the most wanted first. A client that offers only others is refused; one that
    /// offers nothing isn't.
    public var applicationProtocols: [String] = []
    /// What is asked of clients.
    public var clientCertificates = ClientCertificates.ignored
    /// How long a handshake may take. 30 s.
    public var handshakeTimeout: Duration = .seconds(30)

    /// Creates the usual configuration for an identity.
    public init(_ identity: TLSIdentity) {
        self.identity = identity
    }
}
