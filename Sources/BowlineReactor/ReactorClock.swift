// What everything above the loop needs of time. The reactor is one; the test kit's manual clock is another, so that
// the race, the resolver and every timeout can be tested in virtual time.

/// Tells the time and calls back later: what timeouts, delays and races take instead of a reactor.
///
/// ```swift
/// func warn(after delay: Duration, on clock: any ReactorClock) -> DelayedCall {
///     let started = clock.now
///     return clock.callLater(delay) { print("still waiting after", clock.now - started) }
/// }
/// ```
public protocol ReactorClock: AnyObject {
    /// The current time. Within one turn of a reactor it stands still: the loop reads its clock once a turn.
    var now: ReactorInstant { get }

    /// Calls `function` once, `delay` from now, on the clock's thread; never from inside this call.
    ///
    /// A negative delay counts as zero. Calls that are due together run in the order in which they were made.
    /// Complexity: O(log n) in the number of pending calls.
    @discardableResult
    func callLater(_ delay: Duration, _ function: @escaping () -> Void) -> DelayedCall
}
