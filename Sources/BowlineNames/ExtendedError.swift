// An extended DNS error: the reason that a server gives beside its rcode. It explains, and never changes what happens
// (RFC 8914, 2): whoever decides looks at the rcode alone.

/// A server's own explanation of an answer (EDE, RFC 8914).
///
/// ```swift
/// let blocked = ExtendedError(code: 15, text: "ads")
/// print(blocked)                                // Blocked (15): ads
/// print(ExtendedError(code: 3, text: ""))       // Stale Answer (3)
/// ```
public struct ExtendedError: Hashable, Sendable {
    /// The registered number (INFO-CODE).
    public let code: UInt16
    /// The server's words (EXTRA-TEXT), often empty. Foreign text: escape it before it reaches a terminal.
    public let text: String

    /// Creates an extended error.
    public init(code: UInt16, text: String = "") {
        self.code = code
        self.text = text
    }

    /// The registered purpose of the code, or nil for one that isn't known here.
    public var purpose: String? {
        Int(code) < Self.purposes.count ? Self.purposes[Int(code)] : nil
    }

    // RFC 8914, 5.2, and IANA's registry for 25 to 29.
    private static let purposes = [
        "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
        "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing",
        "RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
        "Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported",
        "No Reachable Authority", "Network Error", "Invalid Data", "Signature Expired before Valid", "Too Early",
        "Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized",
    ]
}

extension ExtendedError: CustomStringConvertible {
    /// The purpose, the number and the server's words, on one line: control characters are replaced by spaces.
    public var description: String {
        let name = purpose ?? "Extended error"
        guard !text.isEmpty else { return "\(name) (\(code))" }
        let words = String(String.UnicodeScalarView(text.unicodeScalars.map { Self.isControl($0) ? " " : $0 }))
        return "\(name) (\(code)): \(words)"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        // Besides the C0 and C1 controls: line separators and the marks that turn the direction of text.
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
