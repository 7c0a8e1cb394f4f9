// What a stream connection promises while it stands: bytes, order, pausing, options, addresses.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite struct StreamTests {
    @Test("what is written arrives, and what is echoed comes back", arguments: Road.allCases, PollerKind.allCases)
    func echo(road: Road, poller: PollerKind) async throws {
        try await onReactor(poller: poller) { reactor in
            let server = AccumulatingProtocol { server, bytes in server.transport?.write(bytes) }
            let client = AccumulatingProtocol { client, _ in
                if client.text == "one two" { client.transport?.loseConnection() }
            }
            client.onMade = {
                $0.transport?.write("one ")
                $0.transport?.write("two")
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(client.text == "one two")
                #expect(client.end == .done)
                #expect(server.end == .done)
            }
        }
    }

    // C 80, 81
    @Test("addresses are literals: each end's peer is the other's host, and buildProtocol is told the same")
    func addresses() async throws {
        try await onReactor { reactor in
            final class Factory: ServerFactory {
                var built: [SocketAddress] = []
                let server = AccumulatingProtocol()
                override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
                    built.append(address)
                    return server
                }
            }
            let factory = Factory()
            let port = try Road.tcp.listen(reactor, factory)
            let client = AccumulatingProtocol()
            let server = factory.server
            var seen: [(end: String, peer: SocketAddress?, host: SocketAddress?)] = []
            for (name, end) in [("client", client), ("server", server)] {
                end.onMade = { end in
                    seen.append((name, end.transport?.peer, end.transport?.host))
                    if seen.count == 2 { reactor.stop() }
                }
            }
            connect(reactor, to: port.address, client)
            return {
                let clients = seen.first { $0.end == "client" }
                let servers = seen.first { $0.end == "server" }
                #expect(port.address.ipAddress == .v4(.loopback))
                #expect(clients?.peer == port.address)
                #expect(servers?.host == port.address)
                #expect(servers?.peer == clients?.host)
                #expect(factory.built == [clients?.host])
            }
        }
    }

    // C 89
    @Test("buffers larger than any socket's arrive whole, both ways at once", arguments: Road.allCases)
    func largeBuffers(road: Road) async throws {
        try await onReactor { reactor in
            let pattern = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            for end in [client, server] {
                end.onMade = { $0.transport?.write(pattern) }
                end.onData = { end, _ in
                    if client.received.count == pattern.count, server.received.count == pattern.count {
                        client.transport?.loseConnection()
                    }
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(client.received == pattern)
                #expect(server.received == pattern)
            }
        }
    }

    // C 90
    @Test("writeSequence keeps the order of its pieces, without a write before")
    func writeSequence() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = {
                $0.transport?.writeSequence([Array("a".utf8), [], Array("bc".utf8)])
                $0.transport?.loseConnection()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return { #expect(server.text == "abc") }
        }
    }

    @Test("what one turn writes leaves in one piece")
    func oneSendPerTurn() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            client.onMade = { client in
                for _ in 0..<100 { client.transport?.write("ab") }
                #expect(client.transport?.bufferedByteCount == 200)
                client.transport?.loseConnection()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return { #expect(server.events == [.made, .received(200), .lost(.done)]) }
        }
    }

    // C 96
    @Test("pauseReading inside connectionMade holds everything back until resumeReading", arguments: Road.allCases)
    func pausedFromTheStart(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            server.onMade = { server in
                server.transport?.pauseReading()
                server.transport?.resumeReading()
                server.transport?.pauseReading()
                server.transport?.pauseReading()
                afterTurns(10, on: reactor) {
                    #expect(server.received.isEmpty)
                    server.transport?.resumeReading()
                }
            }
            server.onData = { server, _ in server.transport?.loseConnection() }
            client.onMade = { $0.transport?.write("late") }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(server.text == "late") }
        }
    }

    @Test("pauseReading inside dataReceived holds back what has already arrived", arguments: Road.allCases)
    func pausedWhileReading(road: Road) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            // More than one read's worth waits when the first read happens.
            client.onMade = { $0.transport?.write([UInt8](repeating: 7, count: 400_000)) }
            var sizeAtPause: Int?
            server.onData = { server, _ in
                if sizeAtPause == nil {
                    sizeAtPause = server.received.count
                    server.transport?.pauseReading()
                    afterTurns(10, on: reactor) {
                        #expect(server.received.count == sizeAtPause)
                        server.transport?.resumeReading()
                    }
                } else if server.received.count == 400_000 {
                    server.transport?.loseConnection()
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return { #expect(server.received.count == 400_000) }
        }
    }

    // C 102
    @Test("TCP_NODELAY is on, SO_KEEPALIVE is off, and both can be set, at both ends")
    func options() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            for end in [client, server] {
                end.onMade = { end in
                    guard let transport = end.transport else { return }
                    #expect(transport.isNoDelay)
                    #expect(!transport.isKeepAlive)
                    transport.isNoDelay = false
                    transport.isKeepAlive = true
                    #expect(!transport.isNoDelay)
                    #expect(transport.isKeepAlive)
                    transport.isNoDelay = true
                    transport.isKeepAlive = false
                    #expect(transport.isNoDelay)
                    #expect(!transport.isKeepAlive)
                    if end === server { transport.loseConnection() }
                }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return {
                // Without a connection there is nothing to set, and nothing happens.
                client.transport?.isNoDelay = true
                #expect(client.transport?.isNoDelay == false)
            }
        }
    }

    @Test("TCP_NODELAY means nothing on a UNIX socket and does no harm")
    func optionsOfUnix() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            server.onMade = {
                $0.transport?.isNoDelay = true
                #expect($0.transport?.isNoDelay == false)
                $0.transport?.loseConnection()
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .unix, client: client, server: server)
            return { #expect(client.end == .done) }
        }
    }
}
