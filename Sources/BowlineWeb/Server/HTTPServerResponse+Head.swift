// The head of a response as bytes: the one place that looks at every byte of it before it leaves, and that decides how the
// body is framed (RFC 9112, 6).

/// What the head of a response has to fit: the request, and what becomes of the connection.
struct HTTPResponseFrame {
    /// How the end of the body is told.
    enum Body: Hashable {
        /// There is none, whatever the length says.
        case none
        case length
        case chunked
        case untilClose
    }

    var isHead = false
    var minorVersion = 1
    var keepsConnection = true
    /// Seconds since 1970.
    var time = 0
}

extension HTTPServerResponse {
    /// The fields that only the server writes.
    private static let ownFields: Set<String> = ["connection", "content-length", "date", "transfer-encoding"]

    /// Why this can't be sent; nil if it can.
    var fault: String? {
        guard 200...999 ~= status else { return "\(status) is no status of a final response" }
        for (name, value) in fields {
            guard !name.isEmpty, name.utf8.allSatisfy(HTTPOctets.isToken) else {
                return "\(name.debugDescription) is not a field name"
            }
            guard !Self.ownFields.contains(name.lowercased()) else { return "\(name) is the server's own field" }
            guard value.utf8.allSatisfy(HTTPOctets.isFieldContent),
                !(value.utf8.first.map(HTTPOctets.isBlank) ?? false),
                !(value.utf8.last.map(HTTPOctets.isBlank) ?? false)
            else { return "the value of \(name) has a control character, or a blank at one of its ends" }
        }
        return nil
    }

    /// How the body is framed. A stream for a client of HTTP/1.0 ends with the connection.
    func framing(_ frame: HTTPResponseFrame) -> HTTPResponseFrame.Body {
        if status == 204 || status == 304 { return .none }
        switch body {
        case .bytes: return .length
        case .stream: return frame.minorVersion == 0 ? .untilClose : .chunked
        }
    }

    /// The status line and the fields. The response has no fault.
    func head(_ frame: HTTPResponseFrame) -> [UInt8] {
        let framing = framing(frame)
        var text = "HTTP/1.1 \(status) \(Self.reason(of: status))\r\nDate: \(HTTPDate.text(of: frame.time))\r\n"
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        switch (framing, body) {
        case (.length, .bytes(let bytes)): text += "Content-Length: \(bytes.count)\r\n"
        case (.chunked, _): text += "Transfer-Encoding: chunked\r\n"
        default: break
        }
        if !frame.keepsConnection {
            text += "Connection: close\r\n"
        } else if frame.minorVersion == 0 {
            text += "Connection: keep-alive\r\n"
        }
        return Array((text + "\r\n").utf8)
    }
}
