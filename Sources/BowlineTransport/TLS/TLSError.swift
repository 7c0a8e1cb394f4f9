// Why TLS failed: one kind, one line of text.

import COpenSSL
import Glibc

/// Reports a TLS handshake or connection that failed, and why.
///
/// ```swift
/// final class Reporter: ClientFactory {
///     override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
///         guard case .tls(let tls) = error.reason else { return }
///         print(tls.kind, tls)        // expired the certificate of "h.test" expired on 2026-01-02
///     }
/// }
/// ```
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A certificate is no longer valid.
        case expired
        /// A certificate is not valid yet.
        case notYetValid
        /// The certificate is for other names.
        case wrongName
        /// Nobody who is believed has issued the certificate, or an intermediate one is missing.
        case unknownIssuer
        /// The certificate was issued by itself, and isn't believed.
        case selfSigned
        /// Something else is wrong with a certificate.
        case badCertificate
        /// No version in common.
        case protocolVersion
        /// No cipher in common, or something else that makes the other end refuse without saying what.
        case refused
        /// The other end wants to see a certificate of this side.
        case identityRequired
        /// The other end doesn't speak TLS.
        case notTLS
        /// The other end has ended it with this alert.
        case alert
        /// The connection ended during the handshake.
        case closed
        /// The handshake took too long.
        case timedOut
        /// Bytes came before the handshake that whoever is in between may have put there.
        case earlyBytes
        /// A file, or a part of the configuration, can't be used.
        case configuration
        /// What came is no valid TLS.
        case violation
    }

    /// What is wrong.
    public let kind: Kind
    /// One line.
    public let description: String

    /// Creates an error.
    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Whether the other end's certificate is what is wrong.
    public var isCertificate: Bool {
        switch kind {
        case .expired, .notYetValid, .wrongName, .unknownIssuer, .selfSigned, .badCertificate: true
        default: false
        }
    }
}

// MARK: certificates

extension TLSError {
    /// Makes the error of a verification that fails now.
    ///
    /// - Parameters:
    ///   - store: OpenSSL's state of the verification.
    ///   - name: what the certificate is to be for.
    init(verifying store: OpaquePointer, name: String?) {
        let code = X509_STORE_CTX_get_error(store)
        let depth = X509_STORE_CTX_get_error_depth(store)
        let sent = Int(bowline_certificates_count(X509_STORE_CTX_get0_untrusted(store)))
        guard let current = X509_STORE_CTX_get_current_cert(store) else {
            self.init(.badCertificate, "the certificate: \(Self.words(code))")
            return
        }
        let certificate = TLSCertificate(current)
        let which = (depth == 0 ? "the certificate of " : "the issuing certificate of ") + quoted(certificate.subject)
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            self.init(.expired, "\(which) expired on \(TLSCertificate.date(certificate.notAfter))")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            self.init(.notYetValid, "\(which) is not valid before \(TLSCertificate.date(certificate.notBefore))")
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            self.init(.wrongName, Self.mismatch(certificate, name ?? "this server"))
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            self.init(.selfSigned, "\(which) is self-signed, and not trusted here")
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            self.init(.unknownIssuer, "the issuer \(quoted(certificate.subject)) is unknown: not trusted here")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            let missing = sent <= 1 ? "; an intermediate certificate may be missing on the server" : ""
            self.init(
                .unknownIssuer,
                "\(which) has an unknown issuer: \(quoted(certificate.issuer)) is not trusted here\(missing)")
        default:
            self.init(.badCertificate, "\(which): \(Self.words(code))")
        }
    }

    private static func words(_ code: CInt) -> String {
        X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
    }

    private static func mismatch(_ certificate: TLSCertificate, _ name: String) -> String {
        let names = certificate.names.isEmpty ? [certificate.subject] : certificate.names
        guard !names.contains(name) else {
            // RFC 9525, 6.2 and 6.5: neither the name of a host nor the subject vouches for an address.
            return "the certificate has \(name) as a host's name, and not as an address, which is another matter"
        }
        return "the certificate is for \(list(names)), not for \(name)"
    }

    /// A few of the names, if there are many.
    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(4).joined(separator: ", ")
        return names.count > 4 ? "\(shown) and \(names.count - 4) more" : shown
    }
}

private func quoted(_ text: String) -> String { "\"\(text)\"" }

// MARK: what OpenSSL says

extension TLSError {
    /// Makes an error of the first one in OpenSSL's queue for this thread, and empties the queue.
    static func fromQueue() -> TLSError {
        let code = ERR_peek_error()
        defer { ERR_clear_error() }
        let reason = ERR_GET_REASON(code)
        guard code != 0, ERR_GET_LIB(code) == ERR_LIB_SSL else {
            return TLSError(.violation, "the TLS connection failed: \(words(queued: code))")
        }
        switch reason {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
            SSL_R_VERSION_TOO_LOW, SSL_R_WRONG_SSL_VERSION:
            return TLSError(.protocolVersion, "no TLS version in common: this side speaks TLS 1.2 and later")
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
            return TLSError(
                .refused, "the other end refused the handshake (handshake_failure): no cipher in common, usually")
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_GROUPS,
            SSL_R_WRONG_CIPHER_RETURNED, SSL_R_UNKNOWN_CIPHER_RETURNED:
            return TLSError(.refused, "no cipher in common: \(words(queued: code))")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSError(.badCertificate, "the other end has shown no certificate")
        case SSL_R_DH_KEY_TOO_SMALL, SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK:
            return TLSError(.badCertificate, "the other end's keys are too weak: \(words(queued: code))")
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
            return TLSError(.notTLS, "the other end doesn't speak TLS, but HTTP")
        case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED:
            return .identityRequired
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return TLSError(
                .alert, "the other end speaks none of the protocols that it was offered (no_application_protocol)")
        case SSL_AD_REASON_OFFSET..<(SSL_AD_REASON_OFFSET + 256):
            return TLSError(.alert, "the other end ended it with the alert \(alertName(reason - SSL_AD_REASON_OFFSET))")
        default:
            return TLSError(.violation, "the TLS connection failed: \(words(queued: code))")
        }
    }

    /// A server wants to know who asks.
    static let identityRequired = TLSError(.identityRequired, "the other end wants a certificate of this side")

    private static func words(queued code: UInt) -> String {
        guard code != 0 else { return "an unknown error" }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    }

    /// The name of an alert as RFC 8446, 6, writes it, and its number.
    private static func alertName(_ number: CInt) -> String {
        let words: String
        switch number {
        // OpenSSL 3.0 has no words for it.
        case SSL_AD_MISSING_EXTENSION: words = "missing_extension"
        default: words = String(cString: SSL_alert_desc_string_long(number)).lowercased().replacingSpaces
        }
        return words == "unknown" ? "\(number)" : "\(words) (\(number))"
    }

    /// The error of a file of the configuration.
    static func file(_ path: String, _ what: String) -> TLSError {
        defer { ERR_clear_error() }
        let name = path.debugDescription
        guard access(path, R_OK) == 0 else {
            return TLSError(.configuration, "can't read the \(what) of \(name): \(String(cString: strerror(errno)))")
        }
        return TLSError(
            .configuration, "there is no \(what) to be used in \(name): \(words(queued: ERR_peek_last_error()))")
    }
}

extension String {
    fileprivate var replacingSpaces: String { String(map { $0 == " " ? "_" : $0 }) }
}
