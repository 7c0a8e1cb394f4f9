// The response code of a DNS message: four bits of the header, and eight more in the OPT record when there is one.

/// What a server says of a question: the rcode, with EDNS's upper bits.
///
/// ```swift
/// let code = ResponseCode.nxdomain
/// print(code)                             // NXDOMAIN
/// print(ResponseCode(rawValue: 23))       // BADCOOKIE
/// print(ResponseCode(rawValue: 3000))     // RCODE3000
/// ```
public struct ResponseCode: RawRepresentable, Hashable, Sendable {
    /// The number, 0 to 4095.
    public let rawValue: UInt16

    /// Creates a code from its number.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Puts a code together from the header's four bits and the OPT record's eight (RFC 6891, 6.1.3).
    package init(header: UInt8, extended: UInt8) {
        self.init(rawValue: UInt16(extended) << 4 | UInt16(header & 0x0F))
    }

    /// No error; there may still be no record of the type (RFC 1035).
    public static let noError = ResponseCode(rawValue: 0)
    /// The server could not read the question (RFC 1035).
    public static let formErr = ResponseCode(rawValue: 1)
    /// The server failed (RFC 1035).
    public static let servFail = ResponseCode(rawValue: 2)
    /// The name doesn't exist (RFC 1035).
    public static let nxdomain = ResponseCode(rawValue: 3)
    /// The server doesn't do such questions (RFC 1035).
    public static let notImp = ResponseCode(rawValue: 4)
    /// The server refuses, by policy (RFC 1035).
    public static let refused = ResponseCode(rawValue: 5)
    /// The server doesn't speak the question's version of EDNS (RFC 6891).
    public static let badVers = ResponseCode(rawValue: 16)

    private static let names: [UInt16: String] = [
        0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN",
        7: "YXRRSET",
        8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS", 17: "BADKEY", 18: "BADTIME", 22: "BADTRUNC",
        23: "BADCOOKIE",
    ]
}

extension ResponseCode: CustomStringConvertible {
    /// The code's mnemonic as `dig` prints it, or `RCODE` and its number.
    public var description: String {
        Self.names[rawValue] ?? "RCODE\(rawValue)"
    }
}
