import Testing

@testable import BowlineDeferred

@Suite("Lifetimes")
struct LifetimeTests {
    let counter = Tracked.Counter()

    // D19
    @Test("a chain of 100,000 links fires without using up the stack")
    func longChain() throws {
        let deferred = Deferred<Int>()
        var end = deferred
        for _ in 0..<100_000 { end = end.addCallback { $0 + 1 } }
        deferred.callback(0)
        #expect(try end.result?.get() == 100_000)
    }

    // D19
    @Test("a failure passes 100,000 links without using up the stack")
    func longFailure() {
        let deferred = Deferred<Int>()
        var end = deferred
        for _ in 0..<100_000 { end = end.onSuccess { _ in } }
        deferred.errback(Trouble(1))
        #expect(end.error as? Trouble == Trouble(1))
        end.addErrback { _ in 0 }
    }

    // D19
    @Test("a chain of 100,000 links is cancelled from its end without using up the stack")
    func longCancel() {
        let deferred = Deferred<Int>()
        var end = deferred
        for _ in 0..<100_000 { end = end.addCallback { $0 } }
        end.cancel()
        #expect(end.isCancelled && deferred.isCancelled)
    }

    // D19, D55
    @Test("a chain of 100,000 links that never fires is freed without using up the stack", arguments: [true, false])
    func longRelease(endIsHeld: Bool) {
        var deferred: Deferred<Tracked>? = Deferred()
        var end = deferred
        for _ in 0..<100_000 {
            let tracked = Tracked(counter)
            end = end?.addCallback { value in
                tracked.touch()
                return value
            }
        }
        if !endIsHeld { end = nil }
        #expect(counter.alive == 100_000)
        withExtendedLifetime(deferred) {}
        deferred = nil
        #expect(counter.alive == (endIsHeld ? 1 : 0))
        end = nil
        #expect(counter.alive == 0)
    }

    // D19
    @Test("100,000 branches of one Deferred fire, and are freed, without using up the stack", arguments: [true, false])
    func manyBranches(fires: Bool) {
        var deferred: Deferred<Int>? = Deferred()
        var sum = 0
        for _ in 0..<100_000 { deferred?.addCallback { sum += $0 } }
        if fires { deferred?.callback(1) }
        withExtendedLifetime(deferred) {}
        deferred = nil
        #expect(sum == (fires ? 100_000 : 0))
    }

    // D11, D19
    @Test("100,000 Deferreds that wait for one another fire without using up the stack")
    func deepWait() throws {
        let source = Deferred<Int>()
        var inner = source
        for _ in 0..<100_000 {
            let next = inner
            inner = Deferred.succeeded(0).addCallback { _ in next }
        }
        #expect(!inner.isFired)
        source.callback(1)
        #expect(try inner.result?.get() == 1)
    }

    // D30, D19
    @Test("100,000 Deferreds that wait for one another are cancelled without using up the stack")
    func deepCancel() {
        var cancelled = 0
        let source = Deferred<Int>(canceller: { cancelled += 1 })
        var inner = source
        for _ in 0..<100_000 {
            let next = inner
            inner = Deferred.succeeded(0).addCallback { _ in next }
        }
        inner.cancel()
        #expect(cancelled == 1)
        #expect(inner.isCancelled)
        withExtendedLifetime(source) {}
    }

    // D31
    @Test(
        "a canceller that holds its Deferred is freed when that fires, or has been cancelled",
        arguments: ["callback", "errback", "cancel"])
    func cancellerIsFreed(way: String) {
        do {
            let tracked = Tracked(counter)
            var deferred: Deferred<Int>?
            let made = Deferred<Int>(canceller: {
                tracked.touch()
                _ = deferred
            })
            deferred = made
            switch way {
            case "callback": made.callback(1)
            case "errback": made.errback(Trouble())
            default: made.cancel()
            }
            made.addErrback { _ in 0 }
            deferred = nil
        }
        #expect(counter.alive == 0)
    }

    // D55
    @Test("a function is freed as soon as it has run, and so is one that will not run")
    func functionIsFreed() {
        let deferred = Deferred<Int>()
        let link = {
            let tracked = Tracked(counter)
            return deferred.addCallback { value in
                tracked.touch()
                return value
            }
        }()
        let unused = {
            let tracked = Tracked(counter)
            return deferred.addErrback { _ in
                tracked.touch()
                return 0
            }
        }()
        #expect(counter.alive == 2)
        deferred.callback(1)
        #expect(counter.alive == 0)
        withExtendedLifetime((link, unused)) {}
    }

    // D55
    @Test("a producer that lets go frees the chain, its functions and what waits for returned Deferreds")
    func droppedProducer() {
        do {
            let inner = Deferred<Int>(canceller: { [tracked = Tracked(counter)] in tracked.touch() })
            let outer = Deferred.succeeded(0).addCallback { _ in inner }
            outer.addCallback { [tracked = Tracked(counter)] value in
                tracked.touch()
                return value
            }.addCallback { [tracked = Tracked(counter)] (_: Int) in tracked.touch() }
            #expect(counter.alive == 3)
            withExtendedLifetime((inner, outer)) {}
        }
        #expect(counter.alive == 0)
    }

    // D55
    @Test("a value lives as long as its Deferred, and one that only a chain holds is freed on the way")
    func valueIsFreed() {
        let deferred = Deferred<Int>()
        var alive: [Int] = []
        let end = deferred.addCallback { [counter] _ in Tracked(counter) }
            .addCallback { _ in "a value that takes its place, and is longer than a small string" }
            .addCallback { [counter] text in
                alive.append(counter.alive)
                return text
            }
        deferred.callback(1)
        #expect(alive == [0])
        #expect(counter.alive == 0)
        withExtendedLifetime(end) {}
        var held: Deferred<Tracked>? = .succeeded(Tracked(counter))
        #expect(counter.alive == 1)
        held = nil
        #expect(counter.alive == 0)
        _ = held
    }

    @Test("values too large to be kept in place are freed as well")
    func largeValueIsFreed() {
        do {
            let deferred = Deferred<(Tracked, Tracked, Tracked, Tracked)>()
            let end = deferred.addCallback { $0.3 }
            deferred.callback((Tracked(counter), Tracked(counter), Tracked(counter), Tracked(counter)))
            #expect(counter.alive == 4)
            #expect(end.isFired)
        }
        #expect(counter.alive == 0)
    }

    @Test("what is released while a dropped chain is freed may cancel what is left of it")
    func cancelWhileFreeing() throws {
        final class OnRelease {
            let action: () -> Void
            init(_ action: @escaping () -> Void) { self.action = action }
            deinit { action() }
        }
        var end: Deferred<Int>?
        var deferred: Deferred<Int>? = Deferred()
        do {
            let onRelease = OnRelease { end?.cancel() }
            end = deferred?.addCallback { value in
                withExtendedLifetime(onRelease) {}
                return value
            }.addCallback { $0 }.addErrback { _ in -1 }
        }
        withExtendedLifetime(deferred) {}
        deferred = nil
        #expect(try end?.result?.get() == -1)
        end = nil
    }
}
