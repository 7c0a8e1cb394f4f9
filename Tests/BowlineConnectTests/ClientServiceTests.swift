// A connection that is kept, in virtual time: who waits for it, what brings it back, and what ends it.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("A client service")
struct ClientServiceTests {
    let world = VirtualWorld()

    private func service(_ host: String = "192.0.2.1", _ factory: Factory = Factory { AccumulatingProtocol() })
        -> ClientService
    {
        let endpoint = TCPClientEndpoint(world, host: host, port: 80, options: ConnectOptions())
        let service = ClientService(world.time, endpoint, factory: factory)
        service.backoff.jitter = 0
        return service
    }

    /// What became of a wait.
    private final class Outcome {
        var words: String?
        var made: (any Protocol)?
        init(_ deferred: Deferred<any Protocol>) {
            deferred.addCallback { [self] made in
                self.made = made
                words = "made"
            }.addErrback { [self] error in
                words = (error as? ConnectError)?.shortReason ?? "\(type(of: error))"
            }
        }
    }

    private var starts: [Int] {
        world.addresses.attempts.map {
            Int(($0.started - ReactorInstant(nanoseconds: 7_000_000_000)) / .milliseconds(1))
        }
    }

    private func expectAllQuiet(_ location: SourceLocation = #_sourceLocation) {
        #expect(world.time.delayedCalls.isEmpty && world.active.isEmpty, sourceLocation: location)
    }

    @Test("connects when it is started, and gives everybody who waits the protocol that the factory made")
    func connects() {
        world.addresses.otherwise = .connects(after: .milliseconds(5))
        let made = AccumulatingProtocol()
        let service = service("192.0.2.1", Factory { made })
        #expect(!service.isRunning)
        service.startService()
        service.startService()
        let outcomes = [Outcome(service.whenConnected()), Outcome(service.whenConnected(failingAfter: 1))]
        #expect(outcomes.allSatisfy { $0.words == nil } && service.isRunning)
        world.time.advance(by: .milliseconds(5))
        #expect(outcomes.allSatisfy { $0.made === made } && made.events == [.made])
        #expect(Outcome(service.whenConnected()).made === made)
        #expect(world.addresses.attempts.count == 1)
    }

    @Test("comes back after failures, later each time, and a wait may go on as long as it takes")
    func failures() {
        world.addresses.plan(
            "192.0.2.1", .failsAtOnce(ECONNREFUSED), .failsAtOnce(ECONNREFUSED), .failsAtOnce(ECONNREFUSED),
            .connectsAtOnce())
        let service = service()
        service.startService()
        let patient = Outcome(service.whenConnected())
        let impatient = Outcome(service.whenConnected(failingAfter: 2))
        world.time.advance(by: .milliseconds(999))
        #expect(service.failures == 1 && impatient.words == nil)
        world.time.advance(by: .milliseconds(1))
        #expect(impatient.words == "refused" && patient.words == nil)
        let late = Outcome(service.whenConnected(failingAfter: 2))
        world.time.advance(by: .seconds(20))
        #expect(patient.words == "made" && late.words == "made")
        #expect(starts == [0, 1_000, 3_000, 7_000])
    }

    @Test("comes back after a loss; the delay begins anew after a connection that lasted")
    func losses() {
        world.addresses.otherwise = .connectsAtOnce()
        let service = service()
        service.startService()
        for lasting in [1, 1, 60] {
            world.time.advance(by: .zero)
            #expect(Outcome(service.whenConnected()).words == "made")
            world.time.advance(by: .seconds(lasting))
            world.addresses.connections.last?.transport.deliverEnd()
            world.time.advance(by: .zero)
            let waiting = Outcome(service.whenConnected())
            #expect(waiting.words == nil)
            world.time.advance(by: .seconds(8))
            #expect(waiting.words == "made")
            // That was a part of this connection's time.
        }
        #expect(starts.count == 4 && service.failures == 1)
    }

    @Test(
        "stops while it waits, connects, or is connected, and starts again",
        arguments: ["waiting", "connecting", "connected"])
    func stops(phase: String) {
        switch phase {
        case "waiting": world.addresses.otherwise = .failsAtOnce(ECONNREFUSED)
        case "connecting": world.addresses.otherwise = .never
        default: world.addresses.otherwise = .connectsAtOnce()
        }
        let made = AccumulatingProtocol()
        let service = service("192.0.2.1", Factory { made })
        service.startService()
        let waiting = Outcome(service.whenConnected())
        world.time.advance(by: .milliseconds(100))
        var isStopped = false
        service.stopService().addCallback { isStopped = true }
        #expect(!service.isRunning && isStopped == (phase != "connected"))
        #expect(waiting.words == (phase == "connected" ? "made" : "CancelledError"))
        #expect(Outcome(service.whenConnected()).words == "CancelledError")
        world.time.advance(by: .zero)
        #expect(isStopped && made.end == (phase == "connected" ? .done : nil))
        expectAllQuiet()
        world.addresses.otherwise = .connectsAtOnce()
        service.startService()
        world.time.advance(by: .zero)
        #expect(Outcome(service.whenConnected()).words == "made")
        service.stopService()
        world.time.advance(by: .zero)
        expectAllQuiet()
    }

    @Test("that is started while its connection is closed connects when that is done")
    func restarts() {
        world.addresses.otherwise = .connectsAtOnce()
        let service = service()
        service.startService()
        world.time.advance(by: .zero)
        var stops = 0
        service.stopService().addCallback { stops += 1 }
        service.startService()
        let waiting = Outcome(service.whenConnected())
        #expect(service.isRunning && waiting.words == nil)
        world.time.advance(by: .zero)
        #expect(stops == 1 && waiting.words == "made" && world.addresses.attempts.count == 2)
    }

    @Test("ends when another attempt would be of no use, with the reason for those who wait")
    func final() {
        let endpoint = TCPClientEndpoint(world, host: "192.0.2.1", port: 0, options: ConnectOptions())
        let service = ClientService(world.time, endpoint, factory: Factory { AccumulatingProtocol() })
        service.startService()
        let waiting = Outcome(service.whenConnected())
        world.time.advance(by: .seconds(100))
        #expect(waiting.words == "target: \(TargetProblem.portZero)" && !service.isRunning)
        expectAllQuiet()
    }

    @Test("leaves it to others when a wait is cancelled")
    func cancelledWait() {
        world.addresses.otherwise = .connects(after: .milliseconds(5))
        let service = service()
        service.startService()
        let wait = service.whenConnected()
        let (first, second) = (Outcome(wait), Outcome(service.whenConnected()))
        wait.cancel()
        world.time.advance(by: .milliseconds(5))
        #expect(first.words == "CancelledError" && second.words == "made")
    }

    @Test("ends with the reactor, also while it waits for its next attempt")
    func reactorStops() async throws {
        let words = try await onReactor({ (reactor: Reactor) -> Outcome in
            // Nobody listens on port 1 of the loopback; the back-off is longer than any test.
            let service = ClientService(
                reactor, TCPClientEndpoint(reactor, host: "127.0.0.1", port: 1),
                factory: Factory { AccumulatingProtocol() })
            service.backoff.initialDelay = .seconds(100_000)
            service.backoff.maximumDelay = .seconds(100_000)
            service.startService()
            let waiting = Outcome(service.whenConnected())
            service.whenConnected(failingAfter: 1).addErrback { _ in
                reactor.stop()
                throw CancelledError()
            }.addErrback { _ in AccumulatingProtocol() }
            return waiting
        }) { $0.words }
        #expect(words == "ReactorStopped")
    }

    @Test("a protocol that knows half-close is told of it, and TLS that begins on the connection is the protocol's")
    func refinements() throws {
        world.addresses.otherwise = .connectsAtOnce()
        let halfCloseable = AccumulatingHalfCloseableProtocol()
        var readEnds = 0
        halfCloseable.onReadLost = { _ in readEnds += 1 }
        let service = service("192.0.2.1", Factory { halfCloseable })
        service.startService()
        world.time.advance(by: .zero)
        let transport = try #require(halfCloseable.transport)
        world.addresses.connections.last?.transport.deliverEnd()
        world.time.advance(by: .zero)
        #expect(readEnds == 1 && transport.isConnected)
        let tls = TLSConnection(try TLSContext(client: TLSClientConfiguration(), clock: world.time), name: "h.test") {
            _ in nil
        }
        let (speaker, _) = try #require(transport as? any SwitchableTransport).takeOver(tls, onEnd: nil)
        speaker?.transport = tls
        #expect(halfCloseable.transport === tls)
        tls.abandon()
    }
}
