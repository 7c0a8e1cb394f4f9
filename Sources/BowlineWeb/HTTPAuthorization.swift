// Who asks: the two ways to say it that need no question before (RFC 7617 and RFC 6750). A request carries it as a value, the
// fetch makes a field of it, which never goes to another origin.

import BowlineNames

/// Says who asks for a page.
///
/// ```swift
/// var request = PageRequest("https://example.com/report")
/// request.authorization = .basic(user: "joe", password: "secret")
/// print(request.authorization ?? "nobody")        // basic, as "joe"
/// reactor.fetch(request).addCallback { page in print(page.status) }
/// ```
/// A redirect to another origin isn't told. It is sent unasked, so over http everybody on the way can read it.
public enum HTTPAuthorization: Hashable, Sendable {
    /// A name, without a colon, and a password (RFC 7617), both as UTF-8.
    case basic(user: String, password: String)
    /// A token: letters, digits and `-._~+/`, then perhaps `=` (RFC 6750).
    case bearer(String)

    /// The value of the Authorization field.
    func fieldValue() throws(HTTPRequestError) -> String {
        switch self {
        case .basic(let user, let password):
            let octets = Array("\(user):\(password)".utf8)
            guard !user.utf8.contains(UInt8(ascii: ":")), !octets.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw .badCredentials
            }
            return "Basic \(Base64.text(of: octets))"
        case .bearer(let token):
            let characters = token.utf8.prefix { $0 != UInt8(ascii: "=") }
            guard !characters.isEmpty, characters.allSatisfy(Self.isTokenCharacter),
                token.utf8.dropFirst(characters.count).allSatisfy({ $0 == UInt8(ascii: "=") })
            else { throw .badCredentials }
            return "Bearer \(token)"
        }
    }

    private static func isTokenCharacter(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "-._~+/".utf8.contains(octet)
        }
    }
}

extension HTTPAuthorization: CustomStringConvertible {
    /// The way, and the name if there is one; never what is secret.
    public var description: String {
        switch self {
        case .basic(let user, _): "basic, as \(user.debugDescription)"
        case .bearer: "bearer"
        }
    }
}
