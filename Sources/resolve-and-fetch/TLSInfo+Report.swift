// TLS as the reports show it.

import Bowline

extension TLSInfo {
    /// One line: version, cipher, whose certificate, and how long it is valid.
    var explanation: String {
        var parts = [version, cipher]
        if let certificate = peerCertificate {
            let days = certificate.daysLeft
            parts.append(
                "certificate of \"\(TerminalText.escaped(certificate.subject))\" by \"\(issuer(certificate))\"")
            parts.append(days < 0 ? "expired" : days == 1 ? "1 day left" : "\(days) days left")
        }
        if isResumed { parts.append("resumed") }
        if !isVerified {
            let reason = problem.map { ": \(TerminalText.escaped($0.description))" } ?? ""
            parts.append("NOT VERIFIED (--insecure)\(reason)")
        }
        return parts.joined(separator: ", ")
    }

    private func issuer(_ certificate: TLSCertificate) -> String { TerminalText.escaped(certificate.issuer) }

    var json: JSON {
        .object([
            ("version", .string(version)), ("cipher", .string(cipher)), ("alpn", .string(applicationProtocol)),
            ("verified", .bool(isVerified)), ("problem", .string(problem?.description)), ("resumed", .bool(isResumed)),
            ("certificate", peerCertificate.map { Self.json($0) } ?? .null),
        ])
    }

    private static func json(_ certificate: TLSCertificate) -> JSON {
        .object([
            ("subject", .string(certificate.subject)), ("names", .array(certificate.names.map { .string($0) })),
            ("issuer", .string(certificate.issuer)), ("not_before_s", .integer(certificate.notBefore)),
            ("not_after_s", .integer(certificate.notAfter)), ("days_left", .integer(certificate.daysLeft)),
        ])
    }
}
