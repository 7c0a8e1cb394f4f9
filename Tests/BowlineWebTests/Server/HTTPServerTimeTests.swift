// How long the server waits for a client, and how it keeps pace with one, in virtual time.

import Bowline
import BowlineTesting
import Testing

@Suite("The server's patience")
struct HTTPServerTimeTests {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test("a head has its time from the first byte, whatever trickles in")
    func head() throws {
        let server = VirtualServer()
        let transport = try #require(server.connect())
        for letter in "GET / HTT" {
            transport.deliver(String(letter))
            server.clock.advance(by: .seconds(1))
        }
        #expect(transport.takeWrittenText() == "")
        server.clock.advance(by: .seconds(1))
        #expect(statuses(transport.takeWrittenText()) == [408])
        #expect(transport.isWriteClosed)
    }

    @Test("a connection on which nothing is asked is closed without a word")
    func silence() throws {
        let server = VirtualServer()
        let transport = try #require(server.connect())
        server.clock.advance(by: .seconds(10))
        #expect(transport.takeWrittenText() == "")
        #expect(transport.isWriteClosed)
        server.clock.advance(by: .seconds(2))
        #expect(transport.state == .ended(.done))
    }

    @Test("a body has its time from its head")
    func body() throws {
        let server = VirtualServer()
        let transport = try #require(server.connect())
        server.clock.advance(by: .seconds(9))
        transport.deliver("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n")
        for _ in 0..<29 {
            server.clock.advance(by: .seconds(1))
            transport.deliver("x")
        }
        #expect(transport.takeWrittenText() == "")
        server.clock.advance(by: .seconds(1))
        #expect(statuses(transport.takeWrittenText()) == [408])
        #expect(server.targets.isEmpty)
    }

    @Test("between requests a connection stays open for its time, and each request gives it anew")
    func idle() throws {
        let server = VirtualServer()
        let transport = try #require(server.connect())
        for _ in 0..<3 {
            transport.deliver(Self.get)
            #expect(statuses(transport.takeWrittenText()) == [200])
            server.clock.advance(by: .seconds(59))
        }
        // A head that begins late has its own time.
        transport.deliver("GET / ")
        server.clock.advance(by: .seconds(9))
        transport.deliver("HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(statuses(transport.takeWrittenText()) == [200])
        server.clock.advance(by: .seconds(60))
        #expect(transport.isWriteClosed)
        #expect(transport.takeWrittenText() == "")
    }

    @Test("the making of an answer takes as long as it takes")
    func answering() throws {
        var answer: Deferred<HTTPServerResponse>?
        let server = VirtualServer(later: { _ in
            let made = Deferred<HTTPServerResponse>()
            answer = made
            return made
        })
        let transport = try #require(server.connect())
        transport.deliver(Self.get)
        server.clock.advance(by: .seconds(3_600))
        answer?.callback(HTTPServerResponse("x"))
        transport.pump()
        #expect(statuses(transport.takeWrittenText()) == [200])
    }

    @Test("a client that takes nothing is let go, and until then nothing more is begun for it")
    func stalled() throws {
        let server = VirtualServer { _ in HTTPServerResponse(body: [UInt8](repeating: 65, count: 100_000)) }
        let transport = try #require(server.connect())
        transport.isStalled = true
        transport.deliver(String(repeating: Self.get, count: 50))
        #expect(server.targets.count == 1)
        server.clock.advance(by: .seconds(30))
        #expect(transport.state == .ended(.aborted))
        #expect(server.targets.count == 1)
    }

    @Test("a client that takes its time gets all that it asked for")
    func slow() throws {
        var client: MemoryTransport?
        let server = VirtualServer { _ in
            // Each answer meets a client that takes nothing for now.
            client?.isStalled = true
            return HTTPServerResponse(body: [UInt8](repeating: 65, count: 100_000))
        }
        let transport = try #require(server.connect())
        client = transport
        transport.deliver(String(repeating: Self.get, count: 3))
        for count in 1...3 {
            #expect(server.targets.count == count)
            server.clock.advance(by: .seconds(29))
            transport.isStalled = false
            transport.pump()
        }
        #expect(transport.written.count(where: { $0 == 65 }) >= 300_000)
    }

    @Test("a client that floods is made to wait while its answers are made")
    func flood() throws {
        var answers: [Deferred<HTTPServerResponse>] = []
        let server = VirtualServer(later: { _ in
            answers.append(Deferred())
            return answers[answers.count - 1]
        })
        let transport = try #require(server.connect())
        for _ in 0..<40 { transport.deliver(String(repeating: Self.get, count: 100)) }
        #expect(transport.isReadingPaused)
        #expect(answers.count == 1)
        var answered = 0
        while answered < answers.count {
            answered += 1
            answers[answered - 1].callback(HTTPServerResponse(status: 204))
            transport.pump()
        }
        #expect(answered == 4_000)
        #expect(!transport.isReadingPaused)
    }

    @Test("a streamed answer goes out in chunks, and its writer is told what the client takes")
    func stream() throws {
        let stream = HTTPBodyStream()
        let server = VirtualServer { _ in HTTPServerResponse(stream: stream, type: "text/plain") }
        let transport = try #require(server.connect())
        stream.write("early")
        transport.deliver(Self.get)
        let head = transport.takeWrittenText()
        #expect(head.contains("Transfer-Encoding: chunked\r\n") && head.hasSuffix("\r\n\r\n5\r\nearly\r\n"))
        transport.isStalled = true
        var calls = 0
        stream.onWritable = { calls += 1 }
        stream.write([UInt8](repeating: 65, count: 100_000))
        #expect(!stream.isWritable)
        transport.isStalled = false
        transport.pump()
        #expect(stream.isWritable)
        #expect(calls == 1)
        stream.finish()
        transport.deliver(Self.get)
        #expect(transport.takeWrittenText().contains("\r\n0\r\n\r\n"))
        #expect(stream.isEnded)
    }

    @Test("a stream ends with the connection for HTTP/1.0, and at once for HEAD and for a client that goes")
    func streamEnds() throws {
        var ends = 0
        var made: [HTTPBodyStream] = []
        let server = VirtualServer { _ in
            let stream = HTTPBodyStream()
            stream.onEnd = { ends += 1 }
            made.append(stream)
            return HTTPServerResponse(stream: stream, type: "text/plain")
        }
        let old = try #require(server.connect())
        old.deliver("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        made[0].write("all")
        made[0].finish()
        old.pump()
        let text = old.takeWrittenText()
        #expect(text.hasSuffix("\r\n\r\nall") && text.contains("Connection: close\r\n") && !text.contains("chunked"))
        #expect(old.isWriteClosed)
        #expect(ends == 0)
        let head = try #require(server.connect())
        head.deliver("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(ends == 1)
        let gone = try #require(server.connect())
        gone.deliver(Self.get)
        gone.deliverLoss(.lost(104))
        #expect(ends == 2)
        made[2].write("to nobody")
    }

    @Test("a stream that is the answer to a client that has gone ends at once, and its writer is told")
    func lateStream() throws {
        var ends = 0
        let stream = HTTPBodyStream()
        stream.onEnd = { ends += 1 }
        let server = VirtualServer(later: { _ in
            Deferred(canceller: { deferred in
                // What was made by now is handed over all the same.
                deferred.callback(HTTPServerResponse(stream: stream, type: "text/plain"))
            })
        })
        let transport = try #require(server.connect())
        transport.deliver(Self.get)
        stream.write("early")
        transport.deliverLoss(.lost(104))
        #expect(ends == 1)
        #expect(stream.isEnded)
    }

    @Test("a writer that is early is told to wait when enough is there, and to go on when it is taken")
    func earlyStream() throws {
        let stream = HTTPBodyStream()
        let server = VirtualServer { _ in HTTPServerResponse(stream: stream, type: "text/plain") }
        var written = 0
        while stream.isWritable, written < 1 << 20 {
            stream.write([UInt8](repeating: 65, count: 1_024))
            written += 1_024
        }
        #expect(written == 65_536)
        var calls = 0
        stream.onWritable = { if stream.isWritable { calls += 1 } }
        let transport = try #require(server.connect())
        transport.deliver(Self.get)
        transport.pump()
        #expect(calls == 1)
        #expect(stream.isWritable)
        #expect(transport.written.count(where: { $0 == 65 }) == written)
    }
}
