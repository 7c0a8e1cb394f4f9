// Swift concurrency on the reactor's thread: starting tasks there, and awaiting Deferreds without leaving it.

public import BowlineDeferred
import Glibc

// MARK: which reactor runs on this thread

/// The thread's reactor, unretained. Only `run()` sets it, and takes it back before the reactor can go.
private let currentReactorKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key, nil)
    if status != 0 { fatalError("no thread-specific key is left") }
    return key
}()

extension Reactor {
    static func setCurrent(_ reactor: Reactor?) {
        pthread_setspecific(
            currentReactorKey, reactor.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) })
    }

    /// The reactor that runs on the calling thread, if one does.
    package static var current: Reactor? {
        pthread_getspecific(currentReactorKey).map { Unmanaged<Reactor>.fromOpaque($0).takeUnretainedValue() }
    }
}

// MARK: tasks

extension Reactor {
    /// Starts async work on this reactor's thread. It may capture and use everything of this reactor.
    ///
    /// The body begins in a later turn. It may be called before `run()`; then it waits for it. When the reactor stops,
    /// its awaits of Deferreds throw `ReactorStopped`; if it is suspended in something else by then, it goes on in the
    /// next run.
    /// - Returns: the task; cancelling it cancels the Deferred that it awaits.
    @discardableResult
    public func spawn(_ body: nonisolated(nonsending) @escaping () async -> Void) -> Task<Void, Never> {
        // Sent to nobody: the context is an actor on this reactor's executor, so the body runs on the thread that owns
        // whatever it captures. The compiler can't see that an actor and a thread are the same place.
        nonisolated(unsafe) let body = body
        return Task(executorPreference: executor) { [context] in await context.run(body) }
    }

    /// Runs `body` on a reactor of its own, on a thread of its own, and returns what it returns. The reactor stops when
    /// the body ends. Cancelling the calling task cancels the body's.
    ///
    /// ```swift
    /// let html = try await Reactor.run { reactor in
    ///     try await reactor.getPage("http://example.com/").value
    /// }
    /// ```
    /// - Throws: what the body throws, what `run()` of the reactor does, or a `SystemError` if there is no thread left.
    public static func run<Success: Sendable>(
        _ body: nonisolated(nonsending) @escaping @Sendable (Reactor) async throws -> Success
    ) async throws -> Success {
        let cancellation = TaskCancellation()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do {
                    let thread = try startThread { continuation.resume(with: runToEnd(body, cancellation)) }
                    pthread_detach(thread)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
    }

    private static func runToEnd<Success: Sendable>(
        _ body: nonisolated(nonsending) @escaping @Sendable (Reactor) async throws -> Success,
        _ cancellation: TaskCancellation
    ) -> Result<Success, any Error> {
        let reactor = Reactor()
        var outcome: Result<Success, any Error> = .failure(ReactorStopped())
        let task = reactor.spawn {
            do {
                outcome = .success(try await body(reactor))
            } catch {
                outcome = .failure(error)
            }
            reactor.stop()
        }
        cancellation.attach(task)
        do {
            try reactor.run()
        } catch {
            outcome = .failure(error)
        }
        return outcome
    }
}

// MARK: awaiting a Deferred

extension Deferred {
    /// The value, or the failure thrown: awaits the Deferred on its reactor's thread, with one job and no thread hop.
    ///
    /// Cancelling the awaiting task cancels the Deferred, as `cancel()` on a link does: the operation itself ends only
    /// if nobody else waits for it. When the reactor stops first, this throws `ReactorStopped`.
    ///
    /// Thread: the reactor's; anywhere else this traps, since the Deferred is not safe to touch there. Start the task
    /// with `reactor.spawn`, `Reactor.run` or `Deferred(on:)`.
    public nonisolated(nonsending) var value: Value {
        get async throws {
            guard let reactor = Reactor.current else {
                // fatalError: a precondition's sentence is lost in release builds.
                fatalError(
                    """
                    'await deferred.value' was used off its reactor's thread: start the task with reactor.spawn { … }, \
                    Reactor.run { … } or Deferred(on: reactor) { … }
                    """)
            }
            if result == nil {
                let place = reactor.awaits.begin(on: self)
                let handle = reactor.handle
                await Self.suspend(reactor.awaits, at: place, handle)
                // Why the await was ended from outside, unless the operation's canceller had an outcome of its own.
                if let ended = reactor.awaits.end(at: place) {
                    switch result {
                    case .success(let value)?: return value
                    case .failure(let error)? where !(error is CancelledError): throw error
                    default: throw ended
                    }
                }
            } else {
                noteFollowed()
            }
            guard let result else { throw CancelledError() }
            return try result.get()
        }
    }

    /// Suspends the task until the await at `place` is settled.
    ///
    /// The isolation is a parameter, and named within the closure, so that the closure runs isolated to it: as a
    /// closure of a `nonisolated(nonsending)` function it would leave the reactor's actor for its task executor, which
    /// costs a second job.
    private static func suspend(
        _ awaits: PendingAwaits, at place: AwaitPlace, _ handle: ReactorHandle,
        isolation: isolated (any Actor)? = #isolation
    ) async {
        await withTaskCancellationHandler {
            _ = isolation
            await withUnsafeContinuation { awaits.suspend(at: place, $0) }
        } onCancel: {
            handle.callFromThread { $0.awaits.cancel(at: place) }
        }
    }

    /// Creates a Deferred that fires with what `body` returns or throws, which runs as a task on the reactor's thread.
    ///
    /// ```swift
    /// let both = Deferred(on: reactor) {
    ///     let first = try await reactor.getPage("http://a.example/").value
    ///     let second = try await reactor.getPage("http://b.example/").value
    ///     return first + second
    /// }
    /// ```
    /// It stays alive, and fires, whether or not somebody keeps it. `cancel()` fails it with `CancelledError` at once and
    /// cancels the task: whatever the body awaits is cancelled, and what it returns then is dropped. When the reactor
    /// stops first, it fails with `ReactorStopped`.
    public convenience init(
        on reactor: Reactor, _ body: nonisolated(nonsending) @escaping () async throws -> Value
    ) {
        var task: Task<Void, Never>?
        self.init(canceller: { task?.cancel() })
        let observer = reactor.whenStopped { [weak self] in self?.take(.failure(ReactorStopped())) }
        task = reactor.spawn {
            let outcome: Result<Value, any Error>
            do {
                outcome = .success(try await body())
            } catch {
                outcome = .failure(error)
            }
            reactor.forgetStopObserver(observer)
            self.take(outcome)
        }
    }

    /// Fires with the outcome of a task, unless it was cancelled or the reactor stopped before.
    private func take(_ outcome: Result<Value, any Error>) {
        guard !isFired else { return }
        switch outcome {
        case .success(let value): callback(value)
        case .failure(let error): errback(error)
        }
    }
}
