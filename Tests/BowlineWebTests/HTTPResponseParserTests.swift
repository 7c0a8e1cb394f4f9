// The response parser against RFC 9112 and the project's table of decisions. Each case runs whole, byte by byte and
// cut at random, and must say the same.

import BowlineWeb
import HTTPTypes
import Testing

/// A response, and what is expected of it.
struct ResponseCase: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var exchange = HTTPExchange.other
    var staysOpen = false
    var limits = HTTPLimits()
    var body: String?
    var error: HTTPParseError?
    var reuses: Bool?
    var status: Int?
    var excess = ""
    var fields: [String: String] = [:]

    var testDescription: String { name }

    init(
        _ name: String, _ text: String, to exchange: HTTPExchange = .other, staysOpen: Bool = false,
        limits: HTTPLimits = HTTPLimits(), status: Int? = 200, body: String = "", reuses: Bool? = nil,
        excess: String = "", fields: [String: String] = [:]
    ) {
        self.name = name
        self.text = text
        self.exchange = exchange
        self.staysOpen = staysOpen
        self.limits = limits
        self.body = body
        self.reuses = reuses
        self.status = status
        self.excess = excess
        self.fields = fields
    }

    init(
        _ name: String, _ text: String, to exchange: HTTPExchange = .other, staysOpen: Bool = false,
        limits: HTTPLimits = HTTPLimits(), fails error: HTTPParseError
    ) {
        self.name = name
        self.text = text
        self.exchange = exchange
        self.staysOpen = staysOpen
        self.limits = limits
        self.error = error
    }

    func log(_ pieces: [ArraySlice<UInt8>]) -> ResponseLog {
        ResponseLog(pieces, to: exchange, limits: limits, staysOpen: staysOpen)
    }

    func check() {
        let bytes = Array(text.utf8)
        let whole = log(Cutting.whole(bytes))
        #expect(whole.error == error, "\(whole)")
        if error == nil {
            #expect(whole.isComplete, "\(whole)")
            #expect(String(decoding: whole.body, as: UTF8.self) == body)
            #expect(whole.head?.status == status)
            #expect(String(decoding: whole.excess, as: UTF8.self) == excess)
            if let reuses { #expect(whole.allowsReuse == reuses) }
            for (name, value) in fields { #expect(whole.head?.fields[name] == value) }
        } else {
            #expect(!whole.isComplete)
            #expect(!whole.allowsReuse)
            #expect(!whole.description.contains("forgotten"))
        }
        #expect(log(Cutting.byteByByte(bytes)) == whole)
        for seed in 1...8 as ClosedRange<UInt64> { #expect(log(Cutting.random(bytes, seed: seed)) == whole) }
    }
}

private func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
    var limits = HTTPLimits()
    change(&limits)
    return limits
}

@Suite("A response parser")
struct HTTPResponseParserTests {
    static let ok = "HTTP/1.1 200 OK\r\n"

    @Test(
        "finds the end of a body as RFC 9112, 6.3 says",
        arguments: [
            ResponseCase(
                "by its length", ok + "Content-Length: 5\r\n\r\nhello", staysOpen: true, body: "hello", reuses: true),
            ResponseCase("a length of zero", ok + "Content-Length: 0\r\n\r\n", staysOpen: true, reuses: true),
            ResponseCase(
                "the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", staysOpen: true,
                body: "hi", reuses: true),
            ResponseCase(
                "a list of the same length", ok + "Content-Length: 2, 2\r\n\r\nhi", staysOpen: true, body: "hi",
                reuses: true),
            ResponseCase("by the end of the connection", ok + "\r\nhello", body: "hello", reuses: false),
            ResponseCase("by the end of the connection, nothing in it", ok + "\r\n", reuses: false),
            ResponseCase(
                "by chunks", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\n\r\n",
                staysOpen: true, body: "hello world", reuses: true),
            ResponseCase(
                "chunk sizes with leading zeros and in both cases",
                ok
                    + "Transfer-Encoding: CHUNKED\r\n\r\n00005\r\nhello\r\n00A\r\n0123456789\r\na \t;x\r\n0123456789\r\n000\r\n\r\n",
                staysOpen: true, body: "hello01234567890123456789", reuses: true),
            ResponseCase(
                "codings in two fields",
                ok + "Transfer-Encoding: gzip\r\nTransfer-Encoding: , chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                staysOpen: true, body: "x", reuses: true),
            ResponseCase(
                "trailers", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n",
                staysOpen: true, body: "x", reuses: true),
            ResponseCase(
                "both lengths: the chunks count, the connection ends",
                ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", staysOpen: true,
                body: "hello", reuses: false),
            ResponseCase(
                "codings that don't end with chunked", ok + "Transfer-Encoding: chunked, identity\r\n\r\n5\r\nhello",
                body: "5\r\nhello", reuses: false),
            ResponseCase(
                "an unknown coding", ok + "Transfer-Encoding: xchunked\r\n\r\nhello", body: "hello", reuses: false),
            ResponseCase(
                "chunked in a quoted parameter isn't chunked",
                ok + "Transfer-Encoding: x;a=\", chunked\"\r\n\r\nhello", body: "hello", reuses: false),
            ResponseCase("HEAD", ok + "Content-Length: 5\r\n\r\n", to: .head, staysOpen: true, reuses: true),
            ResponseCase(
                "HEAD of chunks", ok + "Transfer-Encoding: chunked\r\n\r\n", to: .head, staysOpen: true, reuses: true),
            ResponseCase(
                "HEAD with nonsense", ok + "Content-Length: x\r\n\r\n", to: .head, staysOpen: true, reuses: false),
            ResponseCase(
                "204", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", staysOpen: true, status: 204, reuses: true),
            ResponseCase(
                "304", "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", staysOpen: true, status: 304, reuses: true),
            ResponseCase("a tunnel", ok + "Content-Length: 5\r\n\r\nraw", to: .connect, reuses: false, excess: "raw"),
            ResponseCase(
                "another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nraw", status: 101,
                reuses: false, excess: "raw"),
            ResponseCase(
                "the second of two responses is handed to nobody", ok + "Content-Length: 2\r\n\r\nhi" + ok + "\r\n",
                staysOpen: true, body: "hi", reuses: false, excess: ok + "\r\n"),
            ResponseCase(
                "interim responses are passed over",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n" + ok
                    + "Content-Length: 2\r\n\r\nhi", staysOpen: true, body: "hi", reuses: true),
        ] as [ResponseCase])
    func framing(_ example: ResponseCase) { example.check() }

    @Test(
        "reads heads as RFC 9112, 2 to 5 say",
        arguments: [
            ResponseCase(
                "LF alone", "HTTP/1.1 200 OK\nA: b\nContent-Length: 0\n\n", staysOpen: true, reuses: true,
                fields: ["a": "b"]),
            ResponseCase(
                "a folded line", ok + "A: b \r\n \t c \r\nContent-Length: 0\r\n\r\n", fields: ["a": "b c"]),
            ResponseCase("a fold after nothing", ok + "A: \r\n c\r\nContent-Length: 0\r\n\r\n", fields: ["a": "c"]),
            ResponseCase(
                "a fold of nothing", ok + "A: b\r\n  \r\n c\r\nContent-Length: 0\r\n\r\n", fields: ["a": "b c"]),
            ResponseCase(
                "a folded length", ok + "Content-Length:\r\n 2\r\n\r\nhi", staysOpen: true, body: "hi", reuses: true),
            ResponseCase("no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
            ResponseCase("an empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
            ResponseCase(
                "a later minor version", "HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n", staysOpen: true, reuses: true),
            ResponseCase("status 999", "HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", status: 999),
            ResponseCase(
                "TAB and bytes above ASCII", ok + "A: b\tÄ\r\nContent-Length: 0\r\n\r\n", fields: ["a": "b\tÄ"]),
            ResponseCase(
                "an empty value", ok + "A:\r\nB: \t \r\nContent-Length: 0\r\n\r\n", fields: ["a": "", "b": ""]),
            ResponseCase(
                "close", ok + "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", staysOpen: true, reuses: false),
            ResponseCase("1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", staysOpen: true, reuses: false),
            ResponseCase(
                "1.0 may stay", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
                staysOpen: true,
                reuses: true),
        ] as [ResponseCase])
    func heads(_ example: ResponseCase) { example.check() }

    @Test(
        "refuses what is malformed",
        arguments: [
            ResponseCase("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", staysOpen: true, fails: .notHTTP),
            ResponseCase("no HTTP, without a line's end", "220 ready", staysOpen: true, fails: .notHTTP),
            ResponseCase("a page alone, as in HTTP/0.9", "<html>hello", fails: .notHTTP),
            ResponseCase("a line of HTT", "HTT\r\n\r\n", fails: .notHTTP),
            ResponseCase("HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n", fails: .unsupportedVersion),
            ResponseCase("HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", fails: .unsupportedVersion),
            ResponseCase("HTTP/11", "HTTP/11 200 OK\r\n\r\n", fails: .unsupportedVersion),
            ResponseCase("no status", "HTTP/1.1 \r\n\r\n", fails: .badStatusLine),
            ResponseCase("two digits", "HTTP/1.1 20 OK\r\n\r\n", fails: .badStatusLine),
            ResponseCase("four digits", "HTTP/1.1 2000 OK\r\n\r\n", fails: .badStatusLine),
            ResponseCase("two spaces", "HTTP/1.1  200 OK\r\n\r\n", fails: .badStatusLine),
            ResponseCase("a status under 100", "HTTP/1.1 099 OK\r\n\r\n", fails: .badStatus(99)),
            ResponseCase("an empty line first", "\r\n" + ok + "\r\n", fails: .notHTTP),
            ResponseCase("CR in the status line", "HTTP/1.1 200 O\rK\r\n\r\n", fails: .bareCarriageReturn),
            ResponseCase("NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", fails: .controlByte),
            ResponseCase("CR in a value", ok + "A: b\rc\r\n\r\n", fails: .bareCarriageReturn),
            ResponseCase("CR CR LF", ok + "A: b\r\r\n\r\n", fails: .bareCarriageReturn),
            ResponseCase("CR in a name", ok + "A\rB: b\r\n\r\n", fails: .bareCarriageReturn),
            ResponseCase("NUL in a value", ok + "A: 0123456789\0b\r\n\r\n", fails: .controlByte),
            ResponseCase("DEL in a value", ok + "A: \u{7F}234567\r\n\r\n", fails: .controlByte),
            ResponseCase("a folded NUL", ok + "A: b\r\n \0\r\n\r\n", fails: .controlByte),
            ResponseCase("a blank before the colon", ok + "A : b\r\n\r\n", fails: .badFieldName),
            ResponseCase("no name", ok + ": b\r\n\r\n", fails: .badFieldName),
            ResponseCase("no colon", ok + "A b\r\n\r\n", fails: .badFieldName),
            ResponseCase("a fold first", ok + " A: b\r\n\r\n", fails: .foldWithoutField),
            ResponseCase("a negative length", ok + "Content-Length: -1\r\n\r\n", fails: .badContentLength),
            ResponseCase("a signed length", ok + "Content-Length: +1\r\n\r\n", fails: .badContentLength),
            ResponseCase("a hexadecimal length", ok + "Content-Length: 0x1\r\n\r\n", fails: .badContentLength),
            ResponseCase("an empty length", ok + "Content-Length:\r\n\r\n", fails: .badContentLength),
            ResponseCase("a length and nothing", ok + "Content-Length: 1,\r\n\r\n", fails: .badContentLength),
            ResponseCase(
                "two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", fails: .conflictingContentLengths),
            ResponseCase("a list of lengths", ok + "Content-Length: 1, 2\r\n\r\n", fails: .conflictingContentLengths),
            ResponseCase(
                "chunked twice", ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", fails: .badTransferEncoding),
            ResponseCase(
                "chunked with a parameter", ok + "Transfer-Encoding: chunked;a=b\r\n\r\n", fails: .badTransferEncoding),
            ResponseCase(
                "a coding of two words", ok + "Transfer-Encoding: chun ked\r\n\r\n", fails: .badTransferEncoding),
            ResponseCase(
                "1.0 with chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                fails: .transferEncodingInHTTP10),
        ] as [ResponseCase])
    func malformed(_ example: ResponseCase) { example.check() }

    static let chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"

    @Test(
        "refuses chunks that aren't as RFC 9112, 7.1 says",
        arguments: [
            ResponseCase("no size", chunked + "\r\nhello", fails: .badChunkSize),
            ResponseCase("no digits", chunked + "xyz\r\n", fails: .badChunkSize),
            ResponseCase("a sign", chunked + "+5\r\nhello", fails: .badChunkSize),
            ResponseCase("0x", chunked + "0x5\r\nhello", fails: .badChunkSize),
            ResponseCase("an underscore", chunked + "1_0\r\nhello", fails: .badChunkSize),
            ResponseCase("padding", chunked + "5 \r\nhello", fails: .badChunkSize),
            ResponseCase("LF after the size", chunked + "5\nhello\r\n", fails: .badChunkSize),
            ResponseCase("LF after an extension", chunked + "5;a\nhello\r\n", fails: .bareLineFeed),
            ResponseCase("CR in an extension", chunked + "5;a\rb\r\nhello\r\n", fails: .badChunkSize),
            ResponseCase("NUL in an extension", chunked + "5;\0\r\nhello\r\n", fails: .badChunkSize),
            ResponseCase("LF after the data", chunked + "5\r\nhello\n0\r\n\r\n", fails: .badChunkEnd),
            ResponseCase("more data than it said", chunked + "4\r\nhello\r\n0\r\n\r\n", fails: .badChunkEnd),
            ResponseCase("LF after a trailer", chunked + "0\r\nA: b\n\r\n", fails: .bareLineFeed),
            ResponseCase("LF at the end", chunked + "0\r\n\n", fails: .bareLineFeed),
            ResponseCase("a fold as a trailer", chunked + "0\r\n a\r\n\r\n", fails: .foldWithoutField),
            ResponseCase(
                "2^64", chunked + "10000000000000000\r\n", fails: .tooLarge(.bodyBytes, limit: .max)),
            ResponseCase(
                "2^64-1", chunked + "ffffffffffffffff\r\n", fails: .tooLarge(.bodyBytes, limit: .max)),
        ] as [ResponseCase])
    func malformedChunks(_ example: ResponseCase) { example.check() }

    @Test(
        "tells a response that stopped early from one that ended",
        arguments: [
            ResponseCase("nothing at all", "", fails: .empty),
            ResponseCase("half a version", "HTT", fails: .truncatedHead),
            ResponseCase("half a status line", "HTTP/1.1 2", fails: .truncatedHead),
            ResponseCase("half a field", ok + "A: b", fails: .truncatedHead),
            ResponseCase("no empty line", ok + "A: b\r\n", fails: .truncatedHead),
            ResponseCase("only an interim response", "HTTP/1.1 100 Continue\r\n\r\n", fails: .truncatedHead),
            ResponseCase(
                "a short body", ok + "Content-Length: 9\r\n\r\nhi", fails: .truncatedBody(received: 2, expected: 9)),
            ResponseCase("no body", ok + "Content-Length: 9\r\n\r\n", fails: .truncatedBody(received: 0, expected: 9)),
            ResponseCase("a chunk cut short", chunked + "9\r\nhi", fails: .truncatedBody(received: 2, expected: nil)),
            ResponseCase("no last chunk", chunked + "2\r\nhi\r\n", fails: .truncatedBody(received: 2, expected: nil)),
            ResponseCase(
                "no end after the last chunk", chunked + "2\r\nhi\r\n0\r\n",
                fails: .truncatedBody(received: 2, expected: nil)),
            ResponseCase(
                "half a trailer", chunked + "2\r\nhi\r\n0\r\nA: b", fails: .truncatedBody(received: 2, expected: nil)),
            ResponseCase(
                "the greatest length", ok + "Content-Length: 9223372036854775807\r\n\r\nhi",
                fails: .truncatedBody(received: 2, expected: .max)),
        ] as [ResponseCase])
    func truncated(_ example: ResponseCase) { example.check() }

    @Test(
        "holds its limits",
        arguments: [
            ResponseCase(
                "a head of just the limit", ok + "A: b\r\nContent-Length: 0\r\n\r\n",
                limits: limits { $0.headBytes = 44 }),
            ResponseCase(
                "a head of one byte more", ok + "A: b\r\nContent-Length: 0\r\n\r\n",
                limits: limits { $0.headBytes = 43 },
                fails: .tooLarge(.headBytes, limit: 43)),
            ResponseCase(
                "a line without end", ok + "A: " + String(repeating: "b", count: 100_000), staysOpen: true,
                fails: .tooLarge(.headBytes, limit: 65_536)),
            ResponseCase(
                "a status line without end", "HTTP/1.1 200 " + String(repeating: "b", count: 100_000), staysOpen: true,
                fails: .tooLarge(.headBytes, limit: 65_536)),
            ResponseCase(
                "fields without end", ok + String(repeating: "A: b\r\n", count: 5_000), staysOpen: true,
                fails: .tooLarge(.fieldCount, limit: 512)),
            ResponseCase(
                "interim responses without end", String(repeating: "HTTP/1.1 100 Go on\r\n\r\n", count: 50),
                staysOpen: true,
                fails: .tooLarge(.interimResponses, limit: 32)),
            ResponseCase(
                "an extension without end", chunked + "1;" + String(repeating: "a", count: 20_000), staysOpen: true,
                fails: .tooLarge(.chunkOverheadBytes, limit: 16_384)),
            ResponseCase(
                "leading zeros without end", chunked + String(repeating: "0", count: 20_000), staysOpen: true,
                fails: .tooLarge(.chunkOverheadBytes, limit: 16_384)),
            ResponseCase(
                "an extension on each of many small chunks",
                chunked + String(repeating: "1;" + String(repeating: "a", count: 198) + "\r\nx\r\n", count: 200),
                staysOpen: true,
                fails: .tooLarge(.chunkOverheadBytes, limit: 16_384)),
            ResponseCase(
                "many small chunks are fine", chunked + String(repeating: "1\r\nx\r\n", count: 3_000) + "0\r\n\r\n",
                body: String(repeating: "x", count: 3_000)),
            ResponseCase(
                "trailers without end",
                chunked + "0\r\n" + String(repeating: "A: 0123456789012345678901234567890123456789\r\n", count: 500),
                staysOpen: true, fails: .tooLarge(.trailerBytes, limit: 16_384)),
            ResponseCase(
                "a length of 2^64", ok + "Content-Length: 18446744073709551616\r\n\r\n",
                fails: .tooLarge(.bodyBytes, limit: .max)),
            ResponseCase(
                "a length over the limit", ok + "Content-Length: 11\r\n\r\nhello world",
                limits: limits { $0.bodyBytes = 10 },
                fails: .tooLarge(.bodyBytes, limit: 10)),
            ResponseCase(
                "chunks over the limit", chunked + "8\r\n01234567\r\n3\r\n890\r\n0\r\n\r\n",
                limits: limits { $0.bodyBytes = 10 }, fails: .tooLarge(.bodyBytes, limit: 10)),
            ResponseCase(
                "a stream over the limit", ok + "\r\nhello world", limits: limits { $0.bodyBytes = 10 },
                fails: .tooLarge(.bodyBytes, limit: 10)),
            ResponseCase(
                "a stream of just the limit", ok + "\r\n0123456789", limits: limits { $0.bodyBytes = 10 },
                body: "0123456789"),
            ResponseCase(
                "the length of a body that HEAD doesn't send", ok + "Content-Length: 11\r\n\r\n", to: .head,
                limits: limits { $0.bodyBytes = 10 }),
        ] as [ResponseCase])
    func bounded(_ example: ResponseCase) { example.check() }

    @Test("delivers what a body brought before it passed the limit")
    func delivery() {
        let bytes = Array((Self.ok + "\r\nhello world").utf8)
        let log = ResponseLog(Cutting.whole(bytes), limits: limits { $0.bodyBytes = 10 })
        #expect(log.body.count == 10)
        #expect(log.head != nil)
    }

    @Test("reads one response after the other on a connection, and keeps nothing of the first")
    func sequence() throws {
        var parser = HTTPResponseParser(to: .head)
        let first = Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nA: b\r\n\r\n".utf8)
        var position = 0
        #expect(try parser.next(first.span.bytes, at: &position) == .head)
        let kept = parser.head
        #expect(try parser.next(first.span.bytes, at: &position) == .end)
        #expect(try parser.next(first.span.bytes, at: &position) == .needsMore)
        #expect(parser.allowsReuse)

        parser.begin(.other)
        #expect(!parser.allowsReuse)
        let second = Array("HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nC: d\r\n\r\n".utf8)
        position = 0
        #expect(try parser.next(second.span.bytes, at: &position) == .head)
        #expect(parser.framing.body == .chunked && parser.framing.keepsConnection)
        guard case .body(let range) = try parser.next(second.span.bytes, at: &position) else {
            Issue.record("no body")
            return
        }
        #expect(Array(second[range]) == Array("hi".utf8))
        #expect(try parser.next(second.span.bytes, at: &position) == .end)
        #expect(parser.head.status == 404)
        #expect(parser.head.reason == "Gone")
        #expect(parser.head.fields["a"] == nil)
        #expect(parser.trailers["c"] == "d")
        #expect(parser.head.fields["c"] == nil)
        #expect(kept.fields["a"] == "b")
        #expect(kept.status == 200)
        #expect(try !parser.finish())

        parser.begin(.other)
        #expect(throws: HTTPParseError.empty) { try parser.finish() }
        #expect(parser.trailers.count == 0 || parser.head.status == 0)
    }

    @Test("takes a body that ends with the connection for cut short when the end isn't clean")
    func uncleanEnd() {
        let bytes = Array((Self.ok + "\r\nhello").utf8)
        let log = ResponseLog(Cutting.whole(bytes), endsCleanly: false)
        #expect(log.error == .truncatedBody(received: 5, expected: nil))
        let framed = Array((Self.ok + "Content-Length: 5\r\n\r\nhello").utf8)
        #expect(ResponseLog(Cutting.whole(framed), endsCleanly: false).error == nil)
    }

    @Test("gives heads as swift-http-types has them")
    func types() throws {
        let text = "HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nX: a\r\n b\r\n\r\n"
        let head = try #require(ResponseLog(Cutting.whole(Array(text.utf8))).head)
        #expect(head.httpResponse.status == .found)
        #expect(head.httpResponse.headerFields[values: .setCookie] == ["a=b", "c=d"])
        #expect(head.fields.values(of: "SET-COOKIE") == ["a=b", "c=d"])
        #expect(head.fields.count == 4)
        #expect(head.fields[0] == ("Location", "/x"))
        #expect(head.fields.httpFields[.location] == "/x")
        #expect(head.fields.text.hasPrefix("HTTP/1.1 302 Found\r\nLocation: /x\r\n"))
        #expect(head.fields["location"] == "/x")
        #expect(head.fields["locatio"] == nil)
    }

    @Test("reads a value that isn't UTF-8 as ISO-8859-1")
    func latin() throws {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: caf".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
        let head = try #require(ResponseLog(Cutting.whole(bytes)).head)
        #expect(head.fields["A"] == "café")
    }

    @Test("says the same of any bytes, however they are cut")
    func anyBytes() {
        let seeds = [
            Self.ok + "Content-Length: 5\r\nA: b\r\n c\r\n\r\nhello",
            Self.chunked + "5;a=b\r\nhello\r\n0\r\nT: t\r\n\r\n" + Self.ok,
            "HTTP/1.1 100 Go on\n\n" + Self.ok + "Connection: close\r\n\r\nhello",
        ].map { Array($0.utf8) }
        let palette = Array("\r\n\t :;,0159aAfFxz-+\"\\\0\u{7F}\u{FC}".utf8)
        var limits = HTTPLimits()
        limits.headBytes = 120
        limits.fieldCount = 3
        limits.chunkOverheadBytes = 24
        limits.trailerBytes = 24
        limits.bodyBytes = 8
        var generator = SplitMix64(state: 7)
        for _ in 0..<1_500 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                let octet = palette[Int.random(in: 0..<palette.count, using: &generator)]
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = octet
                case 1: bytes.insert(octet, at: index)
                default: bytes.remove(at: index)
                }
            }
            let whole = ResponseLog(Cutting.whole(bytes), limits: limits)
            let seed = generator.next()
            guard ResponseLog(Cutting.byteByByte(bytes), limits: limits) == whole,
                ResponseLog(Cutting.random(bytes, seed: seed), limits: limits) == whole
            else {
                Issue.record("cut differently: \(String(decoding: bytes, as: UTF8.self).debugDescription)")
                return
            }
        }
    }

    @Test("says in one line what is wrong")
    func sentences() {
        let errors: [(HTTPParseError, HTTPParseError.Code, String)] = [
            (.notHTTP, .malformed, "what came doesn't begin with HTTP/"),
            (.empty, .empty, "the connection ended before the first byte of a response"),
            (
                .truncatedBody(received: 1, expected: 2), .truncated,
                "the connection ended after 1 of the 2 bytes of the body"
            ),
            (.tooLarge(.headBytes, limit: 9), .tooLarge, "more than 9 bytes of head"),
            (.badStatus(7), .malformed, "7 isn't a status"),
        ]
        for (error, code, text) in errors {
            #expect(error.code == code)
            #expect(error.description == text)
        }
    }
}
