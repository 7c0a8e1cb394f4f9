// Swift concurrency on the reactor's thread: what an await costs, where it runs, and how it ends.

import BowlineDeferred
import BowlineReactor
import Glibc
import Testing

@Suite("Swift concurrency on a reactor")
struct ConcurrencyTests {
    private struct Broken: Error {}

    /// Runs a task on a reactor, which stops when the task ends.
    private func withTask(
        _ kind: PollerKind = .epoll, _ body: @escaping @Sendable (Reactor, Log) async throws -> Void
    ) async throws -> [String] {
        try await run(kind) { reactor, log in
            reactor.spawn {
                do { try await body(reactor, log) } catch { log("threw: \(error)") }
                reactor.stop()
            }
        }
    }

    @Test("an await costs one job and no thread hop", arguments: bothPollers)
    func oneJob(_ kind: PollerKind) async throws {
        let lines = try await withTask(kind) { reactor, log in
            let home = pthread_self()
            var hops = 0
            let before = reactor.jobCount
            for number in 0..<1000 {
                let deferred = Deferred<Int>()
                reactor.deliver { deferred.callback(number) }
                if try await deferred.value != number { log("a wrong value") }
                if pthread_self() != home { hops += 1 }
            }
            log("\(reactor.jobCount - before) jobs, \(hops) hops")
        }
        #expect(lines == ["1000 jobs, 0 hops"])
    }

    private nonisolated(nonsending) static func inner(_ reactor: Reactor) async throws -> pthread_t {
        try await reactor.deferLater(.zero) {}.value
        return pthread_self()
    }

    private nonisolated(nonsending) static func outer(_ reactor: Reactor) async throws -> pthread_t {
        try await inner(reactor)
    }

    @Test("awaiting in functions that the task calls costs no more, and stays on the thread")
    func nestedFunctions() async throws {
        let lines = try await withTask { reactor, log in
            let before = reactor.jobCount
            let isSame = try await Self.outer(reactor) == pthread_self()
            log("\(isSame), \(reactor.jobCount - before) job")
        }
        #expect(lines == ["true, 1 job"])
    }

    @Test("a Deferred that has fired gives its value or failure without a job")
    func fired() async throws {
        let lines = try await withTask { reactor, log in
            let before = reactor.jobCount
            log("\(try await Deferred.succeeded(5).value)")
            do {
                _ = try await Deferred<Int>.failed(Broken()).value
            } catch {
                log("\(error)")
            }
            log("\(reactor.jobCount - before) jobs")
        }
        #expect(lines == ["5", "Broken()", "0 jobs"])
    }

    @Test("many tasks await the same Deferred, and each gets its result in turn")
    func manyAwaits() async throws {
        let lines = try await run { reactor, log in
            let deferred = Deferred<Int>()
            var left = 100
            for number in 0..<100 {
                reactor.spawn {
                    let value = try? await deferred.value
                    log("\(number): \(value ?? -1)")
                    left -= 1
                    if left == 0 { reactor.stop() }
                }
            }
            reactor.callLater(.milliseconds(1)) { deferred.callback(7) }
        }
        #expect(lines == (0..<100).map { "\($0): 7" })
    }

    @Test("a task started before run waits for it, and may use what belongs to the reactor")
    func beforeRun() async throws {
        let lines = try await run { reactor, log in
            reactor.spawn {
                log("task, running: \(reactor.isRunning)")
                reactor.stop()
            }
            log("set up")
        }
        #expect(lines == ["set up", "task, running: true"])
    }

    @Test("tasks that never end their turn starve neither timers nor each other")
    func noStarvation() async throws {
        let lines = try await run { reactor, log in
            for _ in 0..<2 {
                reactor.spawn {
                    while !Task.isCancelled && reactor.isRunning { await Task.yield() }
                }
            }
            reactor.callLater(.milliseconds(2)) {
                log("timer")
                reactor.stop()
            }
        }
        #expect(lines == ["timer"])
    }

    // MARK: cancelling

    @Test("cancelling the task cancels the Deferred, on the reactor's thread", arguments: bothPollers)
    func taskCancelled(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let operation = Deferred<Int>(canceller: { log("cancelled here: \(Reactor.current === reactor)") })
            let task = reactor.spawn {
                do { _ = try await operation.value } catch { log("\(error)") }
                reactor.stop()
            }
            reactor.callLater(.milliseconds(1)) { Task.detached { task.cancel() } }
        }
        #expect(lines == ["cancelled here: true", "the operation was cancelled"])
    }

    @Test("a task that was cancelled before it awaits cancels what it awaits")
    func cancelledBefore() async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>(canceller: { log("cancelled") })
            let task = reactor.spawn {
                do { _ = try await operation.value } catch { log("\(error)") }
                reactor.stop()
            }
            task.cancel()
        }
        #expect(lines == ["cancelled", "the operation was cancelled"])
    }

    @Test("cancelling one task leaves the operation to another who waits")
    func othersWait() async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>(canceller: { log("never") })
            let leaving = reactor.spawn {
                do { _ = try await operation.value } catch { log("\(error)") }
                operation.callback(3)
            }
            reactor.spawn {
                log("\(try! await operation.value)")
                reactor.stop()
            }
            reactor.callLater(.zero) { leaving.cancel() }
        }
        #expect(lines == ["the operation was cancelled", "3"])
    }

    @Test("a canceller's own outcome is what the cancelled await gets", arguments: [true, false])
    func cancellerFires(_ succeeds: Bool) async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>(canceller: { (own: Deferred<Int>) in
                if succeeds { own.callback(4) } else { own.errback(Broken()) }
            })
            let task = reactor.spawn {
                do { log("\(try await operation.value)") } catch { log("\(error)") }
                reactor.stop()
            }
            reactor.callLater(.zero) { task.cancel() }
        }
        #expect(lines == [succeeds ? "4" : "Broken()"])
    }

    @Test("cancelling the Deferred ends the await")
    func deferredCancelled() async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>()
            reactor.spawn {
                do { _ = try await operation.value } catch { log("\(error)") }
                reactor.stop()
            }
            reactor.callLater(.zero) { operation.cancel() }
        }
        #expect(lines == ["the operation was cancelled"])
    }

    @Test("a cancellation that comes after the result, or for another await, changes nothing")
    func staleCancellation() async throws {
        let lines = try await run { reactor, log in
            let first = Deferred<Int>()
            let task = reactor.spawn {
                log("\((try? await first.value) ?? -1), cancelled: \(Task.isCancelled)")
            }
            reactor.callLater(.zero) {
                first.callback(1)
                task.cancel()
                // In the place of the first in the table of awaits.
                let second = Deferred<Int>(canceller: { log("never") })
                reactor.spawn {
                    log("\((try? await second.value) ?? -1)")
                    reactor.stop()
                }
                reactor.callLater(.milliseconds(2)) { second.callback(2) }
            }
        }
        #expect(lines == ["1, cancelled: true", "2"])
    }

    // MARK: stopping

    @Test("awaits fail with ReactorStopped when the reactor stops, again and again", arguments: bothPollers)
    func stopped(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            for number in 0..<3 {
                reactor.spawn {
                    for _ in 0..<3 {
                        do { _ = try await Deferred<Int>().value } catch { log("\(number): \(error)") }
                    }
                }
            }
            reactor.callLater(.zero) { reactor.stop() }
        }
        #expect(lines.sorted() == (0..<3).flatMap { Array(repeating: "\($0): the reactor stopped", count: 3) })
    }

    @Test("an await that fired in the reactor's last turn gets its value")
    func lastTurn() async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>()
            reactor.spawn { log("\((try? await operation.value) ?? -1)") }
            reactor.callLater(.zero) {
                operation.callback(6)
                reactor.stop()
            }
        }
        #expect(lines == ["6"])
    }

    // MARK: Deferred(on:)

    @Test("Deferred(on:) fires with what its body returns or throws")
    func deferredOn() async throws {
        let lines = try await run { reactor, log in
            Deferred(on: reactor) { try await reactor.deferLater(.zero) { 5 }.value + 1 }
                .addCallback { log("\($0)") }
            Deferred<Void>(on: reactor) { throw Broken() }
                .addErrback { log("\($0)") }
                .addCallback { reactor.callLater(.milliseconds(1)) { reactor.stop() } }
        }
        #expect(lines.sorted() == ["6", "Broken()"])
    }

    @Test("cancelling a Deferred(on:) cancels what its body awaits")
    func deferredOnCancelled() async throws {
        let lines = try await run { reactor, log in
            let operation = Deferred<Int>(canceller: { log("operation cancelled") })
            let both = Deferred(on: reactor) { () -> Int in
                do {
                    return try await operation.value
                } catch {
                    log("body: \(error)")
                    reactor.stop()
                    throw error
                }
            }
            both.addErrback { error in
                log("\(error)")
                return 0
            }
            reactor.callLater(.zero) { both.cancel() }
        }
        #expect(
            lines == ["the operation was cancelled", "operation cancelled", "body: the operation was cancelled"])
    }

    @Test("a Deferred(on:) fails with ReactorStopped when the reactor stops first")
    func deferredOnStopped() async throws {
        let lines = try await run { reactor, log in
            Deferred(on: reactor) { try await Deferred<Int>().value }
                .addErrback { error in
                    log("\(error)")
                    return 0
                }
            reactor.callLater(.zero) { reactor.stop() }
        }
        #expect(lines == ["the reactor stopped"])
    }

    // MARK: Reactor.run

    @Test("Reactor.run returns what its body returns, from a thread of its own")
    func staticRun() async throws {
        let value = try await Reactor.run { reactor in
            try await reactor.deferLater(.milliseconds(1)) { 5 }.value
        }
        #expect(value == 5)
        await #expect(throws: Broken.self) {
            try await Reactor.run { reactor in throw Broken() }
        }
        await #expect(throws: ReactorStopped.self) {
            try await Reactor.run { reactor in
                reactor.stop()
                _ = try await Deferred<Int>().value
            }
        }
    }

    @Test("cancelling the caller of Reactor.run cancels the body, also before it began", arguments: [true, false])
    func staticRunCancelled(_ isEarly: Bool) async throws {
        let began = Flag()
        let log = SharedLog()
        let task = Task {
            try await Reactor.run { reactor in
                began.set()
                let operation = Deferred<Int>(canceller: { log("cancelled") })
                return try await operation.value
            }
        }
        if !isEarly { while !began.isSet { await Task.yield() } }
        task.cancel()
        await #expect(throws: CancelledError.self) { try await task.value }
        #expect(log.lines == ["cancelled"])
    }

    @Test("many reactors run side by side, each on its thread")
    func sideBySide() async throws {
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try await Reactor.run { reactor in
                        for _ in 0..<20 { try await reactor.deferLater(.zero) {}.value }
                        return number
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(total == 28)
    }

    // MARK: the thread rule

    @Test("awaiting off the reactor's thread ends the program with a sentence")
    func offThread() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try await Deferred<Int>().value
        }
        #expect(text(result).contains("used off its reactor's thread: start the task with reactor.spawn"))
    }

    @Test("awaiting after leaving the reactor's thread ends the program too")
    func leftThread() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            await Task { @MainActor in _ = try? await Deferred<Int>.succeeded(1).value }.value
        }
        #expect(text(result).contains("used off its reactor's thread"))
    }

    @Test("the executor knows its thread")
    func isCurrent() async throws {
        let lines = try await run { reactor, log in
            let executor = reactor.handle.executor
            log("before: \(executor.isCurrent)")
            reactor.callWhenRunning {
                executor.preconditionIsolated()
                log("inside: \(executor.isCurrent)")
            }
            reactor.deferToThread { executor.isCurrent }.addCallback {
                log("pool: \($0)")
                reactor.stop()
            }
        }
        #expect(lines == ["before: false", "inside: true", "pool: false"])
    }
}

extension Reactor {
    /// Calls `function` in the delivery phase: what fires a Deferred without a timer's cost or a job.
    fileprivate func deliver(_ function: @escaping () -> Void) {
        final class Delivery: TurnDelivery {
            let function: () -> Void
            init(_ function: @escaping () -> Void) { self.function = function }
            func deliver() { function() }
        }
        deliverThisTurn(Delivery(function))
    }
}
