// Times as people read them.

import Bowline

enum Times {
    /// A tenth of a millisecond, or a hundredth of a second from one second on.
    static func text(_ duration: Duration) -> String {
        let milliseconds = max(0, duration.inMilliseconds)
        guard milliseconds >= 999.95 else { return "\(decimal(milliseconds, 10, 1)) ms" }
        return "\(decimal(milliseconds / 1_000, 100, 2)) s"
    }

    /// A span in its largest unit, rounded down: what is kept lasts at least that long, and is at least that old.
    static func span(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        let (sign, size) = (duration < .seconds(-1) ? "-" : "", seconds.magnitude)
        return switch size {
        case 0..<1_000: "\(sign)\(size) s"
        case 1_000..<7_200: "\(sign)\(size / 60) min"
        case 7_200..<172_800: "\(sign)\(size / 3_600) h"
        default: "\(sign)\(size / 86_400) d"
        }
    }

    /// What is left of a TTL: a second that has begun counts, as it does in the TTLs of answers.
    static func left(_ duration: Duration) -> String {
        span(duration > .zero ? duration + .nanoseconds(999_999_999) : duration)
    }

    private static func decimal(_ value: Double, _ scale: Int, _ digits: Int) -> String {
        let scaled = Int((value * Double(scale)).rounded())
        return "\(scaled / scale).\(String(scale + scaled % scale).dropFirst())"
    }
}
