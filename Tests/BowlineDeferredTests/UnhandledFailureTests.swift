import Glibc
import Synchronization
import Testing

@testable import BowlineDeferred

/// Serialized, as the handler is the whole process's.
@Suite("Failures that nobody waits for", .serialized)
struct UnhandledFailureTests {
    /// The numbers of the `Lost` that are reported while `body` runs.
    struct Lost: Error { let number: Int }

    private func reports(_ body: () -> Void) -> [(number: Int, origin: CallSite)] {
        let box = Box()
        // Failures of other tests, which run at the same time, are not ours.
        let before = UnhandledFailures.setHandler { failure in
            guard let lost = failure.error as? Lost else { return }
            box.reports.withLock { $0.append((lost.number, failure.origin)) }
        }
        body()
        UnhandledFailures.setHandler(before)
        return box.reports.withLock { $0 }
    }

    private final class Box: Sendable {
        let reports = Mutex<[(number: Int, origin: CallSite)]>([])
    }

    // D32
    @Test("is reported once, when the Deferred is released, with the place where it was made")
    func reported() {
        var deferred: Deferred<Int>?
        var line = 0
        let all = reports {
            line = #line + 1
            deferred = Deferred<Int>()
            deferred?.errback(Lost(number: 1))
        }
        #expect(all.isEmpty)
        let released = reports { deferred = nil }
        #expect(released.map(\.number) == [1])
        #expect(released.first?.origin.line == line)
        #expect(released.first?.origin.file == "BowlineDeferredTests/UnhandledFailureTests.swift")
    }

    // D32
    @Test("is reported of the end of the chain, not of its links")
    func endOfChain() {
        var line = 0
        let all = reports {
            let deferred = Deferred<Int>()
            line = #line + 3
            deferred.addCallback { $0 }
                .onFailure { _ in }
                .addCallback { $0 }
            deferred.errback(Lost(number: 2))
        }
        #expect(all.map(\.number) == [2])
        #expect(all.first?.origin.line == line)
    }

    // D32
    @Test("is reported of each branch")
    func branches() {
        let all = reports {
            let deferred = Deferred<Int>()
            deferred.addCallback { $0 }
            deferred.addCallback { $0 }
            deferred.addErrback { _ in 0 }
            deferred.errback(Lost(number: 3))
        }
        #expect(all.map(\.number) == [3, 3])
    }

    // D33
    @Test("is not reported of a Deferred that was returned from a callback")
    func consumedByChaining() {
        let all = reports {
            let pending = Deferred<Int>()
            let fired = Deferred<Int>.failed(Lost(number: 4))
            Deferred.succeeded(0).addCallback { _ in pending }.addErrback { _ in 0 }
            Deferred.succeeded(0).addCallback { _ in fired }.addErrback { _ in 0 }
            pending.errback(Lost(number: 4))
        }
        #expect(all.isEmpty)
    }

    @Test("is not reported if it was cancelled")
    func cancelled() async {
        await #expect(processExitsWith: .success) {
            UnhandledFailures.setHandler { _ in fatalError("reported") }
            let deferred = Deferred<Int>()
            deferred.addCallback { $0 }.cancel()
            withExtendedLifetime(deferred) {}
        }
    }

    @Test("is not reported if it says that somebody meant it, and is if it says the contrary")
    func deliberate() async {
        enum Ending: DeliberateEnding {
            case meant, suffered
            var isDeliberate: Bool { self == .meant }
        }
        await #expect(processExitsWith: .success) {
            UnhandledFailures.setHandler { _ in fatalError("reported") }
            _ = Deferred<Int>.failed(Ending.meant)
        }
        await #expect(processExitsWith: .exitCode(7)) {
            UnhandledFailures.setHandler { _ in exit(7) }
            _ = Deferred<Int>.failed(Ending.suffered)
        }
    }

    @Test("is reported if an errback throws it")
    func thrownByErrback() {
        let all = reports {
            Deferred<Int>.failed(Trouble()).addErrback { _ in throw Lost(number: 5) }
        }
        #expect(all.map(\.number) == [5])
    }

    // D34
    @Test("is by default a line on the standard error stream, with the error and the place")
    func defaultHandler() async throws {
        let result = try #require(
            await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
                Deferred<Int>.failed(Trouble(6), file: "A.swift", line: 9).onSuccess(file: "B.swift", line: 10) { _ in }
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("Unhandled failure of the Deferred made at B.swift:10: Trouble(number: 6)\n"))
        #expect(!text.contains("A.swift"))
    }
}
