// What a Deferred needs of a clock, in virtual time.

import BowlineDeferred
import BowlineReactor
import Testing

@Suite("Timeouts of Deferreds")
struct TimeoutTests {
    private struct Broken: Error, Equatable {}

    @Test("a result in time passes untouched, and the timer goes")
    func inTime() {
        let clock = HandClock()
        var results: [Result<Int, any Error>] = []
        let good = Deferred<Int>()
        good.timeout(.seconds(1), clock: clock).addBoth { results.append($0) }
        let bad = Deferred<Int>()
        bad.timeout(.seconds(1), clock: clock).addBoth { results.append($0) }
        #expect(clock.queue.count == 2)
        good.callback(1)
        bad.errback(Broken())
        #expect(clock.queue.count == 0)
        #expect(throws: Broken.self) { try results[1].get() }
        #expect((try? results[0].get()) == 1)
    }

    @Test("what has fired already sets no timer")
    func fired() {
        let clock = HandClock()
        var value = 0
        Deferred.succeeded(5).timeout(.seconds(1), clock: clock).addCallback { value = $0 }
        #expect(value == 5 && clock.queue.count == 0)
    }

    @Test("too late is TimeoutError, and the operation is cancelled")
    func tooLate() {
        let clock = HandClock()
        var cancels = 0
        var seen: [String] = []
        let operation = Deferred<Int>(canceller: { cancels += 1 })
        operation
            .onFailure { seen.append("before: \($0)") }
            .timeout(.milliseconds(1500), clock: clock)
            .addErrback { error in
                seen.append("after: \(error)")
                return 0
            }
        clock.advance(by: .milliseconds(1499))
        #expect(cancels == 0)
        clock.advance(by: .milliseconds(1))
        #expect(cancels == 1)
        #expect(seen == ["before: the operation was cancelled", "after: timed out after 1.5 s"])
    }

    @Test("an errback before it may suppress the timeout, one after it may translate it")
    func translated() {
        let clock = HandClock()
        var values: [Int] = []
        let (one, two) = (Deferred<Int>(), Deferred<Int>())
        one.addErrback { _ in 1 }.timeout(.seconds(1), clock: clock).addCallback { values.append($0) }
        two.timeout(.seconds(1), clock: clock)
            .addErrback { error in error is TimeoutError ? 2 : 0 }
            .addCallback { values.append($0) }
        clock.advance(by: .seconds(1))
        #expect(values == [1, 2])
    }

    @Test("the canceller's own outcome is kept", arguments: [true, false])
    func cancellerFires(_ succeeds: Bool) {
        let clock = HandClock()
        var result: Result<Int, any Error>?
        let operation = Deferred<Int>(canceller: { (own: Deferred<Int>) in
            if succeeds { own.callback(7) } else { own.errback(Broken()) }
        })
        operation.timeout(.seconds(1), clock: clock).addBoth { result = $0 }
        clock.advance(by: .seconds(1))
        if succeeds {
            #expect((try? result?.get()) == 7)
        } else {
            #expect(throws: Broken.self) { try result?.get() }
        }
    }

    @Test("somebody's own cancel stays a cancellation")
    func cancelledByHand() {
        let clock = HandClock()
        var errors: [any Error] = []
        let operation = Deferred<Int>()
        let timed = operation.timeout(.seconds(1), clock: clock)
        timed.onFailure { errors.append($0) }.addErrback { _ in 0 }
        timed.cancel()
        #expect(clock.queue.count == 0)
        clock.advance(by: .seconds(2))
        #expect(errors.count == 1)
        #expect(errors.first is CancelledError)
    }

    @Test("a timeout leaves the operation to others who wait for it")
    func others() {
        let clock = HandClock()
        var cancels = 0
        var value = 0
        var late: (any Error)?
        let operation = Deferred<Int>(canceller: { cancels += 1 })
        operation.timeout(.seconds(1), clock: clock).addErrback { error in
            late = error
            return 0
        }
        operation.addCallback { value = $0 }
        clock.advance(by: .seconds(1))
        #expect(late is TimeoutError && cancels == 0)
        operation.callback(3)
        #expect(value == 3)
    }

    @Test("deferLater fires with what its function returns or throws, and can be cancelled")
    func deferLater() {
        let clock = HandClock()
        var lines: [String] = []
        clock.deferLater(.seconds(1)) { 5 }.addCallback { lines.append("\($0)") }
        clock.deferLater(.seconds(1)) { throw Broken() }.addErrback { lines.append("\($0)") }
        let cancelled = clock.deferLater(.seconds(1)) { lines.append("never") }
        cancelled.addErrback { lines.append("\($0)") }
        cancelled.cancel()
        #expect(clock.queue.count == 2)
        clock.advance(by: .seconds(1))
        #expect(lines == ["the operation was cancelled", "5", "Broken()"])
    }

    @Test("deferLater fails with ReactorStopped when its reactor stops first")
    func deferLaterStopped() async throws {
        let lines = try await run { reactor, log in
            reactor.deferLater(.zero) {}.addCallback { reactor.stop() }
            reactor.deferLater(.seconds(1000)) {}.addErrback { error in log("\(error)") }
            reactor.deferLater(.seconds(1000)) {}.cancel()
        }
        #expect(lines == ["the reactor stopped"])
    }
}
