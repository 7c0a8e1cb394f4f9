// What holds for every connector, whatever names, addresses, users and reactors do: thousands of scripts from seeds.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("Every connector")
struct ConnectorPropertyTests {
    @Test("tells one outcome for each connect(), never from inside a call, and leaves nothing behind")
    func invariants() {
        for seed in UInt64(0)..<3_000 {
            let run = ScriptedRun(seed: seed)
            run.play()
            #expect(run.problems.isEmpty, "seed \(seed): \(run.problems.joined(separator: "; "))\n\(run.trace)")
        }
    }

    @Test("does the same for the same seed")
    func determinism() {
        for seed in UInt64(0)..<100 {
            let (first, second) = (ScriptedRun(seed: seed), ScriptedRun(seed: seed))
            first.play()
            second.play()
            #expect(first.trace == second.trace)
        }
    }
}

/// One connector under a random script: of names, of addresses, and of what its user does at which moment and from
/// inside which callback.
private final class ScriptedRun {
    private let world = VirtualWorld()
    private let factory: LoggingFactory
    private var generator: SeededGenerator
    private var isCalling = false
    private var connects = 0
    private var outcomes = 0
    private var isStopped = false
    private(set) var problems: [String] = []

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        factory = LoggingFactory(world)
    }

    var trace: String { factory.log.lines.joined(separator: "\n") }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    private func delay() -> Duration {
        .milliseconds([0, 0, 1, 9, 10, 50, 51, 249, 250, 400, 999, 1000, 1001].randomElement(using: &generator) ?? 0)
    }

    func play() {
        let six = addresses("2001:db8::1 2001:db8::2"), four = addresses("192.0.2.1 192.0.2.2")
        for (type, some) in [(RecordType.aaaa, six), (.a, four)] { planName(type, some) }
        for address in six + four { planAddress(address) }
        factory.declines = chance(10)
        factory.onStep = { [unowned self] step, connector in stepped(step, connector) }

        var options = ConnectOptions()
        options.timeout = .milliseconds(chance(50) ? 1000 : 300)
        if chance(30) { options.nameTimeout = .milliseconds(200) }
        if chance(10) { options.families = [.ipv4] }
        let target: ConnectTarget =
            chance(15) ? .unix(path: "/x") : .host(chance(20) ? "192.0.2.1" : "h.test", port: chance(5) ? 0 : 80)
        let connector = world.connector(target, factory, options)
        calling { connector.connect() }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            world.time.callLater(delay()) { [self] in act(connector) }
        }
        if chance(15) {
            world.time.callLater(delay()) { [self] in
                isStopped = true
                calling { world.stop() }
                for connection in world.addresses.connections where connection.isStarted {
                    connection.transport.deliverLoss(.stopped)
                }
            }
        }
        world.time.advance(by: .seconds(60))
        // Who is still connected hangs up.
        factory.onStep = nil
        connector.disconnect()
        world.time.advance(by: .seconds(60))
        check(connector)
    }

    private func planName(_ type: RecordType, _ some: [IPAddress]) {
        let isInside = chance(30)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: world.names.plan("h.test", type, .never)
        case 1: world.names.plan("h.test", type, .fails(.nodata, after: isInside ? nil : delay()))
        case 2: world.names.plan("h.test", type, .fails(.servfail, after: isInside ? nil : delay()))
        default:
            let found = Array(some.shuffled(using: &generator).prefix(Int.random(in: 1...2, using: &generator)))
            world.names.plan("h.test", type, .addresses(found, after: isInside ? nil : delay()))
        }
    }

    private func planAddress(_ address: IPAddress) {
        let outcome: ScriptedDialer.Outcome =
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: .connectsAtOnce()
            case 1: .connects(after: delay())
            case 2: .failsAtOnce(ENETUNREACH)
            case 3: .fails(ECONNREFUSED, after: delay())
            default: .never
            }
        world.addresses.plan(address.description, outcome, chance(50) ? outcome : .connects(after: delay()))
        world.addresses.otherwise = chance(50) ? .connectsAtOnce() : .fails(ENOENT)
    }

    /// Does something to a connector, as its user may at any time.
    private func act(_ connector: Connector) {
        calling {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1: connector.stopConnecting()
            case 2: connector.disconnect()
            default:
                connector.stopConnecting()
                if connector.state == .disconnected { connector.connect() }
            }
        }
    }

    private func calling(_ body: () -> Void) {
        let wasCalling = isCalling
        isCalling = true
        body()
        isCalling = wasCalling
    }

    private func stepped(_ step: LoggingFactory.Step, _ connector: Connector) {
        switch step {
        case .started:
            connects += 1
        case .failed, .lost:
            if isCalling { problems.append("an outcome was told from inside a call") }
            outcomes += 1
            if outcomes > connects { problems.append("an outcome for nothing") }
            if !isStopped, connects < 4, chance(40) { calling { connector.connect() } }
        case .building, .made:
            if isCalling { problems.append("a connection was told from inside a call") }
            if outcomes >= connects { problems.append("a connection after the outcome") }
        }
        if chance(10) { calling { connector.stopConnecting() } }
        if chance(5) { calling { connector.disconnect() } }
    }

    private func check(_ connector: Connector) {
        let starts = factory.log.lines.filter { $0.hasSuffix("started") }.count
        let ends = factory.log.lines.filter { $0.contains(" failed ") || $0.contains(" lost ") }.count
        if starts != ends { problems.append("\(starts) connects and \(ends) outcomes") }
        if connector.state != .disconnected { problems.append("state \(connector.state)") }
        if factory.log.lines.filter({ $0.hasSuffix("factory on") }).count
            != factory.log.lines.filter({ $0.hasSuffix("factory off") }).count
        {
            problems.append("factory not balanced")
        }
        if !world.time.delayedCalls.isEmpty { problems.append("timers left: \(world.time.delayedCalls)") }
        if !world.active.isEmpty { problems.append("still registered") }
        if world.names.pendingCount > 0 { problems.append("a lookup left") }
        if world.addresses.attempts.contains(where: { $0.ending == nil }) { problems.append("a dial left") }
        if world.addresses.connections.contains(where: { !$0.isStarted && !$0.isClosedUnused }) {
            problems.append("a connection left open")
        }
        for error in factory.errors where error.description.contains("\n") || error.elapsed < .zero {
            problems.append("an odd error: \(error)")
        }
        for error in factory.errors where error.attempts.contains(where: { $0.outcome == nil || $0.end == nil }) {
            problems.append("an attempt without an end")
        }
    }
}
