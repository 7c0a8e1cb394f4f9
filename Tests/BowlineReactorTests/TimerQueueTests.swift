// The heap of timers against a model that sorts, and with a million pending.

import BowlineReactor
import Testing

@Suite("Timer queue")
struct TimerQueueTests {
    /// A generator with a seed, so that what fails once fails again.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// What the queue must do, in the simplest way that can be thought of.
    private struct Model {
        var pending: [(deadline: Int64, sequence: Int, id: Int)] = []
        var sequence = 0

        mutating func put(_ id: Int, _ deadline: Int64) {
            remove(id)
            pending.append((deadline, sequence, id))
            sequence += 1
        }

        mutating func remove(_ id: Int) { pending.removeAll { $0.id == id } }

        mutating func runDue(at now: Int64) -> [Int] {
            let due = pending.filter { $0.deadline <= now }.sorted {
                ($0.deadline, $0.sequence) < ($1.deadline, $1.sequence)
            }
            pending.removeAll { $0.deadline <= now }
            return due.map(\.id)
        }
    }

    @Test("any mixture of adding, cancelling, moving and running agrees with a sorted list", arguments: 1...20)
    func model(_ seed: Int) {
        var random = Seeded(state: UInt64(seed))
        let clock = HandClock()
        var model = Model()
        var calls: [Int: DelayedCall] = [:]
        var ids: [Int] = []
        var ran: [Int] = []
        var now: Int64 = 0
        var disagreements = 0
        for id in 0..<1_000 {
            // Few different deadlines, so that many are the same.
            let delay = Int64.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                ids.append(id)
                calls[id] = clock.queue.add(at: ReactorInstant(nanoseconds: now + delay)) { ran.append(id) }
                model.put(id, now + delay)
            case 5..<7:
                guard let victim = ids.randomElement(using: &random) else { continue }
                let isPending = model.pending.contains { $0.id == victim }
                if calls[victim]?.cancel() != isPending { disagreements += 1 }
                model.remove(victim)
            case 7..<9:
                guard let moved = ids.randomElement(using: &random) else { continue }
                let isPending = model.pending.contains { $0.id == moved }
                if calls[moved]?.reset(.nanoseconds(delay)) != isPending { disagreements += 1 }
                if isPending { model.put(moved, now + delay) }
            default:
                clock.advance(by: .nanoseconds(delay))
                now += delay
                let expected = model.runDue(at: now)
                if ran != expected { disagreements += 1 }
                ran = []
            }
            if clock.queue.count != model.pending.count { disagreements += 1 }
            if clock.queue.earliest?.nanoseconds != model.pending.map(\.deadline).min() { disagreements += 1 }
        }
        #expect(disagreements == 0)
        #expect(clock.queue.pending.count == model.pending.count)
        clock.queue.removeAll()
        #expect(calls.values.allSatisfy { !$0.isActive })
    }

    @Test("a million pending calls run in order, each once; the cancelled ones don't")
    func million() {
        let count = 1_000_000
        let clock = HandClock()
        var random = Seeded(state: 7)
        var last: Int64 = -1
        var ran = 0
        var disorder = 0
        var calls: [DelayedCall] = []
        calls.reserveCapacity(count)
        for _ in 0..<count {
            let deadline = Int64.random(in: 0..<1 << 40, using: &random)
            calls.append(
                clock.queue.add(at: ReactorInstant(nanoseconds: deadline)) {
                    ran += 1
                    if deadline < last { disorder += 1 }
                    last = deadline
                })
        }
        for place in stride(from: 0, to: count, by: 2) { calls[place].cancel() }
        #expect(clock.queue.count == count / 2)
        clock.queue.runDue(at: ReactorInstant(nanoseconds: 1 << 40))
        #expect(ran == count / 2 && disorder == 0 && clock.queue.count == 0)
    }

    @Test("calls outlive their queue harmlessly, and a queue releases its calls")
    func lifetimes() {
        final class Token {}
        weak var token: Token?
        var call: DelayedCall?
        do {
            let clock = HandClock()
            let held = Token()
            token = held
            call = clock.callLater(.seconds(1)) { _ = held }
            for _ in 0..<200 { _ = clock.callLater(.seconds(1)) { _ = held } }
        }
        #expect(token == nil)
        #expect(call?.isActive == false && call?.cancel() == false && call?.reset(.zero) == false)
        #expect(call?.description == "DelayedCall(not active)")
    }

    @Test("what a running call adds waits for the next time, even if it is due")
    func addedWhileRunning() {
        let clock = HandClock()
        var ran: [String] = []
        let due = ReactorInstant(nanoseconds: 5)
        _ = clock.queue.add(at: due) {
            ran.append("first")
            _ = clock.queue.add(at: due) { ran.append("added") }
        }
        _ = clock.queue.add(at: due) { ran.append("second") }
        clock.queue.runDue(at: due)
        #expect(ran == ["first", "second"])
        clock.queue.runDue(at: due)
        #expect(ran == ["first", "second", "added"])
    }
}
