// Runs a test's body on a real reactor, on a thread of its own: the pool of Swift Testing has too few to block one.

import Bowline
import Glibc
import Testing

/// Starts a thread for each job. A task keeps its task-local values there, so that `#expect` knows its test.
private final class OwnThreadExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let work = Work(UnownedJob(job), self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                work.job.runSynchronously(on: work.executor.asUnownedTaskExecutor())
                return nil
            }, Unmanaged.passRetained(work).toOpaque())
        precondition(status == 0, "no thread to be had")
        pthread_detach(thread)
    }

    private final class Work {
        let job: UnownedJob
        let executor: OwnThreadExecutor

        init(_ job: UnownedJob, _ executor: OwnThreadExecutor) {
            self.job = job
            self.executor = executor
        }
    }
}

/// Calls `body` when a new reactor runs, and, when it has stopped, what `body` returned. The body stops the reactor when
/// the test is over; one that doesn't fails after `deadline`.
func onReactor(
    poller: PollerKind = .epoll, deadline: Duration = .seconds(120),
    _ body: @escaping @Sendable (Reactor) throws -> () -> Void
) async throws {
    try await Task(executorPreference: OwnThreadExecutor()) {
        try runReactor(poller: poller, deadline: deadline, body)
    }.value
}

private func runReactor(
    poller: PollerKind, deadline: Duration, _ body: @escaping (Reactor) throws -> () -> Void
) throws {
    let reactor = Reactor(poller: poller)
    var finally: (() -> Void)?
    var failure: (any Error)?
    reactor.callWhenRunning {
        do {
            finally = try body(reactor)
        } catch {
            failure = error
            reactor.stop()
        }
    }
    reactor.callLater(deadline) {
        Issue.record("the test was not over after \(deadline)")
        reactor.stop()
    }
    try reactor.run()
    SocketFaults.clear()
    if let failure { throw failure }
    #expect(reactor.descriptorCount == 0, "no descriptor stays registered")
    finally?()
}

/// Calls `function` when the loop has turned `count` times: long enough for what two local sockets tell each other.
func afterTurns(_ count: Int, on reactor: Reactor, _ function: @escaping () -> Void) {
    reactor.callLater(.zero) {
        if count <= 1 { function() } else { afterTurns(count - 1, on: reactor, function) }
    }
}
