// Work that blocks, on threads, with its result as a Deferred.

public import BowlineDeferred

extension Reactor {
    /// How many threads `deferToThread` may use at once, at least 1; 8 unless set. Lowering it ends no thread.
    public var threadLimit: Int {
        get { threads.limit }
        set { threads.limit = max(1, newValue) }
    }

    /// Runs `work` on a thread of the reactor's pool and fires with what it returns or throws, on the reactor's thread.
    ///
    /// ```swift
    /// reactor.deferToThread { HostsFile.load() }
    ///     .addCallback { hosts in print(hosts.count, "names") }
    /// ```
    /// What it captures is sent there, and its result is sent back. When all threads are busy, it waits in a queue.
    /// - Parameter work: May block. It begins when the reactor runs, and not at all if it is cancelled before.
    /// - Returns: The Deferred of the result. Cancelling it gives up waiting; work that has begun runs to its end. When
    ///   the reactor stops, work that has begun is waited for, and what hasn't fails with `ReactorStopped`. It fails
    ///   with a `SystemError` if the system has no thread left.
    @discardableResult
    public func deferToThread<Value>(
        _ work: sending @escaping () throws -> sending Value
    ) -> Deferred<Value> {
        guard !isClosing else { return .failed(ReactorStopped()) }
        var number: UInt64?
        let deferred = Deferred<Value>(canceller: { [threads] in number.map(threads.giveUp) })
        let handle = self.handle
        // Sent whole to the one thread that takes the job; see `ThreadPool.Job`.
        nonisolated(unsafe) let work = work
        number = threads.submit(deferred) { number in
            let outcome = Handover { Result<Value, any Error> { try work() } }
            handle.callFromThread { reactor in
                guard let deferred = reactor.threads.finish(number, as: Deferred<Value>.self) else { return }
                switch outcome.take() {
                case .success(let value)?: deferred.callback(value)
                case .failure(let error)?: deferred.errback(error)
                case nil: break
                }
            }
        }
        return deferred
    }
}
