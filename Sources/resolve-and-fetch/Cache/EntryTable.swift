// The entries of the cache as a table, as wide as the terminal.

import Bowline

struct EntryTable {
    private static let heads = ["NAME", "TYPE", "STATE", "LEFT", "HITS", "AGE", "SERVER", "DATA"]
    private static let narrowest = 12

    private let rows: [[String]]

    init(_ entries: [CacheEntry]) {
        rows = entries.map { entry in
            [
                "\(entry.name)", entry.typeText, entry.state.rawValue, Times.left(entry.remaining), "\(entry.hits)",
                Times.span(entry.age), entry.origin.server.map { "\($0)" } ?? "-", entry.dataText,
            ].map(TerminalText.escaped)
        }
    }

    /// A line for the heads and one for each entry; nothing for an empty cache.
    func lines(_ style: Style) -> [String] {
        guard !rows.isEmpty else { return [] }
        var widths = Self.heads.indices.map { column in
            ([Self.heads] + rows).reduce(0) { max($0, TerminalText.width($1[column])) }
        }
        // The name gives way to the data where the line is too short for both.
        let last = widths.count - 1
        let gaps = 2 * last
        let others = widths[1..<last].reduce(0, +) + gaps
        let room = style.width - others
        if style.isTerminal, widths[0] + widths[last] > room {
            widths[0] = min(widths[0], max(Self.narrowest, room / 2))
            widths[last] = max(Self.narrowest, room - widths[0])
        }
        func line(_ row: [String]) -> String {
            zip(row, widths).enumerated().map { column, cell in
                let text = TerminalText.shortened(cell.0, to: cell.1)
                return column == last ? text : TerminalText.padded(text, to: cell.1)
            }.joined(separator: "  ")
        }
        return [style.paint(line(Self.heads), .bold)] + rows.map(line)
    }
}
