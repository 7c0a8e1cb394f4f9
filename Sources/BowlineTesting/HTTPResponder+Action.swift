// What a responder can do with a request: the right thing, and everything that real servers do when they are busy, broken
// or malicious. An action is a value; HTTPResponder+Step.swift says what it comes to.

extension HTTPResponder {
    /// What comes of a request.
    ///
    /// ```swift
    /// let page = HTTPResponder.Response("hello\n")
    /// let slow = HTTPResponder.Action.pieces(of: 1, every: .milliseconds(1), .respond(page))
    /// let garbage = HTTPResponder.Action.sequence([.raw(Array("SSH-2.0-x\r\n".utf8)), .close])
    /// ```
    public indirect enum Action {
        /// A response.
        case respond(Response)
        /// Exactly these bytes. The connection stays open unless something follows that closes it.
        case raw([UInt8])
        /// Something, later.
        case delayed(by: Duration, Action)
        /// What another action sends, so many bytes at a time, with so much time between them.
        case pieces(of: Int, every: Duration, Action)
        /// The first bytes of what another action sends, and then this ending.
        case cut(after: Int, Action, then: Ending)
        /// Several things, one after the other.
        case sequence([Action])
        /// The connection is closed in order.
        case close
        /// The connection is reset.
        case reset
        /// Nothing more is sent, and the connection stands.
        case stall
    }

    /// How a response that isn't whole goes on.
    public enum Ending: Hashable, Sendable {
        /// The connection is closed in order.
        case close
        /// The connection is reset.
        case reset
        /// The connection stands, and nothing more comes.
        case stall
    }

    /// A response, before it is written for a request.
    ///
    /// ```swift
    /// var page = HTTPResponder.Response("<p>hello</p>", fields: [("Content-Type", "text/html")])
    /// page.framing = .chunked(3)
    /// page.interim = [103]
    /// ```
    public struct Response: Hashable, Sendable {
        /// How the end of the body is told.
        public enum Framing: Hashable, Sendable {
            /// By Content-Length.
            case length
            /// By chunks of so many bytes.
            case chunked(Int)
            /// By closing the connection.
            case close
            /// Not at all: neither a field is sent nor is the connection closed. For responses whose fields lie.
            case none
        }

        /// The status.
        public var status: Int
        /// The reason; the usual one of the status if nil.
        public var reason: String?
        /// The fields, in order; what is needed for the framing is added.
        public var fields: [Field]
        /// The body.
        public var body: [UInt8]
        /// How the end of the body is told.
        public var framing = Framing.length
        /// The statuses of interim responses before it (RFC 9110, 15.2).
        public var interim: [Int] = []
        /// Whether the connection is closed after it, whatever the client wants.
        public var closes = false

        /// A field of a response.
        public struct Field: Hashable, Sendable {
            /// The name.
            public var name: String
            /// The value; sent as it is.
            public var value: String
        }

        /// Creates a response of bytes.
        public init(_ body: [UInt8], status: Int = 200, fields: [(String, String)] = []) {
            self.body = body
            self.status = status
            self.fields = fields.map { Field(name: $0.0, value: $0.1) }
        }

        /// Creates a response of text.
        public init(_ text: String = "", status: Int = 200, fields: [(String, String)] = []) {
            self.init(Array(text.utf8), status: status, fields: fields)
        }

        /// The bytes of the response to a request.
        func bytes(to request: Request) -> [UInt8] {
            var text = ""
            for status in interim { text += "HTTP/1.1 \(status) \(Self.reason(of: status))\r\n\r\n" }
            text += "HTTP/1.1 \(status) \(reason ?? Self.reason(of: status))\r\n"
            for field in fields { text += "\(field.name): \(field.value)\r\n" }
            let hasBody = !(status < 200 || status == 204 || status == 304)
            switch framing {
            case .length where hasBody: text += "Content-Length: \(body.count)\r\n"
            case .chunked where hasBody: text += "Transfer-Encoding: chunked\r\n"
            default: break
            }
            if endsConnection(after: request) { text += "Connection: close\r\n" }
            text += "\r\n"
            return Array(text.utf8) + (hasBody && request.method != "HEAD" ? framedBody : [])
        }

        /// Whether the connection ends with this response.
        func endsConnection(after request: Request) -> Bool {
            framing == .close || closes || !request.keepsConnection && framing != .none
        }

        private var framedBody: [UInt8] {
            guard case .chunked(let size) = framing else { return body }
            var framed: [UInt8] = []
            var rest = body[...]
            while !rest.isEmpty {
                let chunk = rest.prefix(max(1, size))
                framed += "\(String(chunk.count, radix: 16))\r\n".utf8
                framed += chunk
                framed += "\r\n".utf8
                rest = rest.dropFirst(chunk.count)
            }
            return framed + "0\r\n\r\n".utf8
        }

        private static func reason(of status: Int) -> String {
            switch status {
            case 100: "Continue"
            case 103: "Early Hints"
            case 200: "OK"
            case 204: "No Content"
            case 206: "Partial Content"
            case 301: "Moved Permanently"
            case 302: "Found"
            case 303: "See Other"
            case 304: "Not Modified"
            case 307: "Temporary Redirect"
            case 308: "Permanent Redirect"
            case 400: "Bad Request"
            case 403: "Forbidden"
            case 404: "Not Found"
            case 500: "Internal Server Error"
            case 503: "Service Unavailable"
            default: ""
            }
        }
    }
}
