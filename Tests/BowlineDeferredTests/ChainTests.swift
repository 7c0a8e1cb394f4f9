import Testing

@testable import BowlineDeferred

@Suite("Chains")
struct ChainTests {
    let log = Log()

    // D1
    @Test("a callback runs before callback(_:) returns, with the value")
    func synchronous() {
        let deferred = Deferred<Int>()
        deferred.addCallback { log("\($0)") }
        #expect(log.lines == [])
        deferred.callback(5)
        #expect(log.lines == ["5"])
    }

    // D1
    @Test("a callback added to a fired Deferred runs at once")
    func alreadyFired() {
        Deferred.succeeded(5).addCallback { log("\($0)") }
        Deferred<Int>.failed(Trouble(1)).addErrback { error in
            log("\(error)")
            return 0
        }
        #expect(log.lines == ["5", "Trouble(number: 1)"])
    }

    // D3
    @Test("each callback gets what the one before it returned")
    func pipe() throws {
        let deferred = Deferred<Int>()
        let end = deferred.addCallback { $0 + 1 }.addCallback { "<\($0)>" }
        deferred.callback(1)
        #expect(try end.result?.get() == "<2>")
    }

    // D3
    @Test("callbacks added to the same Deferred all see its result, in the order of adding")
    func branches() {
        let deferred = Deferred<Int>()
        for name in ["a", "b", "c"] {
            deferred.addCallback { value -> Int in
                log("\(name)\(value)")
                return value + 1
            }
        }
        deferred.callback(1)
        #expect(log.lines == ["a1", "b1", "c1"])
    }

    @Test("a branch's own chain runs before the next branch, whether or not the source is held")
    func depthFirst() {
        let deferred = Deferred<Int>()
        let middle = deferred.addCallback { _ in log("1") }
        middle.addCallback { log("1.1") }.addCallback { log("1.1.1") }
        middle.addCallback { log("1.2") }
        deferred.addCallback { _ in log("2") }.addCallback { log("2.1") }
        deferred.callback(0)
        #expect(log.lines == ["1", "1.1", "1.1.1", "1.2", "2", "2.1"])
    }

    // D4
    @Test("a failure passes callbacks by, and addCallbacks calls one of its two functions")
    func passing() {
        let deferred = Deferred<Int>()
        deferred.addCallback { _ in log("not this") }
            .addCallbacks({ log("nor this") }, { error in log("\(error)") })
            .addErrback { _ in log("it was dealt with") }
        deferred.errback(Trouble(3))
        Deferred.succeeded(4).addCallbacks({ log("\($0)") }, { _ in log("not this") })
        #expect(log.lines == ["Trouble(number: 3)", "4"])
    }

    @Test("the errback of addCallbacks doesn't see what its callback throws")
    func callbacksAreAlternatives() {
        let end = Deferred.succeeded(4)
            .addCallbacks({ _ in throw Trouble(1) }, { _ in log("not this") })
        #expect(end.error as? Trouble == Trouble(1))
        end.addErrback { _ in }
        #expect(log.lines == [])
    }

    // D5, D6
    @Test("what a callback throws goes to the next errback")
    func throwing() {
        Deferred.succeeded(1)
            .addCallback { _ -> Int in throw Trouble(7) }
            .addCallback { _ in log("not this") }
            .addErrback { error in log("\(error)") }
        #expect(log.lines == ["Trouble(number: 7)"])
    }

    // D6
    @Test("what an errback throws takes the place of the failure")
    func errbackThrows() {
        let end = Deferred<Int>.failed(Trouble(1)).addErrback { _ in throw Trouble(2) }
        #expect(end.error as? Trouble == Trouble(2))
        end.addErrback { _ in 0 }
    }

    // D7
    @Test("what an errback returns goes to the next callback")
    func recovery() throws {
        let end = Deferred<Int>.failed(Trouble()).addErrback { _ in 9 }.addCallback { $0 + 1 }
        #expect(try end.result?.get() == 10)
    }

    @Test("addBoth gets the value, or the error")
    func both() throws {
        func describe(_ result: Result<Int, any Error>) -> String {
            switch result {
            case .success(let value): "\(value)"
            case .failure(let error): "\(error)"
            }
        }
        #expect(try Deferred.succeeded(1).addBoth(describe).result?.get() == "1")
        #expect(try Deferred.failed(Trouble(2)).addBoth(describe).result?.get() == "Trouble(number: 2)")
    }

    @Test("onSuccess, onFailure and onResult look at the result and pass it on")
    func looking() throws {
        let good = Deferred.succeeded(1)
            .onSuccess { log("success \($0)") }.onFailure { log("\($0)") }.onResult { log("\($0)") }
        #expect(try good.result?.get() == 1)
        let bad = Deferred<Int>.failed(Trouble(2))
            .onSuccess { log("success \($0)") }.onFailure { log("failure \($0)") }.onResult { _ in log("result") }
        #expect(bad.error as? Trouble == Trouble(2))
        bad.addErrback { _ in 0 }
        #expect(log.lines == ["success 1", "success(1)", "failure Trouble(number: 2)", "result"])
    }

    // D14
    @Test("a callback added while others run goes to the end, and is not nested")
    func addedWhileRunning() {
        let deferred = Deferred<Int>()
        deferred.addCallback { _ in
            log("first in")
            deferred.addCallback { _ in log("added") }
            log("first out")
        }.addCallback {
            log("first's chain")
            deferred.addCallback { _ in log("added from the chain") }
        }
        deferred.addCallback { _ in log("second") }
        deferred.callback(0)
        #expect(log.lines == ["first in", "first out", "first's chain", "second", "added", "added from the chain"])
    }

    // D14
    @Test("a callback added from within one that runs at once is not nested either")
    func addedWhileRunningAtOnce() {
        let deferred = Deferred.succeeded(0)
        deferred.addCallback { _ in
            deferred.addCallback { _ in log("added") }
            log("out")
        }
        #expect(log.lines == ["out", "added"])
    }

    // D15
    @Test("what a callback throws that was added while others run goes to its own errback")
    func throwingWhileRunning() {
        let deferred = Deferred<Int>()
        deferred.addCallback { _ in
            deferred.addCallback { _ -> Int in throw Trouble(1) }.addErrback { error in
                log("\(error)")
                return 0
            }
        }
        deferred.callback(0)
        #expect(log.lines == ["Trouble(number: 1)"])
    }

    @Test("values of any size and kind come through")
    func values() throws {
        struct Big: Equatable { var a = 1, b = "two", c = [3], d = 4.0, e = "five" }
        #expect(try Deferred.succeeded(Big()).addCallback { $0 }.result?.get() == Big())
        #expect(try Deferred<Int?>.succeeded(nil).addCallback { $0 == nil }.result?.get() == true)
        #expect(
            try Deferred.succeeded("a string of more than sixteen bytes").addCallback { $0.count }.result?.get() == 35)
        #expect(try Deferred<any Error>.succeeded(Trouble(3)).result?.get() as? Trouble == Trouble(3))
        #expect(try Deferred<SIMD4<Double>>.succeeded(.one).addCallback { $0 * 2 }.result?.get() == .init(repeating: 2))
        let nothing = Deferred<Void>()
        nothing.callback()
        #expect(nothing.isFired)
    }
}
