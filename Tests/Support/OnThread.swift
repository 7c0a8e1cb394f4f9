// A thread for what blocks: a `run()` of a reactor would hold one of the few threads that tests run on.
//
// `Hung` comes from the limit of such a thread, or of a `Subprocess`. A suite's `.timeLimit` is far longer: it counts from when
// a test is announced, which may be a minute before a thread is free for it.

import Foundation
import Glibc
import Synchronization

/// Says that a thread's work didn't end in time.
package struct Hung: Error {
    package init() {}
}

/// Runs `body` on a thread of its own, where the process's signals are blocked. Fails with `Hung` when it doesn't end in time.
package func onThread<Value: Sendable>(
    within limit: Duration = .seconds(120), _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    let outcome = Outcome<Value>()
    let watchdog = Task {
        try await Task.sleep(for: limit)
        outcome.resume(.failure(Hung()))
    }
    defer { watchdog.cancel() }
    return try await withCheckedThrowingContinuation { continuation in
        outcome.wait(continuation)
        detachThread { outcome.resume(Result { try body() }) }
    }
}

/// Runs `body` on a thread of its own, which nobody waits for. The process's signals are left to the threads that expect
/// them; those that a fault of the thread itself raises are not.
package func detachThread(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread {
        var blocked = sigset_t()
        sigfillset(&blocked)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&blocked, fault) }
        pthread_sigmask(SIG_SETMASK, &blocked, nil)
        body()
    }
}

private final class Outcome<Value: Sendable>: Sendable {
    private let continuation = Mutex<CheckedContinuation<Value, any Error>?>(nil)

    func wait(_ continuation: CheckedContinuation<Value, any Error>) {
        self.continuation.withLock { $0 = continuation }
    }

    func resume(_ result: Result<Value, any Error>) {
        continuation.withLock { $0.take() }?.resume(with: result)
    }
}
