// A request as whoever answers it gets it: complete, with its body, checked by the parser and the connection.

public import BowlineTransport
public import HTTPTypes

/// One request that a server has received.
///
/// ```swift
/// func answer(_ request: HTTPServerRequest) -> HTTPServerResponse {
///     guard request.method == "GET" else { return .methodNotAllowed(["GET"]) }
///     guard request.path == "/hello" else { return .notFound }
///     return HTTPServerResponse("hello \(request.client), you said \(request.query ?? "nothing")\n")
/// }
/// ```
public struct HTTPServerRequest: Hashable, Sendable {
    /// The method; case matters (RFC 9110, 9.1).
    public let method: String
    /// The request target as it came.
    public let target: String
    /// The target's path as it came, percent-encoded; `*` for the server as a whole.
    public let path: String
    /// What stands behind the target's `?`, percent-encoded; nil without it.
    public let query: String?
    /// The host asked for, by the target or by Host; nil where none is named.
    public let host: HTTPURL.Host?
    /// The fields.
    public let fields: HTTPFieldSection
    /// The body, without its framing.
    public let body: [UInt8]
    /// The other end of the connection.
    public let client: SocketAddress
    /// This end of the connection.
    public let server: SocketAddress

    init(_ head: HTTPReceivedRequest, _ target: HTTPRequestTarget, body: [UInt8], over transport: any Transport) {
        method = head.method
        self.target = head.target
        path = target.path
        query = target.query
        host = target.host
        fields = head.fields
        self.body = body
        client = transport.peer
        server = transport.host
    }

    /// The head as swift-http-types has it, built anew on each call; nil for a method that it doesn't know how to hold.
    /// O(n) in the fields.
    public var httpRequest: HTTPRequest? {
        guard let method = HTTPRequest.Method(method) else { return nil }
        return HTTPRequest(
            method: method, scheme: nil, authority: fields["host"], path: target, headerFields: fields.httpFields)
    }
}
