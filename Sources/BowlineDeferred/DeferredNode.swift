// What every Deferred is, whatever its type of value: a node in a tree of those who wait for it. Here are the three
// things that must not recurse, since chains get long: delivering a result, cancelling, and letting go.
// Called by `Deferred` and its links. It never knows a value, and calls a user's functions by `step` and `canceller` only.
//
// Who owns whom: a node owns its followers, and a follower knows its upstream without owning it. So the holder of the
// source keeps the chain alive, a source that is dropped frees it all, and there are no cycles.

/// The part of a ``Deferred`` that doesn't depend on the type of its value.
///
/// It is never made as such; see ``Deferred``.
///
/// ```swift
/// let started: [DeferredNode] = [Deferred<Int>(), reactor.getPage("http://example.com/")]
/// for operation in started where !operation.isFired { operation.cancel() }
/// ```
public class DeferredNode {
    /// Takes what the upstream has, or a `CancelledError` when there is none: the wait was given up.
    ///
    /// This is a stored function, not a method, because the methods of a generic class are reached through a table of
    /// unspecialised code. A closure made where the types are known is specialised; and as it captures nothing there,
    /// it costs no allocation.
    @usableFromInline typealias Step = (_ follower: DeferredNode, _ upstream: DeferredNode?) -> Void

    @usableFromInline
    struct Flags: OptionSet {
        @usableFromInline let rawValue: UInt16
        @inlinable init(rawValue: UInt16) { self.rawValue = rawValue }

        /// It has its result.
        @inlinable static var fired: Flags { Flags(rawValue: 1) }
        /// Its followers are being called: whoever comes now queues up behind them.
        @inlinable static var delivering: Flags { Flags(rawValue: 2) }
        /// Its function, or its canceller, is on the stack.
        @inlinable static var running: Flags { Flags(rawValue: 4) }
        /// It was cancelled; if its function was running, what that returns is to be cancelled.
        @inlinable static var cancelled: Flags { Flags(rawValue: 8) }
        /// Somebody waits or waited for it, and so knows of its failure.
        @inlinable static var followed: Flags { Flags(rawValue: 16) }
        /// It gets its result from its upstream, and nobody else may fire it.
        @inlinable static var link: Flags { Flags(rawValue: 32) }
        /// Its function returned a Deferred, which is its upstream now.
        @inlinable static var adopting: Flags { Flags(rawValue: 64) }
        /// It was cancelled behind the back of its producer, whose one firing is still to come.
        @inlinable static var swallowsFiring: Flags { Flags(rawValue: 128) }
        /// It has a value.
        @inlinable static var succeeded: Flags { Flags(rawValue: 512) }
        /// The registry of `DeferredDiagnostics` knows it.
        @inlinable static var registered: Flags { Flags(rawValue: 256) }
    }

    // The stored properties are @exclusivity(unchecked): the dynamic check costs 14 ns an access, and no access here
    // lasts longer than the statement that makes it, so that none can overlap with another. (A user's function is
    // never called, and nothing of the user's released, within a `modify` of one of these.)

    @usableFromInline final let made: CallSite
    @exclusivity(unchecked) @usableFromInline final var flags: Flags
    @exclusivity(unchecked) @usableFromInline final var fired: CallSite?
    @usableFromInline final let step: Step?
    @exclusivity(unchecked) @usableFromInline final var canceller: (() -> Void)?

    /// The failure, if that is the result.
    @exclusivity(unchecked) @usableFromInline final var failure: (any Error)?

    // The tree. `first` and `next` own what they point at, by hand: moving a node from one to another then costs no
    // counting. Each node but the source is owned by one of the two at a time.

    /// The first of those who wait; the others hang on its `next`.
    @exclusivity(unchecked) @usableFromInline final var first: Unmanaged<DeferredNode>?

    /// While it waits: the follower after this one. While it delivers: the node whose delivery goes on after this one's.
    @exclusivity(unchecked) @usableFromInline final var next: Unmanaged<DeferredNode>?

    /// The follower before this one; of the first, the last one.
    ///
    /// Not owned, and yet never dangling: only neighbours in one list point at each other, the list owns them by `first`
    /// and `next`, and `attach`, `detach` and `takeFirst` mend both directions at once.
    @exclusivity(unchecked) @usableFromInline final var previous: Unmanaged<DeferredNode>?

    /// What this one waits for.
    ///
    /// Not owned, and yet never dangling: it is set by `attach` alone, which puts this node into the upstream's list, and
    /// each way out of that list clears it: `takeFirst` (delivery, and the upstream's deinit) and `detach` (leaving).
    /// So as long as it is set the upstream has this node in its list, and therefore lives.
    @exclusivity(unchecked) @usableFromInline final var upstreamReference: Unmanaged<DeferredNode>?

    @inlinable
    init(made: CallSite, flags: Flags, step: Step?, canceller: (() -> Void)?) {
        self.made = made
        self.flags = flags
        self.step = step
        self.canceller = canceller
    }

    deinit {
        if first != nil { orphanFollowers() }
        if flags.contains(.registered) { DeferredDiagnostics.unregister(self) }
    }

    /// Whether the result is there.
    @inlinable public final var isFired: Bool { flags.contains(.fired) }

    /// What kind of node it is, for people.
    var kind: String { "node" }

    /// Fails with `error`, without delivering it.
    @usableFromInline
    final func fail(_ error: any Error) {
        failure = error
        settled()
    }

    // MARK: The list of followers

    /// What this one waits for.
    final var upstream: DeferredNode? { upstreamReference?.takeUnretainedValue() }

    /// Puts `follower` behind those who wait already.
    @usableFromInline
    final func attach(_ follower: DeferredNode) {
        let reference = Unmanaged.passRetained(follower)
        follower.upstreamReference = Unmanaged.passUnretained(self)
        if let first {
            first._withUnsafeGuaranteedRef { head in
                let tail = head.previous ?? first
                tail._withUnsafeGuaranteedRef { $0.next = reference }
                follower.previous = tail
                head.previous = reference
            }
        } else {
            follower.previous = reference
            first = reference
        }
    }

    /// Takes the first follower out of the list.
    @inline(__always)
    final func takeFirst() -> DeferredNode? {
        guard let first else { return nil }
        let head = first.takeRetainedValue()
        let second = head.next
        second?._withUnsafeGuaranteedRef { $0.previous = head.previous }
        self.first = second
        head.next = nil
        head.previous = nil
        head.upstreamReference = nil
        return head
    }

    /// Takes `follower`, wherever it stands, out of the list.
    final func detach(_ follower: DeferredNode) {
        guard let first, first.toOpaque() != Unmanaged.passUnretained(follower).toOpaque() else {
            _ = takeFirst()
            return
        }
        let before = follower.previous
        let after = follower.next
        (after ?? first)._withUnsafeGuaranteedRef { $0.previous = before }
        before?._withUnsafeGuaranteedRef { $0.next = after }
        follower.next = nil
        follower.previous = nil
        follower.upstreamReference = nil
        Unmanaged.passUnretained(follower).release()
    }

    // MARK: Delivering

    /// Lets `follower` wait for this one, or take its result at once.
    @usableFromInline
    final func follow(_ follower: DeferredNode) {
        noteFollowed()
        attach(follower)
        if flags.contains(.fired) { deliver() }
    }

    /// Enters this node, which has just been made, in the registry, if that is on.
    ///
    /// Called by whoever makes one, and not by the init, where using `self` costs counting it.
    @inlinable
    final func noteMade() {
        if DeferredDiagnostics.isEnabled { DeferredDiagnostics.register(self) }
    }

    /// Notes that somebody will see a failure of this node.
    @usableFromInline
    package final func noteFollowed() {
        flags.insert(.followed)
        if flags.contains(.registered) { DeferredDiagnostics.update(self) }
    }

    /// Calls all who wait for this node, which has fired: each with all of its own chain before the next.
    ///
    /// A walk with the way back in `next`, so that neither the length of a chain nor the depth to which Deferreds were
    /// returned from callbacks is a depth of the stack.
    @usableFromInline
    final func deliver() {
        if first == nil || flags.contains(.delivering) { return }
        flags.insert(.delivering)
        var node = self
        while true {
            if let follower = node.takeFirst() {
                follower.step?(follower, node)
                guard follower.first != nil, follower.flags.intersection([.fired, .delivering]) == .fired else {
                    continue
                }
                follower.flags.insert(.delivering)
                // Nobody can add to a node that only this walk still holds: there is no need to come back, and its
                // value is freed before the rest of the chain runs.
                if node.first == nil, isKnownUniquelyReferenced(&node) {
                    follower.next = node.next
                    node.next = nil
                } else {
                    follower.next = Unmanaged.passRetained(node)
                }
                node = follower
            } else {
                node.flags.remove(.delivering)
                guard let back = node.next else { return }
                node.next = nil
                node = back.takeRetainedValue()
            }
        }
    }

    // MARK: Cancelling

    /// Gives up waiting for the result.
    ///
    /// As long as others wait for what this Deferred waits for, it leaves them alone: only its own chain fails, with
    /// ``CancelledError``. When the last one leaves, the operation itself is cancelled: the canceller of the source is
    /// called, once, and may fire it with a result of its own; else it fails with ``CancelledError``, which takes the
    /// usual way down the chain. Errbacks on the way see it, and may put a value in its place.
    ///
    /// A source without a canceller can't tell its producer, so that *one* later firing is ignored. Cancelling what has
    /// fired has no effect. Called from within a callback of its own chain, it cancels the Deferred which that
    /// callback returns, if any.
    ///
    /// - Complexity: O(*n*) in the number of links up to the source.
    public final func cancel() {
        if isFired { return }
        var node = self
        while let upstream = node.upstream {
            let othersWait = node.next != nil || node.previous?.toOpaque() != Unmanaged.passUnretained(node).toOpaque()
            if othersWait || upstream.isFired {
                upstream.detach(node)
                node.endWait()
                return
            }
            node = upstream
        }
        if node.flags.contains(.running) {
            node.flags.insert(.cancelled)
        } else if node.flags.contains(.link) {
            node.endWait()
        } else {
            node.cancelSource()
        }
    }

    /// Takes a `CancelledError` in place of what the upstream, which this node has left or lost, would have given.
    private final func endWait() {
        step?(self, nil)
        if isFired { deliver() }
    }

    private final func cancelSource() {
        flags.insert(.cancelled)
        if let canceller {
            self.canceller = nil
            flags.insert(.running)
            canceller()
            flags.remove(.running)
            if isFired { return }
        } else {
            flags.insert(.swallowsFiring)
        }
        fail(CancelledError())
        deliver()
    }

    // MARK: Letting go

    /// Frees those who wait for a node that will never fire, without recursion.
    ///
    /// Every node is whole at each release, which may run a user's deinit: out of its list, and without an upstream.
    private final func orphanFollowers() {
        var orphans: [DeferredNode] = []
        moveFollowers(to: &orphans)
        while var orphan = orphans.popLast() {
            if orphan.first != nil, isKnownUniquelyReferenced(&orphan) { orphan.moveFollowers(to: &orphans) }
        }
    }

    private final func moveFollowers(to orphans: inout [DeferredNode]) {
        while let follower = takeFirst() { orphans.append(follower) }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DeferredNode: Sendable {}
