// What the TLS connections of one configuration share: OpenSSL's SSL_CTX with its certificates, the sessions to resume,
// and the buffer that plain text is lent from. Its files are read when it is made, and never again.

public import BowlineReactor
import COpenSSL
import Glibc

/// A TLS configuration made ready: for a server's `listenTLS`, and for `startTLS`.
///
/// ```swift
/// let context = try TLSContext(client: TLSClientConfiguration(), clock: reactor)
/// print(context.handshakes, context.resumptions)
/// ```
/// A context belongs to one reactor, as its connections do. Connectors find theirs by its configuration.
public final class TLSContext {
    /// A record has no more plain text than this (RFC 8446, 5.1).
    static let recordSize = 16 * 1024

    /// How many handshakes have succeeded.
    public internal(set) var handshakes = 0
    /// How many of them resumed an earlier session.
    public internal(set) var resumptions = 0

    let pointer: OpaquePointer
    let bioMethod: OpaquePointer
    /// Not owned: what a reactor carries must not keep it alive, and no handshake outlives its reactor.
    unowned let clock: any ReactorClock
    package let isServer: Bool
    /// Whether what the other end shows is verified, if it shows something.
    let verifies: Bool
    package let handshakeTimeout: Duration
    /// What can be spoken inside, each behind its length, as it goes on the wire (RFC 7301, 3.1).
    let applicationProtocols: [UInt8]
    var sessions = TLSSessionCache()
    private var spareBuffer: UnsafeMutableRawBufferPointer?

    /// Reads the files of a client's configuration.
    ///
    /// - Parameter clock: a reactor, or a test's clock: times handshakes.
    /// - Throws: `TLSError` of the kind `configuration`.
    public convenience init(
        client configuration: TLSClientConfiguration = TLSClientConfiguration(), clock: any ReactorClock
    ) throws(TLSError) {
        try self.init(
            isServer: false, minimum: configuration.minimumVersion, verifies: configuration.refusesUnverified,
            applicationProtocols: configuration.applicationProtocols, timeout: configuration.handshakeTimeout, clock)
        try load(configuration.trust)
        if let identity = configuration.identity { try load(identity) }
        SSL_CTX_set_verify(pointer, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tlsVerify)
        keepSessions()
        try offer()
    }

    /// Reads the files of a server's configuration.
    ///
    /// - Parameter clock: a reactor, or a test's clock: times handshakes.
    /// - Throws: `TLSError` of the kind `configuration`.
    public convenience init(server configuration: TLSServerConfiguration, clock: any ReactorClock) throws(TLSError) {
        let (trust, mode): (TLSTrust?, CInt) =
            switch configuration.clientCertificates {
            case .ignored: (nil, SSL_VERIFY_NONE)
            case .optional(let trust): (trust, SSL_VERIFY_PEER)
            case .required(let trust): (trust, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
            }
        try self.init(
            isServer: true, minimum: configuration.minimumVersion, verifies: trust != nil,
            applicationProtocols: configuration.applicationProtocols, timeout: configuration.handshakeTimeout, clock)
        try load(configuration.identity)
        if let trust {
            try load(trust)
            // The names that a client chooses its certificate by.
            if case .file(let path) = trust { SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(path)) }
        }
        SSL_CTX_set_verify(pointer, mode, tlsVerify)
        // Without it no session of a client that has shown a certificate can be resumed.
        let label = Array("bowline".utf8)
        SSL_CTX_set_session_id_context(pointer, label, UInt32(label.count))
        if !applicationProtocols.isEmpty {
            SSL_CTX_set_alpn_select_cb(pointer, tlsSelectProtocol, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    private init(
        isServer: Bool, minimum: TLSVersion, verifies: Bool, applicationProtocols: [String], timeout: Duration,
        _ clock: any ReactorClock
    ) throws(TLSError) {
        guard let made = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()),
            let method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "bowline transport")
        else { throw TLSError.fromQueue() }
        pointer = made
        bioMethod = method
        self.clock = clock
        self.isServer = isServer
        self.verifies = verifies
        handshakeTimeout = timeout
        self.applicationProtocols = applicationProtocols.flatMap { [UInt8(clamping: $0.utf8.count)] + $0.utf8 }
        guard applicationProtocols.allSatisfy({ (1...255).contains($0.utf8.count) }) else {
            throw TLSError(.configuration, "the name of an application protocol has 1 to 255 octets")
        }
        BIO_meth_set_read(method, tlsRead)
        BIO_meth_set_write(method, tlsWrite)
        BIO_meth_set_ctrl(method, tlsControl)
        bowline_SSL_CTX_set_options(made)
        _ = bowline_SSL_CTX_set_min_proto_version(made, minimum == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION)
        // An idle connection keeps no record buffers: 34 kB each.
        _ = bowline_SSL_CTX_set_mode(made, Int(SSL_MODE_RELEASE_BUFFERS))
        // OpenSSL would ask for the password of an encrypted key on the terminal.
        SSL_CTX_set_default_passwd_cb(made) { _, _, _, _ in 0 }
    }

    deinit {
        SSL_CTX_free(pointer)
        BIO_meth_free(bioMethod)
        spareBuffer?.deallocate()
    }

    private func load(_ trust: TLSTrust) throws(TLSError) {
        switch trust {
        case .system:
            SystemTrust.load(into: pointer)
        case .file(let path):
            guard SSL_CTX_load_verify_file(pointer, path) == 1 else { throw .file(path, "certificate") }
        }
        // A certificate that was named is believed even if it isn't the root (as curl does).
        X509_STORE_set_flags(SSL_CTX_get_cert_store(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    private func load(_ identity: TLSIdentity) throws(TLSError) {
        guard SSL_CTX_use_certificate_chain_file(pointer, identity.certificateFile) == 1 else {
            throw .file(identity.certificateFile, "certificate")
        }
        guard SSL_CTX_use_PrivateKey_file(pointer, identity.keyFile, SSL_FILETYPE_PEM) == 1 else {
            throw .file(identity.keyFile, "private key")
        }
    }

    /// What a server of this shows.
    package var certificate: TLSCertificate? { SSL_CTX_get0_certificate(pointer).map { TLSCertificate($0) } }

    private func keepSessions() {
        _ = bowline_SSL_CTX_set_session_cache_mode(
            pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(pointer, tlsKeepSession)
    }

    private func offer() throws(TLSError) {
        guard !applicationProtocols.isEmpty else { return }
        guard SSL_CTX_set_alpn_protos(pointer, applicationProtocols, UInt32(applicationProtocols.count)) == 0 else {
            throw TLSError.fromQueue()
        }
    }

    // MARK: the buffer

    /// Hands out the buffer that plain text is lent from; another one if TLS runs inside TLS and it is lent already.
    func takeBuffer() -> UnsafeMutableRawBufferPointer {
        defer { spareBuffer = nil }
        return spareBuffer ?? .allocate(byteCount: Self.recordSize, alignment: 64)
    }

    func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        if spareBuffer == nil { spareBuffer = buffer } else { buffer.deallocate() }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension TLSContext: Sendable {}

extension Reactor {
    private enum TLSContexts: ReactorSlot {
        static func makeDefault(for reactor: Reactor) -> [TLSClientConfiguration: TLSContext] { [:] }
        static func reactorStopped(_ value: [TLSClientConfiguration: TLSContext]) {}
    }

    /// Gives the context of a client's configuration: made when it is first asked for, so that all connections of the
    /// same configuration share their sessions.
    ///
    /// - Throws: `TLSError` of the kind `configuration`, if a file can't be used.
    public func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext {
        if let context = self[TLSContexts.self][configuration] { return context }
        let context = try TLSContext(client: configuration, clock: self)
        self[TLSContexts.self][configuration] = context
        return context
    }
}
