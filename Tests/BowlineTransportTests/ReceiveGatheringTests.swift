// A flood is gathered by the system, and what ends or interrupts it arrives all the same.

import Bowline
import BowlineTesting
@testable import BowlineTransport
import Glibc
import Testing

@Suite struct ReceiveGatheringTests {
    private static func milliseconds(_ count: Int64) -> ReactorInstant {
        ReactorInstant(nanoseconds: count * 1_000_000)
    }

    @Test("a flood is so much within the window, whatever came before", arguments: [0, 1_000] as [Int64])
    func flood(start: Int64) {
        let gathering = ReceiveGathering(flood: 1_000)
        #expect(!gathering.received(400, at: Self.milliseconds(start)))
        #expect(!gathering.received(599, at: Self.milliseconds(start + 64)))
        #expect(gathering.received(1, at: Self.milliseconds(start + 64)))
        #expect(gathering.isOn)
        #expect(!gathering.received(1_000, at: Self.milliseconds(start + 65)), "it begins once")
    }

    @Test("the same bytes over a longer time are none")
    func noFlood() {
        let gathering = ReceiveGathering(flood: 1_000)
        for turn in 1...1_000 as ClosedRange<Int64> {
            #expect(!gathering.received(100, at: Self.milliseconds(turn * 8)))
        }
    }

    @Test("it ends when nothing was read from one look to the next, and begins again only with another flood")
    func ending() {
        let gathering = ReceiveGathering(flood: 1_000)
        #expect(gathering.received(1_000, at: Self.milliseconds(1)))
        #expect(!gathering.isStill())
        _ = gathering.received(1, at: Self.milliseconds(2))
        #expect(!gathering.isStill())
        #expect(gathering.isStill())
        #expect(!gathering.isOn)
        #expect(!gathering.received(999, at: Self.milliseconds(4)))
        #expect(gathering.received(1, at: Self.milliseconds(4)))
    }

    @Test(
        "what interrupts a flood and what ends it arrive, though they are less than is gathered",
        arguments: [Road.tcp, .tls], PollerKind.allCases)
    func smallEnd(road: Road, poller: PollerKind) async throws {
        try await onReactor(poller: poller) { reactor in
            let pattern = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            var receiving: StreamConnection?
            var hasGathered = false
            server.onMade = { $0.transport?.write(pattern) }
            client.onMade = { client in
                receiving = Self.stream(below: client.transport)
                receiving?.gathering = ReceiveGathering(flood: 300_000)
            }
            func closeWhenStill() {
                guard receiving?.gathering?.isOn == true else {
                    #expect(receiving.map(Self.mark) == 1)
                    client.transport?.loseConnection()
                    return
                }
                reactor.callLater(.milliseconds(2)) { closeWhenStill() }
            }
            client.onData = { client, _ in
                if receiving?.gathering?.isOn == true {
                    hasGathered = true
                    #expect(receiving.map(Self.mark) == ReceiveGathering.mark)
                }
                // The connection stays open: nothing but patience brings these.
                if client.received.count == pattern.count { server.transport?.write("more") }
                if client.received.count == pattern.count + 4 { closeWhenStill() }
            }
            stop(reactor, whenEnded: client, server)
            try join(reactor, road, client: client, server: server)
            return {
                #expect(client.received == pattern + Array("more".utf8))
                #expect(hasGathered)
            }
        }
    }

    @Test("a connection that is closed while it is gathered is told once, and leaves no timer")
    func closing() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
            let before = reactor.delayedCalls.count
            server.onMade = { $0.transport?.write([UInt8](repeating: 1, count: 4_000_000)) }
            client.onMade = { client in
                Self.stream(below: client.transport)?.gathering = ReceiveGathering(flood: 100_000)
            }
            client.onData = { client, _ in
                guard Self.stream(below: client.transport)?.gathering?.isOn == true else { return }
                #expect(reactor.delayedCalls.count > before)
                client.transport?.abortConnection()
            }
            client.onLost = { _, _ in #expect(reactor.delayedCalls.count == before) }
            stop(reactor, whenEnded: client, server)
            try join(reactor, .tcp, client: client, server: server)
            return { #expect(client.end == .aborted) }
        }
    }

    private static func stream(below transport: (any Transport)?) -> StreamConnection? {
        if let connection = transport as? TLSConnection { return connection.transport as? StreamConnection }
        return transport as? StreamConnection
    }

    private static func mark(of connection: StreamConnection) -> Int {
        SocketCalls.option(connection.descriptor, SOL_SOCKET, SO_RCVLOWAT).map { Int($0) } ?? -1
    }
}
