// What was agreed on in a handshake.

import COpenSSL

/// Tells what a TLS connection has agreed on.
///
/// ```swift
/// final class Curious: Protocol {
///     var transport: (any Transport)?
///     func connectionMade() {
///         guard let tls = transport?.tls else { return }
///         print(tls.version, tls.cipher, tls.applicationProtocol ?? "no ALPN", tls.isResumed)
///     }
///     func dataReceived(_ bytes: RawSpan) {}
/// }
/// ```
public struct TLSInfo: Hashable, Sendable {
    /// The version, as in `TLSv1.3`.
    public let version: String
    /// The cipher suite, as in `TLS_AES_256_GCM_SHA384`.
    public let cipher: String
    /// What is spoken inside, if that was negotiated (ALPN).
    public let applicationProtocol: String?
    /// The name that the client asked for (SNI); nil if it asked for none.
    public let serverName: String?
    /// What the other end has shown; nil if nothing was asked of it.
    public let peerCertificate: TLSCertificate?
    /// Whether the other end's certificate was verified, name and chain.
    public let isVerified: Bool
    /// What is wrong with the certificate of a connection that isn't verified.
    public let problem: TLSError?
    /// Whether an earlier session was resumed, which costs no certificates and no verification.
    public let isResumed: Bool

    init(_ ssl: OpaquePointer, verifies: Bool, problem: TLSError?) {
        version = String(cString: SSL_get_version(ssl))
        cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "none"
        var selected: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &selected, &length)
        applicationProtocol = selected.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self)
        }
        serverName = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
        let certificate = SSL_get1_peer_certificate(ssl)
        defer { X509_free(certificate) }
        peerCertificate = certificate.map { TLSCertificate($0) }
        isVerified = verifies && certificate != nil && SSL_get_verify_result(ssl) == X509_V_OK
        self.problem = problem
        isResumed = SSL_session_reused(ssl) == 1
    }
}

extension Transport {
    /// What was agreed on where this transport speaks TLS; nil on any other, and before the handshake is over.
    public var tls: TLSInfo? { (self as? TLSConnection)?.info }
}
