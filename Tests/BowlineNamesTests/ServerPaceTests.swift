// The values that a server learns with: its round trip, its window, its health. No clock and no socket.

import Bowline
import Testing

@testable import BowlineNames

private func at(_ milliseconds: Int64) -> ReactorInstant { ReactorInstant(nanoseconds: milliseconds * 1_000_000) }
private let millisecond: Int64 = 1_000_000

@Suite("The pace of a server")
struct ServerPaceTests {
    // MARK: round trips

    @Test("before the first answer a question is sent again after 250 ms")
    func unmeasured() {
        #expect(RoundTripEstimator().resendTime == 250 * millisecond)
    }

    @Test(
        "a question is sent again after the smoothed round trip and four variations, between 50 ms and 1 s",
        arguments: [
            ([10], 50), ([40], 120), ([40, 40], 100), ([40, 40, 40], 85), ([2_000], 1_000), ([0, 0, 0], 50),
        ] as [([Int64], Int64)])
    func resendTime(samples: [Int64], expected: Int64) {
        var estimator = RoundTripEstimator()
        for sample in samples { estimator.add(sample * millisecond) }
        #expect(estimator.resendTime / millisecond == expected)
    }

    // MARK: the window

    /// Feeds a window rounds of answers.
    private func run(
        _ window: inout PacedWindow, rounds: Int, every step: Int64, roundTrip: Int64, lost: Int = 0,
        isFull: Bool = true,
        from start: Int64 = 0, turn: Int64 = 0
    ) {
        var now = start
        for _ in 0..<rounds {
            now += turn
            let size = window.size
            for index in 0..<size {
                now += step
                if index < lost {
                    window.noteLoss(at: ReactorInstant(nanoseconds: now), isFull: isFull)
                } else {
                    window.noteAnswer(roundTrip: roundTrip, at: ReactorInstant(nanoseconds: now), isFull: isFull)
                }
            }
        }
    }

    @Test("it doubles as long as twice as many at once are answered in the same time, up to what a socket holds")
    func growth() {
        var window = PacedWindow()
        var now: Int64 = 0
        for expected in [128, 256, 512, 1_024, 1_024] {
            run(
                &window, rounds: 1, every: 20 * millisecond / Int64(window.size), roundTrip: 20 * millisecond,
                from: now)
            now += 20 * millisecond
            #expect(window.size == expected)
        }
    }

    @Test("it stops doubling at a server's limit, even if the first of a burst is always answered at once")
    func limit() {
        var window = PacedWindow()
        // Answers to a burst come one every 5 µs, the first after 50 µs.
        var now: Int64 = 0
        for _ in 0..<4 {
            let size = window.size
            for index in 0..<size {
                now += index == 0 ? 50_000 : 5_000
                let roundTrip = 50_000 + Int64(index) * 5_000
                window.noteAnswer(roundTrip: roundTrip, at: ReactorInstant(nanoseconds: now), isFull: true)
            }
        }
        #expect(window.size < 256)
    }

    @Test("a server nearby gets no more than a buffer takes, though each larger burst brings more answers a second")
    func nearby() {
        var window = PacedWindow()
        // Whatever the size of a burst, all of it has been answered at the end of a turn that lasts a millisecond.
        run(&window, rounds: 20, every: 0, roundTrip: millisecond, turn: millisecond)
        #expect(window.size == PacedWindow.silentSize)
    }

    @Test("one that isn't used doesn't grow")
    func idle() {
        var window = PacedWindow()
        run(&window, rounds: 10, every: 1_000, roundTrip: 20 * millisecond, isFull: false)
        #expect(window.size == 64)
    }

    @Test("it stops growing when as many wait in queues as would fill a buffer half, and gives way beyond")
    func queueing() {
        var window = PacedWindow()
        // Alone, 50 µs; then 5 µs for each that stands before it: as many queue as are in flight.
        window.noteAnswer(roundTrip: 50_000, at: at(0), isFull: true)
        var now: Int64 = 0
        var sizes: [Int] = []
        for _ in 0..<60 {
            let size = window.size
            for _ in 0..<size {
                now += 5_000
                window.noteAnswer(
                    roundTrip: 50_000 + Int64(size) * 5_000, at: ReactorInstant(nanoseconds: now), isFull: true)
            }
            sizes.append(window.size)
        }
        #expect(sizes.suffix(20).allSatisfy { (64...200).contains($0) }, "\(sizes)")
    }

    @Test("a burst that gets lost halves it, once a round, and never below what any buffer takes")
    func loss() {
        var window = PacedWindow()
        run(&window, rounds: 1, every: 1_000, roundTrip: millisecond)
        run(&window, rounds: 1, every: 1_000, roundTrip: millisecond, lost: 40)
        #expect(window.size == 64)
        run(&window, rounds: 8, every: 1_000, roundTrip: millisecond, lost: 30)
        #expect(window.size == PacedWindow.smallestSize)
    }

    @Test("one loss in a hundred is the network's noise")
    func noise() {
        var window = PacedWindow()
        run(&window, rounds: 1, every: 1_000, roundTrip: millisecond, lost: 1)
        #expect(window.size == 128)
    }

    // MARK: health

    @Test("a server that is gone is left in peace for a second, then two, then four, and never more than a minute")
    func pauses() {
        var health = ServerHealth()
        health.noteFailure(isGone: true, at: at(0))
        var pauses: [Duration] = []
        var now = at(0)
        for _ in 0..<9 {
            guard let retry = health.retryTime else { break }
            pauses.append(retry - now)
            now = retry
            let probes = [health.takeProbe(at: now), health.takeProbe(at: now)]
            #expect(probes == [true, false])
            health.noteFailure(isGone: true, at: now)
        }
        #expect(pauses.map { Int($0 / .seconds(1)) } == [1, 2, 4, 8, 16, 32, 60, 60, 60])
    }

    @Test("three questions in a row that come to nothing make a server a failing one, and one answer makes it well")
    func tolerance() {
        var health = ServerHealth()
        health.noteFailure(isGone: false, at: at(0))
        health.noteFailure(isGone: false, at: at(0))
        health.noteAnswer()
        health.noteFailure(isGone: false, at: at(0))
        health.noteFailure(isGone: false, at: at(0))
        #expect(!health.isFailing)
        health.noteFailure(isGone: false, at: at(0))
        #expect(health.isFailing)
        health.noteAnswer()
        #expect(!health.isFailing)
    }
}
