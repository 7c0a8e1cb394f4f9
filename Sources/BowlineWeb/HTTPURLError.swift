// Why a text is no URL that can be fetched. Thrown before anything touches the network.

public import BowlineNames

/// Says what is wrong with a URL or a target.
///
/// ```swift
/// do throws(HTTPURLError) {
///     _ = try HTTPURL("http://127.1/")
/// } catch {
///     print(error.code.rawValue, error)
///     // bad-target "127.1" looks like an IPv4 address; write it as four decimal numbers
/// }
/// ```
public enum HTTPURLError: Error, Hashable, Sendable {
    /// The class of an error, as scripts know it.
    public enum Code: String, Hashable, Sendable {
        /// The text isn't a URL or a target.
        case badTarget = "bad-target"
        /// The scheme is neither http nor https.
        case unsupportedScheme = "unsupported-scheme"
    }

    /// Nothing there.
    case empty
    /// There is no scheme; with what to write instead, if that is clear.
    case noScheme
    /// A scheme other than http and https.
    case unsupportedScheme(String)
    /// There is no host after the scheme and two slashes.
    case noHost
    /// A space, a control character or a backslash, which mean different things to different readers.
    case forbiddenCharacter(Unicode.Scalar)
    /// The host isn't a domain name.
    case badName(NameError)
    /// The host ends in a number without being four decimal numbers: `127.1`, `0x7f.1`, `1.2.3.4.5`.
    case numericHost(String)
    /// What stands in brackets isn't an IPv6 address, or the brackets don't match.
    case badIPv6Address
    /// The IPv6 address has a zone: `[fe80::1%eth0]`.
    case zonedAddress
    /// The port isn't a number from 1 to 65535.
    case badPort(String)
    /// The user information has characters that must be percent-encoded there.
    case badUserInfo
    /// A target that isn't a URL has a path, a query or user information.
    case notHostAndPort

    /// The class of this error.
    public var code: Code {
        if case .unsupportedScheme = self { .unsupportedScheme } else { .badTarget }
    }
}

extension HTTPURLError: CustomStringConvertible {
    /// One sentence on one line, whatever the text contains.
    public var description: String {
        switch self {
        case .empty: "there is nothing to fetch"
        case .noScheme: "a URL begins with http:// or https://"
        case .unsupportedScheme(let scheme): "only http and https can be fetched, not \(scheme.debugDescription)"
        case .noHost: "there is no host after the scheme"
        case .forbiddenCharacter(let scalar): Self.explanation(of: scalar)
        case .badName(let error): error.description
        case .numericHost(let host):
            "\(host.debugDescription) looks like an IPv4 address; write it as four decimal numbers"
        case .badIPv6Address: "what stands in brackets isn't an IPv6 address"
        case .zonedAddress: "a URL takes no zone: leave out the % and what stands behind it"
        case .badPort(let port): "\(port.debugDescription) isn't a port (1 to 65535)"
        case .badUserInfo: "the part before the @ has characters that must be percent-encoded"
        case .notHostAndPort: "this isn't a host or host:port; write http:// before it if it is a URL"
        }
    }

    private static func explanation(of scalar: Unicode.Scalar) -> String {
        switch scalar {
        case " ": "a URL has no spaces; write %20"
        case "\\": "a URL has no backslashes; write /, or %5C"
        default: "a URL has no control characters (\(scalar.debugDescription))"
        }
    }
}
