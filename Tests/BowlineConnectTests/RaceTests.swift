// The race in virtual time, as tables: each trace is everything that the race did, in milliseconds.

import Bowline
import Glibc
import Testing

@Suite("The race")
struct RaceTests {
    @Test(
        "answers start the race",
        arguments: [
            RaceScenario(
                name: "AAAA first connects at once", aaaa: (5, .found("::1")), a: (6, .found("10.0.0.1")),
                fates: ["::1": .connects(after: 20)],
                trace: "5 start ::1, 6 timer 255, 25 timer off, 25 won by ::1"),
            RaceScenario(
                name: "A first waits 50 ms", a: (7, .found("10.0.0.1")), fates: ["10.0.0.1": .connects(after: 3)],
                trace: "7 timer 57, 57 start 10.0.0.1, 60 won by 10.0.0.1"),
            RaceScenario(
                name: "AAAA at 49 ms", aaaa: (49, .found("::1")), a: (0, .found("10.0.0.1")),
                fates: ["::1": .connects(after: 1)],
                trace: "0 timer 50, 49 timer 299, 49 start ::1, 50 timer off, 50 won by ::1"),
            RaceScenario(
                name: "AAAA at 50 ms, after the timer", aaaa: (50, .found("::1")), a: (0, .found("10.0.0.1")),
                fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 timer 50, 50 start 10.0.0.1, 50 timer 300, 51 timer off, 51 won by 10.0.0.1"),
            RaceScenario(
                name: "AAAA at 50 ms, before the timer", aaaa: (50, .found("::1")), a: (0, .found("10.0.0.1")),
                fates: ["::1": .connects(after: 1)], turn: .namesFirst,
                trace: "0 timer 50, 50 timer 300, 50 start ::1, 51 timer off, 51 won by ::1"),
            RaceScenario(
                name: "AAAA at 51 ms", aaaa: (51, .found("::1")), a: (0, .found("10.0.0.1")),
                fates: ["::1": .connects(after: 9)],
                trace:
                    "0 timer 50, 50 start 10.0.0.1, 51 timer 300, 300 start ::1, 309 abandon 10.0.0.1, 309 won by ::1"),
            RaceScenario(
                name: "AAAA NODATA ends the wait", aaaa: (20, .noData), a: (0, .found("10.0.0.1 10.0.0.2")),
                fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 timer 50, 20 timer 270, 20 start 10.0.0.1, 21 timer off, 21 won by 10.0.0.1"),
            RaceScenario(
                name: "AAAA without an address ends the wait", aaaa: (20, .found("")), a: (0, .found("10.0.0.1")),
                fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 timer 50, 20 timer off, 20 start 10.0.0.1, 21 won by 10.0.0.1"),
            RaceScenario(
                name: "AAAA error ends the wait", aaaa: (20, .error(2)), a: (0, .found("10.0.0.1")),
                fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 timer 50, 20 timer off, 20 start 10.0.0.1, 21 won by 10.0.0.1"),
            RaceScenario(
                name: "both fail", aaaa: (20, .error(2)), a: (30, .error(3)), trace: "30 lost: noAddress"),
            RaceScenario(
                name: "neither has an address", aaaa: (20, .noData), a: (20, .noData), trace: "20 lost: noAddress"),
            RaceScenario(
                name: "only A", aaaa: (1, .noData), a: (2, .found("10.0.0.1")),
                fates: ["10.0.0.1": .connects(after: 1)],
                trace: "2 start 10.0.0.1, 3 won by 10.0.0.1"),
            RaceScenario(
                name: "only AAAA", aaaa: (2, .found("::1")), a: (1, .noData), fates: ["::1": .connects(after: 1)],
                trace: "2 start ::1, 3 won by ::1"),
            RaceScenario(
                name: "only AAAA, and A is never answered", aaaa: (2, .found("::1")),
                fates: ["::1": .connects(after: 1)],
                trace: "2 start ::1, 3 won by ::1"),
        ])
    func answers(scenario: RaceScenario) { check(scenario) }

    @Test(
        "addresses are tried one after the other",
        arguments: [
            RaceScenario(
                name: "1 address", literals: "::1", fates: ["::1": .fails(ECONNREFUSED, after: 5)],
                trace: "0 start ::1, 5 lost: allAttemptsFailed"),
            RaceScenario(
                name: "first refused starts the second at once", literals: "::1 10.0.0.1",
                fates: ["::1": .fails(ECONNREFUSED, after: 30), "10.0.0.1": .connects(after: 5)],
                trace: "0 timer 250, 0 start ::1, 30 timer off, 30 start 10.0.0.1, 35 won by 10.0.0.1"),
            RaceScenario(
                name: "but not within 10 ms of its start", literals: "::1 10.0.0.1 10.0.0.2",
                fates: ["::1": .fails(ECONNREFUSED, after: 3), "10.0.0.2": .connects(after: 1)],
                trace: "0 timer 250, 0 start ::1, 3 timer 10, 10 timer 260, 10 start 10.0.0.1, 260 start 10.0.0.2, "
                    + "261 abandon 10.0.0.1, 261 won by 10.0.0.2"),
            RaceScenario(
                name: "an earlier attempt's failure starts the next, too", literals: "::1 10.0.0.1 10.0.0.2",
                fates: ["::1": .fails(ECONNRESET, after: 255), "10.0.0.2": .connects(after: 1)],
                trace:
                    "0 timer 250, 0 start ::1, 250 timer 500, 250 start 10.0.0.1, 255 timer 260, 260 start 10.0.0.2, "
                    + "261 abandon 10.0.0.1, 261 won by 10.0.0.2"),
            RaceScenario(
                name: "second wins and the first is closed", literals: "::1 10.0.0.1",
                fates: ["10.0.0.1": .connects(after: 5)],
                trace: "0 timer 250, 0 start ::1, 250 start 10.0.0.1, 255 abandon ::1, 255 won by 10.0.0.1"),
            RaceScenario(
                name: "first wins and the second is closed", literals: "::1 10.0.0.1",
                fates: ["::1": .connects(after: 255)],
                trace: "0 timer 250, 0 start ::1, 250 start 10.0.0.1, 255 abandon 10.0.0.1, 255 won by ::1"),
            RaceScenario(
                name: "families alternate", literals: "10.0.0.1 ::1 ::2 ::3", fates: ["::3": .connects(after: 1)],
                trace: "0 timer 250, 0 start ::1, 250 timer 500, 250 start 10.0.0.1, 500 timer 750, 500 start ::2, "
                    + "750 start ::3, 751 abandon ::1, 751 abandon 10.0.0.1, 751 abandon ::2, 751 won by ::3"),
            RaceScenario(
                name: "duplicates are tried once", aaaa: (0, .found("::1 ::1")), a: (0, .found("10.0.0.1 10.0.0.1")),
                fates: ["::1": .fails(ECONNREFUSED, after: 20), "10.0.0.1": .fails(ECONNREFUSED, after: 20)],
                trace: "0 start ::1, 0 timer 250, 20 timer off, 20 start 10.0.0.1, 40 lost: allAttemptsFailed"),
            RaceScenario(
                name: "all refused", literals: "::1 10.0.0.1",
                fates: ["::1": .fails(ECONNREFUSED, after: 1), "10.0.0.1": .fails(ENETUNREACH, after: 1)],
                trace: "0 timer 250, 0 start ::1, 1 timer 10, 10 start 10.0.0.1, 11 lost: allAttemptsFailed"),
            RaceScenario(
                name: "attempt fails inside the call that starts it", literals: "::1 10.0.0.1",
                fates: ["::1": .failsInside(ENETUNREACH), "10.0.0.1": .connects(after: 1)],
                trace: "0 timer 250, 0 start ::1, 0 timer 10, 10 start 10.0.0.1, 11 won by 10.0.0.1"),
            RaceScenario(
                name: "the last attempt fails inside the call that starts it", literals: "::1",
                fates: ["::1": .failsInside(ENETUNREACH)],
                trace: "0 start ::1, 0 lost: allAttemptsFailed"),
            RaceScenario(
                name: "attempt connects inside the call that starts it", literals: "::1 10.0.0.1",
                fates: ["::1": .connectsInside],
                trace: "0 timer 250, 0 start ::1, 0 timer off, 0 won by ::1"),
            RaceScenario(
                name: "a winner and a failure in the same turn", literals: "::1 10.0.0.1 10.0.0.2",
                fates: ["::1": .connects(after: 300), "10.0.0.1": .fails(ECONNREFUSED, after: 50)],
                trace: "0 timer 250, 0 start ::1, 250 timer 500, 250 start 10.0.0.1, "
                    + "300 timer off, 300 abandon 10.0.0.1, 300 won by ::1"),
            RaceScenario(
                name: "a failure and a winner in the same turn", literals: "::1 10.0.0.1 10.0.0.2",
                fates: ["::1": .fails(ECONNRESET, after: 300), "10.0.0.1": .connects(after: 50)],
                trace: "0 timer 250, 0 start ::1, 250 timer 500, 250 start 10.0.0.1, "
                    + "300 timer off, 300 start 10.0.0.2, 300 abandon 10.0.0.2, 300 won by 10.0.0.1"),
            RaceScenario(
                name: "two winners in the same turn", literals: "::1 10.0.0.1",
                fates: ["::1": .connects(after: 300), "10.0.0.1": .connects(after: 50)], isSloppy: true,
                trace: "0 timer 250, 0 start ::1, 250 start 10.0.0.1, 300 abandon 10.0.0.1, 300 won by ::1"),
        ])
    func attempts(scenario: RaceScenario) { check(scenario) }

    @Test(
        "late answers join the race, or come too late",
        arguments: [
            RaceScenario(
                name: "late AAAA joins an ongoing race",
                aaaa: (100, .found("::1 ::2")), a: (0, .found("10.0.0.1 10.0.0.2 10.0.0.3")),
                fates: ["10.0.0.3": .connects(after: 5)],
                trace: "0 timer 50, 50 timer 300, 50 start 10.0.0.1, 300 timer 550, 300 start ::1, "
                    + "550 timer 800, 550 start 10.0.0.2, 800 timer 1050, 800 start ::2, 1050 start 10.0.0.3, "
                    + "1055 abandon 10.0.0.1, 1055 abandon ::1, 1055 abandon 10.0.0.2, 1055 abandon ::2, "
                    + "1055 won by 10.0.0.3"),
            RaceScenario(
                name: "late A joins when the attempt delay is over",
                aaaa: (0, .found("::1")), a: (400, .found("10.0.0.1")), fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 start ::1, 400 start 10.0.0.1, 401 abandon ::1, 401 won by 10.0.0.1"),
            RaceScenario(
                name: "late A is tried at once when all have failed", aaaa: (0, .found("::1")),
                a: (100, .found("10.0.0.1")),
                fates: ["::1": .fails(ECONNREFUSED, after: 20), "10.0.0.1": .connects(after: 1)],
                trace: "0 start ::1, 100 start 10.0.0.1, 101 won by 10.0.0.1"),
            RaceScenario(
                name: "even then not within 10 ms", aaaa: (0, .found("::1")), a: (8, .found("10.0.0.1")),
                fates: ["::1": .fails(ECONNREFUSED, after: 5), "10.0.0.1": .connects(after: 1)],
                trace: "0 start ::1, 8 timer 10, 10 start 10.0.0.1, 11 won by 10.0.0.1"),
            RaceScenario(
                name: "late A without an address ends a race in which all have failed",
                aaaa: (0, .found("::1")), a: (100, .error(1)), fates: ["::1": .fails(ECONNREFUSED, after: 20)],
                trace: "0 start ::1, 100 lost: allAttemptsFailed"),
            RaceScenario(
                name: "late A without an address leaves an attempt alone",
                aaaa: (0, .found("::1")), a: (100, .noData), fates: ["::1": .connects(after: 400)],
                trace: "0 start ::1, 400 won by ::1"),
            RaceScenario(
                name: "late answer after success is ignored", aaaa: (0, .found("::1")), a: (20, .found("10.0.0.1")),
                fates: ["::1": .connects(after: 10)],
                trace: "0 start ::1, 10 won by ::1"),
            RaceScenario(
                name: "late answer after the timeout is ignored", aaaa: (20, .found("::1")), events: [(10, .timedOut)],
                trace: "10 lost: timedOut"),
            RaceScenario(
                name: "the delay timer and an answer in the same turn",
                aaaa: (0, .found("::1 ::2")), a: (250, .found("10.0.0.1")), fates: ["10.0.0.1": .connects(after: 1)],
                trace: "0 timer 250, 0 start ::1, 250 start ::2, 250 timer 500, 500 start 10.0.0.1, "
                    + "501 abandon ::1, 501 abandon ::2, 501 won by 10.0.0.1"),
            RaceScenario(
                name: "an answer and the delay timer in the same turn",
                aaaa: (0, .found("::1 ::2")), a: (250, .found("10.0.0.1")), fates: ["10.0.0.1": .connects(after: 1)],
                turn: .namesFirst,
                trace: "0 timer 250, 0 start ::1, 250 timer 500, 250 start 10.0.0.1, "
                    + "251 timer off, 251 abandon ::1, 251 won by 10.0.0.1"),
            RaceScenario(
                name: "a timer that was set anew fires all the same",
                aaaa: (20, .found("::1")), a: (0, .found("10.0.0.1")), fates: ["10.0.0.1": .connects(after: 1)],
                isSloppy: true,
                trace: "0 timer 50, 20 timer 270, 20 start ::1, 50 timer 270, 270 start 10.0.0.1, "
                    + "271 abandon ::1, 271 won by 10.0.0.1"),
        ])
    func lateAnswers(scenario: RaceScenario) { check(scenario) }

    @Test(
        "the timeout and a cancellation end every state",
        arguments: [
            (Race.Event.timedOut, "timedOut"), (.cancelled, "cancelled"),
        ])
    func ends(event: Race.Event, reason: String) {
        check(RaceScenario(name: "during resolution", events: [(100, event)], trace: "100 lost: \(reason)"))
        check(
            RaceScenario(
                name: "when all lookups but one have failed", aaaa: (1, .error(1)), events: [(100, event)],
                trace: "100 lost: \(reason)"))
        check(
            RaceScenario(
                name: "during the resolution delay", a: (90, .found("10.0.0.1")), events: [(100, event)],
                trace: "90 timer 140, 100 timer off, 100 lost: \(reason)"))
        check(
            RaceScenario(
                name: "during the race", literals: "::1 10.0.0.1", events: [(100, event)],
                trace: "0 timer 250, 0 start ::1, 100 timer off, 100 abandon ::1, 100 lost: \(reason)"))
        check(
            RaceScenario(
                name: "before a failure's 10 ms are over", literals: "::1 10.0.0.1",
                fates: ["::1": .failsInside(EPERM)],
                events: [(5, event)],
                trace: "0 timer 250, 0 start ::1, 0 timer 10, 5 timer off, 5 lost: \(reason)"))
        check(
            RaceScenario(
                name: "with two attempts", literals: "::1 10.0.0.1", events: [(300, event)],
                trace: "0 timer 250, 0 start ::1, 250 start 10.0.0.1, "
                    + "300 abandon ::1, 300 abandon 10.0.0.1, 300 lost: \(reason)"))
        check(
            RaceScenario(
                name: "when all have failed and a lookup goes on", aaaa: (0, .found("::1")),
                fates: ["::1": .fails(ECONNREFUSED, after: 20)], events: [(100, event)],
                trace: "0 start ::1, 100 lost: \(reason)"))
        check(
            RaceScenario(
                name: "in the turn of the winner, after it", literals: "::1", fates: ["::1": .connects(after: 100)],
                events: [(100, event)], trace: "0 start ::1, 100 won by ::1"))
        check(
            RaceScenario(
                name: "after the end", literals: "::1", fates: ["::1": .connects(after: 100)], events: [(200, event)],
                trace: "0 start ::1, 100 won by ::1"))
    }

    @Test("a race that is cancelled before its start never starts")
    func cancelledBeforeStart() {
        var race = Race(port: 80) { $0 }
        let now = ReactorInstant(nanoseconds: 1)
        guard case .fail(let failure)? = race.handle(.cancelled, at: now).first else {
            Issue.record("no failure")
            return
        }
        #expect(failure.reason == .cancelled)
        #expect(failure.unanswered == [.ipv6, .ipv4])
        #expect(race.handle(.start, at: now).isEmpty)
    }

    @Test(
        "the families are those that were wanted",
        arguments: [
            RaceScenario(
                name: "IPv4 only doesn't wait", families: [.ipv4], aaaa: (0, .found("::1")), a: (5, .found("10.0.0.1")),
                fates: ["10.0.0.1": .connects(after: 1)], trace: "5 start 10.0.0.1, 6 won by 10.0.0.1"),
            RaceScenario(
                name: "IPv6 only ends with its answer", families: [.ipv6], aaaa: (5, .noData),
                a: (0, .found("10.0.0.1")),
                trace: "5 lost: noAddress"),
            RaceScenario(
                name: "IPv4 first makes AAAA wait", families: [.ipv4, .ipv6], aaaa: (0, .found("::1")), a: (9, .noData),
                fates: ["::1": .connects(after: 1)],
                trace: "0 timer 50, 9 timer off, 9 start ::1, 10 won by ::1"),
            RaceScenario(
                name: "a literal of the other family is no address", families: [.ipv6], literals: "10.0.0.1",
                trace: "0 lost: noAddress"),
            RaceScenario(
                name: "literals of both, one wanted", families: [.ipv4], literals: "::1 10.0.0.1",
                fates: ["10.0.0.1": .connects(after: 1)], trace: "0 start 10.0.0.1, 1 won by 10.0.0.1"),
        ])
    func families(scenario: RaceScenario) { check(scenario) }

    @Test("20 addresses are tried a quarter of a second apart, or 10 ms when they fail at once")
    func twentyAddresses() {
        let literals = (1...20).map { "10.0.0.\($0)" }
        var scenario = RaceScenario(name: "", literals: literals.joined(separator: " "))
        scenario.fates["10.0.0.20"] = .connects(after: 7)
        var simulator = scenario.simulated()
        #expect(simulator.starts.map(\.at) == (0..<20).map { $0 * 250 })
        #expect(simulator.abandoned == Set(0..<19))
        #expect(simulator.trace.last == "4757 won by 10.0.0.20")

        for literal in literals { scenario.fates[literal] = .failsInside(ENETUNREACH) }
        simulator = scenario.simulated()
        #expect(simulator.starts.map(\.at) == (0..<20).map { $0 * 10 })
        #expect(simulator.trace.last == "190 lost: allAttemptsFailed")
    }

    @Test("a failure keeps every error, in order")
    func failure() throws {
        let scenario = RaceScenario(
            name: "", aaaa: (60, .error(7)), a: (0, .found("10.0.0.1 10.0.0.2 10.0.0.3")),
            fates: ["10.0.0.1": .fails(ECONNREFUSED, after: 20), "10.0.0.2": .failsInside(EMFILE)],
            events: [(700, .timedOut)])
        let failure = try #require(scenario.simulated().failure)
        #expect(failure.reason == .timedOut)
        #expect(failure.unanswered.isEmpty)
        #expect(failure.lookups.map(\.family) == [.ipv6])
        #expect(failure.lookups.first?.error as? RaceScenario.LookupError == .init(code: 7))
        #expect(failure.attempts.map(\.address.description) == ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"])
        #expect(failure.attempts.map(\.outcome) == [.refused, .denied, .timeout])
        #expect(failure.attempts.map(\.errno) == [ECONNREFUSED, EMFILE, nil])
        let origin = try #require(failure.attempts.first).start
        #expect(failure.attempts.map { $0.start - origin } == [.zero, .milliseconds(20), .milliseconds(30)])
        #expect(
            failure.attempts.compactMap(\.end).map { $0 - origin } == [
                .milliseconds(20), .milliseconds(20), .milliseconds(650),
            ])
    }

    @Test("a winner's record says what became of the others")
    func record() {
        let scenario = RaceScenario(
            name: "", literals: "::1 10.0.0.1 10.0.0.2",
            fates: ["::1": .fails(EHOSTUNREACH, after: 20), "10.0.0.2": .connects(after: 1)])
        #expect(scenario.simulated().race.attempts.map(\.outcome) == [.unreachable, .cancelled, .connected])
    }

    private func check(_ scenario: RaceScenario) {
        let simulator = scenario.simulated()
        #expect(simulator.trace.joined(separator: ", ") == scenario.trace, "\(scenario.name)")
    }
}
