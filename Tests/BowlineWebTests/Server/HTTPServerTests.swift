// The server's promises, in memory and in virtual time.

import Bowline
import BowlineTesting
import HTTPTypes
import Testing

@Suite("The server")
struct HTTPServerTests {
    private static let get = "GET /a?b=c HTTP/1.1\r\nHost: h.test\r\n\r\n"

    @Test("an answer has its date, its length and its body, and the connection stays open")
    func answers() {
        let server = VirtualServer()
        let (text, state) = server.exchange(Self.get.utf8)
        #expect(
            text == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                + "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 11\r\n\r\nGET /a?b=c ")
        #expect(state == .open)
    }

    @Test("a request is taken apart: path, query, host, fields, body and ends")
    func request() throws {
        var seen: HTTPServerRequest?
        let server = VirtualServer { request in
            seen = request
            return HTTPServerResponse(status: 204)
        }
        _ = server.exchange("POST /p%20q?x=1&y HTTP/1.1\r\nHost: H.test:81\r\nX: y\r\nContent-Length: 2\r\n\r\nhi".utf8)
        let request = try #require(seen)
        #expect(request.path == "/p%20q")
        #expect(request.query == "x=1&y")
        #expect(request.host == .name(try DomainName("h.test")))
        #expect(request.fields["x"] == "y")
        #expect(request.body == Array("hi".utf8))
        #expect(request.client == .ip(.v4(.loopback), port: 80))
        let head = try #require(request.httpRequest)
        #expect(head.method == .post)
        #expect(head.authority == "H.test:81")
        #expect(head.path == "/p%20q?x=1&y")
    }

    @Test("requests that come together are answered in order, also when the answers come in another")
    func pipelining() {
        var waiting: [String: Deferred<HTTPServerResponse>] = [:]
        let server = VirtualServer(later: { request in
            let answer = Deferred<HTTPServerResponse>()
            waiting[request.path] = answer
            return answer
        })
        guard let transport = server.connect() else { return }
        transport.deliver("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHos")
        #expect(waiting.keys.sorted() == ["/1"])
        waiting["/1"]?.callback(HTTPServerResponse("one"))
        #expect(waiting.keys.sorted() == ["/1", "/2"])
        transport.deliver("t: h\r\n\r\n")
        waiting["/2"]?.callback(HTTPServerResponse("two"))
        waiting["/3"]?.callback(HTTPServerResponse("three"))
        transport.pump()
        let text = transport.takeWrittenText()
        #expect(statuses(text) == [200, 200, 200])
        #expect(text.matches(of: #/one|two|three/#).map { String($0.0) } == ["one", "two", "three"])
        #expect(transport.state == .open)
    }

    @Test(
        "the connection ends when the client says so, or can't say that it shouldn't",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close"), ("GET / HTTP/1.0\r\n\r\n", "close"),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"),
        ])
    func persistence(request: String, word: String) {
        let server = VirtualServer()
        guard let transport = server.connect() else { return }
        transport.deliver(request + Self.get)
        let text = transport.takeWrittenText()
        #expect(text.contains("Connection: \(word)\r\n"))
        #expect(statuses(text).count == (word == "close" ? 1 : 2))
        #expect(transport.isWriteClosed == (word == "close"))
        if word == "close" {
            transport.deliverEnd()
            #expect(transport.state == .ended(.done))
        }
    }

    @Test("HEAD, 204 and 304 have no body, and HEAD has the length of GET")
    func bodiless() {
        let server = VirtualServer { request in
            switch request.path {
            case "/204": HTTPServerResponse("never", status: 204)
            case "/304": HTTPServerResponse("never", status: 304)
            default: HTTPServerResponse("body")
            }
        }
        let head = server.exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".utf8).text
        #expect(head.contains("Content-Length: 4\r\n"))
        #expect(head.hasSuffix("\r\n\r\n"))
        for status in ["204", "304"] {
            let text = server.exchange("GET /\(status) HTTP/1.1\r\nHost: h\r\n\r\n".utf8).text
            #expect(text.hasSuffix("\r\n\r\n") && !text.contains("Content-Length"))
        }
    }

    @Test("a client that asks first is told to go on, unless its body is refused")
    func expectation() {
        var options = HTTPServerOptions()
        options.limits.bodyBytes = 10
        let server = VirtualServer(options)
        guard let transport = server.connect() else { return }
        let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
        transport.deliver(head + "2\r\n\r\n")
        #expect(transport.takeWrittenText() == "HTTP/1.1 100 Continue\r\n\r\n")
        transport.deliver("hi")
        #expect(transport.takeWrittenText().hasSuffix("POST / hi"))
        // One that doesn't wait needs no word.
        transport.deliver(head + "2\r\n\r\nhi")
        #expect(statuses(transport.takeWrittenText()) == [200])
        transport.deliver(head + "11\r\n\r\n")
        #expect(statuses(transport.takeWrittenText()) == [413])
        #expect(statuses(server.exchange("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n".utf8).text) == [417])
    }

    @Test("what the closure throws, or gives that can't be sent, is answered with 500, and no field is ever split")
    func unsendable() {
        struct Trouble: Error {}
        let server = VirtualServer { request in
            switch request.path {
            case "/throws": throw Trouble()
            case "/split": HTTPServerResponse(fields: [("X", "a\r\nSet-Cookie: b")])
            case "/name": HTTPServerResponse(fields: [("X Y", "a")])
            case "/length": HTTPServerResponse(fields: [("Content-Length", "3")])
            default: HTTPServerResponse(status: 100)
            }
        }
        for path in ["/throws", "/split", "/name", "/length", "/status"] {
            let text = server.exchange("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n".utf8).text
            #expect(statuses(text) == [500], "\(path)")
            #expect(!text.contains("\r\nSet-Cookie"))
        }
    }

    @Test("a client that is gone takes the making of its answer with it")
    func cancellation() {
        var isCancelled = false
        let server = VirtualServer(later: { _ in Deferred<HTTPServerResponse>(canceller: { _ in isCancelled = true }) })
        guard let transport = server.connect() else { return }
        transport.deliver(Self.get)
        transport.deliverLoss(.lost(104))
        #expect(isCancelled)
        #expect(server.server.connectionCount == 0)
        #expect(server.clock.delayedCalls.isEmpty)
    }

    @Test("a client that closes its side after its request still gets the answer")
    func halfClose() {
        var answer: Deferred<HTTPServerResponse>?
        let server = VirtualServer(later: { _ in
            let made = Deferred<HTTPServerResponse>()
            answer = made
            return made
        })
        guard let transport = server.connect() else { return }
        transport.deliver(Self.get)
        transport.deliverEnd()
        #expect(transport.state == .open)
        answer?.callback(HTTPServerResponse("late"))
        transport.pump()
        #expect(transport.takeWrittenText().hasSuffix("late"))
        #expect(transport.state == .ended(.done))
    }

    @Test("connections beyond the limit are closed, and make room when others end")
    func limit() {
        var options = HTTPServerOptions()
        options.maximumConnections = 2
        let server = VirtualServer(options)
        let first = server.connect()
        #expect(server.connect() != nil)
        #expect(server.connect() == nil)
        #expect(server.server.declinedCount == 1)
        first?.deliverEnd()
        #expect(server.connect() != nil)
    }

    @Test("a stop closes what is idle, lets what was begun come to its end, and bounds it")
    func stop() {
        var answer: Deferred<HTTPServerResponse>?
        let server = VirtualServer(later: { _ in
            let made = Deferred<HTTPServerResponse>()
            answer = made
            return made
        })
        guard let idle = server.connect(), let busy = server.connect(), let stuck = server.connect() else { return }
        busy.deliver(Self.get)
        stuck.deliver("GET / HT")
        var stopCount = 0
        server.server.stop(within: .seconds(5)).addCallback { stopCount += 1 }
        idle.pump()
        #expect(idle.isWriteClosed)
        #expect(server.connect() == nil)
        idle.deliverEnd()
        answer?.callback(HTTPServerResponse("last"))
        busy.pump()
        let text = busy.takeWrittenText()
        #expect(text.contains("Connection: close\r\n") && text.hasSuffix("last"))
        busy.deliverEnd()
        #expect(stopCount == 0)
        server.clock.advance(by: .seconds(5))
        #expect(stuck.state == .ended(.aborted))
        #expect(stopCount == 1)
        #expect(server.clock.delayedCalls.isEmpty)
    }

    @Test(
        "dates are written as HTTP wants them",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        ])
    func dates(time: Int, text: String) {
        let server = VirtualServer()
        server.server.wallClock = { time }
        #expect(server.exchange(Self.get.utf8).text.contains("\r\nDate: \(text)\r\n"))
    }
}
