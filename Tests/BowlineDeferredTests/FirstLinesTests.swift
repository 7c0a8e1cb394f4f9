import Testing

// As a user does: without @testable.
import BowlineDeferred

/// These compile, or the manual is wrong: closures of one and of several statements, with and without `return`.
@Suite("The first lines that one writes")
struct FirstLinesTests {
    private func getPage() -> Deferred<String> { .succeeded("<html>") }

    @Test("a page is printed, or its failure, and then all stops")
    func page() {
        var stopped = 0
        func stop() { stopped += 1 }
        func print(_ items: Any...) {}
        getPage()
            .addCallback { html in print(html) }
            .addErrback { error in print("failed:", error) }
            .addBoth { _ in stop() }
        getPage()
            .addCallback { html in
                let length = html.count
                print(length)
            }
            .addErrback { error in
                let text = "\(error)"
                print("failed:", text)
            }
            .addBoth { _ in
                print("done")
                stop()
            }
        #expect(stopped == 2)
    }

    @Test("a callback may return a value, a Deferred, or throw, with or without saying its type")
    func returning() {
        let length = getPage().addCallback { html in html.count }
        let more: Deferred<Int> = length.addCallback { _ in Deferred<Int>.succeeded(3) }
        let waiting = more.addCallback { number in
            let inner = Deferred<Int>()
            inner.callback(number)
            return inner
        }.addErrback { _ in 4 }
        let branching = waiting.addCallback { number in
            if number == 0 { return Deferred<Int>() }
            return Deferred.succeeded(number + 1)
        }.addErrback { _ in Deferred.succeeded(5) }
        let throwing = branching.addCallback { _ in throw CancelledError() }.addErrback { _ in }
        func twice(_ number: Int) -> Int { number * 2 }
        func later(_ number: Int) -> Deferred<Int> { .succeeded(number) }
        let named = branching.addCallback(twice).addCallback(later).addCallbacks({ $0 }, { _ in 0 })
        named.onSuccess { #expect($0 == 8) }
        #expect(throwing.isFired && named.isFired)
    }

    @Test("a Deferred is made with or without a canceller, which takes the Deferred or nothing")
    func making() {
        let all = [
            Deferred<Int>(), Deferred<Int>(canceller: {}), Deferred<Int> {}, Deferred<Int>(canceller: { _ in }),
            Deferred<Int> { $0.errback(CancelledError()) }, Deferred<Int> { deferred in deferred.callback(1) },
        ]
        for deferred in all { deferred.cancel() }
        let last = all.count - 1
        #expect("\(all[last])" == "Deferred<Int>: 1")
    }

    @Test("something that stands for a Deferred is waited for as well")
    func convertible() {
        struct Download: DeferredConvertible {
            let finished: Deferred<Int>
            var deferred: Deferred<Int> { finished }
        }
        let finished = Deferred<Int>()
        let end = getPage().addCallback { _ in Download(finished: finished) }.addCallback { $0 + 1 }
        finished.callback(1)
        #expect("\(end)" == "Deferred<Int>: 2")
    }
}
