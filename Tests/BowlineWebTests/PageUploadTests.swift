// Requests with bodies, and servers that don't wait for their end.

import Bowline
import BowlineTesting
import Glibc
import Testing

private func put(_ port: UInt16, bytes: Int) -> PageRequest {
    var request = PageRequest("http://127.0.0.1:\(port)/")
    request.method = "PUT"
    request.body = pattern(bytes)
    return request
}

@Suite("Uploads")
struct PageUploadTests {
    @Test("a body arrives whole, whatever its size", arguments: [0, 1, 65_535, 65_536, 65_537, 5_000_000])
    func sizes(_ size: Int) async throws {
        let arrived = try await onReactor { reactor in
            var limits = HTTPLimits()
            limits.bodyBytes = 1 << 23
            let server = HTTPResponder(clock: reactor, limits: limits) { _ in .respond(.init("thanks")) }
            let listener = try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: server)
            let request = put(listener.address.port ?? 0, bytes: size)
            let found = await outcome(reactor, request)
            return found == "200 thanks" && server.requests.first?.body == request.body
        }
        #expect(arrived)
    }

    @Test("an answer before the whole request is sent counts, and the rest isn't sent", arguments: [true, false])
    func earlyAnswer(_ closes: Bool) async throws {
        let (found, left) = try await onReactor { reactor in
            let port = try port(reactor) { connection in
                connection.transport?.pauseReading()
                connection.transport?.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                if closes { connection.transport?.loseWriteConnection() }
            }
            let found = await outcome(reactor, put(port, bytes: 16 << 20))
            return (found, connectedSockets(to: port))
        }
        #expect(found == "413 no")
        #expect(left == 0)
    }

    @Test("an early answer survives the reset that follows it")
    func earlyAnswerThenReset() async throws {
        let found = try await onReactor { reactor in
            // It closes with unread bytes in its socket, which the kernel answers with a reset.
            let port = try port(reactor) { connection in
                connection.transport?.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                connection.transport?.loseConnection()
            }
            return await outcome(reactor, put(port, bytes: 16 << 20))
        }
        #expect(found == "413 no")
    }

    @Test("a redirect before the whole request is sent is followed with the whole body")
    func earlyRedirect() async throws {
        let arrived = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init("thanks")) }
            let next = server.port
            let port = try port(reactor) { connection in
                connection.transport?.pauseReading()
                connection.transport?.write("HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:\(next)/\r\n\r\n")
            }
            let request = put(port, bytes: 3 << 20)
            let found = await outcome(reactor, request)
            return found == "200 thanks" && server.requests.first?.body == request.body
        }
        #expect(arrived)
    }

    @Test("a reset while the request is sent is told as such")
    func resetWhileSending() async throws {
        let error = try await onReactor { reactor in
            let port = try port(reactor) { connection in
                connection.transport?.pauseReading()
                reactor.callLater(.milliseconds(20)) { connection.transport?.abortConnection() }
            }
            return try await failure(reactor, put(port, bytes: 16 << 20))
        }
        #expect(words(error) == "send/reset")
        #expect(error.cause is SystemError)
    }

    @Test("a server that ends without reading or answering is told as empty, at once")
    func endWhileSending() async throws {
        let (found, left) = try await onReactor { reactor in
            let port = try port(reactor) { connection in
                connection.transport?.pauseReading()
                connection.transport?.loseWriteConnection()
            }
            return (await outcome(reactor, put(port, bytes: 16 << 20)), connectedSockets(to: port))
        }
        #expect(found == "receive/empty")
        #expect(left == 0)
    }

    @Test("a server that never reads is bounded by the deadline")  // W127
    func neverReads() async throws {
        let (found, line) = try await onReactor { reactor in
            let port = try port(reactor) { $0.transport?.pauseReading() }
            var request = put(port, bytes: 16 << 20)
            request.deadline = .milliseconds(100)
            let error = try await failure(reactor, request)
            return (words(error), "\(error)")
        }
        #expect(found == "send/deadline")
        #expect(line.hasSuffix("(sending the request)"))
    }
}
