// Somebody who waits for a result by other means than a callback: `await`, and the combinators.
// Made by `addWaiter` alone. It never has a value of its own.

/// A place in the queue of those who wait for a ``Deferred``.
package final class Waiter: DeferredNode {
    private var resume: (() -> Void)?

    fileprivate init(_ resume: @escaping () -> Void, made: CallSite) {
        self.resume = resume
        super.init(
            made: made, flags: .link,
            step: { follower, _ in
                unsafeDowncast(follower, to: Waiter.self).finish()
            },
            canceller: nil)
    }

    private func finish() {
        flags.insert(.fired)
        let resume = resume.take()
        resume?()
    }

    /// Gives up waiting, as `cancel()` does for a link: the last who leaves cancels the operation.
    ///
    /// The waiter's function is called before this returns, unless it was called already.
    package func leave() { cancel() }
}

extension DeferredNode {
    /// Calls `resume` when the result is there, in the turn that its place in the queue gives it.
    ///
    /// - Parameter resume: Is called once; at once if the result is there. It finds the result set, unless this
    ///   waiter has left.
    /// - Returns: What one leaves by. The Deferred keeps it alive.
    @discardableResult
    package final func addWaiter(
        file: StaticString = #fileID, line: UInt = #line, _ resume: @escaping () -> Void
    ) -> Waiter {
        let waiter = Waiter(resume, made: CallSite(file: file, line: line))
        follow(waiter)
        return waiter
    }
}
