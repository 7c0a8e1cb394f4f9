import Bowline
import BowlineTesting
import Testing

@Suite("The test kit's web server")
struct HTTPResponderTests {
    private let clock = ManualClock()

    private func connect(
        _ answers: @escaping (HTTPResponder.Request) -> HTTPResponder.Action
    ) -> (HTTPResponder, MemoryTransport) {
        let responder = HTTPResponder(clock: clock, answers: answers)
        let transport = MemoryTransport()
        if let made = responder.buildProtocol(transport.peer) { transport.start(made) }
        return (responder, transport)
    }

    private static let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test("requests are recorded with their parts and answered")
    func records() {
        let (responder, transport) = connect { .respond(.init("\($0.target) \($0.count)")) }
        transport.deliver("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\(Self.get)")
        #expect(
            transport.takeWrittenText()
                == "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/a?b 1HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n/a 1")
        #expect(responder.requests.map(\.method) == ["POST", "GET"])
        #expect(responder.requests[0].body == Array("hi".utf8))
        #expect(responder.requests[0].connection == 1)
        #expect(transport.state == .open)
    }

    @Test("a connection ends when the client says so")
    func closes() {
        let (_, transport) = connect { _ in .respond(.init("x")) }
        transport.deliver("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(transport.takeWrittenText().contains("Connection: close\r\n"))
        #expect(transport.state == .ended(.done))
    }

    @Test("a wrong request is refused", arguments: ["GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n"])
    func refuses(request: String) {
        let (responder, transport) = connect { _ in .respond(.init("x")) }
        transport.deliver(request)
        #expect(transport.takeWrittenText().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(responder.refusals.count == 1)
        #expect(responder.requests.isEmpty)
        #expect(transport.state == .ended(.done))
    }

    @Test("a delayed answer holds back the next one")
    func delays() {
        let (responder, transport) = connect { request in
            request.target == "/slow" ? .delayed(by: .seconds(1), .respond(.init("1"))) : .respond(.init("2"))
        }
        transport.deliver("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get)
        #expect(responder.requests.count == 2)
        #expect(transport.takeWrittenText() == "")
        clock.advance(by: .seconds(1))
        #expect(transport.takeWrittenText().filter { $0 == "1" || $0 == "2" }.contains("2"))
    }

    @Test("byte by byte means one byte at a time")
    func pieces() {
        let (_, transport) = connect { _ in .pieces(of: 1, every: .milliseconds(1), .raw(Array("abc".utf8))) }
        transport.deliver(Self.get)
        var seen: [String] = []
        for _ in 0..<3 {
            seen.append(transport.takeWrittenText())
            clock.advance(by: .milliseconds(1))
        }
        #expect(seen == ["a", "b", "c"])
    }

    @Test(
        "a cut answer ends as it was told",
        arguments: [
            (HTTPResponder.Ending.close, MemoryTransport.State.ended(.done)), (.reset, .ended(.aborted)),
            (.stall, .open),
        ])
    func cuts(ending: HTTPResponder.Ending, state: MemoryTransport.State) {
        let (_, transport) = connect { _ in .cut(after: 8, .respond(.init("never")), then: ending) }
        transport.deliver(Self.get)
        clock.advance(by: .milliseconds(10))
        transport.pump()
        #expect(transport.takeWrittenText() == "HTTP/1.1")
        #expect(transport.state == state)
    }

    @Test("chunks, HEAD and bodiless statuses are framed as they should be")
    func framing() {
        let (_, transport) = connect { request in
            var response = HTTPResponder.Response("hello", status: request.target == "/none" ? 204 : 200)
            response.framing = .chunked(3)
            return .respond(response)
        }
        transport.deliver(Self.get)
        #expect(
            transport.takeWrittenText().hasSuffix("Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"))
        transport.deliver("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(transport.takeWrittenText().hasSuffix("chunked\r\n\r\n"))
        transport.deliver("GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(transport.takeWrittenText() == "HTTP/1.1 204 No Content\r\n\r\n")
    }
}
