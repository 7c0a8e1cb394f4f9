// callLater on a real loop: order, and what may be done to a call before and while it runs.

import BowlineReactor
import TestSupport
import Testing

@Suite("Timers of a reactor")
struct ReactorTimerTests {
    @Test(
        "calls run in the order of their deadlines, those of one deadline in the order of asking",
        arguments: bothPollers)
    func order(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.callWhenRunning {
                reactor.callLater(.milliseconds(4)) {
                    log("late")
                    reactor.stop()
                }
                reactor.callLater(.milliseconds(2)) { log("early 1") }
                reactor.callLater(.milliseconds(2)) { log("early 2") }
                reactor.callLater(.seconds(-1)) { log("negative") }
                reactor.callLater(.milliseconds(2)) { log("early 3") }
            }
        }
        #expect(lines == ["negative", "early 1", "early 2", "early 3", "late"])
    }

    @Test("a call is never early", arguments: bothPollers)
    func neverEarly(_ kind: PollerKind) async throws {
        let early = try await onThread {
            let reactor = Reactor(poller: kind)
            var early = 0
            for micro in stride(from: 1, to: 20_000, by: 997) {
                let start = ContinuousClock.now
                reactor.callLater(.microseconds(micro)) {
                    if ContinuousClock.now - start < .microseconds(micro) { early += 1 }
                }
            }
            reactor.callLater(.milliseconds(25)) { reactor.stop() }
            try reactor.run()
            return early
        }
        #expect(early == 0)
    }

    @Test("reset counts from now, delay from the deadline, cancel takes back", arguments: bothPollers)
    func moved(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let reset = reactor.callLater(.seconds(1000)) { log("reset") }
            let delayed = reactor.callLater(.zero) {
                log("delayed")
                reactor.stop()
            }
            let brought = reactor.callLater(.seconds(1000)) { log("brought forward") }
            let cancelled = reactor.callLater(.zero) { log("never") }
            #expect(reset.reset(.milliseconds(2)))
            #expect(delayed.delay(.milliseconds(40)))
            #expect(brought.delay(.seconds(-1000)))
            #expect(cancelled.cancel())
            #expect(!cancelled.isActive && !cancelled.cancel() && !cancelled.reset(.zero) && !cancelled.delay(.zero))
        }
        #expect(lines == ["brought forward", "reset", "delayed"])
    }

    @Test(
        "a call is not active while it runs: cancelling, moving and delaying it then do nothing", arguments: bothPollers
    )
    func insideItself(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            var call: DelayedCall?
            call = reactor.callLater(.zero) {
                log("\(call?.isActive == true) \(call?.cancel() == true) \(call?.reset(.zero) == true)")
                reactor.callLater(.milliseconds(2)) { reactor.stop() }
            }
            #expect(call?.isActive == true)
        }
        #expect(lines == ["false false false"])
    }

    @Test("a call that another of the same turn cancels or moves doesn't run", arguments: bothPollers)
    func cancelledByNeighbour(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            var victim: DelayedCall?
            var moved: DelayedCall?
            reactor.callLater(.zero) {
                log("first")
                victim?.cancel()
                moved?.reset(.zero)
            }
            victim = reactor.callLater(.zero) { log("never") }
            moved = reactor.callLater(.zero) { log("moved, turn \(reactor.turnCount)") }
            reactor.callLater(.zero) {
                log("last, turn \(reactor.turnCount)")
                reactor.callLater(.milliseconds(2)) { reactor.stop() }
            }
        }
        #expect(lines == ["first", "last, turn 1", "moved, turn 2"])
    }

    @Test("a call made in a call waits for the next turn", arguments: bothPollers)
    func nextTurn(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            func again(_ left: Int) {
                log("turn \(reactor.turnCount)")
                if left == 0 { reactor.stop() } else { reactor.callLater(.zero) { again(left - 1) } }
            }
            reactor.callLater(.zero) { again(3) }
        }
        #expect(lines == ["turn 1", "turn 2", "turn 3", "turn 4"])
    }

    @Test("a distant call neither overflows nor runs", arguments: bothPollers)
    func distant(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            for delay: Duration in [.seconds(100 * 365 * 86_400), .seconds(Int64.max)] {
                let call = reactor.callLater(delay) { log("never") }
                #expect(call.isActive && call.deadline > reactor.now)
            }
            let thread = reactor.handle
            reactor.callWhenRunning {
                #expect(reactor.delayedCalls.count == 2)
                Task.detached { thread.stop() }
            }
        }
        #expect(lines == [])
    }

    @Test("a call that is brought forward beyond the beginning of time is due at once", arguments: bothPollers)
    func broughtForward(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let call = reactor.callLater(.zero) {
                log("called")
                reactor.stop()
            }
            call.delay(.seconds(Int64.min))
        }
        #expect(lines == ["called"])
    }

    @Test("a delayed call can stop the reactor, and time stands still within a turn", arguments: bothPollers)
    func stopFromCall(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.callLater(.zero) {
                let now = reactor.now
                for _ in 0..<10_000 where reactor.now != now { log("time passed") }
                reactor.stop()
            }
        }
        #expect(lines == [])
    }

    @Test("a closure that owns what cancels its own call is released once", arguments: bothPollers)
    func cancelInDeinit(_ kind: PollerKind) async throws {
        final class Owner {
            var call: DelayedCall?
            let log: Log
            init(_ log: Log) { self.log = log }
            deinit { log("released, cancelled: \(call?.cancel() == true)") }
        }
        let lines = try await run(kind) { reactor, log in
            for step in ["cancelled", "dropped at stop", "run"] {
                let owner = Owner(log)
                let call = reactor.callLater(step == "run" ? .zero : .seconds(1000)) { _ = owner }
                owner.call = call
                if step == "cancelled" { reactor.callWhenRunning { call.cancel() } }
            }
            reactor.callLater(.milliseconds(1)) { reactor.stop() }
        }
        #expect(lines == Array(repeating: "released, cancelled: false", count: 3))
    }

    @Test("a cancelled or finished call has let go of its closure")
    func released() {
        final class Token {}
        let clock = HandClock()
        weak var cancelled: Token?
        weak var finished: Token?
        var calls: [DelayedCall] = []
        do {
            let (one, two) = (Token(), Token())
            (cancelled, finished) = (one, two)
            calls.append(clock.callLater(.seconds(1)) { _ = one })
            calls.append(clock.callLater(.seconds(1)) { _ = two })
        }
        #expect(cancelled != nil && finished != nil)
        calls[0].cancel()
        #expect(cancelled == nil)
        clock.advance(by: .seconds(1))
        #expect(finished == nil)
    }

    @Test("instants keep their order at the ends of the range")
    func instants() {
        let start = ReactorInstant(nanoseconds: 0)
        #expect(start + .seconds(Int64.max) == .distantFuture)
        #expect(start - .seconds(Int64.max) == ReactorInstant(nanoseconds: .min))
        #expect(ReactorInstant.distantFuture - ReactorInstant(nanoseconds: .min) > .seconds(1 << 33))
        #expect(start + .nanoseconds(1) - start == .nanoseconds(1))
        #expect(start + .seconds(3600) - .milliseconds(1) == ReactorInstant(nanoseconds: 3_599_999_000_000))
        for duration: Duration in [.zero, .seconds(9), .seconds(10), .seconds(-10), .milliseconds(-1)] {
            #expect((start + duration) - start == duration)
        }
    }

    @Test(
        "a duration in a sentence is rounded to what people read",
        arguments: [
            (.zero, "0 ms"), (.microseconds(40), "0 ms"), (.microseconds(1_250), "1.3 ms"), (.milliseconds(9), "9 ms"),
            (.nanoseconds(501_089_223), "501 ms"), (.microseconds(999_600), "1 s"), (.milliseconds(1_540), "1.5 s"),
            (.seconds(60), "60 s"), (.milliseconds(125_700), "126 s"),
        ] as [(Duration, String)])
    func inWords(duration: Duration, text: String) {
        #expect(duration.inWords == text)
    }
}
