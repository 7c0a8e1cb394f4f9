// Why a text is not a domain name. Thrown where text becomes a name; nothing was asked of any server yet.

/// A text that can't be a domain name, and why.
///
/// ```swift
/// do throws(NameError) {
///     _ = try DomainName("www..example.com")
/// } catch {
///     print(error)    // "www..example.com" is not a domain name: it has an empty label (two dots in a row); remove one
/// }
/// ```
public struct NameError: Error, Hashable, Sendable {
    /// What is wrong with a name.
    public enum Reason: Hashable, Sendable {
        /// Nothing there.
        case empty
        /// Two dots in a row, or a dot at the start.
        case emptyLabel
        /// A label of more than 63 octets (RFC 1035, 2.3.4).
        case labelTooLong
        /// More than 255 octets on the wire, which is 253 characters (RFC 1035, 2.3.4).
        case nameTooLong
        /// A space, a control character or a character that belongs to URLs, not to names.
        case forbiddenCharacter(Unicode.Scalar)
        /// A backslash that isn't followed by a character or by three digits up to 255 (RFC 1035, 5.1).
        case badEscape
        /// The last label is a number, and the whole is no IPv4 address: no such name can exist (WHATWG URL, 3.5).
        case endsInNumber
        /// Not a valid international name (UTS 46); the words are those of libidn2.
        case international(String)
    }

    /// The text as it was given.
    public let text: String
    /// What is wrong with it.
    public let reason: Reason

    /// Creates the error.
    public init(text: String, reason: Reason) {
        self.text = text
        self.reason = reason
    }
}

extension NameError: CustomStringConvertible {
    /// One sentence on one line, whatever the text contains.
    public var description: String {
        "\(text.debugDescription) is not a domain name: \(explanation)"
    }

    private var explanation: String {
        switch reason {
        case .empty: "it is empty"
        case .emptyLabel: "it has an empty label (two dots in a row, or a dot at the start); remove one"
        case .labelTooLong: "a label (the part between two dots) is longer than 63 octets"
        case .nameTooLong: "it is longer than 253 octets"
        case .forbiddenCharacter(let scalar):
            "\(scalar.debugDescription) can't be in a name\(Self.hint(scalar))"
        case .badEscape: "a backslash must be followed by a character or by three digits up to 255"
        case .endsInNumber: "it ends in a number, and isn't four numbers up to 255 as an IPv4 address is"
        case .international(let why): "it is not a valid international name (\(why))"
        }
    }

    private static func hint(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "/", ":", "?", "#", "@", "[", "]": "; give the host alone, without the rest of a URL"
        case " ", "\t", "\r", "\n": "; remove the white space"
        default: ""
        }
    }
}
