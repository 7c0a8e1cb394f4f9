// Responses that others wrote: those of the Web Platform Tests (fetch/content-length, fetch/h1-parsing) and of llhttp.
// Each runs whole and byte by byte. Where Bowline decides otherwise, the case stands here with the sentence that it follows.

import BowlineWeb
import Testing

@Suite("Responses that others wrote", .enabled(if: Corpus.folder != nil, "BOWLINE_CORPORA is not set"))
struct ResponseCorpusTests {
    private func log(_ text: String) -> ResponseLog {
        let bytes = Array(text.utf8)
        let whole = ResponseLog(Cutting.whole(bytes))
        #expect(ResponseLog(Cutting.byteByByte(bytes)) == whole, "\(text.debugDescription)")
        return whole
    }

    /// RFC 9112, 6.3: "If a message is received without Transfer-Encoding and with an invalid Content-Length header
    /// field, then the message framing is invalid and the recipient MUST treat it as an unrecoverable error".
    private static let invalidLengths: Set<String> = [
        "Content-Length: aaaah\r\nContent-Length: aaaah", "Content-Length: aaaah, aaaah", "Content-Length: aaaah",
        "Content-Length: 42s", "Content-Length: 30s", "Content-Length: -1", "Content-Length: 0x20",
    ]

    @Test("of fetch/content-length are read as browsers read them, or refused")
    func contentLengths() throws {
        let cases = try #require(try Corpus.json("wpt-h1/content-lengths.json") as? [[String: Any]])
        var tally = CorpusTally()
        for example in cases {
            let input = try #require(example["input"] as? String)
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=UTF-8\r\nConnection: close\r\n"
            let result = log("\(head)\(input)\r\n\r\nFact: this is really forty-two bytes long.")
            if let length = example["output"] as? Int {
                if result.error == nil {
                    #expect(result.body.count == length, "\(input)")
                    tally.agreed += 1
                } else {
                    #expect(Self.invalidLengths.contains(input) && result.error == .badContentLength, "\(input)")
                    tally.stricter += 1
                }
            } else {
                #expect(result.error?.code == .malformed, "\(input)")
                tally.agreed += 1
            }
        }
        print("wpt-h1 content-lengths: \(tally)")
        #expect(tally.stricter == Self.invalidLengths.count)
    }

    /// RFC 9112, 4: "status-code = 3DIGIT"; RFC 9110, 15: "Values outside the range 100..599 are invalid".
    private static let invalidStatuses: Set<String> = ["0 OK", "1 OK", "99 NOT OK", "099 HELLO"]

    @Test("of fetch/h1-parsing have the status that browsers see, or are refused")
    func statuses() throws {
        let cases = try #require(try Corpus.json("wpt-h1/status-code.json") as? [[String: Any]])
        var tally = CorpusTally()
        for example in cases {
            let input = try #require(example["input"] as? String)
            let result = log("HTTP/1.1 \(input)\nheader-parsing: is sad\n\n")
            if let expected = example["expected"] as? [String: Any] {
                if result.error == nil {
                    #expect(result.head?.status == expected["status"] as? Int)
                    #expect(result.head?.reason == expected["statusText"] as? String)
                    tally.agreed += 1
                } else {
                    #expect(Self.invalidStatuses.contains(input), "\(input)")
                    tally.stricter += 1
                }
            } else {
                #expect(result.error?.code == .malformed, "\(input)")
                tally.agreed += 1
            }
        }
        print("wpt-h1 status-code: \(tally)")
        #expect(tally.stricter == Self.invalidStatuses.count)
    }

    @Test("of fetch/h1-parsing that must fail do")
    func mustFail() throws {
        let groups = try #require(try Corpus.json("wpt-h1/must-fail.json") as? [String: [String]])
        var tally = CorpusTally()
        for text in groups.values.joined() {
            #expect(log(text).error != nil, "\(text.debugDescription)")
            tally.agreed += 1
        }
        print("wpt-h1 must-fail: \(tally)")
    }

    // MARK: - llhttp

    /// Where Bowline refuses what llhttp takes.
    private static let stricterThanLLHTTP: [String: String] = [
        "RTSP response": "RFC 9112, 2.3: HTTP-name = %s\"HTTP\"",
        "ICE response": "RFC 9112, 2.3: HTTP-name = %s\"HTTP\"",
        "HTTP version 0.9": "RFC 9110, 2.5: a major version that isn't 1 has another syntax",
        "Response starting with CRLF":
            "RFC 9112, 2.1: HTTP-message begins with start-line; 2.2 lets only servers skip empty lines",
        "HTTP 100 first, then 400":
            "RFC 9112, 2.1: the empty line after the interim response belongs to no message",
        "HTTP 304 with Content-Length":
            "RFC 9112, 2.1: the empty line before the second response belongs to no message",
    ]

    /// Where Bowline takes what llhttp refuses.
    private static let laxerThanLLHTTP: [String: String] = [
        "No carriage ret":
            "RFC 9112, 2.2: a recipient MAY recognize a single LF as a line terminator and ignore any preceding CR"
    ]

    @Test("of llhttp have the same status, fields, body and end, or are in the list of differences")
    func llhttp() throws {
        var tally = CorpusTally()
        var differences: Set<String> = []
        for file in ["llhttp/response/connection.md", "llhttp/response/sample.md"] {
            let cases = LLHTTPCase.all(in: try Corpus.text(file))
            #expect(cases.count > 15)
            tally.skipped += cases.count { $0 == nil }
            for case let example? in cases {
                let whole = example.run(Cutting.whole(example.input))
                #expect(example.run(Cutting.byteByByte(example.input)) == whole, "\(example.name)")
                if whole == example.expected {
                    tally.agreed += 1
                } else if Self.stricterThanLLHTTP[example.name] != nil, whole.isRefused, !example.expected.isRefused {
                    tally.stricter += 1
                    differences.insert(example.name)
                } else if Self.laxerThanLLHTTP[example.name] != nil, !whole.isRefused, example.expected.isRefused {
                    tally.laxer += 1
                    differences.insert(example.name)
                } else {
                    Issue.record("\(example.name): \(whole) instead of \(example.expected)")
                }
            }
        }
        print("llhttp response: \(tally)")
        #expect(tally.skipped == 0)
        // A difference that is gone has no place in the lists.
        #expect(differences == Set(Self.stricterThanLLHTTP.keys).union(Self.laxerThanLLHTTP.keys))
    }
}
