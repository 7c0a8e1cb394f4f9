import Testing

@testable import BowlineDeferred

@Suite("Callbacks that return a Deferred")
struct ReturnedDeferredTests {
    let log = Log()

    // D8
    @Test("one that has fired gives its value at once, and keeps it")
    func fired() throws {
        let inner = Deferred.succeeded("inner")
        let end = Deferred.succeeded(1).addCallback { _ in inner }
        #expect(try end.result?.get() == "inner")
        #expect(try inner.result?.get() == "inner")
    }

    // D9
    @Test("one that has not fired holds up its own chain, and nothing else")
    func unfired() {
        let outer = Deferred<Int>()
        let inner = Deferred<String>()
        outer.addCallback { _ in inner }.addCallback { log($0) }
        outer.addCallback { log("\($0)") }
        outer.callback(1)
        #expect(log.lines == ["1"])
        inner.callback("inner")
        #expect(log.lines == ["1", "inner"])
    }

    // D9
    @Test("the failure of the returned one is the chain's")
    func failure() throws {
        let inner = Deferred<String>()
        let end = Deferred.succeeded(1).addCallback { _ in inner }.addErrback { error in "\(error)" }
        inner.errback(Trouble(5))
        #expect(try end.result?.get() == "Trouble(number: 5)")
    }

    // D10
    @Test("an errback may return one as well")
    func fromErrback() throws {
        let retry = Deferred<Int>()
        let end = Deferred<Int>.failed(Trouble()).addErrback { _ in retry }
        #expect(!end.isFired)
        retry.callback(2)
        #expect(try end.result?.get() == 2)
    }

    @Test("and so may addBoth and addCallbacks")
    func fromBoth() throws {
        let inner = Deferred<Int>()
        let a = Deferred.succeeded(1).addBoth { _ in inner }
        let b = Deferred.succeeded(1).addCallbacks({ _ in inner }, { _ in Deferred.succeeded(0) })
        let c = Deferred<Int>.failed(Trouble()).addCallbacks({ _ in Deferred.succeeded(0) }, { _ in inner })
        inner.callback(3)
        for deferred in [a, b, c] { #expect(try deferred.result?.get() == 3) }
    }

    // D11
    @Test("waiting is transitive")
    func transitive() {
        let a = Deferred<Int>()
        let b = Deferred<Int>()
        let c = Deferred<Int>()
        a.addCallback { _ in b.addCallback { _ in c } }.addCallback { log("\($0)") }
        a.callback(1)
        b.callback(2)
        #expect(log.lines == [])
        c.callback(3)
        #expect(log.lines == ["3"])
    }

    // D12, D17
    @Test("the returned one's own callbacks run before the chain goes on")
    func innerFirst() {
        let inner = Deferred<Int>()
        inner.addCallback { _ in log("inner 1") }.addCallback { log("inner 1.1") }
        Deferred.succeeded(0).addCallback { _ in inner }.addCallback { _ in log("outer") }
        inner.callback(0)
        #expect(log.lines == ["inner 1", "inner 1.1", "outer"])
    }

    // D12
    @Test("a Deferred may be returned from its own callback: the rest of its callbacks run first")
    func returnedWhileDelivering() {
        let deferred = Deferred<Int>()
        deferred.addCallback { _ in deferred }.addCallback { log("adopted \($0)") }
        deferred.addCallback { _ in log("second") }
        deferred.callback(6)
        #expect(log.lines == ["second", "adopted 6"])
    }

    // D13
    @Test("callbacks added to the returned one later run too, with its value")
    func addedLater() {
        let inner = Deferred<Int>()
        Deferred.succeeded(0).addCallback { _ in inner }.addCallback { log("outer \($0)") }
        inner.addCallback { log("inner \($0)") }
        inner.callback(4)
        inner.addCallback { log("late \($0)") }
        #expect(log.lines == ["outer 4", "inner 4", "late 4"])
    }

    // D16
    @Test("one that is returned while its callback waits for a third is waited for to the end")
    func stillChaining() throws {
        let third = Deferred<Int>()
        let inner = Deferred.succeeded(1).addCallback { _ in third }
        let end = Deferred.succeeded(0).addCallback { _ in inner }
        #expect(!end.isFired)
        third.callback(8)
        #expect(try end.result?.get() == 8)
    }

    // D20
    @Test("returning the Deferred of one's own result ends the program with a sentence")
    func selfReturn() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let deferred = Deferred<Int>()
                var link: Deferred<Int>?
                link = deferred.addCallback { _ in link ?? .succeeded(0) }
                deferred.callback(1)
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("returned the Deferred of its own result"))
    }
}
