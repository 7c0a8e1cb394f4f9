import Testing

@testable import BowlineDeferred

@Suite("Cancelling")
struct CancelTests {
    let log = Log()

    // D23
    @Test("without a canceller the Deferred fails with CancelledError")
    func plain() {
        let deferred = Deferred<Int>()
        deferred.cancel()
        #expect(deferred.isCancelled)
    }

    // D24
    @Test("without a canceller one late firing is ignored", arguments: [true, false])
    func lateFiring(succeeds: Bool) {
        let deferred = Deferred<Int>()
        deferred.cancel()
        if succeeds { deferred.callback(1) } else { deferred.errback(Trouble()) }
        #expect(deferred.isCancelled)
    }

    // D25, D26
    @Test("the canceller is called once, however often one cancels")
    func repeated() {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        deferred.cancel()
        deferred.cancel()
        #expect(log.lines == ["cancelled"])
        #expect(deferred.isCancelled)
    }

    // D26
    @Test("a canceller that takes one is handed the Deferred")
    func handed() {
        var seen: Deferred<Int>?
        let deferred = Deferred<Int>(canceller: { seen = $0 })
        deferred.cancel()
        #expect(seen === deferred)
    }

    @Test("a canceller that cancels again does no harm")
    func reentrant() {
        let deferred = Deferred<Int>(canceller: { $0.cancel() })
        deferred.cancel()
        #expect(deferred.isCancelled)
    }

    // D27, D47
    @Test("what the canceller fires itself is the result")
    func cancellerFires() throws {
        let good = Deferred<Int>(canceller: { $0.callback(3) })
        let bad = Deferred<Int>(canceller: { $0.errback(Trouble(3)) })
        let end = good.addCallback { $0 + 1 }
        good.cancel()
        bad.cancel()
        #expect(try end.result?.get() == 4)
        #expect(bad.error as? Trouble == Trouble(3))
        bad.addErrback { _ in 0 }
    }

    // D29
    @Test("cancelling what has fired has no effect")
    func afterFiring() throws {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let link = deferred.addCallback { $0 + 1 }
        deferred.callback(1)
        deferred.cancel()
        link.cancel()
        #expect(log.lines == [])
        #expect(try link.result?.get() == 2)
    }

    // D49
    @Test("errbacks see the CancelledError, and may put a value in its place")
    func recovery() throws {
        let deferred = Deferred<Int>()
        let end = deferred.addErrback { error in error is CancelledError ? 7 : 0 }
        end.cancel()
        #expect(try end.result?.get() == 7)
        #expect(deferred.isCancelled)
    }

    @Test("cancelling the end of a chain cancels its source")
    func fromTheEnd() throws {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let end = deferred.addCallback { $0 }.onSuccess { _ in }.addBoth { try $0.get() }.onFailure { log("\($0)") }
        end.cancel()
        #expect(log.lines == ["cancelled", "the operation was cancelled"])
        #expect(end.isCancelled)
        withExtendedLifetime(deferred) {}
    }

    // D30
    @Test("cancelling a chain that waits for a returned Deferred cancels that one")
    func forwarded() {
        let inner = Deferred<Int>(canceller: { log("inner cancelled") })
        let outer = Deferred<Int>(canceller: { log("outer cancelled") })
        let end = outer.addCallback { _ in inner }.addCallback { $0 }
        outer.callback(1)
        end.cancel()
        #expect(log.lines == ["inner cancelled"])
        #expect(end.isCancelled && inner.isCancelled)
        withExtendedLifetime(outer) {}
    }

    @Test("a link leaves alone what others wait for")
    func leaving() throws {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let links = (0..<3).map { _ in deferred.addCallback { $0 } }
        links[1].cancel()
        #expect(links[1].isCancelled)
        #expect(!deferred.isFired)
        deferred.callback(1)
        #expect(try links[0].result?.get() == 1)
        #expect(try links[2].result?.get() == 1)
        #expect(log.lines == [])
    }

    @Test("the last one who leaves cancels the operation", arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]])
    func lastOne(order: [Int]) {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let links = (0..<3).map { _ in deferred.addCallback { $0 } }
        for index in order {
            #expect(log.lines == [])
            links[index].cancel()
            #expect(links[index].isCancelled)
        }
        #expect(log.lines == ["cancelled"])
        withExtendedLifetime(deferred) {}
    }

    @Test("a later link that leaves takes only its own branch along")
    func branch() throws {
        let deferred = Deferred<Int>()
        let shared = deferred.addCallback { $0 + 1 }
        let mine = shared.addCallback { $0 }.addErrback { error in
            log("\(error)")
            return 0
        }
        let theirs = shared.addCallback { $0 }
        mine.cancel()
        deferred.callback(1)
        #expect(log.lines == ["the operation was cancelled"])
        #expect(try theirs.result?.get() == 2)
    }

    @Test("cancelling the source fails all branches")
    func fromTheSource() {
        let deferred = Deferred<Int>()
        let links = (0..<3).map { _ in deferred.addCallback { $0 } }
        deferred.cancel()
        for link in links { #expect(link.isCancelled) }
    }

    @Test("cancelling from within a callback cancels the Deferred that it returns")
    func whileRunning() {
        let inner = Deferred<Int>(canceller: { log("inner cancelled") })
        let deferred = Deferred<Int>()
        var end: Deferred<Int>?
        end = deferred.addCallback { _ in
            end?.cancel()
            return inner
        }.addCallback { $0 }
        deferred.callback(1)
        #expect(log.lines == ["inner cancelled"])
        #expect(end?.isCancelled == true)
        end = nil
    }

    @Test("cancelling from within a callback leaves the value that it returns")
    func whileRunningToValue() throws {
        let deferred = Deferred<Int>()
        var end: Deferred<Int>?
        end = deferred.addCallback { value in
            end?.cancel()
            return value
        }
        deferred.callback(1)
        #expect(try end?.result?.get() == 1)
        end = nil
    }

    @Test("a branch that is cancelled while an earlier one runs doesn't see the value")
    func laterBranchWhileDelivering() {
        let deferred = Deferred<Int>()
        var second: Deferred<Int>?
        deferred.addCallback { _ in second?.cancel() }
        second = deferred.addCallback { value in
            log("not this")
            return value
        }
        deferred.callback(1)
        #expect(second?.isCancelled == true)
        #expect(log.lines == [])
    }

    @Test("a chain whose producer has gone can be cancelled")
    func orphan() throws {
        var deferred: Deferred<Int>? = Deferred(canceller: { log("not this") })
        let end = deferred?.addCallback { $0 }.addErrback { _ in 5 }
        deferred = nil
        #expect(end?.isFired == false)
        end?.cancel()
        #expect(try end?.result?.get() == 5)
        #expect(log.lines == [])
    }
}
