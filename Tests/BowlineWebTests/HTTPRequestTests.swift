// Requests: what is written, what is refused before a byte leaves, and what the strict reader of them takes.

import BowlineWeb
import Testing

@Suite("A request head")
struct HTTPRequestHeadTests {
    private func text(
        _ url: String, method: String = "GET", fields: [(name: String, value: String)] = [], body: Int? = nil,
        keeps: Bool = true
    ) throws -> String {
        let head = HTTPRequestHead(
            method: method, url: try HTTPURL(url), fields: fields, bodyLength: body, keepsConnection: keeps)
        return String(decoding: try head.bytes(), as: UTF8.self)
    }

    @Test("has a request line, Host, the caller's fields in their order, and what is missing")
    func whole() throws {
        let head = try text(
            "http://example.com:81/a/../b?c#d", method: "POST", fields: [("X-A", "1"), ("x-b", "")], body: 12,
            keeps: false)
        #expect(
            head == "POST /b?c HTTP/1.1\r\nHost: example.com:81\r\nX-A: 1\r\nx-b: \r\nUser-Agent: Bowline/0.1\r\n"
                + "Content-Length: 12\r\nConnection: close\r\n\r\n")
        #expect(try text("http://h") == "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: Bowline/0.1\r\n\r\n")
    }

    @Test(
        "names the port in Host only if it isn't the scheme's",
        arguments: [
            ("http://h:80/", "h"), ("https://h:443/", "h"), ("http://h:443/", "h:443"), ("https://h:80/", "h:80"),
            ("http://h:8080/", "h:8080"), ("http://[2001:DB8::1]/", "[2001:db8::1]"), ("http://[::1]:81/", "[::1]:81"),
            ("http://H.Example./", "h.example."), ("http://bücher.example", "xn--bcher-kva.example"),
        ])
    func host(url: String, host: String) throws {
        #expect(try text(url).contains("\r\nHost: \(host)\r\n"))
    }

    @Test("takes the caller's Host, User-Agent, Connection and right Content-Length, each once")
    func overrides() throws {
        let head = try text(
            "http://h/", method: "PUT",
            fields: [("hOST", "other:81"), ("USER-agent", "me"), ("connection", "close"), ("Content-length", "3")],
            body: 3)
        #expect(
            head
                == "PUT / HTTP/1.1\r\nHost: other:81\r\nUSER-agent: me\r\nconnection: close\r\nContent-length: 3\r\n\r\n"
        )
    }

    @Test("leaves out what is not wanted, and nothing that a request can't do without")
    func omitted() throws {
        func head(_ omitted: [String], body: Int? = nil) throws -> String {
            let head = HTTPRequestHead(
                url: try HTTPURL("http://h/"), fields: [("X-A", "1")], omittedFields: omitted, bodyLength: body,
                acceptsCodings: true, cookies: Array("a=b".utf8))
            return String(decoding: try head.bytes(), as: UTF8.self)
        }
        #expect(
            try head(["User-agent", "accept-encoding", "Cookie", "connection", "X-A", "Content-Length"])
                == "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n")
        #expect(throws: HTTPRequestError.requiredField("host")) { try head(["host"]) }
        #expect(throws: HTTPRequestError.requiredField("Content-Length")) { try head(["Content-Length"], body: 1) }
    }

    @Test(
        "says how long the body is, also when a method that has one has none",
        arguments: [
            ("GET", nil, nil), ("HEAD", nil, nil), ("DELETE", nil, nil), ("POST", nil, "0"), ("PUT", nil, "0"),
            ("PATCH", 0, "0"), ("GET", 5, "5"), ("post", nil, nil),
        ] as [(String, Int?, String?)])
    func length(method: String, body: Int?, length: String?) throws {
        let head = try text("http://h/", method: method, body: body)
        #expect(head.contains("Content-Length") == (length != nil))
        if let length { #expect(head.contains("\r\nContent-Length: \(length)\r\n")) }
    }

    @Test("is case-sensitive in its method: head isn't HEAD")
    func methodCase() throws {
        #expect(try text("http://h/", method: "head").hasPrefix("head / "))
        #expect(HTTPExchange(method: "HEAD") == .head)
        #expect(HTTPExchange(method: "head") == .other)
    }

    @Test(
        "is refused with a sentence where it would say what the caller didn't mean",
        arguments: [
            ("GE T", [], .badMethod("GE T")), ("", [], .badMethod("")), ("GET\r\n", [], .badMethod("GET\r\n")),
            ("CONNECT", [], .badMethod("CONNECT")), ("GÉT", [], .badMethod("GÉT")),
            ("GET", [("A b", "c")], .badFieldName("A b")), ("GET", [("", "c")], .badFieldName("")),
            ("GET", [("A:", "c")], .badFieldName("A:")), ("GET", [("A\r\nB", "c")], .badFieldName("A\r\nB")),
            ("GET", [("A", "b\r\nC: d")], .badFieldValue(name: "A")),
            ("GET", [("A", "b\n")], .badFieldValue(name: "A")),
            ("GET", [("A", "b\rc")], .badFieldValue(name: "A")), ("GET", [("A", "\0")], .badFieldValue(name: "A")),
            ("GET", [("A", "b\u{1B}")], .badFieldValue(name: "A")), ("GET", [("A", " b")], .badFieldValue(name: "A")),
            ("GET", [("A", "b\t")], .badFieldValue(name: "A")),
            ("GET", [("Host", "a"), ("host", "b")], .duplicateField("host")),
            ("GET", [("User-Agent", "a"), ("user-agent", "b")], .duplicateField("user-agent")),
            ("GET", [("Connection", "a"), ("connection", "b")], .duplicateField("connection")),
            ("GET", [("Authorization", "a"), ("authorization", "b")], .duplicateField("authorization")),
            ("PUT", [("Content-Length", "0"), ("content-length", "0")], .duplicateField("content-length")),
            ("GET", [("Content-Length", "5")], .wrongContentLength("5")),
            ("POST", [("Content-Length", "00")], .wrongContentLength("00")),
            ("POST", [("Transfer-Encoding", "chunked")], .transferEncoding),
        ] as [(String, [(name: String, value: String)], HTTPRequestError)])
    func refused(method: String, fields: [(name: String, value: String)], error: HTTPRequestError) throws {
        #expect(throws: error) { try text("http://h/", method: method, fields: fields) }
        #expect(!error.description.contains { $0.isNewline })
    }

    @Test("never sends credentials of a URL unasked")
    func credentials() {
        #expect(throws: HTTPRequestError.credentialsInURL) { try text("http://joe:secret@h/") }
    }

    @Test("leaves the output alone when it is refused")
    func untouched() throws {
        var output: [UInt8] = [1]
        let head = HTTPRequestHead(url: try HTTPURL("http://h/"), fields: [("A", "\n")])
        #expect(throws: HTTPRequestError.self) { try head.append(to: &output) }
        #expect(output == [1])
    }
}

@Suite("A request parser")
struct HTTPRequestParserTests {
    /// The events of `pieces`, a line each; bodies joined.
    private func log(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits) -> [String] {
        var lines: [String] = []
        var body: [UInt8] = []
        var parser = HTTPRequestParser(limits: limits)
        do throws(HTTPParseError) {
            for piece in pieces {
                let bytes = Array(piece)
                var position = 0
                loop: while true {
                    switch try parser.next(bytes.span.bytes, at: &position) {
                    case .needsMore: break loop
                    case .head:
                        let head = parser.head
                        let fields = (0..<head.fields.count).map { "\(head.fields[$0].name)=\(head.fields[$0].value)" }
                        lines.append(
                            "\(head.method) \(head.target) 1.\(head.minorVersion) \(fields) \(parser.keepsConnection)")
                    case .body(let range): body += bytes[range]
                    case .end:
                        lines.append("end \(String(decoding: body, as: UTF8.self)) \(parser.trailers.count)")
                        body = []
                        parser.begin()
                    }
                }
            }
            try parser.finish()
        } catch {
            lines.append("error \(error)")
        }
        return lines
    }

    private func log(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [String] {
        let bytes = Array(text.utf8)
        let whole = log(Cutting.whole(bytes), limits: limits)
        #expect(log(Cutting.byteByByte(bytes), limits: limits) == whole)
        for seed in 1...8 as ClosedRange<UInt64> {
            #expect(log(Cutting.random(bytes, seed: seed), limits: limits) == whole)
        }
        return whole
    }

    @Test("reads one request after the other, with and without bodies")
    func pipeline() {
        let text =
            "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
            + "PUT * HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\nT: t\r\n\r\n"
            + "GET / HTTP/1.0\r\n\r\n"
        #expect(
            log(text) == [
                "GET /a?b 1.1 [\"Host=h\"] true", "end  0",
                "POST / 1.1 [\"Host=h\", \"Content-Length=2\"] true", "end hi 0",
                "PUT * 1.1 [\"Host=h\", \"Transfer-Encoding=chunked\", \"Connection=close\"] false", "end x 1",
                "GET / 1.0 [] false", "end  0",
            ])
    }

    @Test("takes what a request head writes")
    func roundTrip() throws {
        let url = try HTTPURL("http://h:81/ä?b")
        let bytes = try HTTPRequestHead(method: "POST", url: url, fields: [("A", "b")], bodyLength: 2).bytes()
        #expect(
            log(String(decoding: bytes, as: UTF8.self) + "hi") == [
                "POST /%C3%A4?b 1.1 [\"Host=h:81\", \"A=b\", \"User-Agent=Bowline/0.1\", \"Content-Length=2\", "
                    + "\"Connection=close\"] false", "end hi 0",
            ])
    }

    @Test(
        "refuses what two readers could read in two ways",
        arguments: [
            ("GET / HTTP/1.1\nHost: h\r\n\r\n", .bareLineFeed), ("GET / HTTP/1.1\r\nHost: h\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\n\r\n", .badHost), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .badHost),
            ("GET  / HTTP/1.1\r\n\r\n", .badRequestLine), ("GET /a b HTTP/1.1\r\n\r\n", .badRequestLine),
            ("GET /\r\n\r\n", .badRequestLine), (" GET / HTTP/1.1\r\n\r\n", .badRequestLine),
            ("GET /\tHTTP/1.1\r\n\r\n", .badRequestLine), ("GET /ä HTTP/1.1\r\n\r\n", .badRequestLine),
            ("GET / HTTP/1.1 \r\n\r\n", .badRequestLine), ("GET / http/1.1\r\n\r\n", .badRequestLine),
            ("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion), ("GET /\0 HTTP/1.1\r\n\r\n", .controlByte),
            ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", .badFieldName),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                .transferEncodingWithContentLength
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", .badTransferEncoding),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
            ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n", .conflictingContentLengths),
            ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi", .truncatedBody(received: 2, expected: 9)),
            ("GET / HTTP/1.1\r\nHos", .truncatedHead),
        ] as [(String, HTTPParseError)])
    func refused(text: String, error: HTTPParseError) {
        #expect(log(text).last == "error \(error)")
    }

    @Test("holds its limits, empty lines before a request included")
    func bounded() {
        let lines = log(String(repeating: "\r\n", count: 40_000))
        #expect(lines == ["error \(HTTPParseError.tooLarge(.headBytes, limit: 65_536))"])
        var limits = HTTPLimits()
        limits.bodyBytes = 1
        #expect(
            log("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", limits: limits).last?.hasPrefix("error")
                == true)
    }
}
