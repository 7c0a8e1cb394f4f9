// Coming back after failures and losses, in virtual time and with a seeded jitter.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("A reconnecting factory")
struct ReconnectingTests {
    let world = VirtualWorld()

    private func makeFactory(_ outcomes: (ScriptedDialer) -> Void) -> CountingFactory {
        outcomes(world.addresses)
        let factory = CountingFactory { [world] in world.milliseconds }
        factory.backoff.jitter = 0
        factory.random = SeededGenerator(seed: 1)
        return factory
    }

    @Test("waits 1, 2, 4 … seconds, up to the maximum")
    func delays() {
        let factory = makeFactory { $0.otherwise = .failsAtOnce(ECONNREFUSED) }
        factory.backoff.maximumDelay = .seconds(5)
        _ = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .seconds(20))
        #expect(factory.starts == [0, 1_000, 3_000, 7_000, 12_000, 17_000])
        factory.stopTrying()
        world.time.advance(by: .seconds(100))
        #expect(factory.starts.count == 6 && world.time.delayedCalls.isEmpty)
    }

    @Test("spreads its attempts by the jitter, the same for the same seed")
    func jitter() {
        var backoff = Backoff()
        var first = SeededGenerator(seed: 3), second = SeededGenerator(seed: 3)
        let delays = (1...200).map { _ in backoff.delay(afterFailures: 2, using: &first) }
        #expect(delays == (1...200).map { _ in backoff.delay(afterFailures: 2, using: &second) })
        #expect(delays.allSatisfy { $0 >= .milliseconds(1600) && $0 <= .milliseconds(2400) })
        #expect(Set(delays).count > 100)
        backoff.jitter = 0
        #expect(backoff.delay(afterFailures: .max, using: &first) == .seconds(60))
        #expect(backoff.delay(afterFailures: 0, using: &first) == .seconds(1))
    }

    @Test("gives up after so many retries, and says so once")
    func maximumRetries() {
        let factory = makeFactory { $0.otherwise = .fails(ECONNREFUSED, after: .milliseconds(1)) }
        factory.maximumRetries = 2
        let connector = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .seconds(100))
        #expect(factory.starts == [0, 1_001, 3_002] && factory.surrenders == 1)
        #expect(connector.state == .disconnected && factory.failures == 3 && !factory.isTrying)
        factory.resetDelay()
        connector.connect()
        world.time.advance(by: .seconds(100))
        #expect(factory.starts.count == 6 && factory.surrenders == 2)
    }

    @Test("begins anew after a connection that lasted, and counts one that didn't")
    func stability() {
        let factory = makeFactory { $0.otherwise = .connects() }
        let connector = world.connect(factory, to: "192.0.2.1")
        for lasting in [Duration.seconds(1), .seconds(1), .seconds(10), .seconds(1)] {
            world.time.advance(by: lasting)
            world.addresses.connections.last?.transport.deliverEnd()
            world.time.advanceToNextCall()
            while connector.state != .connected { world.time.advanceToNextCall() }
        }
        // 1 s + 1 s, 1 s + 2 s, 10 s + 1 s, 1 s + 2 s
        #expect(factory.starts == [0, 2_000, 5_000, 16_000, 19_000])
    }

    @Test("comes back after a loss, and stops when told to, in whatever it does")
    func stopTrying() {
        let factory = makeFactory { $0.otherwise = .connects(after: .milliseconds(100)) }
        let connector = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .milliseconds(50))
        factory.stopTrying()
        world.time.advance(by: .seconds(100))
        #expect(factory.errors.map(\.shortReason) == ["cancelled"] && factory.surrenders == 0)

        factory.resetDelay()
        connector.connect()
        world.time.advance(by: .milliseconds(100))
        factory.stopTrying()
        #expect(connector.state == .connected)
        connector.disconnect()
        world.time.advance(by: .seconds(100))
        #expect(factory.starts.count == 2 && world.time.delayedCalls.isEmpty)
    }

    @Test("doesn't come back from a cancellation, from the reactor's stop, or to a target that can't be right")
    func finalFailures() {
        world.addresses.otherwise = .never
        let cancelled = CountingFactory { 0 }, stopped = CountingFactory { 0 }, wrong = CountingFactory { 0 }
        world.connect(cancelled, to: "192.0.2.1").stopConnecting()
        _ = world.connect(wrong, to: "a b")
        world.time.advance(by: .seconds(1))
        _ = world.connect(stopped, to: "192.0.2.1")
        world.stop()
        world.time.advance(by: .seconds(100))
        for factory in [cancelled, stopped, wrong] { #expect(factory.starts.count == 1 && factory.surrenders == 1) }
    }

    @Test("lets somebody connect without waiting")
    func impatience() {
        let factory = makeFactory { $0.otherwise = .failsAtOnce(ECONNREFUSED) }
        let connector = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .milliseconds(500))
        #expect(factory.nextAttempt?.isActive == true)
        connector.connect()
        world.time.advance(by: .zero)
        world.time.advance(by: .milliseconds(1999))
        #expect(factory.starts == [0, 500])
        world.time.advance(by: .milliseconds(1))
        #expect(factory.starts == [0, 500, 2_500])
    }
}

private final class CountingFactory: ReconnectingClientFactory {
    private let now: () -> Int
    private(set) var starts: [Int] = []
    private(set) var errors: [ConnectError] = []
    private(set) var surrenders = 0

    init(_ now: @escaping () -> Int) {
        self.now = now
        super.init()
    }

    override func startedConnecting(_ connector: Connector) {
        starts.append(now())
        super.startedConnecting(connector)
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? { AccumulatingProtocol() }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        errors.append(error)
        super.clientConnectionFailed(connector, error)
    }

    override func clientGaveUp(_ connector: Connector) { surrenders += 1 }
}
