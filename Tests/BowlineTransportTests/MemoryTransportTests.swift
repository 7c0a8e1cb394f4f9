// The test kit's own promises: memory transports, the pump that joins two, the clock, the dialer by script.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite struct MemoryTransportTests {
    @Test("what is asked for inside a callback happens after it, as on a socket")
    func notReentrant() {
        let seen = AccumulatingProtocol { seen, _ in
            seen.transport?.write("answer")
            seen.transport?.abortConnection()
            (seen.transport as? MemoryTransport)?.deliver("more")
            #expect(seen.end == nil)
        }
        let transport = MemoryTransport()
        var ends: [ConnectionEnd] = []
        transport.start(seen) { ends.append($0) }
        transport.deliver("x")
        transport.deliverEnd()
        #expect(seen.events == [.made, .received(1), .lost(.aborted)])
        #expect(ends == [.aborted])
        #expect(transport.written.isEmpty, "an abort drops what has not left")
    }

    @Test("loseConnection lets everything out first, and tells once")
    func lose() {
        let seen = AccumulatingProtocol()
        let transport = MemoryTransport()
        transport.start(seen)
        transport.write("bye")
        transport.loseConnection()
        #expect(transport.state == .closing)
        #expect(!transport.isConnected)
        #expect(seen.end == nil)
        transport.deliver("ignored")
        #expect(transport.state == .ended(.done))
        transport.pump()
        #expect(seen.events == [.made, .lost(.done)])
        #expect(transport.takeWrittenText() == "bye")
    }

    @Test("a stalled peer leaves bytes in the buffer, pauses the producer and lets a close time out")
    func stalled() {
        let clock = ManualClock()
        let transport = MemoryTransport(clock: clock)
        let (seen, producer) = (AccumulatingProtocol(), ScriptedProducer())
        transport.start(seen)
        transport.isStalled = true
        transport.registerProducer(.push(producer))
        transport.write([UInt8](repeating: 1, count: 70_000))
        clock.advance(by: .zero)
        #expect(transport.bufferedByteCount == 70_000)
        #expect(transport.isProducerPaused)
        transport.isStalled = false
        clock.advance(by: .zero)
        #expect(producer.calls == [.pause, .resume])
        transport.unregisterProducer()
        transport.isStalled = true
        transport.write("x")
        transport.closeTimeout = .seconds(5)
        transport.loseConnection()
        clock.advance(by: .seconds(4))
        #expect(seen.end == nil)
        clock.advance(by: .seconds(1))
        #expect(seen.end == .timedOut)
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("a paused transport keeps what arrives, but not a loss")
    func paused() {
        let seen = AccumulatingProtocol()
        let transport = MemoryTransport()
        transport.start(seen)
        transport.pauseReading()
        transport.deliver("a")
        transport.deliverEnd()
        #expect(seen.events == [.made])
        transport.resumeReading()
        transport.pump()
        #expect(seen.events == [.made, .received(1), .lost(.done)])

        let other = AccumulatingProtocol()
        let broken = MemoryTransport()
        broken.start(other)
        broken.pauseReading()
        broken.deliverLoss(.lost(ECONNRESET))
        #expect(other.end == .lost(ECONNRESET))
    }

    @Test("a protocol is released when its memory connection has ended")
    func released() {
        weak var released: AccumulatingProtocol?
        let transport = MemoryTransport()
        do {
            let seen = AccumulatingProtocol()
            released = seen
            transport.start(seen)
        }
        #expect(released != nil)
        transport.deliverEnd()
        #expect(released == nil)
    }

    @Test("a joined pair carries bytes both ways, whole and byte by byte", arguments: [Int.max, 1, 3])
    func pair(portion: Int) {
        let client = AccumulatingProtocol()
        let server = AccumulatingProtocol { server, bytes in server.transport?.write(bytes.map { $0 &+ 1 }) }
        let pump = MemoryPump.joining(client: client, server: server, portion: portion)
        client.transport?.write("ABC")
        #expect(server.received.isEmpty, "nothing moves before flush")
        pump.flush()
        #expect(client.text == "BCD")
        #expect(client.transport?.peer == server.transport?.host)
        if portion == 1 { #expect(server.events == [.made, .received(1), .received(1), .received(1)]) }
    }

    @Test("a joined pair carries ends, half-closes and resets")
    func pairEnds() {
        let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
        let pump = MemoryPump.joining(client: client, server: server)
        client.transport?.write("last")
        client.transport?.loseConnection()
        pump.flush()
        #expect(client.end == .done)
        #expect(server.events == [.made, .received(4), .lost(.done)])

        let (near, far) = (AccumulatingHalfCloseableProtocol(), AccumulatingHalfCloseableProtocol())
        let halves = MemoryPump.joining(client: near, server: far)
        near.transport?.loseWriteConnection()
        halves.flush()
        #expect(far.events == [.made, .readConnectionLost])
        far.transport?.write("answer")
        far.transport?.loseConnection()
        halves.flush()
        #expect(near.text == "answer")
        #expect(near.end == .done)

        let (left, right) = (AccumulatingProtocol(), AccumulatingProtocol())
        let broken = MemoryPump.joining(client: left, server: right)
        left.transport?.write("lost")
        left.transport?.abortConnection()
        broken.flush()
        #expect(left.end == .aborted)
        #expect(right.events == [.made, .lost(.lost(ECONNRESET))])
    }

    @Test("a joined pair on a clock moves when the clock is advanced")
    func pairOnClock() {
        let clock = ManualClock()
        let client = AccumulatingProtocol()
        client.onMade = { $0.transport?.write("ping") }
        let server = AccumulatingProtocol { server, bytes in
            server.transport?.write(bytes)
            server.transport?.loseConnection()
        }
        let pump = MemoryPump.joining(client: client, server: server, clock: clock)
        #expect(client.received.isEmpty)
        clock.advance(by: .zero)
        #expect(client.text == "ping")
        #expect(client.end == .done)
        #expect(pump.server.state == .ended(.done))
        #expect(clock.delayedCalls.isEmpty)
    }
}

@Suite struct ManualClockTests {
    @Test("calls run in the order of their deadlines, each at its own time")
    func order() {
        let clock = ManualClock()
        var seen: [String] = []
        func note(_ name: String) { seen.append("\(name) \(clock.now.nanoseconds)") }
        clock.callLater(.nanoseconds(20)) { note("c") }
        clock.callLater(.nanoseconds(10)) {
            note("a")
            clock.callLater(.nanoseconds(5)) { note("b") }
            clock.callLater(.nanoseconds(50)) { note("d") }
        }
        clock.callLater(.nanoseconds(20)) { note("c'") }
        clock.advance(by: .nanoseconds(30))
        #expect(seen == ["a 10", "b 15", "c 20", "c' 20"])
        #expect(clock.now.nanoseconds == 30)
        #expect(clock.delayedCalls.map(\.deadline.nanoseconds) == [60])
        #expect(clock.advanceToNextCall())
        #expect(!clock.advanceToNextCall())
        #expect(seen.last == "d 60")
    }

    @Test("a call is not made before its time, and not after it was cancelled or moved")
    func exact() {
        let clock = ManualClock()
        var runs = 0
        let call = clock.callLater(.milliseconds(50)) { runs += 1 }
        clock.pump([.milliseconds(20), .milliseconds(29)])
        #expect(runs == 0)
        call.delay(.milliseconds(1))
        clock.advance(by: .milliseconds(1))
        #expect(runs == 0)
        clock.advance(by: .milliseconds(1))
        #expect(runs == 1)
        clock.callLater(.zero) { runs += 1 }.cancel()
        clock.advance(by: .seconds(1))
        #expect(runs == 1)
    }

    @Test("going back, advancing from inside a call, and a call without end are program errors")
    func programErrors() async {
        await #expect(processExitsWith: .failure) { ManualClock().advance(by: .seconds(-1)) }
        await #expect(processExitsWith: .failure) {
            let clock = ManualClock()
            clock.callLater(.zero) { clock.advance(by: .seconds(1)) }
            clock.advance(by: .zero)
        }
        await #expect(processExitsWith: .failure) {
            let clock = ManualClock()
            func again() { clock.callLater(.zero) { again() } }
            again()
            clock.advance(by: .zero)
        }
    }
}

@Suite struct ScriptedDialerTests {
    private let here = SocketAddress.ip(.v4(.loopback), port: 80)

    @Test("attempts end as planned, at the planned time, and are recorded")
    func script() {
        let clock = ManualClock()
        let dialer = ScriptedDialer(clock: clock)
        dialer.plan("127.0.0.1", .fails(ECONNREFUSED, after: .milliseconds(10)), .connects(after: .milliseconds(5)))
        var outcomes: [String] = []
        func dial() -> any Dial {
            dialer.dial(here, from: nil) { result in
                switch result {
                case .success(let connection): outcomes.append("\(connection.peer) at \(clock.now.nanoseconds)")
                case .failure(let error): outcomes.append("\(error.code) at \(clock.now.nanoseconds)")
                }
            }
        }
        _ = dial()
        _ = dial()
        let third = dial()
        #expect(dialer.peakConcurrency == 3)
        clock.advance(by: .milliseconds(4))
        third.abandon()
        clock.advance(by: .seconds(1))
        #expect(outcomes == ["127.0.0.1:80 at 5000000", "\(ECONNREFUSED) at 10000000"])
        #expect(dialer.attempts.map(\.ending) == [.failed(ECONNREFUSED), .connected, .abandoned])
        #expect(dialer.attempts[2].ended == ReactorInstant(nanoseconds: 4_000_000))
        #expect(dialer.connections.count == 1)
    }

    @Test("an outcome may be there before dial returns, or never come")
    func atOnce() {
        let clock = ManualClock()
        let dialer = ScriptedDialer(clock: clock)
        dialer.plan(here, .connectsAtOnce(), .failsAtOnce(ENETUNREACH), .never)
        var outcomes: [Bool] = []
        for _ in 0..<3 {
            _ = dialer.dial(here, from: nil) { result in
                if case .success = result { outcomes.append(true) } else { outcomes.append(false) }
            }
        }
        clock.advance(by: .seconds(3600))
        #expect(outcomes == [true, false])
        #expect(dialer.attempts[2].ending == nil)
    }

    @Test("a connection goes to a protocol on the other end, or to the test, or is closed unused")
    func connections() throws {
        let clock = ManualClock()
        let dialer = ScriptedDialer(clock: clock)
        dialer.plan(
            "127.0.0.1",
            .connects(to: { AccumulatingProtocol { end, bytes in end.transport?.write(bytes) } }), .connects())
        var made: [any DialedConnection] = []
        for _ in 0..<3 { _ = dialer.dial(here, from: nil) { if case .success(let one) = $0 { made.append(one) } } }
        clock.advance(by: .zero)
        try #require(made.count == 3)

        let talker = AccumulatingProtocol()
        talker.onMade = { $0.transport?.write("echo") }
        made[0].start(talker, onEnd: nil)
        clock.advance(by: .zero)
        #expect(talker.text == "echo")

        let lonely = AccumulatingProtocol()
        made[1].start(lonely, onEnd: nil)
        dialer.connections[1].transport.deliver("from the test")
        #expect(lonely.text == "from the test")

        made[2].close()
        #expect(dialer.connections.map(\.isClosedUnused) == [false, false, true])
    }
}
