// Why a request can't be sent as it was asked for. Thrown before a byte leaves.

/// Says what is wrong with a request that a program wants to send.
///
/// ```swift
/// let error = HTTPRequestError.badFieldValue(name: "X-Note")
/// print(error)   // the value of "X-Note" has a control character, or a blank at one of its ends
/// ```
public enum HTTPRequestError: Error, Hashable, Sendable {
    /// The method isn't a token (RFC 9110, 9.1), or is CONNECT, which has no URL.
    case badMethod(String)
    /// The field's name isn't a token (RFC 9110, 5.1).
    case badFieldName(String)
    /// The field's value has CR, LF, NUL or another control character, or blanks at its ends (RFC 9110, 5.5).
    case badFieldValue(name: String)
    /// A field that may stand in a request once only is given twice.
    case duplicateField(String)
    /// A field that no request does without is to be left out.
    case requiredField(String)
    /// The Content-Length isn't that of the body.
    case wrongContentLength(String)
    /// The source of the body gave more or fewer bytes than were promised.
    case wrongBodyLength
    /// There are two bodies, `body` and `stream`.
    case twoBodies
    /// The body can be sent once only, and was to be sent again: after a redirect that keeps the method, or a retry.
    case bodyNotReplayable
    /// The user's name has a colon, name or password a control character, or the token isn't one.
    case badCredentials
    /// Transfer-Encoding is the sender's own business.
    case transferEncoding
    /// The URL has user information, which is never sent unasked.
    case credentialsInURL
}

extension HTTPRequestError: CustomStringConvertible {
    /// One sentence on one line, whatever the request contains.
    public var description: String {
        switch self {
        case .badMethod(let method): "\(method.debugDescription) is not a method that can be sent"
        case .badFieldName(let name): "\(name.debugDescription) is not a field name"
        case .badFieldValue(let name):
            "the value of \(name.debugDescription) has a control character, or a blank at one of its ends"
        case .duplicateField(let name): "\(name.debugDescription) is given twice; give it once"
        case .requiredField(let name): "\(name.debugDescription) can't be left out"
        case .wrongContentLength(let value):
            "the Content-Length \(value.debugDescription) isn't that of the body; leave it out"
        case .wrongBodyLength: "the body isn't as long as was promised"
        case .twoBodies: "the request has a body and a stream; give one of them"
        case .bodyNotReplayable: "the body would have to be sent again, and its source gives it only once"
        case .badCredentials: "the user name, password or token has a character that can't be in it"
        case .transferEncoding: "Transfer-Encoding can't be chosen; leave it out"
        case .credentialsInURL: "the URL has a user name or password; give them as authorization instead"
        }
    }
}
