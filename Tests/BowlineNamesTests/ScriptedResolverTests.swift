// The scripted resolver keeps the promises of a resolver.

import Bowline
import BowlineTesting
import Testing

@Suite("A scripted resolver")
struct ScriptedResolverTests {
    let clock = ManualClock()

    @Test("gives a table's addresses inside the call that asks")
    func table() throws {
        let resolver = ScriptedResolver(clock: clock, ["h.test": [.v4(.loopback), .v6(.loopback)]])
        let answer = try #require(resolver.lookup("H.test.").result).get()
        #expect(answer.addresses == [.v6(.loopback), .v4(.loopback)])
        #expect(resolver.lookups.map(\.ending) == [.answered])
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("answers each type when its time has come, and fires after the last")
    func delays() throws {
        let resolver = ScriptedResolver(clock: clock)
        resolver.plan("h.test", .aaaa, .addresses([.v6(.loopback)], after: .milliseconds(50)))
        resolver.plan("h.test", .a, .addresses([.v4(.loopback)], after: .milliseconds(20)))
        var types: [RecordType] = []
        let deferred = resolver.resolve(LookupRequest("h.test")) { types.append($0.type) }
        clock.advance(by: .milliseconds(49))
        #expect(types == [.a])
        #expect(!deferred.isFired)
        clock.advance(by: .milliseconds(1))
        #expect(types == [.a, .aaaa])
        #expect(try #require(deferred.result).get().elapsed == .milliseconds(50))
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("a lookup that is never answered ends with its timeout")
    func timeout() throws {
        let resolver = ScriptedResolver(clock: clock)
        resolver.plan("h.test", .never)
        let deferred = resolver.lookup("h.test", timeout: .seconds(3))
        clock.advance(by: .seconds(3))
        #expect(failure(deferred)?.kind == .timeout)
        #expect(resolver.pendingCount == 0)
    }

    @Test("outcomes are used in order, one for each lookup, and the last again and again")
    func order() {
        let resolver = ScriptedResolver(clock: clock)
        resolver.plan("h.test", .fails(.servfail), .addresses([.v4(.loopback)]))
        #expect(failure(resolver.lookup("h.test"))?.kind == .servfail)
        for _ in 0..<2 { #expect((try? resolver.lookup("h.test").result?.get()) != nil) }
        #expect(failure(resolver.lookup("other.test"))?.kind == .nxdomain)
    }

    @Test("records who gave up, and says nothing after that")
    func cancellation() {
        let resolver = ScriptedResolver(clock: clock)
        resolver.plan("h.test", .addresses([.v4(.loopback)], after: .seconds(1)))
        var answers = 0
        let deferred = resolver.resolve(LookupRequest("h.test")) { _ in answers += 1 }
        deferred.cancel()
        clock.advance(by: .seconds(20))
        #expect(answers == 0)
        #expect(anyFailure(deferred) is CancelledError)
        #expect(resolver.lookups.map(\.ending) == [.cancelled])
    }

    @Test("a reactor that stops ends every lookup")
    func stop() {
        let resolver = ScriptedResolver(clock: clock)
        resolver.plan("h.test", .never)
        let deferred = resolver.lookup("h.test")
        resolver.reactorStopped()
        #expect(anyFailure(deferred) is ReactorStopped)
        #expect(clock.delayedCalls.isEmpty)
    }
}

/// The lookup error that a Deferred has failed with.
func failure<Value>(_ deferred: Deferred<Value>) -> LookupError? {
    anyFailure(deferred) as? LookupError
}

/// The error that a Deferred has failed with; it counts as dealt with.
func anyFailure<Value>(_ deferred: Deferred<Value>) -> (any Error)? {
    guard case .failure(let error) = deferred.result else { return nil }
    deferred.addBoth { _ in }
    return error
}
