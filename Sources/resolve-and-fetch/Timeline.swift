// Bars on a common scale: what happened when. Drawn with half characters, so that a line of 60 has 120 places.

import Bowline

struct Timeline {
    struct Row {
        var label: String
        var start: Duration
        var end: Duration
        var note: String
        var colour: Style.Colour
    }

    /// The length of the scale.
    let total: Duration
    private(set) var rows: [Row] = []

    private static let indentation = "  "
    private static let longestLabel = 30
    private static let narrowestBar = 12

    init(total: Duration) {
        self.total = max(total, .nanoseconds(1))
    }

    /// - Parameter note: what became of it, behind the time that it took.
    mutating func add(
        _ label: String, from start: Duration, to end: Duration, _ note: String = "", _ colour: Style.Colour
    ) {
        rows.append(Row(label: label, start: start, end: max(start, end), note: note, colour: colour))
    }

    /// The rows as lines, none of them wider than the style allows.
    func lines(_ style: Style) -> [String] {
        guard !rows.isEmpty else { return [] }
        let times = rows.map { Times.text($0.end - $0.start) }
        let timeWidth = times.map(TerminalText.width).max() ?? 0
        let notes = zip(rows, times).map { row, time in
            String(repeating: " ", count: timeWidth - TerminalText.width(time)) + time
                + (row.note.isEmpty ? "" : "  \(row.note)")
        }
        let noteWidth = min(notes.map(TerminalText.width).max() ?? 0, style.width / 3)
        let labelWidth = min(
            rows.map { TerminalText.width($0.label) }.max() ?? 0, Self.longestLabel,
            style.width - noteWidth - Self.narrowestBar - 6)
        let barWidth = max(Self.narrowestBar, style.width - labelWidth - noteWidth - 6)

        let end = Times.text(total)
        let scale =
            Self.indentation + String(repeating: " ", count: labelWidth) + "  "
            + TerminalText.padded("0", to: max(1, barWidth - TerminalText.width(end))) + end
        return [style.paint(scale, .dim)]
            + zip(rows, notes).map { row, note in
                let label = TerminalText.padded(TerminalText.shortened(row.label, to: labelWidth), to: labelWidth)
                let bar = style.paint(Self.bar(row, of: total, width: barWidth), row.colour)
                return "\(Self.indentation)\(label)  \(bar)  \(TerminalText.shortened(note, to: noteWidth))"
            }
    }

    /// The bar of a row, padded to its width: at least half a character, and never outside.
    static func bar(_ row: Row, of total: Duration, width: Int) -> String {
        let places = width * 2
        let start = min(Int(row.start / total * Double(places)), places - 1)
        let end = min(max(Int((row.end / total * Double(places)).rounded(.up)), start + 1), places)
        let filled = start..<end
        return String(
            (0..<width).map { column -> Character in
                switch (filled.contains(column * 2), filled.contains(column * 2 + 1)) {
                case (true, true): "━"
                case (true, false): "╸"
                case (false, true): "╺"
                case (false, false): " "
                }
            })
    }
}
