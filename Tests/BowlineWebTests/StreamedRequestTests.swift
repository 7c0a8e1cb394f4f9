// Bodies that are sent in pieces: their framing, their pace, their failures, and the question whether they are wanted.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

/// A body whose pieces a test hands out.
private final class Faucet: BodySource {
    private(set) var asked = 0
    private(set) var isCancelled = false
    private var waiting: Deferred<[UInt8]?>?

    func nextPiece() -> Deferred<[UInt8]?> {
        asked += 1
        let next = Deferred<[UInt8]?>(canceller: { [unowned self] in isCancelled = true })
        waiting = next
        return next
    }

    func give(_ text: String?) {
        let next = waiting
        waiting = nil
        next?.callback(text.map { Array($0.utf8) })
    }

    func fail(_ error: any Error) {
        let next = waiting
        waiting = nil
        next?.errback(error)
    }
}

private struct Broken: Error {}

@Suite("Streamed requests")
struct StreamedRequestTests {
    /// A world whose server keeps what it receives, and answers when `reply` says so.
    private func world(_ reply: @escaping (String) -> String?) -> (WebWorld, () -> Server?) {
        let world = WebWorld()
        var last: Server?
        world.addresses.otherwise = .connects(to: {
            let made = Server { server in
                if let answer = reply(server.text) { server.transport?.write(answer) }
            }
            last = made
            return made
        })
        return (world, { last })
    }

    private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test("a body of unknown length goes out in chunks, and one of known length as it is; the connection is kept")
    func framing() {
        let world = WebWorld()
        world.fetch("h.test/chunks") { request in
            request.method = "PUT"
            request.stream = RequestBodyStream { Pieces(["hello", "", ", ", "world"]) }
        }
        world.advance()
        world.fetch("h.test/length") { request in
            request.method = "PUT"
            request.stream = RequestBodyStream(length: 5) { Pieces(["hel", "", "lo"]) }
        }
        world.advance()
        #expect(world.log == ["chunks 200", "length 200"])
        #expect(world.responder.requests.map(\.body) == ["hello, world", "hello"].map { Array($0.utf8) })
        #expect(world.responder.requests.map { $0.fields["transfer-encoding"] } == ["chunked", nil])
        #expect(world.responder.requests.map { $0.fields["content-length"] } == [nil, "5"])
        #expect(world.arrivals == ["chunks on 1", "length on 1"])
    }

    @Test("the next piece is asked for when the one before has left, and not earlier")
    func pace() {
        let (world, _) = world { $0.hasSuffix("0\r\n\r\n") ? self.ok : nil }
        let faucet = Faucet()
        world.fetch("h.test/") { request in
            request.method = "PUT"
            request.stream = RequestBodyStream { faucet }
        }
        world.advance()
        #expect(faucet.asked == 1)
        let client = world.addresses.connections.first?.transport
        client?.isStalled = true
        faucet.give("one")
        world.advance(1_000)
        #expect(faucet.asked == 1)
        client?.isStalled = false
        world.advance()
        #expect(faucet.asked == 2)
        faucet.give(nil)
        world.advance()
        #expect(world.log.count == 1 && world.pages.count == 1)
    }

    @Test("a source that fails, or gives more or less than it said, fails the fetch and closes the connection")
    func failures() {
        for (expected, act) in [
            ("send/body", { (faucet: Faucet) in faucet.fail(Broken()) }),
            ("send/bad-target", { $0.give("too much") }),
            ("send/bad-target", { $0.give(nil) }),
        ] {
            let (world, _) = world { _ in nil }
            let faucet = Faucet()
            world.fetch("h.test/x") { request in
                request.method = "PUT"
                request.stream = RequestBodyStream(length: 4) { faucet }
            }
            world.advance()
            act(faucet)
            world.advance()
            #expect(world.log == ["x \(expected)"])
            #expect(world.open.isEmpty)
        }
    }

    @Test("a source is cancelled with its fetch, and when the server has answered before the end")
    func cancelled() {
        let (world, server) = world { _ in nil }
        let faucets = [Faucet(), Faucet()]
        let pages = faucets.map { faucet in
            world.fetch("h.test/x") { request in
                request.method = "PUT"
                request.stream = RequestBodyStream { faucet }
            }
        }
        world.advance()
        pages[0].cancel()
        #expect(faucets[0].isCancelled)
        server()?.transport?.write("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        world.advance()
        #expect(faucets[1].isCancelled)
        #expect(world.log.last == "x 403")
        #expect(world.open.isEmpty)
    }

    @Test("a request with two bodies, or whose source can't be made, fails before anything is connected")
    func unsendable() {
        let world = WebWorld()
        world.fetch("h.test/two") { request in
            request.body = [1]
            request.stream = RequestBodyStream { Pieces([]) }
        }
        world.fetch("h.test/none") { request in
            request.stream = RequestBodyStream { throw Broken() }
        }
        #expect(world.log == ["two target/bad-target", "none target/body"])
        #expect(world.addresses.attempts.isEmpty)
    }

    @Test("a body that there is only once isn't sent again after a redirect that keeps the method")
    func redirected() {
        let world = WebWorld()
        world.responder.answers = { request in
            request.target == "/end" ? .respond(.init()) : .respond(.init(status: 307, fields: [("Location", "/end")]))
        }
        for isReplayable in [true, false] {
            world.fetch("h.test/\(isReplayable)") { request in
                request.method = "PUT"
                request.stream = RequestBodyStream(isReplayable: isReplayable) { Pieces(["x"]) }
            }
            world.advance()
        }
        #expect(world.log == ["true 200", "false target/bad-target"])
        #expect(world.errors["false"]?.description.contains("gives it only once") == true)
    }

    // MARK: Expect: 100-continue

    private func put(_ world: WebWorld, _ pieces: Pieces) {
        world.fetch("h.test/x") { request in
            request.method = "PUT"
            request.stream = RequestBodyStream { pieces }
            request.expectsContinue = true
            request.continueDelay = .milliseconds(300)
        }
        world.advance()
    }

    @Test("with an expectation the body waits for 100, and then goes out")
    func continued() {
        let (world, server) = world { $0.hasSuffix("0\r\n\r\n") ? self.ok : nil }
        let pieces = Pieces(["hello"])
        put(world, pieces)
        #expect(server()?.text.contains("\r\nExpect: 100-continue\r\n") == true)
        world.advance(299)
        #expect(pieces.asked == 0)
        server()?.transport?.write("HTTP/1.1 103 Hints\r\n\r\n")
        world.advance()
        #expect(pieces.asked == 0)
        server()?.transport?.write("HTTP/1.1 100 Continue\r\n\r\n")
        world.advance()
        #expect(world.log == ["x 200"])
        #expect(server()?.text.hasSuffix("\r\n\r\n5\r\nhello\r\n0\r\n\r\n") == true)
    }

    @Test("a server that says nothing gets the body after the delay, exactly then")
    func silence() {
        let (world, _) = world { $0.hasSuffix("0\r\n\r\n") ? self.ok : nil }
        let pieces = Pieces(["hello"])
        put(world, pieces)
        world.advance(299)
        #expect(pieces.asked == 0)
        world.advance(1)
        #expect(world.log == ["x 200"])
    }

    @Test("a final status instead of 100 is the response; the body isn't sent, and the connection not used again")
    func refused() {
        let (world, server) = world { _ in "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n" }
        let pieces = Pieces(["hello"])
        put(world, pieces)
        #expect(world.log == ["x 413"])
        #expect(pieces.asked == 0 && server()?.text.contains("hello") == false)
        #expect(world.open.isEmpty)
    }

    @Test("417 is answered by the same request without the expectation")  // RFC 9110, 10.1.1
    func unmet() {
        let (world, _) = world { text in
            text.contains("Expect:")
                ? "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" : text.hasSuffix("0\r\n\r\n") ? self.ok : nil
        }
        put(world, Pieces(["hello"]))
        #expect(world.log == ["x 200"])
        #expect(world.addresses.connections.count == 2)
    }

    // MARK: files

    @Test("a file that has grown goes out as far as was promised, and a pipe is refused at once")
    func grownFile() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("file", text: "abc")
        mkfifo("\(folder.path)/pipe", 0o600)
        let (body, refusal) = try await onReactor { reactor in
            let responder = try HTTPResponder(reactor: reactor) { .respond(.init($0.body)) }
            let stream = try RequestBodyStream.file(path, reactor: reactor)
            try folder.write("file", text: "abcdefgh")
            var request = PageRequest("http://127.0.0.1:\(responder.port)/")
            request.method = "PUT"
            request.stream = stream
            let body = try await reactor.agent.fetch(request).value.body
            var refusal: Int32?
            do {
                _ = try RequestBodyStream.file("\(folder.path)/pipe", reactor: reactor)
            } catch let error as SystemError {
                refusal = error.code
            }
            return (body, refusal)
        }
        #expect(body == Array("abc".utf8))
        #expect(refusal == ESPIPE)
    }

    @Test("a file goes out whole, with its length", arguments: [0, 1, 262_144, 3_000_001])
    func file(_ size: Int) async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("body", pattern(size))
        let arrived = try await onReactor { reactor in
            var limits = HTTPLimits()
            limits.bodyBytes = 1 << 23
            let server = HTTPResponder(clock: reactor, limits: limits) { _ in .respond(.init()) }
            let listener = try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: server)
            var request = PageRequest("http://127.0.0.1:\(listener.address.port ?? 0)/")
            request.method = "PUT"
            request.stream = try .file(path, reactor: reactor)
            let found = await outcome(reactor, request)
            return
                "\(found)\(server.requests.map { "\($0.fields["content-length"] ?? "") \($0.body == pattern(size))" })"
        }
        #expect(arrived == "200 [\"\(size) true\"]")
    }

    @Test("files that wait for connections are not open, and all of them go out")
    func waitingFiles() async throws {
        let count = 200
        let folder = try TemporaryFolder()
        let path = try folder.write("body", text: "abc")
        let (open, arrived) = try await onReactor { reactor in
            let responder = try HTTPResponder(reactor: reactor) { .respond(.init($0.body)) }
            let agent = Agent(reactor)
            agent.limits.connectionsPerHost = 2
            let pages = try (0..<count).map { _ in
                var request = PageRequest("http://127.0.0.1:\(responder.port)/")
                request.method = "PUT"
                request.stream = try .file(path, reactor: reactor)
                return agent.fetch(request)
            }
            let open = OpenDescriptors.all().values.count { $0 == path }
            var arrived = 0
            for page in pages where try await page.value.body == Array("abc".utf8) { arrived += 1 }
            return (open, arrived)
        }
        #expect(open == 0)
        #expect(arrived == count)
    }

    @Test("a file that has gone by the time that it is its turn fails the request, with the system's error")
    func goneFile() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("body", text: "abc")
        let found = try await onReactor { reactor in
            let responder = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            var request = PageRequest("http://127.0.0.1:\(responder.port)/")
            request.method = "PUT"
            request.stream = try .file(path, reactor: reactor)
            unlink(path)
            do {
                return "\(try await reactor.agent.fetch(request).value.status)"
            } catch let error as PageError {
                guard case .source(let error) = error.reason else { return "\(error)" }
                return "\((error as? SystemError)?.code ?? 0)"
            }
        }
        #expect(found == "\(ENOENT)")
    }

    @Test(
        "what isn't a file that can be read is refused with the system's error",
        arguments: ["/", "/nowhere", "/dev/null"])
    func noFile(_ path: String) throws {
        let reactor = Reactor()
        #expect(throws: SystemError.self) { try RequestBodyStream.file(path, reactor: reactor) }
    }
}
