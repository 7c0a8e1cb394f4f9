// Numbers and times as the page shows them: as few digits as tell something.

import BowlineReactor

enum InspectorText {
    /// `0.31 ms`, `12 ms`, `3.2 s`, `4 min 12 s`, `2 h 5 min`, `3 d`.
    static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.inMilliseconds
        if milliseconds < 0 { return "−" + self.duration(.zero - duration) }
        if milliseconds < 9.995 { return decimal(milliseconds, 2) + " ms" }
        if milliseconds < 999.5 { return "\(Int(milliseconds.rounded())) ms" }
        if milliseconds < 9_950 { return decimal(milliseconds / 1_000, 1) + " s" }
        return seconds(Int((milliseconds / 1_000).rounded()))
    }

    /// Whole seconds, as TTLs have them.
    static func seconds(_ seconds: Int) -> String {
        switch seconds {
        case ..<0: "−" + self.seconds(-seconds)
        case ..<100: "\(seconds) s"
        case ..<3_600: seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400:
            seconds / 60 % 60 == 0 ? "\(seconds / 3_600) h" : "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d" + (seconds / 3_600 % 24 == 0 ? "" : " \(seconds / 3_600 % 24) h")
        }
    }

    /// `12 345`, with narrow spaces that don't break.
    static func count(_ count: Int) -> String {
        let digits = String(count)
        guard count >= 10_000 else { return digits }
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { grouped += "\u{202F}" }
            grouped.append(digit)
        }
        return grouped
    }

    /// A part of a whole in per cent; a dash without a whole.
    static func share(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "–" }
        return part == whole ? "100 %" : decimal(Double(part) / Double(whole) * 100, 1) + " %"
    }

    static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 1 ? 10 : 100
        let scaled = Int((value * Double(scale)).rounded())
        return "\(scaled / scale).\(String(scale + scaled % scale).dropFirst())"
    }
}
