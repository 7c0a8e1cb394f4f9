// What a server is to answer. A value that can say anything; what can't be sent is found when it is written.

public import HTTPTypes

/// The answer to one request.
///
/// ```swift
/// let page = HTTPServerResponse("<!DOCTYPE html><title>Hi</title>", type: "text/html; charset=utf-8")
/// let moved = HTTPServerResponse(status: 303, fields: [("Location", "/elsewhere")])
/// let numbers = HTTPBodyStream()
/// let streamed = HTTPServerResponse(stream: numbers, type: "text/plain")
/// for number in 1...3 { numbers.write("\(number)\n") }
/// numbers.finish()
/// ```
/// Date, Connection and what frames the body are the server's own. A field that can't be sent (a line end in its value, a
/// blank in its name) makes the answer 500.
public struct HTTPServerResponse {
    /// What follows the head.
    public enum Body {
        /// All of it.
        case bytes([UInt8])
        /// Pieces that are still to come.
        case stream(HTTPBodyStream)
    }

    /// The status, 200 to 999.
    public var status: Int
    /// The fields in their order.
    public var fields: [(name: String, value: String)]
    /// The body. What must have none (204, 304, the answer to HEAD) is sent without.
    public var body: Body
    /// Whether the connection ends with this response, whatever the client wants.
    public var closesConnection = false

    /// Creates an answer of bytes.
    public init(status: Int = 200, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = .bytes(body)
    }

    /// Creates an answer of text with its Content-Type.
    public init(
        _ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8",
        fields: [(name: String, value: String)] = []
    ) {
        self.init(status: status, fields: [("Content-Type", type)] + fields, body: Array(text.utf8))
    }

    /// Creates an answer whose body comes in pieces.
    public init(
        stream: HTTPBodyStream, status: Int = 200, type: String, fields: [(name: String, value: String)] = []
    ) {
        self.init(status: status, fields: [("Content-Type", type)] + fields)
        body = .stream(stream)
    }

    /// Creates an answer from a head of swift-http-types.
    public init(_ head: HTTPResponse, body: [UInt8] = []) {
        self.init(
            status: head.status.code, fields: head.headerFields.map { ($0.name.rawName, $0.value) }, body: body)
    }

    /// An answer that says no more than its status.
    public static func status(_ status: Int, fields: [(name: String, value: String)] = []) -> HTTPServerResponse {
        HTTPServerResponse("\(status) \(reason(of: status))\n", status: status, fields: fields)
    }

    /// 404.
    public static var notFound: HTTPServerResponse { .status(404) }

    /// 405, with the methods that there are (RFC 9110, 15.5.6).
    public static func methodNotAllowed(_ allowed: [String]) -> HTTPServerResponse {
        .status(405, fields: [("Allow", allowed.joined(separator: ", "))])
    }

    /// The registered phrase; empty for a status that isn't known here. The library has the phrases with its constants only.
    static func reason(of status: Int) -> String { phrases[status] ?? "" }

    private static let phrases: [Int: String] = {
        let known: [HTTPResponse.Status] = [
            .ok, .created, .accepted, .noContent, .partialContent, .movedPermanently, .found, .seeOther, .notModified,
            .temporaryRedirect, .permanentRedirect, .badRequest, .unauthorized, .forbidden, .notFound,
            .methodNotAllowed, .notAcceptable, .requestTimeout, .conflict, .gone, .lengthRequired, .preconditionFailed,
            .contentTooLarge, .uriTooLong, .unsupportedMediaType, .rangeNotSatisfiable, .expectationFailed,
            .misdirectedRequest, .tooManyRequests, .requestHeaderFieldsTooLarge, .internalServerError, .notImplemented,
            .badGateway, .serviceUnavailable, .gatewayTimeout, .httpVersionNotSupported,
        ]
        return Dictionary(known.map { ($0.code, $0.reasonPhrase) }, uniquingKeysWith: { first, _ in first })
    }()
}
