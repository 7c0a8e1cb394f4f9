import Testing

@testable import BowlineDeferred

@Suite("Several Deferreds: gather, DeferredList, race")
struct GatherTests {
    let log = Log()

    // D41
    @Test("gather gives the values in the order of the members")
    func values() throws {
        let members = (0..<3).map { _ in Deferred<Int>() }
        let all = gather(members)
        for index in [2, 0, 1] { members[index].callback(index) }
        #expect(try all.result?.get() == [0, 1, 2])
    }

    // D36
    @Test("gather and DeferredList of nothing fire at once")
    func empty() throws {
        #expect(try gather([Deferred<Int>]()).result?.get() == [])
        #expect(try DeferredList([Deferred<Int>]()).result?.get().isEmpty == true)
    }

    // D37, D41
    @Test("gather fails with the first failure and its index, at once; the others go on")
    func firstFailure() {
        let members = (0..<3).map { _ in Deferred<Int>(canceller: { log("cancelled") }) }
        let all = gather(members)
        members[1].errback(Trouble(4))
        let error = all.error as? FirstError
        #expect(error?.index == 1)
        #expect(error?.error as? Trouble == Trouble(4))
        all.addErrback { _ in [] }
        members[0].callback(0)
        members[2].addErrback { _ in 5 }
        members[2].errback(Trouble(5))
        #expect(log.lines == [])
    }

    // D37
    @Test("gather takes members that have fired already")
    func alreadyFired() throws {
        let pending = Deferred<Int>()
        let all = gather([pending, .failed(Trouble(1)), pending])
        #expect((all.error as? FirstError)?.index == 1)
        all.addErrback { _ in [] }
        #expect(try gather([.succeeded(1), .succeeded(2)]).result?.get() == [1, 2])
    }

    // D38
    @Test("a failure that gather didn't take is still its own Deferred's")
    func lateFailure() {
        let members = [Deferred<Int>(), Deferred<Int>()]
        gather(members).addErrback { _ in [] }
        members[0].errback(Trouble(1))
        members[1].errback(Trouble(2))
        #expect(!members[0].flags.isUnhandled)
        #expect(members[1].flags.isUnhandled)
        members[1].addErrback { _ in 0 }
    }

    @Test("gather of two and of three takes different types")
    func tuples() throws {
        let number = Deferred<Int>()
        let text = Deferred<String>()
        let flag = Deferred<Bool>()
        let two = gather(number, text)
        let three = gather(number, text, flag)
        text.callback("a")
        flag.callback(true)
        number.callback(1)
        #expect(try #require(try two.result?.get()) == (1, "a"))
        #expect(try #require(try three.result?.get()) == (1, "a", true))
        let failed = gather(Deferred<Int>(), Deferred<String>.failed(Trouble(2)))
        #expect((failed.error as? FirstError)?.index == 1)
        failed.addErrback { _ in (0, "") }
    }

    // D39, D41
    @Test("cancelling gather cancels every member, and fails with CancelledError")
    func cancelGather() {
        let members = (0..<3).map { index in Deferred<Int>(canceller: { log("\(index)") }) }
        let all = gather(members)
        members[1].callback(1)
        all.cancel()
        #expect(log.lines == ["0", "2"])
        #expect(all.isCancelled)
        withExtendedLifetime(members) {}
    }

    @Test("cancelling gather leaves a member alone that others wait for")
    func sharedMember() throws {
        let shared = Deferred<Int>(canceller: { log("cancelled") })
        let other = shared.addCallback { $0 }
        gather([shared]).cancel()
        #expect(log.lines == [])
        shared.callback(1)
        #expect(try other.result?.get() == 1)
    }

    // D35, D38
    @Test("DeferredList keeps the order, with values and failures, and counts the failures as handled")
    func list() throws {
        let members = (0..<3).map { _ in Deferred<Int>() }
        let list = DeferredList(members)
        members[2].callback(2)
        members[1].errback(Trouble(1))
        #expect(!list.isFired)
        members[0].callback(0)
        let results = try #require(try list.result?.get())
        #expect(try results[0].get() == 0)
        #expect(throws: Trouble(1)) { try results[1].get() }
        #expect(try results[2].get() == 2)
        #expect(!members[1].flags.isUnhandled)
    }

    // D39
    @Test("cancelling DeferredList cancels every member, and keeps the results that are there")
    func cancelList() throws {
        let members = [
            Deferred<Int>(canceller: { log("0") }), Deferred<Int>(canceller: { $0.callback(10) }), Deferred<Int>(),
        ]
        let list = DeferredList(members)
        members[2].callback(2)
        list.cancel()
        let results = try #require(try list.result?.get())
        #expect(throws: CancelledError()) { try results[0].get() }
        #expect(try results[1].get() == 10)
        #expect(try results[2].get() == 2)
        #expect(log.lines == ["0"])
        withExtendedLifetime(members) {}
    }

    // D40
    @Test("cancelling a DeferredList that has fired has no effect")
    func cancelFiredList() {
        let member = Deferred<Int>(canceller: { log("cancelled") })
        let list = DeferredList([member])
        member.callback(1)
        list.cancel()
        #expect(log.lines == [])
    }

    // D39
    @Test("a DeferredList that is cancelled from within a member's callback fires at once, with what there is")
    func cancelListWithinMember() throws {
        let source = Deferred<Int>()
        var cancel: () -> Void = {}
        let member = source.addCallback { value in
            cancel()
            return value
        }
        let list = DeferredList([member, .succeeded(2)])
        cancel = {
            list.cancel()
            #expect(list.isFired)
        }
        source.callback(1)
        let results = try #require(try list.result?.get())
        #expect(results.count == 2)
        #expect(throws: CancelledError.self) { try results[0].get() }
        #expect(try results[1].get() == 2)
    }

    // D42
    @Test("a race that a loser's canceller cancels fails with CancelledError, once")
    func cancelRaceFromLoser() {
        var cancel: () -> Void = {}
        let first = Deferred<Int>()
        let loser = Deferred<Int>(canceller: { cancel() })
        let winner = BowlineDeferred.race([first, loser])
        cancel = { winner.cancel() }
        first.callback(1)
        #expect(winner.error is CancelledError)
        withExtendedLifetime(loser) {}
    }

    // D42
    @Test("race gives the first value with its index, and has cancelled the losers by then")
    func race() throws {
        let members = (0..<3).map { index in Deferred<String>(canceller: { log("\(index)") }) }
        let winner = BowlineDeferred.race(members)
        winner.addCallback { winner in log("won by \(winner.index)") }
        members[2].errback(Trouble())
        members[1].callback("b")
        #expect(try winner.result?.get().value == "b")
        #expect(log.lines == ["0", "won by 1"])
        withExtendedLifetime(members) {}
    }

    // D42
    @Test("race takes a member that had its value already, and cancels those after it too")
    func raceAlreadyWon() throws {
        let first = Deferred<Int>(canceller: { log("first") })
        let last = Deferred<Int>(canceller: { log("last") })
        #expect(try BowlineDeferred.race([first, .succeeded(5), last]).result?.get().index == 1)
        #expect(log.lines == ["first", "last"])
        withExtendedLifetime((first, last)) {}
    }

    // D42
    @Test("race fails with every failure, in the order of the members, when all have failed")
    func raceLost() {
        let members = (0..<2).map { _ in Deferred<Int>() }
        let winner = BowlineDeferred.race(members)
        members[1].errback(Trouble(1))
        members[0].errback(Trouble(0))
        let failures = (winner.error as? RaceError)?.failures
        #expect(failures?.map { $0 as? Trouble } == [Trouble(0), Trouble(1)])
        winner.addErrback { _ in (0, 0) }
        for member in members { #expect(!member.flags.isUnhandled) }
        withExtendedLifetime(members) {}
    }

    // D42
    @Test("race of nothing fails at once")
    func raceOfNothing() {
        let winner = BowlineDeferred.race([Deferred<Int>]())
        #expect(winner.error is RaceError)
        winner.addErrback { _ in (0, 0) }
    }

    // D42
    @Test("what a loser says later is ignored")
    func lateLoser() throws {
        let loser = Deferred<Int>()
        let winner = BowlineDeferred.race([.succeeded(1), loser])
        loser.errback(Trouble())
        #expect(try winner.result?.get().value == 1)
        #expect(loser.isCancelled)
    }

    // D42
    @Test("cancelling race cancels every member")
    func cancelRace() {
        let members = (0..<2).map { index in Deferred<Int>(canceller: { log("\(index)") }) }
        let winner = BowlineDeferred.race(members)
        winner.cancel()
        #expect(log.lines == ["0", "1"])
        #expect(winner.isCancelled)
        withExtendedLifetime(members) {}
    }

    // D55
    @Test("the producers of all members can free the whole by letting go")
    func noCycles() {
        let counter = Tracked.Counter()
        do {
            let members = (0..<2).map { _ in
                Deferred<Int>(canceller: { [tracked = Tracked(counter)] in tracked.touch() })
            }
            gather(members).addCallback { [tracked = Tracked(counter)] _ in tracked.touch() }
            DeferredList(members).addCallback { [tracked = Tracked(counter)] _ in tracked.touch() }
            BowlineDeferred.race(members).addCallback { [tracked = Tracked(counter)] _ in tracked.touch() }
            #expect(counter.alive == 5)
            withExtendedLifetime(members) {}
        }
        #expect(counter.alive == 0)
    }

    // D43
    @Test("maybeDeferred makes a Deferred of a value, of an error, and leaves a Deferred as it is")
    func maybe() throws {
        #expect(try maybeDeferred { 1 }.result?.get() == 1)
        let failed = maybeDeferred { () -> Int in throw Trouble(1) }
        #expect(failed.error as? Trouble == Trouble(1))
        let deferred = Deferred<Int>()
        #expect(maybeDeferred { deferred } === deferred)
        let thrown = maybeDeferred { () -> Deferred<Int> in throw Trouble(2) }
        #expect(thrown.error as? Trouble == Trouble(2))
        failed.addErrback { _ in 0 }
        thrown.addErrback { _ in 0 }
    }
}
