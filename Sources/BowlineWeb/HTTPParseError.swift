// Why the bytes of a peer are no HTTP message. Thrown by the parsers; the fetch adds the target and the phase.

/// Says what is wrong with a message that was received.
///
/// ```swift
/// let error = HTTPParseError.truncatedBody(received: 500, expected: 1_000)
/// print(error.code.rawValue, error)
/// // truncated the connection ended after 500 of the 1000 bytes of the body
/// ```
public enum HTTPParseError: Error, Hashable, Sendable {
    /// The class of an error, as scripts know it.
    public enum Code: String, Hashable, Sendable {
        /// The bytes break the grammar or the framing rules.
        case malformed
        /// The message stopped before its end.
        case truncated
        /// The connection ended before the first byte.
        case empty
        /// A limit was passed.
        case tooLarge = "too-large"
    }

    /// What was too large.
    public enum Limit: String, Hashable, Sendable {
        /// The head, in bytes.
        case headBytes = "bytes of head"
        /// The start line, in bytes.
        case startLineBytes = "bytes of request line"
        /// The field lines of one section.
        case fieldCount = "fields"
        /// The interim responses before the final one.
        case interimResponses = "interim responses"
        /// The bytes of chunk sizes and extensions.
        case chunkOverheadBytes = "bytes of chunk extensions"
        /// The trailer section, in bytes.
        case trailerBytes = "bytes of trailers"
        /// The body, in bytes.
        case bodyBytes = "bytes of body"
    }

    /// The first bytes aren't `HTTP/`.
    case notHTTP
    /// The version is neither HTTP/1.0 nor a minor version of HTTP/1 from 1.1 on.
    case unsupportedVersion
    /// The status line isn't a version, three digits and a reason.
    case badStatusLine
    /// The status is under 100.
    case badStatus(Int)
    /// The request line isn't a method, a target and a version.
    case badRequestLine
    /// A request has no Host field, or several.
    case badHost
    /// A line ends with LF alone where CR LF is required.
    case bareLineFeed
    /// A CR stands without its LF.
    case bareCarriageReturn
    /// NUL or another control byte stands in a start line or a field.
    case controlByte
    /// A field line has no name of token characters directly before its colon.
    case badFieldName
    /// A folded line comes before any field.
    case foldWithoutField
    /// A field of a request goes on in a second line.
    case foldedField
    /// A Content-Length isn't a plain decimal number.
    case badContentLength
    /// Two Content-Lengths differ.
    case conflictingContentLengths
    /// A Transfer-Encoding isn't a list of codings, or names `chunked` twice or with parameters.
    case badTransferEncoding
    /// A message of HTTP/1.0 has a Transfer-Encoding.
    case transferEncodingInHTTP10
    /// A request has both Transfer-Encoding and Content-Length.
    case transferEncodingWithContentLength
    /// The server switches to another protocol (101), which it wasn't asked for.
    case unaskedUpgrade
    /// A response redirects to several places.
    case conflictingLocations
    /// A chunk's size isn't hexadecimal digits.
    case badChunkSize
    /// A chunk isn't followed by CR LF.
    case badChunkEnd
    /// A limit was passed.
    case tooLarge(Limit, limit: Int)
    /// The connection ended before the first byte of a response.
    case empty
    /// The connection ended inside a head.
    case truncatedHead
    /// The connection ended inside a body; the expected length is known only with Content-Length.
    case truncatedBody(received: Int, expected: Int?)

    /// The class of this error.
    public var code: Code {
        switch self {
        case .tooLarge: .tooLarge
        case .empty: .empty
        case .truncatedHead, .truncatedBody: .truncated
        default: .malformed
        }
    }
}

extension HTTPParseError: CustomStringConvertible {
    /// One line in plain words.
    public var description: String {
        switch self {
        case .notHTTP: "what came doesn't begin with HTTP/"
        case .unsupportedVersion: "the version isn't HTTP/1.0 or HTTP/1.1"
        case .badStatusLine: "the status line isn't a version, three digits and a reason"
        case .badStatus(let status): "\(status) isn't a status"
        case .badRequestLine: "the request line isn't a method, a target and a version"
        case .badHost: "the request must have one Host field"
        case .bareLineFeed: "a line ends with LF alone where CR LF is required"
        case .bareCarriageReturn: "a CR stands without its LF in the head"
        case .controlByte: "a control byte stands in the head"
        case .badFieldName: "a field line doesn't begin with a name and a colon"
        case .foldWithoutField: "a folded line comes before any field"
        case .foldedField: "a field goes on in a second line"
        case .badContentLength: "the Content-Length isn't a plain decimal number"
        case .conflictingContentLengths: "the Content-Lengths differ"
        case .badTransferEncoding: "the Transfer-Encoding isn't a list of codings with chunked once at most"
        case .transferEncodingInHTTP10: "a message of HTTP/1.0 has a Transfer-Encoding"
        case .transferEncodingWithContentLength: "the request has both Transfer-Encoding and Content-Length"
        case .unaskedUpgrade: "the server switches to another protocol, which it wasn't asked for"
        case .conflictingLocations: "the response redirects to several places"
        case .badChunkSize: "a chunk's size isn't a hexadecimal number"
        case .badChunkEnd: "a chunk isn't followed by CR LF"
        case .tooLarge(.bodyBytes, .max): "a body of more bytes than can be counted"
        case .tooLarge(let what, let limit): "more than \(limit) \(what.rawValue)"
        case .empty: "the connection ended before the first byte of a response"
        case .truncatedHead: "the connection ended inside the head"
        case .truncatedBody(let received, .some(let expected)):
            "the connection ended after \(received) of the \(expected) bytes of the body"
        case .truncatedBody(let received, nil):
            "the connection ended inside the body, after \(received) bytes"
        }
    }
}
