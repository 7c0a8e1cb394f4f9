// A point on the reactor's monotonic clock. A plain number, because instants are compared and stored in every timer,
// cache entry and connection attempt; `ContinuousClock.Instant` is 16 bytes and its arithmetic is 128 bits wide.

/// Represents a point in time on a reactor's clock, in nanoseconds from an arbitrary origin.
///
/// Instants of one clock can be compared and subtracted; they mean nothing to another clock or another boot.
/// ```swift
/// let start = reactor.now
/// let deadline = start + .seconds(10)
/// print(deadline - reactor.now)
/// ```
public struct ReactorInstant: Comparable, Hashable, Sendable {
    /// Nanoseconds since the clock's origin.
    public var nanoseconds: Int64

    /// Creates an instant from a number of nanoseconds since the clock's origin.
    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// This moment on the clock of every reactor of the machine, CLOCK_MONOTONIC. Reads the clock anew.
    public static var monotonicNow: ReactorInstant { TurnClock.read() }

    /// An instant that no clock reaches.
    public static var distantFuture: ReactorInstant { ReactorInstant(nanoseconds: .max) }

    /// Whether `left` comes before `right`.
    @inlinable
    public static func < (left: ReactorInstant, right: ReactorInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Returns the instant that lies `duration` after this one; a result out of range is clamped.
    public func advanced(by duration: Duration) -> ReactorInstant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.saturatingNanoseconds)
        guard overflow else { return ReactorInstant(nanoseconds: sum) }
        return ReactorInstant(nanoseconds: duration < .zero ? .min : .max)
    }

    /// Returns the instant that lies `duration` after `instant`.
    public static func + (instant: ReactorInstant, duration: Duration) -> ReactorInstant {
        instant.advanced(by: duration)
    }

    /// Returns the instant that lies `duration` before `instant`.
    public static func - (instant: ReactorInstant, duration: Duration) -> ReactorInstant {
        instant.advanced(by: .zero - duration)
    }

    /// Returns the time that passed from `earlier` to `later`; negative if they are the other way round.
    public static func - (later: ReactorInstant, earlier: ReactorInstant) -> Duration {
        // Durations are subtracted in 128 bits, which is needed only where instants lie 292 years apart.
        let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        guard overflow else { return .nanoseconds(difference) }
        return .nanoseconds(later.nanoseconds) - .nanoseconds(earlier.nanoseconds)
    }
}

extension Duration {
    /// The duration in whole nanoseconds, clamped to what 64 bits hold (292 years).
    package var saturatingNanoseconds: Int64 {
        // The division of 128 bits takes 30 ns, and every timer pays for it: durations under 9.2 s do without.
        if let short = Int64(exactly: attoseconds) { return short / 1_000_000_000 }
        return Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// The duration in milliseconds, for people and reports.
    package var inMilliseconds: Double {
        Double(saturatingNanoseconds) / 1e6
    }

    /// The duration for a sentence: `0.4 ms`, `501 ms`, `1.5 s`, `60 s`.
    package var inWords: String {
        let milliseconds = inMilliseconds
        switch milliseconds {
        case ..<9.95: return Self.tenths(milliseconds) + " ms"
        case ..<999.5: return "\(Int64(milliseconds.rounded())) ms"
        case ..<99_950: return Self.tenths(milliseconds / 1_000) + " s"
        default: return "\(Int64((milliseconds / 1_000).rounded())) s"
        }
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
