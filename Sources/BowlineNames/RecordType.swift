// The type of a DNS record, as it stands in questions and records. An open set: an unknown number is a value like any
// other, never an error.

/// The type of a DNS record or question.
///
/// ```swift
/// let wanted: [RecordType] = [.aaaa, .a]
/// let named = RecordType(name: "https")      // .https
/// let other = RecordType(name: "TYPE65280")  // RFC 3597's notation for types without a name
/// print(wanted, named == .https, other?.rawValue ?? 0)
/// ```
public struct RecordType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Creates a type from its number; any number is valid.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// An IPv4 address (RFC 1035).
    public static let a = RecordType(rawValue: 1)
    /// A name server of a zone (RFC 1035).
    public static let ns = RecordType(rawValue: 2)
    /// The canonical name behind an alias (RFC 1035).
    public static let cname = RecordType(rawValue: 5)
    /// The start of a zone of authority (RFC 1035).
    public static let soa = RecordType(rawValue: 6)
    /// A pointer to a name, for addresses asked backwards (RFC 1035).
    public static let ptr = RecordType(rawValue: 12)
    /// A mail exchanger (RFC 1035).
    public static let mx = RecordType(rawValue: 15)
    /// Text (RFC 1035).
    public static let txt = RecordType(rawValue: 16)
    /// An IPv6 address (RFC 3596).
    public static let aaaa = RecordType(rawValue: 28)
    /// The host and port of a service (RFC 2782).
    public static let srv = RecordType(rawValue: 33)
    /// The pseudo record that carries EDNS (RFC 6891).
    public static let opt = RecordType(rawValue: 41)
    /// How to reach a service (RFC 9460).
    public static let svcb = RecordType(rawValue: 64)
    /// How to reach an HTTP origin (RFC 9460).
    public static let https = RecordType(rawValue: 65)
    /// Every type; only in questions (RFC 1035, 3.2.3).
    public static let any = RecordType(rawValue: 255)
    /// Which authorities may issue certificates (RFC 8659).
    public static let caa = RecordType(rawValue: 257)

    private static let names: [(RecordType, String)] = [
        (.a, "A"), (.ns, "NS"), (.cname, "CNAME"), (.soa, "SOA"), (.ptr, "PTR"), (.mx, "MX"), (.txt, "TXT"),
        (.aaaa, "AAAA"), (.srv, "SRV"), (.opt, "OPT"), (.svcb, "SVCB"), (.https, "HTTPS"), (.any, "ANY"), (.caa, "CAA"),
    ]

    /// Finds a type by its name in any case, or by RFC 3597's `TYPE` and a number.
    ///
    /// - Parameter name: for example "AAAA", "https" or "TYPE65".
    /// - Returns: nil for a name that isn't known here.
    public init?(name: String) {
        let upper = name.uppercased()
        if let known = Self.names.first(where: { $0.1 == upper }) {
            self = known.0
        } else if upper.hasPrefix("TYPE"), upper.utf8.dropFirst(4).allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(upper.dropFirst(4))
        {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

extension RecordType: CustomStringConvertible {
    /// The type's name, or `TYPE` and its number (RFC 3597, 5).
    public var description: String {
        Self.names.first { $0.0 == self }?.1 ?? "TYPE\(rawValue)"
    }
}
