// How far a body has come, how fast, and how long it will take: numbers and the line that shows them. It knows no clock and no
// terminal.

import Bowline

struct ProgressMeter {
    /// The rate is that of the last seconds, as a reader who waits would count it.
    private static let window: Duration = .seconds(5)
    private static let narrowestBar = 10
    private static let widestBar = 40

    private struct Sample {
        var time: ReactorInstant
        var byteCount: Int
    }

    /// How many bytes there will be; nil if nobody knows.
    let expected: Int?
    /// Of the window, and the last one before it.
    private var samples: [Sample]

    init(start: ReactorInstant, expected: Int?) {
        self.expected = expected
        samples = [Sample(time: start, byteCount: 0)]
    }

    /// Notes how many bytes have come by now.
    mutating func note(_ byteCount: Int, at now: ReactorInstant) {
        samples.append(Sample(time: now, byteCount: byteCount))
        let outside = samples.prefix { now - $0.time > Self.window }.count
        samples.removeFirst(max(0, outside - 1))
    }

    private var byteCount: Int { samples.last?.byteCount ?? 0 }

    /// Bytes a second; 0 as long as nothing comes.
    var rate: Double {
        guard let first = samples.first, let last = samples.last, last.time > first.time else { return 0 }
        return Double(last.byteCount - first.byteCount) / ((last.time - first.time) / .seconds(1))
    }

    /// How long the rest takes at this rate; nil if nobody can tell.
    var timeLeft: Duration? {
        guard let expected, rate > 0 else { return nil }
        // Rounded up: what isn't over doesn't say "0 s". No more than years, which a Duration holds.
        return .seconds(Int64(min(Double(max(0, expected - byteCount)) / rate, 1e9).rounded(.up)))
    }

    /// A line of no more than `width` characters; what finds no room in it is left out.
    func line(width: Int, paint: (String) -> String = { $0 }) -> String {
        let amount = Self.size(byteCount) + (expected.map { " of \(Self.size($0))" } ?? "")
        let speed = rate > 0 ? "\(Self.size(Int(rate)))/s" : "stalled"
        var parts = [amount, speed]
        if let timeLeft { parts.append("\(Times.span(timeLeft)) left") }
        while parts.count > 1, Self.joined(parts).count > width { parts.removeLast() }
        let text = TerminalText.shortened(Self.joined(parts), to: width)
        guard let share else { return text }
        let percent = TerminalText.padded("\(Int(share * 100)) %", to: 5)
        let room = min(width - text.count - percent.count - 4, Self.widestBar)
        guard room >= Self.narrowestBar else { return text }
        let filled = Int(share * Double(room * 2))
        let bar =
            String(repeating: "━", count: filled / 2) + (filled % 2 == 1 ? "╸" : "")
        return "\(percent)  \(paint(TerminalText.padded(bar, to: room)))  \(text)"
    }

    /// How much of it is there: 0 to 1.
    private var share: Double? {
        guard let expected, expected > 0 else { return nil }
        return min(1, Double(byteCount) / Double(expected))
    }

    private static func joined(_ parts: [String]) -> String { parts.joined(separator: "  ") }

    /// A size in its largest binary unit, with one decimal.
    static func size(_ byteCount: Int) -> String {
        var (value, unit) = (Double(byteCount), 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        // What would be shown as 1024.0 is one of the next.
        while value >= 1023.95, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(byteCount) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
