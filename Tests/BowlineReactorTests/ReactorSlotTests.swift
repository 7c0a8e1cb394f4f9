// The slots in which upper modules keep what belongs to a reactor.

import BowlineReactor
import Testing

private final class Part {
    let name: String
    let log: Log
    init(_ name: String, _ log: Log) {
        self.name = name
        self.log = log
    }
}

private enum Lower: ReactorSlot {
    static func makeDefault(for reactor: Reactor) -> Part { Part("lower", Log()) }
    static func reactorStopped(_ value: Part) { value.log("\(value.name) stopped") }
    static func reload(_ value: Part) { value.log("\(value.name) reloads") }
}

private enum Upper: ReactorSlot {
    static func makeDefault(for reactor: Reactor) -> Part {
        let lower = reactor[Lower.self]
        return Part("upper on \(lower.name)", lower.log)
    }
    static func reactorStopped(_ value: Part) { value.log("\(value.name) stopped") }
}

private enum Number: ReactorSlot {
    static func makeDefault(for reactor: Reactor) -> Int { 5 }
    static func reactorStopped(_ value: Int) {}
}

@Suite("Slots of a reactor")
struct ReactorSlotTests {
    @Test("a slot makes its value when first asked, keeps it, and each reactor has its own")
    func defaults() {
        let (one, two) = (Reactor(), Reactor())
        #expect(one[Upper.self].name == "upper on lower")
        #expect(one[Upper.self] === one[Upper.self])
        #expect(one[Lower.self] !== two[Lower.self])
        one[Number.self] += 1
        #expect(one[Number.self] == 6 && two[Number.self] == 5)
    }

    @Test("a value can be replaced before and while running, and what is there is told, last made first")
    func replaced() async throws {
        let lines = try await run { reactor, log in
            reactor[Lower.self] = Part("mine", log)
            _ = reactor[Upper.self]
            reactor.callWhenRunning {
                reactor[Lower.self] = Part("other", log)
                reactor.reload()
                reactor.stop()
            }
        }
        #expect(lines == ["other reloads", "upper on mine stopped", "other stopped"])
    }

    @Test("a slot may be asked and set while it is told")
    func reentrant() async throws {
        enum Restless: ReactorSlot {
            static func makeDefault(for reactor: Reactor) -> (Reactor, Log) { (reactor, Log()) }
            static func reactorStopped(_ value: (Reactor, Log)) {
                value.1("stopped \(value.0[Number.self])")
                value.0[Number.self] = 9
            }
        }
        let lines = try await run { reactor, log in
            reactor[Restless.self] = (reactor, log)
            reactor.stop()
            reactor.addSystemEventTrigger(.after, .shutdown) { reactor[Restless.self] = (reactor, Log()) }
        }
        #expect(lines.first == "stopped 5")
    }
}
