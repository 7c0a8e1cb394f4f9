// Virtual time: a clock that moves only when a test says so. It keeps its calls in the queue that the reactor uses, so
// what is tested on it has the reactor's order.

public import Bowline

/// A clock that stands still until the test moves it.
///
/// ```swift
/// let clock = ManualClock()
/// clock.callLater(.milliseconds(50)) { print("at", clock.now.nanoseconds) }
/// clock.advance(by: .milliseconds(49))     // nothing
/// clock.advance(by: .milliseconds(1))      // at 50000000
/// ```
/// Calls run from inside `advance`, in the order of their deadlines and, at the same deadline, in the order in which they
/// were made; `now` is the deadline of the call that runs.
public final class ManualClock: ReactorClock {
    /// A class of its own, since the queue asks for the time and must not own the clock that owns it.
    private final class Time {
        var now: ReactorInstant
        init(_ now: ReactorInstant) { self.now = now }
    }

    /// So many rounds at one instant mean that a call sets itself anew without any delay, for ever.
    private static let roundLimit = 100_000

    private let time: Time
    private let queue: TimerQueue
    private var isAdvancing = false

    /// Creates a clock that shows `now`.
    public init(now: ReactorInstant = ReactorInstant(nanoseconds: 0)) {
        let time = Time(now)
        self.time = time
        queue = TimerQueue(now: { time.now })
    }

    /// What the clock shows.
    public var now: ReactorInstant { time.now }

    /// Calls `function` when the clock has been advanced by `delay`.
    @discardableResult
    public func callLater(_ delay: Duration, _ function: @escaping () -> Void) -> DelayedCall {
        queue.add(at: time.now + max(delay, .zero), function)
    }

    /// Moves the clock by `duration` and runs everything that is due until then, also what those calls add. Zero runs
    /// what is due now. A program error from inside a call, and for a negative duration.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not run backwards: advance(by: \(duration))")
        precondition(!isAdvancing, "advance was called from inside a call of this clock")
        isAdvancing = true
        defer { isAdvancing = false }
        let target = time.now + duration
        var rounds = 0
        while let deadline = queue.earliest, deadline <= target {
            rounds = deadline > time.now ? 0 : rounds + 1
            precondition(rounds < Self.roundLimit, "a call sets itself anew without delay, for ever")
            time.now = max(time.now, deadline)
            queue.runDue(at: time.now)
        }
        time.now = target
    }

    /// Moves the clock by each of `durations` in turn.
    public func pump(_ durations: some Sequence<Duration>) {
        for duration in durations { advance(by: duration) }
    }

    /// Moves the clock to the next deadline and runs what is due then. Returns false if nothing is pending.
    @discardableResult
    public func advanceToNextCall() -> Bool {
        guard let deadline = queue.earliest else { return false }
        advance(by: max(deadline - time.now, .zero))
        return true
    }

    /// The calls that are still to come, in the order in which they are due. Complexity: O(n log n).
    public var delayedCalls: [DelayedCall] {
        queue.pending.sorted { $0.deadline < $1.deadline }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ManualClock: Sendable {}
