// What holds in every race, whatever the network does: thousands of scripts from seeds.

import Bowline
import Glibc
import Testing

@Suite("Every race")
struct RacePropertyTests {
    @Test("has one outcome, keeps its distances, and leaves nothing open", arguments: [false, true])
    func invariants(isSloppy: Bool) {
        for seed in 0..<3_000 {
            let simulator = scenario(seed: UInt64(seed), isSloppy: isSloppy).simulated()
            let attempts = simulator.race.attempts

            #expect(simulator.outcomes == 1, "seed \(seed)")
            #expect(
                simulator.trace.last.map { $0.contains("won") || $0.contains("lost") } == true,
                "seed \(seed): something was done after the end")

            let gaps = zip(simulator.starts, simulator.starts.dropFirst()).map { $1.at - $0.at }
            #expect(gaps.allSatisfy { $0 >= 10 }, "seed \(seed)")
            #expect(Set(simulator.starts.map(\.address)).count == simulator.starts.count, "seed \(seed)")

            #expect(attempts.allSatisfy { $0.outcome != nil && $0.end != nil }, "seed \(seed)")
            let winners = attempts.indices.filter { attempts[$0].outcome == .connected }
            #expect(winners == simulator.winners, "seed \(seed)")
            let cutOff = attempts.indices.filter { attempts[$0].errno == nil && attempts[$0].outcome != .connected }
            #expect(Set(cutOff) == simulator.abandoned, "seed \(seed)")

            if let failure = simulator.failure {
                // Who loses by the clock had something to wait for; who loses by failing tried everything.
                switch failure.reason {
                case .timedOut:
                    #expect(
                        !failure.unanswered.isEmpty || failure.attempts.contains { $0.outcome == .timeout },
                        "seed \(seed)")
                case .noAddress, .allAttemptsFailed:
                    #expect(failure.unanswered.isEmpty && simulator.abandoned.isEmpty, "seed \(seed)")
                    #expect(failure.attempts.isEmpty == (failure.reason == .noAddress), "seed \(seed)")
                case .cancelled:
                    break
                }
            }
        }
    }

    @Test("is the same for the same seed")
    func determinism() {
        for seed in UInt64(0)..<200 {
            #expect(
                scenario(seed: seed, isSloppy: true).simulated().trace
                    == scenario(seed: seed, isSloppy: true).simulated().trace)
        }
    }

    /// A script that ends: at 10 s by the timeout, at the latest.
    private func scenario(seed: UInt64, isSloppy: Bool) -> RaceScenario {
        var generator = SeededGenerator(seed: seed)
        // Few instants, so that things happen in the same turn.
        let instants = [0, 0, 1, 5, 9, 10, 11, 49, 50, 51, 60, 240, 250, 260, 300, 500, 1000]
        func instant() -> Int { instants.randomElement(using: &generator) ?? 0 }
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

        let six = (1...5).map { "::\($0)" }
        let four = (1...5).map { "10.0.0.\($0)" }
        func lookup(_ addresses: [String]) -> (at: Int, RaceScenario.Lookup)? {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: return nil
            case 1: return (instant(), .noData)
            case 2: return (instant(), .error(2))
            default:
                let count = Int.random(in: 0...6, using: &generator)
                let found = (0..<count).compactMap { _ in addresses.randomElement(using: &generator) }
                return (instant(), .found(found.joined(separator: " ")))
            }
        }

        var scenario = RaceScenario(name: "seed \(seed)", aaaa: lookup(six), a: lookup(four))
        scenario.isSloppy = isSloppy
        scenario.turn = chance(50) ? .timerFirst : .namesFirst
        if chance(10) { scenario.families = chance(50) ? [.ipv4] : [.ipv6] }
        if chance(10) { scenario.literals = (six + four).shuffled(using: &generator).joined(separator: " ") }
        for address in six + four {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: scenario.fates[address] = .connectsInside
            case 1, 2: scenario.fates[address] = .connects(after: instant())
            case 3, 4: scenario.fates[address] = .failsInside(ENETUNREACH)
            case 5, 6, 7: scenario.fates[address] = .fails(ECONNREFUSED, after: instant())
            default: break
            }
        }
        if chance(10) { scenario.events.append((instant(), .cancelled)) }
        scenario.events.append((10_000, .timedOut))
        return scenario
    }
}
