// What the server refuses, and that it doesn't matter in which pieces it came.

import Bowline
import BowlineTesting
import Testing

private let host = "Host: h\r\n"

/// A request that breaks the rules, and the status that says so.
struct Refusal: CustomTestStringConvertible, Sendable {
    let name: String
    let request: String
    let status: Int
    var testDescription: String { name }

    init(_ name: String, _ request: String, _ status: Int = 400) {
        self.name = name
        self.request = request
        self.status = status
    }
}

@Suite("What the server refuses")
struct HTTPServerRefusalTests {
    private static let options: HTTPServerOptions = {
        var options = HTTPServerOptions()
        options.limits.requestLineBytes = 100
        options.limits.headBytes = 300
        options.limits.fieldCount = 8
        options.limits.bodyBytes = 10
        options.limits.chunkOverheadBytes = 64
        return options
    }()

    @Test(
        "each is refused with its status, nobody is asked, what follows is not a request, and the connection ends",
        arguments: [
            Refusal(
                "both lengths",
                "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Refusal("two lengths", "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            Refusal("a signed length", "POST / HTTP/1.1\r\n\(host)Content-Length: +1\r\n\r\n"),
            Refusal("an unknown coding", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, gzip\r\n\r\n"),
            Refusal("a coding in HTTP/1.0", "POST / HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"),
            Refusal("a folded field", "GET / HTTP/1.1\r\n\(host)X: a\r\n b\r\n\r\n"),
            Refusal("a bare CR", "GET / HTTP/1.1\r\n\(host)X: a\rb\r\n\r\n"),
            Refusal("NUL", "GET / HTTP/1.1\r\n\(host)X: a\0b\r\n\r\n"),
            Refusal("a bare LF", "GET / HTTP/1.1\n\(host)\n"),
            Refusal("a blank before the colon", "GET / HTTP/1.1\r\n\(host)X : a\r\n\r\n"),
            Refusal("no Host", "GET / HTTP/1.1\r\n\r\n"),
            Refusal("two Hosts", "GET / HTTP/1.1\r\n\(host)\(host)\r\n"),
            Refusal("a Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"),
            Refusal("a Host with a user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n"),
            Refusal("a Host with a bad port", "GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n"),
            Refusal("a target without a slash", "GET x HTTP/1.1\r\n\(host)\r\n"),
            Refusal("a fragment", "GET /#x HTTP/1.1\r\n\(host)\r\n"),
            Refusal("an asterisk for GET", "GET * HTTP/1.1\r\n\(host)\r\n"),
            Refusal("another scheme", "GET ftp://h/ HTTP/1.1\r\n\(host)\r\n"),
            Refusal("a user in the target", "GET http://a@h/ HTTP/1.1\r\n\(host)\r\n"),
            Refusal("an authority for GET", "GET h:80 HTTP/1.1\r\n\(host)\r\n"),
            Refusal("a tunnel", "CONNECT h:80 HTTP/1.1\r\n\(host)\r\n", 501),
            Refusal("gzip inside chunks", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
            Refusal("what nobody knows", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: x, chunked\r\n\r\n", 501),
            Refusal("a tunnel to a path", "CONNECT / HTTP/1.1\r\n\(host)\r\n"),
            Refusal("HTTP/2", "GET / HTTP/2.0\r\n\(host)\r\n", 505),
            Refusal("HTTP/0.9", "GET /\r\n\r\n"),
            Refusal("TLS", "\u{16}\u{3}\u{1}\u{2}\0\r\n"),
            Refusal("a long target", "GET /\(String(repeating: "x", count: 100)) HTTP/1.1\r\n\(host)\r\n", 414),
            Refusal("a target without end", "GET /\(String(repeating: "x", count: 2_000))", 414),
            Refusal("a long head", "GET / HTTP/1.1\r\n\(host)X: \(String(repeating: "x", count: 300))\r\n\r\n", 431),
            Refusal("many fields", "GET / HTTP/1.1\r\n\(host)\(String(repeating: "X: y\r\n", count: 8))\r\n", 431),
            Refusal("a long body", "POST / HTTP/1.1\r\n\(host)Content-Length: 11\r\n\r\n01234567890", 413),
            Refusal(
                "a length beyond numbers", "POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n", 413
            ),
            Refusal("a long chunk", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nB\r\n", 413),
            Refusal(
                "chunks that are too long together",
                "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n", 413),
            Refusal("a chunk without a size", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nx\r\n"),
            Refusal("a chunk that goes on", "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n1\r\nabc"),
        ])
    func refusals(_ refusal: Refusal) throws {
        for portion in [Int.max, 1] {
            let server = VirtualServer(Self.options)
            let transport = try #require(server.connect())
            let bytes = Array((refusal.request + "GET /smuggled HTTP/1.1\r\n\(host)\r\n").utf8)
            for start in stride(from: 0, to: bytes.count, by: min(portion, bytes.count)) {
                transport.deliver(Array(bytes[start..<min(bytes.count, portion == 1 ? start + 1 : bytes.count)]))
            }
            let text = transport.takeWrittenText()
            #expect(statuses(text) == [refusal.status], "in portions of \(portion): \(text)")
            #expect(text.contains("\r\nConnection: close\r\n"))
            #expect(server.targets.isEmpty)
            #expect(server.server.refusedCount == 1)
            transport.deliverEnd()
            #expect(transport.state == .ended(.done))
            #expect(server.clock.delayedCalls.isEmpty)
        }
    }

    @Test(
        "each is a request, whole or byte by byte",
        arguments: [
            ("\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n", "/"),
            ("GET http://h/x?y HTTP/1.1\r\nHost: other\r\n\r\n", "http://h/x?y"),
            ("OPTIONS * HTTP/1.1\r\n\(host)\r\n", "*"), ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "/"),
            ("GET / HTTP/1.1\r\nhOST: [::1]:80\r\n\r\n", "/"), ("GET / HTTP/1.0\r\n\r\n", "/"),
            (
                "GET /\(String(repeating: "x", count: 86)) HTTP/1.1\r\n\(host)\r\n",
                "/" + String(repeating: "x", count: 86)
            ),
            (
                "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n5\r\nworld\r\n0\r\nX: y\r\n\r\n",
                "/"
            ),
        ])
    func accepted(request: String, target: String) {
        for portion in [Int.max, 1] {
            let server = VirtualServer(Self.options)
            let text = server.exchange(request.utf8, portion: portion).text
            #expect(statuses(text) == [200], "in portions of \(portion): \(text)")
            #expect(server.targets == [target])
        }
    }

    @Test("mutated requests end alike whole and byte by byte, and leave nothing", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(seed: UInt64) {
        let seeds = [
            "GET /a HTTP/1.1\r\n\(host)\r\nGET /b HTTP/1.1\r\n\(host)\r\n",
            "POST /c HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhelloGET /d HTTP/1.0\r\n\r\n",
            "POST /e HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n",
            "GET http://h:80/f HTTP/1.1\r\n\(host)Expect: 100-continue\r\nConnection: close\r\n\r\n",
        ]
        var generator = SplitMix64(state: seed)
        for _ in 0..<500 {
            var bytes = Array(seeds[Int(generator.next() % 4)].utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let length = min(Int.random(in: 1...12, using: &generator), bytes.count - place)
                switch generator.next() % 5 {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place..<place + length)
                case 2: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
                case 3: bytes.insert([0, 9, 10, 13, 32, 44, 58, 59][Int(generator.next() % 8)], at: place)
                default: bytes += Array(seeds[Int(generator.next() % 4)].utf8)
                }
            }
            let (whole, pieces) = (VirtualServer(Self.options), VirtualServer(Self.options))
            let (atOnce, bit) = (whole.exchange(bytes), pieces.exchange(bytes, portion: 1))
            // Asked for a word before its body, only who sends byte by byte is waiting for it.
            let interim = "HTTP/1.1 100 Continue\r\n\r\n"
            #expect(
                atOnce.text.replacing(interim, with: "") == bit.text.replacing(interim, with: ""),
                "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            #expect(whole.targets == pieces.targets)
            #expect(whole.bodies == pieces.bodies)
            for server in [whole, pieces] {
                server.clock.advance(by: .seconds(300))
                #expect(server.server.connectionCount == 0)
                #expect(server.clock.delayedCalls.isEmpty)
            }
        }
    }
}
