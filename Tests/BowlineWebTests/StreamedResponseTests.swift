// Responses whose body comes as it is taken: pulled, pushed, awaited; and what becomes of those that nobody takes.

import Bowline
import BowlineTesting
import Testing

/// Remembers what a body gives, and says when it is enough.
private final class Recorder: BodyConsumer {
    var bytes: [UInt8] = []
    var ends: [String] = []
    var onBytes: () -> Void = {}

    func bodyReceived(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { self.bytes.append(contentsOf: $0) }
        onBytes()
    }

    func bodyEnded(_ failure: PageError?) { ends.append(failure.map(words) ?? "whole") }
}

/// A streamed response in virtual time, whose server is a closure.
private final class Streaming {
    let world = WebWorld()
    var server: Server?
    var response: StreamedResponse?
    var failure: String?

    /// - Parameter head: what the server sends at once.
    init(_ head: String, _ change: (inout PageRequest) -> Void = { _ in }) {
        world.addresses.otherwise = .connects(to: { [unowned self] in
            let made = Server { $0.transport?.write(head) }
            server = made
            return made
        })
        var request = PageRequest("http://h.test/")
        change(&request)
        world.agent.request(request).addBoth { [unowned self] result in
            switch result {
            case .success(let response): self.response = response
            case .failure(let error): failure = words(error)
            }
        }
        world.advance()
    }

    func send(_ bytes: [UInt8]) {
        server?.transport?.write(bytes)
        world.advance()
    }

    var client: MemoryTransport? { world.addresses.connections.last?.transport }

    /// What a read gives now.
    func read() -> [UInt8]? {
        var piece: [UInt8]?
        response?.body.read().addCallback { piece = $0 }.addErrback { _ in }
        return piece
    }
}

private let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

@Suite("Streamed responses")
struct StreamedResponseTests {
    @Test("a body that two want to take at once ends the program with a sentence")
    func twoTakers() async throws {
        let (reading, consuming) = ("a body is read by one reader at a time", "a body has one taker")
        let readTwice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let body = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").response?.body
            let first = body?.read()
            _ = body?.read()
            _ = first
        }
        let readConsumed = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let body = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").response?.body
            body?.deliver(to: Recorder())
            _ = body?.read()
        }
        let consumedTwice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let body = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").response?.body
            body?.deliver(to: Recorder())
            body?.deliver(to: Recorder())
        }
        for (result, words) in [(readTwice, reading), (readConsumed, reading), (consumedTwice, consuming)] {
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains(words))
        }
    }

    @Test("the response is there with its head, and reads give what has come, then wait, then say the end")
    func pull() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        let response = try #require(it.response)
        #expect(response.status == 200 && response.report.end == nil)
        #expect(it.read() == Array("hello".utf8))
        var late: [UInt8]?
        response.body.read().addCallback { late = $0 }
        #expect(late == nil)
        it.send(Array("world".utf8))
        #expect(late == Array("world".utf8))
        var end: [UInt8]? = [0]
        response.body.read().addCallback { end = $0 }
        #expect(end == nil)
        #expect(response.report.end != nil)
        #expect(it.world.agent.snapshot().hosts.first?.connections.map(\.isBusy) == [false])
    }

    @Test("above the mark the connection isn't read, and a read makes it go on")
    func backPressure() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        let body = try #require(it.response).body
        var sent = 0
        while it.client?.isReadingPaused == false, sent < 1_000_000 {
            it.send(pattern(10_000))
            sent += 10_000
        }
        #expect(it.client?.isReadingPaused == true)
        #expect(body.bufferedByteCount > ResponseBody.highWaterMark)
        #expect(body.bufferedByteCount <= ResponseBody.highWaterMark + 10_000)
        it.send(pattern(10_000))
        #expect(body.bufferedByteCount == sent)
        #expect(it.read()?.count == sent)
        #expect(it.client?.isReadingPaused == false)
        it.world.advance()
        #expect(it.read()?.count == 10_000)
    }

    @Test("a connection that wasn't read when its body ended is read again for the next request")
    func releasedWhilePaused() throws {
        let size = ResponseBody.highWaterMark + 1
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        it.send(pattern(size))
        #expect(try #require(it.response).body.bufferedByteCount == size)
        #expect(it.client?.isReadingPaused == false)
        it.world.fetch("h.test/next")
        it.world.advance()
        it.send(pattern(size))
        #expect(it.world.log == ["next 200"])
        #expect(it.world.addresses.connections.count == 1)
        #expect(it.read() == pattern(size))
    }

    @Test(
        "a response without a body can be let go, and its connection serves the next request",
        arguments: ["200 OK\r\nContent-Length: 0", "204 None", "304 Not Modified"])
    func empty(_ head: String) {
        let it = Streaming("HTTP/1.1 \(head)\r\n\r\n")
        it.response = nil
        it.world.agent.request(PageRequest("http://h.test/")).addBoth { _ in }
        it.world.advance()
        #expect(it.world.open.count == 1)
        #expect(it.world.counters.reused == 1)
    }

    @Test("a consumer gets everything in order, also across a pause from inside a delivery")
    func push() throws {
        let it = Streaming(chunkedHead + "5\r\nfirst\r\n")
        let body = try #require(it.response).body
        let recorder = Recorder()
        body.deliver(to: recorder)
        #expect(recorder.bytes.isEmpty)
        it.world.advance()
        #expect(recorder.bytes == Array("first".utf8))
        recorder.onBytes = { body.pause() }
        it.send(Array("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".utf8))
        #expect(recorder.bytes == Array("firstone".utf8))
        #expect(recorder.ends.isEmpty)
        recorder.onBytes = {}
        body.resume()
        #expect(recorder.bytes == Array("firstone".utf8))
        it.world.advance()
        #expect(recorder.bytes == Array("firstonetwo".utf8))
        #expect(recorder.ends == ["whole"])
    }

    @Test("a consumer that has paused is told at once that its body failed, and gets nothing any more")
    func pausedFailure() throws {
        let it = Streaming(chunkedHead) { $0.deadline = .seconds(1) }
        let body = try #require(it.response).body
        let recorder = Recorder()
        recorder.onBytes = { body.pause() }
        body.deliver(to: recorder)
        it.send(Array("3\r\none\r\n".utf8))
        it.send(Array("3\r\ntwo\r\n".utf8))
        #expect(body.bufferedByteCount == 3 && recorder.ends.isEmpty)
        it.world.advance(1_000)
        #expect(recorder.ends == ["receive/deadline"])
        body.resume()
        it.world.advance()
        #expect(recorder.bytes == Array("one".utf8))
        #expect(recorder.ends.count == 1)
    }

    @Test("a body that is cancelled has an end in its record")
    func cancelledRecord() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        it.world.advance(5)
        let response = try #require(it.response)
        response.body.cancel()
        #expect(response.report.end == it.world.time.now)
    }

    @Test("trailers are there at the end, beside the fields of the head and never among them")
    func trailers() throws {
        let it = Streaming(chunkedHead + "2\r\nok\r\n")
        let response = try #require(it.response)
        #expect(response.body.trailers == nil)
        it.send(Array("0\r\nDigest: x\r\n\r\n".utf8))
        #expect(response.body.trailers?["digest"] == "x")
        #expect(response.head.fields["digest"] == nil)
    }

    @Test("a body that is let go, or cancelled, closes its connection at once", arguments: [true, false])
    func letGo(_ cancels: Bool) throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        #expect(it.world.open.count == 1)
        if cancels { it.response?.body.cancel() } else { it.response = nil }
        #expect(it.world.open.isEmpty)
        #expect(it.world.agent.snapshot().connectionCount == 0)
        #expect(it.world.time.delayedCalls.count { $0.isActive } <= 1)
    }

    @Test("a read that waits keeps its body, and is cancelled with it")
    func waitingRead() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        var told = ""
        let reading = try #require(it.response).body.read()
        reading.addBoth { result in
            switch result {
            case .success(let piece): told = "\(piece?.count ?? 0)"
            case .failure(let error): told = "\(type(of: error))"
            }
        }
        it.response = nil
        #expect(it.world.open.count == 1)
        reading.cancel()
        #expect(told == "CancelledError")
        #expect(it.world.open.isEmpty)
    }

    @Test("a body that breaks off gives what came, and then fails: pulled, pushed and collected")
    func truncated() throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
        let pulled = Streaming(head)
        pulled.server?.transport?.loseConnection()
        pulled.world.advance()
        #expect(pulled.read() == Array("hello".utf8))
        var found = ""
        pulled.response?.body.read().addErrback { error in
            found = words(error)
            return nil
        }
        #expect(found == "receive/truncated")

        let pushed = Streaming(head)
        let recorder = Recorder()
        pushed.response?.body.deliver(to: recorder)
        pushed.server?.transport?.loseConnection()
        pushed.world.advance()
        #expect(recorder.bytes == Array("hello".utf8) && recorder.ends == ["receive/truncated"])

        let collected = Streaming(head)
        collected.response?.body.collect().addBoth { result in
            if case .failure(let error) = result { found = "collected \(words(error))" }
        }
        collected.server?.transport?.abortConnection()
        collected.world.advance()
        #expect(found == "collected receive/reset")
    }

    @Test("what collects a body that is given up is cancelled, and one that comes afterwards doesn't take it for whole")
    func givenUp() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        let body = try #require(it.response?.body)
        var found: [String] = []
        func collect() {
            body.collect().addBoth { result in
                switch result {
                case .success(let bytes): found.append("\(bytes.count) bytes")
                case .failure(let error): found.append("\(type(of: error))")
                }
            }
        }
        collect()
        body.cancel()
        #expect(found == ["CancelledError"])
        collect()
        it.world.advance()
        #expect(found == ["CancelledError", "CancelledError"])
        let recorder = Recorder()
        body.deliver(to: recorder)
        it.world.advance()
        #expect(recorder.bytes.isEmpty && recorder.ends.isEmpty)
    }

    @Test("the deadline covers the body, taken or not")
    func deadline() throws {
        let it = Streaming("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") { $0.deadline = .milliseconds(50) }
        it.world.advance(50)
        #expect(it.read() == Array("hello".utf8))
        var found = ""
        it.response?.body.read().addErrback { error in
            found = words(error)
            return nil
        }
        #expect(found == "receive/deadline")
        #expect(it.world.open.isEmpty)
    }

    @Test("redirects are followed before the response is given, and the limit of the body holds")
    func redirectsAndLimit() throws {
        let world = WebWorld()
        world.responder.answers = { request in
            request.target == "/"
                ? .respond(.init(status: 302, fields: [("Location", "/next")])) : .respond(.init("hello"))
        }
        var request = PageRequest("http://h.test/")
        request.limits.bodyBytes = 4
        var found: [String] = []
        world.agent.request(request).addCallback { response in
            found.append("\(response.status) \(response.url?.path ?? "")")
            return response.body.collect()
        }.addErrback { error in
            found.append(words(error))
            return []
        }
        world.advance()
        #expect(found == ["200 /next", "http/too-large"])
    }

    @Test("cancelling the request before its head closes the connection")
    func cancelled() {
        let world = WebWorld()
        world.responder.answers = { _ in .stall }
        let response = world.agent.request(PageRequest("http://h.test/"))
        var isCancelled = false
        response.addBoth { result in
            if case .failure(let error) = result { isCancelled = error is CancelledError }
        }
        world.advance()
        response.cancel()
        #expect(isCancelled && world.open.isEmpty)
    }

    @Test("for await reads a large body whole over real sockets, in pieces far smaller than it")
    func forAwait() async throws {
        let size = 8 << 20
        let (isRight, largest) = try await onReactor { reactor in
            let body = pattern(size)
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init(body)) }
            let response = try await reactor.agent.request(PageRequest("http://127.0.0.1:\(server.port)/")).value
            var (received, largest) = ([UInt8](), 0)
            for try await piece in response.body {
                received += piece
                largest = max(largest, piece.count)
            }
            return (received == body, largest)
        }
        #expect(isRight)
        #expect(largest < 1 << 20)
    }
}
