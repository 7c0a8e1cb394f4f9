import Testing

@testable import BowlineDeferred

@Suite("Waiters, which is how await waits")
struct WaiterTests {
    let log = Log()

    @Test("a waiter is called in its turn, and finds the result")
    func turn() {
        let deferred = Deferred<Int>()
        deferred.addCallback { _ in log("before") }
        deferred.addWaiter { [unowned deferred] in log(deferred.description) }
        deferred.addCallback { _ in log("after") }
        deferred.callback(1)
        #expect(log.lines == ["before", "Deferred<Int>: 1", "after"])
    }

    @Test("a waiter counts as somebody who knows of a failure")
    func follows() {
        let deferred = Deferred<Int>.failed(Trouble())
        #expect(deferred.flags.isUnhandled)
        deferred.addWaiter { log("called") }
        #expect(!deferred.flags.isUnhandled)
        #expect(log.lines == ["called"])
    }

    // D54
    @Test("a waiter that leaves cancels what only it waited for")
    func leavesLast() {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let link = deferred.addCallback { $0 }
        let waiter = link.addWaiter { log("\(link)") }
        waiter.leave()
        waiter.leave()
        #expect(log.lines == ["cancelled", "Deferred<Int>: failed: the operation was cancelled"])
        withExtendedLifetime(deferred) {}
    }

    // D54
    @Test("a waiter that leaves others behind is called without a result")
    func leavesOthers() throws {
        let deferred = Deferred<Int>(canceller: { log("cancelled") })
        let waiter = deferred.addWaiter { log("\(deferred)") }
        let link = deferred.addCallback { $0 }
        waiter.leave()
        #expect(log.lines == ["Deferred<Int>: pending"])
        deferred.callback(1)
        #expect(try link.result?.get() == 1)
        #expect(log.lines.count == 1)
    }
}
