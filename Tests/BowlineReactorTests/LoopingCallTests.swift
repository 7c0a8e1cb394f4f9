// LoopingCall in virtual time.

import BowlineDeferred
import BowlineReactor
import Testing

@Suite("LoopingCall")
struct LoopingCallTests {
    private struct Broken: Error {}

    @Test("it calls at once and then at each interval, until it is stopped")
    func interval() {
        let clock = HandClock()
        var times: [Duration] = []
        let start = clock.now
        let looping = LoopingCall(clock: clock) { times.append(clock.now - start) }
        var ended = false
        looping.start(every: .seconds(2)).addCallback { ended = true }
        #expect(looping.isRunning)
        clock.advance(by: .seconds(5))
        #expect(times == [.zero, .seconds(2), .seconds(4)])
        looping.stop()
        looping.stop()
        #expect(ended && !looping.isRunning && clock.queue.count == 0)
        clock.advance(by: .seconds(5))
        #expect(times.count == 3)
    }

    @Test("it can begin with a pause")
    func later() {
        let clock = HandClock()
        var count = 0
        let looping = LoopingCall(clock: clock) { count += 1 }
        looping.start(every: .seconds(2), now: false)
        #expect(count == 0)
        clock.advance(by: .seconds(2))
        #expect(count == 1)
    }

    @Test("a slow call keeps the grid and leaves out what was missed")
    func grid() {
        let clock = HandClock()
        let start = clock.now
        var times: [Duration] = []
        var works: [Deferred<Void>] = []
        let looping = LoopingCall(
            clock: clock,
            waitingFor: {
                times.append(clock.now - start)
                works.append(Deferred())
                return works[works.count - 1]
            })
        looping.start(every: .seconds(1))
        clock.advance(by: .milliseconds(2_500))
        #expect(times == [.zero], "the first is still at work")
        works[0].callback()
        clock.advance(by: .milliseconds(499))
        #expect(times.count == 1)
        clock.advance(by: .milliseconds(1))
        #expect(times == [.zero, .seconds(3)])
    }

    @Test("a failure, thrown or deferred, ends it and fails its Deferred")
    func failure() {
        let clock = HandClock()
        var count = 0
        var errors: [any Error] = []
        let throwing = LoopingCall(clock: clock) {
            count += 1
            if count == 2 { throw Broken() }
        }
        throwing.start(every: .seconds(1)).addErrback { errors.append($0) }
        clock.advance(by: .seconds(9))
        #expect(count == 2 && !throwing.isRunning && errors.first is Broken)
        let failing = LoopingCall(clock: clock, waitingFor: { Deferred<Void>.failed(Broken()) })
        failing.start(every: .seconds(1)).addErrback { errors.append($0) }
        #expect(errors.count == 2 && clock.queue.count == 0)
    }

    @Test("it can be stopped, and started anew, from within its function")
    func restarted() {
        let clock = HandClock()
        var count = 0
        var looping: LoopingCall?
        looping = LoopingCall(clock: clock) {
            count += 1
            if count == 1 {
                looping?.stop()
                looping?.start(every: .seconds(10), now: false)
            }
        }
        looping?.start(every: .seconds(1))
        clock.advance(by: .seconds(9))
        #expect(count == 1, "only the second loop is left")
        clock.advance(by: .seconds(1))
        #expect(count == 2 && clock.queue.count == 1)
    }

    @Test("it fails with ReactorStopped when its reactor stops")
    func reactorStops() async throws {
        let lines = try await run { reactor, log in
            let looping = LoopingCall(clock: reactor) { log("tick") }
            looping.start(every: .seconds(1000)).addErrback { error in log("\(error)") }
            reactor.callLater(.zero) { reactor.stop() }
        }
        #expect(lines == ["tick", "the reactor stopped"])
    }

    @Test("an interval of zero calls once a turn")
    func everyTurn() async throws {
        let lines = try await run { reactor, log in
            let looping = LoopingCall(clock: reactor) {
                log("turn \(reactor.turnCount)")
                if reactor.turnCount == 3 { reactor.stop() }
            }
            looping.start(every: .zero).addErrback { _ in }
        }
        #expect(lines == (0...3).map { "turn \($0)" })
    }
}
