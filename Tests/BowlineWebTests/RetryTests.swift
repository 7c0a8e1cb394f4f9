// The one retry: a kept connection that the server closed just when the request was sent.

import Bowline
import BowlineTesting
import CLinux
import Glibc
import Synchronization
import TestSupport
import Testing

/// What a server does with the second request on a connection.
enum SecondRequest: String, CaseIterable, Sendable {
    case closes, resets, beginsAndCloses
}

@Suite("Retries")
struct RetryTests {
    /// A world whose servers answer the first request on each connection, and fail the second.
    private func world(_ second: SecondRequest, failsFresh: Bool = false) -> (WebWorld, () -> Int) {
        let world = WebWorld()
        var requests = 0
        var connections = 0
        world.addresses.otherwise = .connects(to: {
            connections += 1
            let isBad = failsFresh && connections > 1
            var isFirst = !isBad
            return Server { server in
                requests += 1
                if isFirst {
                    isFirst = false
                    server.transport?.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    return
                }
                switch second {
                case .closes: server.transport?.loseConnection()
                case .resets: server.transport?.abortConnection()
                case .beginsAndCloses:
                    server.transport?.write("HTTP/1.1 2")
                    server.transport?.loseConnection()
                }
            }
        })
        world.fetch("h.test/first")
        world.advance()
        return (world, { requests })
    }

    @Test("a 408 on a kept connection is the server's farewell, and no answer; on a new one, or to a POST, it is one")
    func farewell() throws {
        let world = WebWorld()
        world.responder.answers = { request in
            ["/again", "/posted", "/late"].contains(request.target)
                ? .sequence([.respond(.init("bye", status: 408, fields: [("Connection", "close")])), .close])
                : .respond(.init("ok"))
        }
        world.fetch("h.test/first")
        world.advance()
        world.fetch("h.test/again")
        world.advance()
        // Asked once more on a connection of its own, where it is the answer.
        #expect(world.log == ["first 200", "again 408"])
        let report = try #require(world.pages["again"]).report
        #expect(report.isRetried && !report.isConnectionReused)
        world.fetch("h.test/late")
        world.advance()
        #expect(try #require(world.pages["late"]).report.isRetried == false)
        world.fetch("h.test/second")
        world.advance()
        world.fetch("h.test/posted") { $0.method = "POST" }
        world.advance()
        #expect(try #require(world.pages["posted"]).report.isRetried == false)
        let targets = world.responder.requests.map(\.target)
        #expect(targets == ["/first", "/again", "/again", "/late", "/second", "/posted"])
    }

    @Test(
        "an idempotent request that a kept connection ends before a byte is sent once more, on a new connection",
        arguments: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"], [SecondRequest.closes, .resets])
    func idempotent(_ method: String, _ second: SecondRequest) throws {
        let (world, requests) = world(second)
        world.fetch("h.test/again") { $0.method = method }
        world.advance()
        #expect(world.log == ["first 200", "again 200"])
        #expect(requests() == 3)
        let report = try #require(world.pages["again"]).report
        #expect(report.isRetried && !report.isConnectionReused && report.attempts.count == 1)
        #expect(world.counters.retried == 1)
    }

    @Test("an observer is told that a connection serves again, and that the request goes out once more")
    func observed() {
        let (world, _) = world(.closes)
        var events: [String] = []
        world.fetch("h.test/again") { request in
            request.observer = { event in
                switch event {
                case .reusing(let peer): events.append("reusing \(peer.port ?? 0)")
                case .retrying: events.append("retrying")
                case .connecting(let target): events.append("connecting \(target)")
                case .requestSent: events.append("sent")
                case .head(let head): events.append("\(head.status)")
                default: break
                }
            }
        }
        world.advance()
        #expect(events == ["reusing 80", "sent", "retrying", "connecting h.test:80", "sent", "200"])
    }

    @Test("a method that isn't idempotent is not sent twice", arguments: ["POST", "PATCH", "get"])
    func other(_ method: String) {
        let (world, requests) = world(.closes)
        world.fetch("h.test/again") { $0.method = method }
        world.advance()
        #expect(world.log == ["first 200", "again receive/empty"])
        #expect(requests() == 2)
    }

    /// A server whose connections end just when the next request is put on them: what has arrived of it nobody has read yet.
    private final class ClosingServer: Sendable {
        let port: UInt16
        private let listener: CInt
        private let accepted = Mutex<CInt?>(nil)
        private let counts = Mutex((connections: 0, requests: 0))
        private let greeting: [UInt8]

        var connections: Int { counts.withLock { $0.connections } }
        var requests: Int { counts.withLock { $0.requests } }

        init() throws {
            greeting = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".utf8)
            listener = try SocketCalls.socket(family: AF_INET, type: SOCK_STREAM)
            try SocketCalls.bind(listener, .ip(.v4(.loopback), port: 0))
            try SocketCalls.listen(listener, backlog: 8)
            port = SocketCalls.localAddress(listener)?.port ?? 0
            // Here it may wait: on a thread of its own.
            _ = fcntl(listener, F_SETFL, 0)
        }

        deinit { SocketCalls.close(listener) }

        /// Serves one request on each of so many connections; blocks.
        func serve(connections: Int) {
            for _ in 0..<connections {
                let descriptor = Glibc.accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                counts.withLock { $0.connections += 1 }
                var text: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 4096)
                while !text.suffix(4).elementsEqual("\r\n\r\n".utf8), !text.suffix(4).elementsEqual("data".utf8) {
                    let count = recv(descriptor, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    text += buffer[..<count]
                }
                counts.withLock { $0.requests += 1 }
                accepted.withLock { $0 = descriptor }
                _ = Glibc.send(descriptor, greeting, greeting.count, CInt(MSG_NOSIGNAL))
            }
        }

        /// Closes the connection that was served last, at once; `extra` is what it sends before.
        func closeLast(sending extra: String = "") {
            guard let descriptor = accepted.withLock({ $0.take() }) else { return }
            if !extra.isEmpty { _ = Glibc.send(descriptor, extra, extra.utf8.count, CInt(MSG_NOSIGNAL)) }
            // Closing alone ends nothing while a child that another test starts holds the socket, until it executes.
            _ = shutdown(descriptor, CInt(SHUT_RDWR))
            SocketCalls.close(descriptor)
        }
    }

    @Test(
        "a request that can't be sent again isn't put on a connection that the server has closed, or written to",
        arguments: ["", "HTTP/1.1 408 Too late\r\n\r\n"])
    func closedBefore(_ extra: String) async throws {
        let server = try ClosingServer()
        detachThread { server.serve(connections: 2) }
        let report = try await onReactor { reactor in
            let url = "http://127.0.0.1:\(server.port)/"
            let done = Deferred<PageReport>()
            reactor.fetch(PageRequest(url)).addCallback { _ in
                // In one turn: the loop can't have seen the end.
                server.closeLast(sending: extra)
                var post = PageRequest(url)
                post.method = "POST"
                post.body = Array("data".utf8)
                reactor.fetch(post).addCallback { done.callback($0.report) }.addErrback { done.errback($0) }
            }.addErrback { done.errback($0) }
            let report = try await done.value
            #expect(reactor.agent.snapshot().counters.dropped == 1)
            server.closeLast()
            return report
        }
        #expect(!report.isConnectionReused && !report.isRetried)
        #expect(server.connections == 2 && server.requests == 2)
    }

    @Test("a request that can't be sent again does use a connection that stands")
    func standing() async throws {
        let reused = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init("hi")) }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.method = "POST"
            request.body = Array("data".utf8)
            _ = try await reactor.fetch(request).value
            return try await reactor.fetch(request).value.report.isConnectionReused
        }
        #expect(reused)
    }

    @Test("after the first byte of a response nothing is sent again")
    func afterByte() {
        let (world, requests) = world(.beginsAndCloses)
        world.fetch("h.test/again")
        world.advance()
        #expect(world.log == ["first 200", "again receive/truncated"])
        #expect(requests() == 2)
    }

    @Test("a retry isn't retried, and a new connection's failure is a failure")
    func once() {
        let (world, requests) = world(.closes, failsFresh: true)
        world.fetch("h.test/again")
        world.advance()
        #expect(world.log == ["first 200", "again receive/empty"])
        #expect(requests() == 3)
        world.fetch("h.test/fresh")
        world.advance()
        #expect(world.log.last == "fresh receive/empty")
        #expect(requests() == 4)
    }

    @Test("a body goes along with a retry if it can be made again, and else there is none", arguments: [true, false])
    func bodies(_ isReplayable: Bool) {
        let (world, requests) = world(.closes)
        world.fetch("h.test/again") { request in
            request.method = "PUT"
            request.stream = RequestBodyStream(length: 4, isReplayable: isReplayable) { Pieces(["da", "ta"]) }
        }
        world.advance()
        #expect(world.log.last == (isReplayable ? "again 200" : "again receive/empty"))
        #expect(requests() >= 2)
    }

    @Test("a retry doesn't outlive the deadline of the fetch")
    func deadline() {
        let (world, _) = world(.closes)
        world.addresses.otherwise = .never
        world.fetch("h.test/again") { $0.deadline = .milliseconds(70) }
        world.advance(69)
        #expect(world.log == ["first 200"])
        world.advance(1)
        #expect(world.log == ["first 200", "again connect/deadline"])
    }
}

/// A body in pieces, each of which is there at once.
final class Pieces: BodySource {
    private var pieces: [[UInt8]]
    private(set) var asked = 0

    init(_ pieces: [String]) { self.pieces = pieces.map { Array($0.utf8) } }

    func nextPiece() -> Deferred<[UInt8]?> {
        asked += 1
        return .succeeded(pieces.isEmpty ? nil : pieces.removeFirst())
    }
}
