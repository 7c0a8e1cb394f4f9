// Times as people read them.

import Bowline

enum Times {
    /// A tenth of a millisecond, or a hundredth of a second from one second on.
    static func text(_ duration: Duration) -> String {
        let milliseconds = max(0, duration.inMilliseconds)
        guard milliseconds >= 999.95 else { return "\(decimal(milliseconds, 10, 1)) ms" }
        return "\(decimal(milliseconds / 1_000, 100, 2)) s"
    }

    private static func decimal(_ value: Double, _ scale: Int, _ digits: Int) -> String {
        let scaled = Int((value * Double(scale)).rounded())
        return "\(scaled / scale).\(String(scale + scaled % scale).dropFirst())"
    }
}
