// Closing one direction of a connection.

import Bowline
import BowlineTesting
import Testing

@Suite struct HalfCloseTests {
    // C 101
    @Test("each direction closes on its own, and the connection with the second", arguments: Road.allCases)
    func bothDirections(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingHalfCloseableProtocol(), AccumulatingHalfCloseableProtocol())
            client.onMade = { client in
                client.transport?.write("question")
                client.transport?.loseWriteConnection()
                client.transport?.loseWriteConnection()
                client.transport?.write("dropped")
            }
            server.onReadLost = { server in
                server.transport?.write("answer")
                server.transport?.loseWriteConnection()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(server.text == "question")
                #expect(
                    client.events == [
                        .made, .writeConnectionLost, .received(6), .readConnectionLost, .lost(.done),
                    ])
                #expect(
                    server.events == [
                        .made, .received(8), .readConnectionLost, .writeConnectionLost, .lost(.done),
                    ])
            }
        }
    }

    // C 101
    @Test("a protocol that doesn't know half-close ends with the peer's end", arguments: Road.allCases)
    func withoutHalfClose(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.loseWriteConnection() }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(server.events == [.made, .lost(.done)])
                #expect(client.events == [.made, .lost(.done)])
            }
        }
    }

    // C 101
    @Test("inside readConnectionLost the connection can be closed or aborted", arguments: Road.allCases, [false, true])
    func closeInside(road: Road, isAbort: Bool) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingHalfCloseableProtocol())
            client.onMade = { $0.transport?.loseWriteConnection() }
            server.onReadLost = { server in
                if isAbort { server.transport?.abortConnection() } else { server.transport?.loseConnection() }
                #expect(server.end == nil)
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(server.events == [.made, .readConnectionLost, .lost(isAbort ? .aborted : .done)]) }
        }
    }

    // C 101
    @Test(
        "closing the writing direction of a connection that the peer has closed does no harm", arguments: Road.allCases)
    func peerIsGone(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingHalfCloseableProtocol())
            client.onMade = { $0.transport?.loseConnection() }
            server.onReadLost = { server in
                afterTurns(5, on: reactor) { server.transport?.loseWriteConnection() }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(server.events.last == .lost(.done)) }
        }
    }

    @Test("loseWriteConnection waits for what was written and for the producer", arguments: Road.allCases)
    func waits(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingHalfCloseableProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            client.onMade = { client in
                client.transport?.registerProducer(.push(producer))
                client.transport?.write([UInt8](repeating: 1, count: 1_000_000))
                client.transport?.loseWriteConnection()
                afterTurns(10, on: reactor) {
                    #expect(client.events == [.made])
                    client.transport?.unregisterProducer()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(server.received.count == 1_000_000)
                #expect(client.events == [.made, .writeConnectionLost, .readConnectionLost, .lost(.done)])
            }
        }
    }
}
