// The tasks that are suspended in `await deferred.value`. They stand in a table so that two things can reach them
// without touching a Deferred from another thread: a task's cancellation, by number through the handle, and the
// reactor's stop.

import BowlineDeferred

/// Numbers one await. The generation tells it from a later one at the same index.
struct AwaitPlace: Sendable {
    var index: Int
    var generation: UInt32
}

final class PendingAwaits {
    private struct Entry {
        var generation: UInt32 = 0
        var waiter: Waiter?
        var continuation: UnsafeContinuation<Void, Never>?
        var failure: (any Error)?
        /// The outcome came, or the await was ended from outside, before the task was suspended.
        var isSettled = false
    }

    @exclusivity(unchecked) private var entries: ContiguousArray<Entry> = []
    @exclusivity(unchecked) private var free: ContiguousArray<Int> = []

    /// Follows `deferred` for one await.
    func begin(on deferred: DeferredNode) -> AwaitPlace {
        let index: Int
        if let reused = free.popLast() {
            index = reused
        } else {
            index = entries.count
            entries.append(Entry())
        }
        entries[index].generation &+= 1
        entries[index].isSettled = false
        let place = AwaitPlace(index: index, generation: entries[index].generation)
        // Strong: cheaper than unowned, and given up with the outcome.
        let waiter = deferred.addWaiter { self.settle(place) }
        entries[index].waiter = waiter
        return place
    }

    /// Keeps the continuation of the task that has just been suspended.
    func suspend(at place: AwaitPlace, _ continuation: UnsafeContinuation<Void, Never>) {
        if entries[place.index].isSettled {
            continuation.resume()
        } else {
            entries[place.index].continuation = continuation
        }
    }

    /// Frees the place. Returns the failure that ended the await from outside, if one did.
    func end(at place: AwaitPlace) -> (any Error)? {
        let failure = entries[place.index].failure
        entries[place.index].waiter = nil
        entries[place.index].failure = nil
        free.append(place.index)
        return failure
    }

    /// Ends an await whose task was cancelled: it leaves the Deferred, which is cancelled if nobody else waits for it.
    func cancel(at place: AwaitPlace) {
        leave(at: place, CancelledError())
    }

    /// Ends every await: the reactor stops.
    func failAll() {
        for index in entries.indices where entries[index].waiter != nil && !entries[index].isSettled {
            leave(at: AwaitPlace(index: index, generation: entries[index].generation), ReactorStopped())
        }
    }

    private func leave(at place: AwaitPlace, _ failure: any Error) {
        guard entries[place.index].generation == place.generation, !entries[place.index].isSettled,
            let waiter = entries[place.index].waiter
        else { return }
        entries[place.index].failure = failure
        // Calls `settle`: with the Deferred's outcome if leaving ended the operation, else without one.
        waiter.leave()
    }

    private func settle(_ place: AwaitPlace) {
        guard entries[place.index].generation == place.generation else { return }
        entries[place.index].isSettled = true
        let continuation = entries[place.index].continuation
        entries[place.index].continuation = nil
        continuation?.resume()
    }
}

@available(*, unavailable)
extension PendingAwaits: Sendable {}
