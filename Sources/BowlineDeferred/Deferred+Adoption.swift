// How a link goes on when its function returned a Deferred: it waits for that one, and takes its result as its own.

extension Deferred {
    /// Takes the result of `inner`, which this link's function returned, at once or when it is there.
    @inlinable
    final func adopt(_ inner: Deferred<Value>) {
        if inner.flags.intersection([.fired, .delivering]) == .fired {
            inner.noteFollowed()
            copy(inner)
        } else {
            wait(for: inner)
        }
    }

    /// Waits for `inner`, which has not fired, or has but is still calling those who came first.
    @usableFromInline
    final func wait(for inner: Deferred<Value>) {
        if inner === self {
            fatalError("the function that was added at \(made) returned the Deferred of its own result")
        }
        flags.remove(.running)
        flags.insert(.adopting)
        inner.noteFollowed()
        inner.attach(self)
        // Somebody gave up while the function was running.
        if flags.contains(.cancelled) { cancel() }
    }

    /// Takes the result of `inner` as its own, or a `CancelledError` if the wait for it was given up.
    @inlinable
    final func copy(_ inner: DeferredNode?) {
        if let value = Self.value(of: inner) {
            succeed(value)
        } else {
            fail(inner?.failure ?? CancelledError())
        }
    }
}
