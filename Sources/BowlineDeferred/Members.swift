// The Deferreds that a combinator waits for, and how it waits: quietly, so that a result that it doesn't take is still
// somebody's to handle. Used by `gather`, `race` and `DeferredList`. A combinator never owns its members: their
// producers do, and if all of those let go, the combinator is freed with them.

/// Where one member's result goes.
final class Member<Value>: DeferredNode {
    private var take: ((Result<Value, any Error>) -> Void)?

    init(_ take: @escaping (Result<Value, any Error>) -> Void) {
        self.take = take
        super.init(
            made: CallSite(), flags: .link,
            step: { follower, upstream in
                // The types are those with which `Members.follow` was called.
                let member = unsafeDowncast(follower, to: Member<Value>.self)
                upstream?.noteFollowed()
                let result = upstream.flatMap { unsafeDowncast($0, to: Deferred<Value>.self).result }
                member.finish(result ?? .failure(CancelledError()))
            },
            canceller: nil)
    }

    private func finish(_ result: Result<Value, any Error>) {
        flags.insert(.fired)
        let take = take.take()
        take?(result)
    }
}

final class Members {
    private struct Entry {
        weak var node: DeferredNode?
    }
    private var entries: [Entry] = []

    /// Whether the combinator has its result, or doesn't want one any longer.
    private(set) var isDone = false

    /// Calls `take` with the result of `deferred`, or with a `CancelledError` when this one leaves.
    func follow<Value>(_ deferred: Deferred<Value>, _ take: @escaping (Result<Value, any Error>) -> Void) {
        let member = Member(take)
        entries.append(Entry(node: member))
        deferred.attach(member)
        if deferred.isFired { deferred.deliver() }
    }

    /// Stops listening to those that are left, and lets them go on: their results are their own.
    func dismiss() {
        isDone = true
        for entry in entries { entry.node?.dismiss() }
        entries = []
    }

    /// Gives up those that are left: each is cancelled, unless others wait for it.
    func cancel() {
        isDone = true
        let entries = entries
        self.entries = []
        for entry in entries { entry.node?.cancel() }
    }

    /// Gives up those that are left, and listens to what they say to that. One that can't say anything now, because its
    /// own function is on the stack, is not waited for.
    func cancelAndListen() {
        for entry in entries { entry.node?.cancel() }
        for entry in entries { entry.node?.giveUp() }
    }
}

extension DeferredNode {
    /// Leaves what it waits for, without a result and without cancelling anything.
    fileprivate final func dismiss() {
        upstream?.detach(self)
    }

    /// Leaves what it still waits for, with a `CancelledError` as its result.
    fileprivate final func giveUp() {
        guard let upstream else { return }
        upstream.detach(self)
        step?(self, nil)
    }
}
