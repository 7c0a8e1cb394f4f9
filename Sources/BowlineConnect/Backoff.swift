// How long to wait before trying again: longer after each failure, up to a bound, and never all clients at the same time.

/// Says how long to wait before each attempt in a row of failures.
///
/// ```swift
/// var backoff = Backoff()
/// backoff.maximumDelay = .seconds(30)
/// var generator = SystemRandomNumberGenerator()
/// print(backoff.delay(afterFailures: 3, using: &generator))     // 4 s, a fifth more or less
/// ```
public struct Backoff: Hashable, Sendable {
    /// The delay after the first failure. 1 s.
    public var initialDelay: Duration = .seconds(1)
    /// By how much the delay grows with each further failure, at least 1. 2.
    public var factor: Double = 2
    /// The longest delay. 60 s.
    public var maximumDelay: Duration = .seconds(60)
    /// The part by which a delay is randomly longer or shorter, from 0 to 1, so that clients that lost the same server
    /// don't come back together. 0.2.
    public var jitter: Double = 0.2

    /// Creates the usual back-off: 1, 2, 4 … 60 s, a fifth more or less.
    public init() {}

    /// The delay after so many failures in a row, 1 or more.
    public func delay(afterFailures count: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        var delay = min(initialDelay, maximumDelay)
        var left = count
        // Stops at the bound, whatever the count: a power of the count would overflow.
        while left > 1, delay < maximumDelay, factor > 1, delay > .zero {
            delay = min(delay * factor, maximumDelay)
            left -= 1
        }
        let part = min(max(jitter, 0), 1)
        return part == 0 ? delay : delay * Double.random(in: (1 - part)...(1 + part), using: &generator)
    }
}
