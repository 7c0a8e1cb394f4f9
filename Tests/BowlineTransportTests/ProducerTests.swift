// How a transport slows down who writes to it.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite struct ProducerTests {
    // C 91
    @Test("a push producer is paused over the high-water mark and resumed when all has left", arguments: Road.allCases)
    func push(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            client.onMade = { $0.transport?.pauseReading() }
            server.onMade = { server in
                guard let transport = server.transport else { return }
                transport.registerProducer(.push(producer))
                transport.write([UInt8](repeating: 1, count: 1000))
                #expect(producer.calls == [])
                transport.write([UInt8](repeating: 1, count: 10_000_000))
                transport.write([1])
                #expect(producer.calls == [.pause], "once")
                producer.onResume = {
                    #expect(transport.bufferedByteCount == 0)
                    transport.unregisterProducer()
                    transport.loseConnection()
                }
                afterTurns(10, on: reactor) {
                    #expect(producer.calls == [.pause])
                    client.transport?.resumeReading()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(producer.calls == [.pause, .resume])
                #expect(client.received.count == 10_001_001)
            }
        }
    }

    @Test("a push producer that comes to a full buffer is paused at once")
    func pushToFullBuffer() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            server.onMade = { server in
                server.transport?.write([UInt8](repeating: 1, count: 100_000))
                server.transport?.registerProducer(.push(producer))
                #expect(producer.calls == [.pause])
                producer.onResume = { reactor.stop() }
            }
            try join(reactor, .unix, client: client, server: server)
            return { #expect(producer.calls == [.pause, .resume, .stop]) }
        }
    }

    // C 92
    @Test("a pull producer is asked when the buffer is empty, and is never paused", arguments: Road.allCases)
    func pull(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            server.onMade = { server in
                guard let transport = server.transport else { return }
                var left = 20
                producer.onResume = {
                    #expect(transport.bufferedByteCount == 0)
                    left -= 1
                    transport.write([UInt8](repeating: 1, count: 100_000))
                    if left == 0 {
                        transport.unregisterProducer()
                        transport.loseConnection()
                    }
                }
                transport.registerProducer(.pull(producer))
                #expect(producer.calls == [], "not from inside the call")
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(producer.calls == Array(repeating: .resume, count: 20))
                #expect(client.received.count == 2_000_000)
            }
        }
    }

    // C 93
    @Test("a producer that is registered with a connection that is gone is stopped")
    func registerOnDead() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let (push, pull) = (ScriptedProducer(), ScriptedProducer())
            server.onMade = { server in
                server.transport?.abortConnection()
                server.transport?.registerProducer(.push(push))
                #expect(push.calls == [.stop])
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                server.transport?.registerProducer(.pull(pull))
                #expect(pull.calls == [.stop])
                #expect(push.calls == [.stop])
            }
        }
    }

    // C 93
    @Test("a second producer is a program error")
    func secondProducer() async {
        await #expect(processExitsWith: .failure) {
            let transport = MemoryTransport()
            transport.registerProducer(.push(ScriptedProducer()))
            transport.registerProducer(.push(ScriptedProducer()))
        }
        await #expect(processExitsWith: .failure) {
            try await onReactor { reactor in
                let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
                server.onMade = { server in
                    server.transport?.registerProducer(.push(ScriptedProducer()))
                    server.transport?.registerProducer(.push(ScriptedProducer()))
                    exit(EXIT_SUCCESS)
                }
                try join(reactor, .tcp, client: client, server: server)
                return {}
            }
        }
    }

    // C 94
    @Test("loseConnection waits for a registered producer", arguments: Road.allCases)
    func closeWaits(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            server.onMade = { server in
                guard let transport = server.transport else { return }
                transport.registerProducer(.push(producer))
                transport.closeTimeout = .milliseconds(1)
                transport.write("first ")
                transport.loseConnection()
                afterTurns(10, on: reactor) {
                    #expect(server.end == nil)
                    transport.write("second")
                    transport.unregisterProducer()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(client.text == "first second")
                #expect(server.end == .done)
                #expect(producer.calls == [])
            }
        }
    }

    // C 95
    @Test("unregisterProducer after the end does nothing; the producer was stopped, once", arguments: Road.allCases)
    func unregisterAfterEnd(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            server.onMade = { $0.transport?.registerProducer(.push(producer)) }
            server.onLost = { server, _ in
                #expect(producer.calls == [.stop])
                server.transport?.unregisterProducer()
            }
            client.onMade = { $0.transport?.loseConnection() }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(producer.calls == [.stop]) }
        }
    }

    // C 100
    @Test("abortConnection inside resumeProducing is not re-entrant", arguments: [false, true])
    func abortInsideResume(isPull: Bool) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let producer = ScriptedProducer()
            server.onMade = { server in
                producer.onResume = {
                    server.transport?.abortConnection()
                    #expect(server.end == nil)
                }
                server.transport?.registerProducer(isPull ? .pull(producer) : .push(producer))
                server.transport?.write([UInt8](repeating: 1, count: 100_000))
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                #expect(server.end == .aborted)
                #expect(producer.calls == (isPull ? [.resume, .stop] : [.pause, .resume, .stop]))
            }
        }
    }
}
