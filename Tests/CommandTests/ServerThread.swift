// A thread with a reactor for servers of the test process: the command under test is another process, and the thread of the
// test waits for it.

import Bowline
import Glibc
import Synchronization
import TestSupport

enum ServerThread {
    /// Starts servers on a reactor with a thread of its own, and gives what `start` says of them once they serve.
    ///
    /// - Parameter start: starts them, and gives what is to be kept as long as the reactor runs.
    static func start<Value: Sendable>(
        _ start: @escaping @Sendable (Reactor) throws -> (value: Value, kept: [AnyObject])
    ) throws -> (ReactorHandle, Value) {
        let started = Latch<Result<(ReactorHandle, Value), any Error>>()
        detachThread {
            do {
                let reactor = Reactor()
                let (value, kept) = try start(reactor)
                let handle = reactor.handle
                reactor.callWhenRunning { started.set(.success((handle, value))) }
                try withExtendedLifetime(kept) { try reactor.run() }
            } catch {
                started.set(.failure(error))
            }
        }
        return try started.wait().get()
    }
}

/// A value that one thread waits for until another sets it.
private final class Latch<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func set(_ value: Value) { self.value.withLock { $0 = value } }

    func wait() throws -> Value {
        for _ in 0..<60_000 {
            if let value = value.withLock({ $0 }) { return value }
            usleep(1_000)
        }
        throw SystemError(ETIMEDOUT, "the servers' thread")
    }
}
