import Testing

@testable import BowlineDeferred

@Suite("Firing")
struct FiringTests {
    // D22
    @Test("firing twice ends the program, whichever way, and names both places", arguments: ["cc", "ce", "ee", "ec"])
    func twice(order: String) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [order = order as String] in
            let deferred = Deferred<Int>()
            var place = "A.swift" as StaticString
            for kind in order {
                if kind == "c" {
                    deferred.callback(1, file: place, line: 11)
                } else {
                    deferred.errback(Trouble(), file: place, line: 22)
                }
                place = "B.swift"
            }
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(text.contains("was fired at A.swift:\(order.first == "c" ? 11 : 22) already"))
        #expect(text.contains("B.swift:\(order.last == "c" ? 11 : 22): this Deferred, made at BowlineDeferredTests/"))
    }

    // D22
    @Test("firing what addCallback returned ends the program with a sentence")
    func firingLink() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Deferred<Int>().addCallback { $0 + 1 }.callback(1)
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("only the Deferred at the head of the chain is fired"))
    }

    // D24
    @Test("after cancel() without a canceller the second late firing ends the program")
    func secondLateFiring() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let deferred = Deferred<Int>()
                deferred.cancel()
                deferred.callback(1, file: "A.swift", line: 1)
                deferred.errback(Trouble(), file: "B.swift", line: 2)
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("was cancelled, and fired at A.swift:1 already"))
    }

    // D28
    @Test("after cancel() with a canceller a late firing ends the program")
    func lateFiringWithCanceller() async throws {
        let result = try #require(
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let deferred = Deferred<Int>(canceller: {})
                deferred.cancel()
                deferred.callback(1)
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("was cancelled; its canceller should have stopped what fires it"))
    }

    // D21
    @Test("a Deferred tells its state")
    func description() {
        let deferred = Deferred<Int>()
        #expect("\(deferred)" == "Deferred<Int>: pending")
        let inner = Deferred<String>(file: "A.swift", line: 3)
        let link = deferred.addCallback { _ in inner }
        #expect("\(link)" == "Deferred<String>: pending")
        deferred.callback(5)
        #expect("\(deferred)" == "Deferred<Int>: 5")
        #expect("\(link)" == "Deferred<String>: waiting on the Deferred<String> made at A.swift:3")
        inner.errback(Trouble(1))
        #expect("\(link)" == "Deferred<String>: failed: Trouble(number: 1)")
        link.addErrback { _ in "" }
    }

    @Test("isFired tells whether the result is there")
    func isFired() {
        let deferred = Deferred<Int>()
        let link = deferred.addErrback { _ in 0 }
        #expect(!deferred.isFired && !link.isFired)
        deferred.errback(Trouble())
        #expect(deferred.isFired && link.isFired)
    }
}
