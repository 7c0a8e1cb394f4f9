// Mutated responses over the whole stack, in memory: whatever comes, there is one outcome, and nothing is left.

import Bowline
import BowlineTesting
import Glibc
import Testing

/// Sends pieces when a request has come, each in a turn of its own, and then ends in one of four ways.
private final class FuzzServer: Protocol {
    var transport: (any Transport)?
    private var pieces: [ArraySlice<UInt8>]
    private let ending: Int
    private let clock: any ReactorClock

    init(_ pieces: [ArraySlice<UInt8>], ending: Int, clock: any ReactorClock) {
        self.pieces = pieces
        self.ending = ending
        self.clock = clock
    }

    func dataReceived(_ bytes: RawSpan) { proceed() }

    private func proceed() {
        guard let transport, transport.isConnected else { return }
        guard let piece = pieces.first else {
            switch ending {
            case 0: transport.abortConnection()
            default: transport.loseConnection()
            }
            return
        }
        pieces.removeFirst()
        transport.write(Array(piece))
        clock.callLater(.zero) { self.proceed() }
    }
}

/// Correct responses, and nearly correct ones, to start from.
private let seeds = [
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 200 OK\r\nX: a\r\n b\r\n\r\nuntil the end",
    "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: //127.0.0.1/x\r\nLocation: ?y\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\n\r\n",
]

private func mutated(_ generator: inout SplitMix64) -> [UInt8] {
    var bytes = Array((seeds.randomElement(using: &generator) ?? "").utf8)
    for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let length = min(Int.random(in: 1...12, using: &generator), bytes.count - place)
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(place..<place + length)
        case 2: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case 3: bytes.insert([0, 9, 10, 13, 32, 44, 58, 59][Int(generator.next() % 8)], at: place)
        case 4: bytes.replaceSubrange(place..<place + 1, with: Array("\(generator.next())".utf8))
        case 5: bytes.removeSubrange(place...)
        default: bytes.append(contentsOf: Array(seeds[Int(generator.next() % UInt64(seeds.count))].utf8))
        }
    }
    return bytes
}

@Suite("Fuzzed responses")
struct PageFuzzTests {
    @Test("each of 2,000 mutated responses has one outcome, and nothing is left", arguments: [1, 2, 3, 4] as [UInt64])
    func outcomes(_ seed: UInt64) async throws {
        let cases = 500
        let (counts, connections, timers) = try await onReactor { reactor in
            var generator = SplitMix64(state: seed)
            let dialer = ScriptedDialer(clock: reactor)
            reactor.dialer = dialer
            // A mutated Location may lead to any name: nobody outside is asked for it.
            reactor.resolver = ScriptedResolver(clock: reactor)
            let timers = reactor.delayedCalls.count
            var counts: [String: Int] = [:]
            for number in 0..<cases {
                let bytes = mutated(&generator)
                let cut = generator.next()
                let ending = Int(generator.next() % 4)
                dialer.otherwise = .connects(to: {
                    FuzzServer(
                        cut % 3 == 0 ? [bytes[...]] : Cutting.random(bytes, seed: cut), ending: ending, clock: reactor)
                })
                var request = PageRequest("http://127.0.0.1/\(number)")
                request.method = cut % 11 == 0 ? "HEAD" : "GET"
                request.maximumRedirects = 2
                request.deadline = .seconds(10)
                let outcome = Box()
                reactor.fetch(request).addBoth { result in
                    outcome.count += 1
                    if case .failure(let error) = result { outcome.code = words(error) }
                }
                try await until(reactor) { outcome.count > 0 }
                guard outcome.count == 1 else { throw Unexpected("\(outcome.count) outcomes of case \(number)") }
                counts[outcome.code, default: 0] += 1
            }
            reactor.agent.closeIdleConnections()
            try await reactor.deferLater(.milliseconds(5)) {}.value
            let open = dialer.connections.filter { connection in
                if case .ended = connection.transport.state { false } else { true }
            }
            return (counts, open.count, reactor.delayedCalls.count - timers)
        }
        #expect(counts.values.reduce(0, +) == cases)
        #expect(connections == 0)
        #expect(timers == 0)
        // The cases are not all refused at their first byte.
        #expect(counts["page", default: 0] > cases / 10)
        #expect(counts["http/malformed", default: 0] > cases / 20)
        #expect(counts["http/deadline"] == nil && counts["receive/deadline"] == nil)
    }

    private final class Box {
        var count = 0
        var code = "page"
    }
}
