// What is worth telling of a certificate, as a value: OpenSSL's own object belongs to its connection.

import COpenSSL
import Glibc

/// The certificate that the other end has shown.
///
/// ```swift
/// final class Curious: Protocol {
///     var transport: (any Transport)?
///     func connectionMade() {
///         if let certificate = transport?.tls?.peerCertificate { print(certificate.names, certificate.daysLeft) }
///     }
///     func dataReceived(_ bytes: RawSpan) {}
/// }
/// ```
public struct TLSCertificate: Hashable, Sendable {
    /// Whom it is for: the common name, or the whole subject if it has none.
    public let subject: String
    /// The names and addresses that it is for (subjectAltName).
    public let names: [String]
    /// Who has issued it: the common name, or the whole name.
    public let issuer: String
    /// When it begins to be valid, in seconds since 1970.
    public let notBefore: Int
    /// When it ends to be valid, in seconds since 1970.
    public let notAfter: Int

    /// How many whole days it is still valid; below 0 if it has expired.
    public var daysLeft: Int {
        let seconds = notAfter - time(nil)
        return seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
    }

    init(_ certificate: OpaquePointer) {
        subject = Self.text(of: X509_get_subject_name(certificate))
        issuer = Self.text(of: X509_get_issuer_name(certificate))
        names = Self.names(of: certificate)
        notBefore = Self.seconds(X509_get0_notBefore(certificate))
        notAfter = Self.seconds(X509_get0_notAfter(certificate))
    }

    /// "2026-11-25", in UTC.
    static func date(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "an unknown date" }
        func padded(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
    }

    private static func seconds(_ instant: UnsafePointer<ASN1_TIME>?) -> Int {
        // Not timegm(3), which reads the time zone's file first.
        let epoch = ASN1_TIME_set(nil, 0)
        defer { ASN1_STRING_free(epoch) }
        var days: CInt = 0
        var seconds: CInt = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, instant) == 1 else { return 0 }
        return Int(days) * 86_400 + Int(seconds)
    }

    private static func text(of name: OpaquePointer?) -> String {
        let position = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        if position >= 0 {
            return text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, position)))
        }
        guard let line = X509_NAME_oneline(name, nil, 0) else { return "" }
        defer { CRYPTO_free(line, #file, #line) }
        return printable(String(cString: line))
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        guard let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }
        return (0..<bowline_names_count(names)).compactMap { index in
            guard let name = bowline_names_at(names, index), let value = bowline_name_value(name) else { return nil }
            return bowline_name_kind(name) == GEN_DNS ? text(value) : address(value)
        }
    }

    private static func octets(_ string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
        guard let string, let data = ASN1_STRING_get0_data(string) else { return [] }
        return Array(UnsafeBufferPointer(start: data, count: Int(ASN1_STRING_length(string))))
    }

    private static func text(_ string: UnsafePointer<ASN1_STRING>?) -> String {
        printable(String(decoding: octets(string), as: UTF8.self))
    }

    private static func address(_ string: UnsafePointer<ASN1_STRING>?) -> String? {
        let octets = octets(string)
        func word(_ range: Range<Int>) -> UInt64 { octets[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch octets.count {
        case 4: return "\(IPv4Address(bits: UInt32(word(0..<4))))"
        case 16: return "\(IPv6Address(high: word(0..<8), low: word(8..<16)))"
        default: return nil
        }
    }

    /// Without what would break a line: who made the certificate is not to be trusted.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }
}
