// The one retry: a kept connection that the server closed just when the request was sent.

import Bowline
import BowlineTesting
import Glibc
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
