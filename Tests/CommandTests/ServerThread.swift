// A thread with a reactor for servers of the test process: the command under test is another process, and the thread of the
// test waits for it.

import Bowline
import Glibc
import Synchronization

enum ServerThread {
    /// Starts servers on a reactor with a thread of its own, and gives what `start` says of them once they serve.
    ///
    /// - Parameter start: starts them, and gives what is to be kept as long as the reactor runs.
    static func start<Value: Sendable>(
        _ start: @escaping @Sendable (Reactor) throws -> (value: Value, kept: [AnyObject])
    ) throws -> (ReactorHandle, Value) {
        let started = Latch<Result<(ReactorHandle, Value), any Error>>()
        try run {
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

    private static func run(_ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        guard status == 0 else { throw SystemError(status, "pthread_create") }
        pthread_detach(thread)
    }

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
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
