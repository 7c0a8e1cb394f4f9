// A network that loses one exchange in a hundred, in virtual time: how long lookups take then. Real sockets carry the packets;
// the clock stands still until all that have left have come, so that a slow machine adds nothing to any lookup.

import Bowline
import BowlineTesting
import Testing

@Suite("A network that loses", .timeLimit(.minutes(10)))
struct LossTests {
    @Test(
        "with one datagram in a hundred lost, no lookup fails, and 99.9 % end within five round trips and 100 ms",
        arguments: [0, 20, 80], [64, 200])
    func loss(milliseconds: Int, atOnce: Int) async throws {
        let roundTrip = Duration.milliseconds(milliseconds)
        let count = 4_000
        let (durations, failed) = try await Reactor.run { reactor in
            let lossy = try LossyNetwork(reactor, roundTrip: roundTrip)
            for start in stride(from: 0, to: count, by: atOnce) {
                lossy.lookUp(start..<min(start + atOnce, count))
                try await lossy.finish()
            }
            return (lossy.durations, lossy.failures)
        }
        #expect(failed == 0)
        try #require(durations.count == count)
        // The exact quantile: of 4,000, four may take longer.
        let slowest = durations.sorted()[count - 1 - count / 1_000]
        #expect(slowest <= roundTrip * 5 + .milliseconds(100), "\(slowest)")
    }
}

/// A resolver, a server that is a round trip away from it, and the time between them.
private final class LossyNetwork {
    private static let step: Duration = .milliseconds(1)
    /// So many waits of a millisecond for a packet that doesn't come, then it counts as lost by the system.
    private static let patience = 200

    private let reactor: Reactor
    private let clock = ManualClock()
    private let server: FakeDNSServer
    private let resolver: DNSResolver
    private let answers: Answers
    private var left = 0
    private(set) var durations: [Duration] = []
    private(set) var failures = 0

    /// When the answers to what isn't lost are there.
    private final class Answers {
        var generator = SeededGenerator(state: 11)
        private var answered: Set<DomainName> = []
        private var times: [ReactorInstant] = []
        private var passed = 0

        /// An answer is sent; it counts if it is the first for its name.
        func add(_ name: DomainName, at time: ReactorInstant) {
            if answered.insert(name).inserted { times.append(time) }
        }

        /// How many names have their answers by now.
        func count(at now: ReactorInstant) -> Int {
            while passed < times.count, times[passed] <= now { passed += 1 }
            return passed
        }
    }

    init(_ reactor: Reactor, roundTrip: Duration) throws {
        self.reactor = reactor
        let answers = Answers()
        let clock = self.clock
        server = try FakeDNSServer(reactor: reactor, clock: clock) { question in
            guard UInt8.random(in: 0..<100, using: &answers.generator) > 0 else { return .drop }
            answers.add(question.name, at: clock.now + roundTrip)
            let right = FakeDNSServer.Action.addresses([one])
            return roundTrip == .zero ? right : .delayed(by: roundTrip, right)
        }
        self.answers = answers
        resolver = DNSResolver(reactor, asking: server.address, clock: clock)
    }

    /// Begins lookups of names that nobody has asked for.
    func lookUp(_ numbers: Range<Int>) {
        left += numbers.count
        let began = clock.now
        for number in numbers {
            resolver.lookup("h\(number).test", types: [.a], timeout: .seconds(30)).addBoth { [self] result in
                if case .failure = result { failures += 1 }
                durations.append(clock.now - began)
                left -= 1
            }
        }
    }

    /// Lets the time go on until all have ended.
    nonisolated(nonsending) func finish() async throws {
        while left > 0 {
            try await settle()
            if left > 0 { clock.advance(by: Self.step) }
        }
    }

    /// Lets the loop turn until what has left has come: each question at the server, each answer that is due at its lookup.
    private nonisolated(nonsending) func settle() async throws {
        for _ in 0..<Self.patience {
            // What was sent in this turn leaves at its end.
            try await reactor.pass(.zero)
            let sent = resolver.servers().first?.counts.datagrams ?? 0
            if server.questions.count == sent, durations.count == answers.count(at: clock.now) { return }
            try await reactor.pass(Self.step)
        }
    }
}
