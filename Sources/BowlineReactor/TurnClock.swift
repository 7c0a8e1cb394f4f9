// The clock of a turn: read once after the wait, and standing still until the next. Outside a turn it is read anew.

import Glibc

final class TurnClock {
    /// The time of the present turn; nil when the loop isn't in one.
    @exclusivity(unchecked) private var turn: ReactorInstant?

    var now: ReactorInstant { turn ?? Self.read() }

    func advance() { turn = Self.read() }
    func release() { turn = nil }

    /// CLOCK_MONOTONIC by clock_gettime(2): 24 ns, no system call.
    static func read() -> ReactorInstant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return ReactorInstant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }
}
