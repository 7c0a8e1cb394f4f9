// Why content can't be decoded. Thrown by the decoder; the fetch adds the target and the phase.

/// Says what is wrong with the coding of a body.
///
/// ```swift
/// print(ContentDecodingError.truncated(.gzip))        // the gzip content ends too early
/// ```
public enum ContentDecodingError: Error, Hashable, Sendable {
    /// Content-Encoding names a coding that nobody here knows.
    case unknownCoding(String)
    /// Content-Encoding names more codings than are undone.
    case tooManyCodings
    /// The body is compressed by a transfer coding (RFC 9112, 7), which no request asks for.
    case transferCoding
    /// The bytes aren't what the coding says, and why, in its library's words.
    case malformed(ContentCoding, String)
    /// The content stopped before its end.
    case truncated(ContentCoding)
    /// Behind the content's end there are bytes that don't belong to it.
    case trailingBytes(ContentCoding)
    /// The content is larger than the limit, in bytes, when it is decoded.
    case tooLarge(limit: Int)
}

extension ContentDecodingError: CustomStringConvertible {
    /// One line in plain words.
    public var description: String {
        switch self {
        case .unknownCoding(let name): "the content coding \(name.debugDescription) is unknown"
        case .tooManyCodings: "the content has more than \(ContentDecoder.maximumCodings) codings, one around the other"
        case .transferCoding: "the body is compressed by a transfer coding, which wasn't asked for"
        case .malformed(let coding, let words): "the \(coding.rawValue) content is broken: \(words)"
        case .truncated(let coding): "the \(coding.rawValue) content ends too early"
        case .trailingBytes(let coding): "there are bytes behind the end of the \(coding.rawValue) content"
        case .tooLarge(let limit): "more than \(limit) bytes of decoded body"
        }
    }
}
