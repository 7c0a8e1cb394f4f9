// One pending timer. A connector sets several for each connection and cancels nearly all of them, so the object knows
// its own place in the queue: cancelling looks nothing up.

/// Represents a call that a clock will make later, and is the handle to cancel or move it.
///
/// ```swift
/// let call = reactor.callLater(.milliseconds(250)) { print("late") }
/// call.delay(.seconds(1))      // a second later than planned
/// call.cancel()
/// print(call.isActive)         // false
/// ```
public final class DelayedCall {
    /// The queue that holds this call. Unowned without a check: it is read only while `position` says that the call
    /// stands in the queue, and a queue that goes away takes its calls out first.
    @exclusivity(unchecked) unowned(unsafe) let queue: TimerQueue

    /// Where the call stands in the queue's heap; -1 when it has run or was cancelled.
    @exclusivity(unchecked) var position: Int = -1

    @exclusivity(unchecked) var function: (() -> Void)?

    /// When the call is due.
    @exclusivity(unchecked) public internal(set) var deadline: ReactorInstant

    init(queue: TimerQueue, deadline: ReactorInstant, function: @escaping () -> Void) {
        self.queue = queue
        self.deadline = deadline
        self.function = function
    }

    /// Whether the call is still to come: false once it started to run or was cancelled.
    public var isActive: Bool { position >= 0 }

    /// Takes the call back. Returns whether there was something to take back; afterwards the closure is released.
    @discardableResult
    public func cancel() -> Bool {
        guard isActive else { return false }
        queue.remove(self)
        // Last: the closure may own whatever cancels this very call as it goes.
        function = nil
        return true
    }

    /// Moves the call to `delay` from now. Returns false, and does nothing, if it is no longer active.
    @discardableResult
    public func reset(_ delay: Duration) -> Bool {
        guard isActive else { return false }
        queue.move(self, to: queue.now() + max(delay, .zero))
        return true
    }

    /// Moves the call by `duration` from when it was planned; a negative duration brings it forward.
    /// Returns false, and does nothing, if it is no longer active.
    @discardableResult
    public func delay(_ duration: Duration) -> Bool {
        guard isActive else { return false }
        queue.move(self, to: deadline + duration)
        return true
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DelayedCall: Sendable {}

extension DelayedCall: CustomStringConvertible {
    /// When the call is due, as in `DelayedCall(in 0.25 seconds)`.
    public var description: String {
        isActive ? "DelayedCall(in \(deadline - queue.now()))" : "DelayedCall(not active)"
    }
}
