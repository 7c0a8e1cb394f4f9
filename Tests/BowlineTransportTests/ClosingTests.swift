// How connections end: in order, by force, by the peer, by time, by the reactor; and that it is told once.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite struct ClosingTests {
    @Test("loseConnection sends what was written, before and after it", arguments: Road.allCases)
    func closeInOrder(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { client in
                client.transport?.write("before ")
                client.transport?.loseConnection()
                client.transport?.loseConnection()
                #expect(client.transport?.isConnected == false)
                client.transport?.write("after")
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(server.text == "before after")
                #expect(client.events == [.made, .lost(.done)])
                #expect(server.end == .done)
            }
        }
    }

    // C 84
    @Test("who started the connection is told of its end once, after the protocol")
    func endIsToldInOrder() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            var ends: [ConnectionEnd] = []
            server.onMade = { $0.transport?.loseConnection() }
            let port = try Road.tcp.listen(reactor, ServerFactory { server })
            connect(reactor, to: port.address, client) { reason in
                #expect(client.end == reason, "the protocol knows already")
                ends.append(reason)
                reactor.stop()
            }
            return { #expect(ends == [.done]) }
        }
    }

    // C 86
    @Test("a transport whose connection has ended takes everything and does nothing", arguments: Road.allCases)
    func afterTheEnd(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            server.onMade = { $0.transport?.loseConnection() }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                guard let transport = client.transport else { return }
                let events = client.events
                transport.write("x")
                transport.writeSequence([[1], [2]])
                transport.loseConnection()
                transport.loseWriteConnection()
                transport.abortConnection()
                transport.pauseReading()
                transport.resumeReading()
                transport.unregisterProducer()
                #expect(transport.bufferedByteCount == 0)
                #expect(!transport.isConnected)
                #expect(client.events == events)
            }
        }
    }

    // C 87
    @Test("a protocol is released when its connection has ended, however it did", arguments: Road.sockets)
    func released(road: Road) async throws {
        try await onReactor { reactor in
            weak var oldClient: AccumulatingProtocol?
            weak var oldServer: AccumulatingProtocol?
            var ended = 0
            func begin(_ act: @escaping (AccumulatingProtocol) -> Void, _ next: @escaping () -> Void) throws {
                let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
                (oldClient, oldServer) = (client, server)
                ended = 0
                client.onMade = act
                for end in [client, server] {
                    end.onLost = { _, _ in
                        ended += 1
                        // The delivery that calls this still holds the protocol.
                        if ended == 2 { afterTurns(1, on: reactor, next) }
                    }
                }
                try join(reactor, road, client: client, server: server)
            }
            func check() {
                #expect(oldClient == nil)
                #expect(oldServer == nil)
            }
            try begin({ $0.transport?.loseConnection() }) {
                check()
                try? begin({ $0.transport?.abortConnection() }) {
                    check()
                    reactor.stop()
                }
            }
            return { #expect(ended == 2) }
        }
    }

    // C 97
    @Test("resumeReading is without effect on a connection that is closing", arguments: Road.allCases)
    func resumeWhileClosing(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            // The client reads nothing, so that the server stays in closing.
            client.onMade = {
                $0.transport?.pauseReading()
                $0.transport?.write("never read")
            }
            server.onMade = { server in
                server.transport?.write([UInt8](repeating: 1, count: 8_000_000))
                server.transport?.loseConnection()
                server.transport?.pauseReading()
                server.transport?.resumeReading()
                afterTurns(10, on: reactor) {
                    #expect(server.events == [.made])
                    server.transport?.resumeReading()
                    client.transport?.resumeReading()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                // The unread bytes may make the system reset the connection; nothing of them is delivered.
                #expect(server.received.isEmpty)
            }
        }
    }

    // C 98
    @Test("bytes and an end that came while reading was paused are seen after resumeReading", arguments: Road.allCases)
    func peerClosesWhilePaused(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = {
                $0.transport?.write("last words")
                $0.transport?.loseConnection()
            }
            server.onMade = { server in
                server.transport?.pauseReading()
                afterTurns(20, on: reactor) {
                    // A client of TLS waits for the server's end, since it has not read the server's tickets.
                    #expect(road == .tls || client.end == .done)
                    #expect(server.events == [.made])
                    server.transport?.resumeReading()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(server.events == [.made, .received(10), .lost(.done)]) }
        }
    }

    @Test("a connection that hung up while paused is told when the reactor stops, once", arguments: Road.allCases)
    func stoppedWhileHungUp(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.loseConnection() }
            server.onMade = { server in
                server.transport?.pauseReading()
                server.transport?.loseWriteConnection()
                afterTurns(20, on: reactor) { reactor.stop() }
            }
            try join(reactor, road, client: client, server: server)
            return { #expect(server.events == [.made, .lost(.stopped)]) }
        }
    }

    @Test("a connection that hung up while paused can be closed, aborted and written to", arguments: Road.sockets)
    func closeWhileHungUp(road: Road) async throws {
        for act in 0..<3 {
            try await onReactor { reactor in
                let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
                client.onMade = { $0.transport?.loseConnection() }
                server.onMade = { server in
                    server.transport?.pauseReading()
                    if act < 2 { server.transport?.loseWriteConnection() }
                    afterTurns(20, on: reactor) {
                        switch act {
                        case 0: server.transport?.loseConnection()
                        case 1: server.transport?.abortConnection()
                        default:
                            server.transport?.write("x")
                            // Over TCP the peer's reset has to come back first.
                            afterTurns(20, on: reactor) { server.transport?.write("y") }
                        }
                    }
                }
                stop(reactor, whenEnded: client, server)
                try join(reactor, road, client: client, server: server)
                return {
                    switch act {
                    case 0: #expect(server.end == .done)
                    case 1: #expect(server.end == .aborted)
                    default: #expect([.lost(EPIPE), .lost(ECONNRESET)].contains(server.end))
                    }
                    #expect(server.events.count == 2)
                }
            }
        }
    }

    // C 99
    @Test("a reset is told even when nobody reads")
    func resetWhilePaused() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            server.onMade = { server in
                server.transport?.pauseReading()
                server.transport?.write("into the void")
                client.transport?.abortConnection()
            }
            client.onMade = { client in
                if server.transport != nil { client.transport?.abortConnection() }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                #expect(client.end == .aborted)
                #expect(server.end == .lost(ECONNRESET))
            }
        }
    }

    @Test("what arrived before the peer's reset is delivered, even while more is being written")
    func answerBeforeReset() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            // The server answers without reading what the client sends, and closes: the system resets the connection.
            server.onMade = { server in
                server.transport?.pauseReading()
                afterTurns(20, on: reactor) {
                    server.transport?.write("too large")
                    server.transport?.loseConnection()
                }
            }
            client.onMade = { $0.transport?.write([UInt8](repeating: 1, count: 20_000_000)) }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                #expect(client.text == "too large")
                #expect([.lost(EPIPE), .lost(ECONNRESET)].contains(client.end))
            }
        }
    }

    @Test("the peer's end doesn't lose what was written and has not left", arguments: Road.allCases)
    func peerEndsWhileWriting(road: Road) async throws {
        try await onReactor { reactor in
            let size = 8_000_000
            let client = AccumulatingHalfCloseableProtocol()
            let server = AccumulatingProtocol { server, _ in
                server.transport?.write([UInt8](repeating: 1, count: size))
            }
            client.onMade = { client in
                client.transport?.pauseReading()
                client.transport?.write("?")
                client.transport?.loseWriteConnection()
                afterTurns(20, on: reactor) { client.transport?.resumeReading() }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(client.received.count == size)
                #expect(server.end == .done)
            }
        }
    }

    // C 100
    @Test("abortConnection inside dataReceived comes back before connectionLost", arguments: Road.allCases)
    func abortInsideDataReceived(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.write([UInt8](repeating: 1, count: 300_000)) }
            server.onData = { server, _ in
                server.transport?.abortConnection()
                #expect(server.end == nil, "not from inside the call")
                #expect(server.transport?.isConnected == false)
                // Harmless, and without another outcome.
                server.transport?.abortConnection()
                server.transport?.loseConnection()
                server.transport?.write("x")
                server.transport?.resumeReading()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(server.events.count == 3, "made, one read, lost")
                #expect(server.end == .aborted)
                if road == .tcp { #expect([.lost(ECONNRESET), .lost(EPIPE)].contains(client.end)) }
            }
        }
    }

    // C 100
    @Test("abortConnection drops a full buffer, and overrides a close under way", arguments: [false, true])
    func abortWithFullBuffer(isClosing: Bool) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.pauseReading() }
            server.onMade = { server in
                server.transport?.write([UInt8](repeating: 1, count: 20_000_000))
                if isClosing { server.transport?.loseConnection() }
                afterTurns(10, on: reactor) {
                    #expect(server.transport.map { $0.bufferedByteCount > 0 } == true)
                    server.transport?.abortConnection()
                    #expect(server.transport?.bufferedByteCount == 0)
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                #expect(server.end == .aborted)
                #expect(client.end == .lost(ECONNRESET))
            }
        }
    }

    @Test("abortConnection inside connectionMade is told afterwards", arguments: Road.sockets)
    func abortInsideConnectionMade(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            for end in [client, server] { end.onMade = { $0.transport?.abortConnection() } }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                for end in [client, server] { #expect(end.events == [.made, .lost(.aborted)]) }
            }
        }
    }

    @Test("a close whose peer takes nothing ends with timedOut", arguments: [false, true])
    func closeTimeout(isBlockedBefore: Bool) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.pauseReading() }
            server.onMade = { server in
                server.transport?.closeTimeout = .milliseconds(30)
                server.transport?.write([UInt8](repeating: 1, count: 20_000_000))
                if isBlockedBefore {
                    afterTurns(5, on: reactor) { server.transport?.loseConnection() }
                } else {
                    server.transport?.loseConnection()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                #expect(server.end == .timedOut)
                #expect(client.end == .lost(ECONNRESET))
                #expect(reactor.delayedCalls.isEmpty)
            }
        }
    }

    @Test(
        "an error of the system ends the connection with its errno", arguments: [ECONNRESET, ETIMEDOUT, EHOSTUNREACH])
    func systemErrors(code: CInt) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { $0.transport?.write("x") }
            server.onMade = { _ in SocketFaults.plan(.receive, code) }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .unix, client: client, server: server)
            return { #expect(server.events == [.made, .lost(.lost(code))]) }
        }
    }

    @Test("a send that the system can't take at once goes on when it can")
    func sendWouldBlock() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { client in
                SocketFaults.plan(.send, EAGAIN, EAGAIN)
                client.transport?.write("patience")
                client.transport?.loseConnection()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return { #expect(server.text == "patience") }
        }
    }

    // R 71
    @Test(
        "when the reactor stops, every connection is told exactly once", arguments: Road.allCases, PollerKind.allCases)
    func reactorStops(road: Road, poller: PollerKind) async throws {
        try await onReactor(poller: poller) { reactor in
            var all: [AccumulatingProtocol] = []
            var made = 0
            func make() -> AccumulatingProtocol {
                let end = AccumulatingProtocol()
                all.append(end)
                end.onMade = { end in
                    made += 1
                    switch made % 4 {
                    case 0: end.transport?.pauseReading()
                    case 1: end.transport?.write([UInt8](repeating: 1, count: 10_000_000))
                    case 2: end.transport?.loseWriteConnection()
                    default: break
                    }
                    if made == 40 { afterTurns(3, on: reactor) { reactor.stop() } }
                }
                // Whoever is told may ask for more.
                end.onLost = { end, _ in
                    end.transport?.write("x")
                    end.transport?.loseConnection()
                    end.transport?.abortConnection()
                }
                return end
            }
            let port = try road.listen(reactor, ServerFactory { make() })
            for _ in 0..<20 { connect(reactor, road, to: port.address, make()) }
            return {
                #expect(all.count == 40)
                for end in all {
                    #expect(end.events.count { if case .lost = $0 { true } else { false } } == 1)
                    if case .lost? = end.events.last {} else { Issue.record("something came after the end") }
                }
                #expect(all.contains { $0.end == .stopped })
                #expect(!port.isListening)
            }
        }
    }
}
