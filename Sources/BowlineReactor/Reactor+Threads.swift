// Work that blocks, on threads, with its result as a Deferred.

public import BowlineDeferred

extension Reactor {
    /// How many threads `deferToThread` may use at once; 8 unless set. Lowering it ends no thread that runs already.
    public var threadLimit: Int {
        get { threads.limit }
        set { threads.limit = max(1, newValue) }
    }

    /// Runs `work` on a thread of the reactor's pool and fires with what it returns or throws, on the reactor's thread.
    ///
    /// What it captures is sent there, and its result is sent back. When all threads are busy, it waits in a queue; if
    /// it still does when the reactor stops, the Deferred fails with `ReactorStopped`. Work that has begun is waited
    /// for. Cancelling gives up waiting for the result; work that has begun runs to its end all the same.
    public func deferToThread<Value>(
        _ work: sending @escaping () throws -> sending Value
    ) -> Deferred<Value> {
        let deferred = Deferred<Value>()
        let ticket = bind(deferred)
        let handle = self.handle
        // Sent whole to the one thread that takes the job; see `ThreadPool.Job`.
        nonisolated(unsafe) let work = work
        threads.submit(
            ThreadPool.Job(
                run: {
                    // `sending`: the thread keeps nothing of the result, and the reactor's thread takes it once.
                    nonisolated(unsafe) let result = Result<Value, any Error> { try work() }
                    handle.call(ticket) { deferred in
                        switch result {
                        case .success(let value): deferred.callback(value)
                        case .failure(let error): deferred.errback(error)
                        }
                    }
                },
                abandon: { deferred.errback(ReactorStopped()) }))
        return deferred
    }
}
