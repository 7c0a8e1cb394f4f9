// How many entries there are, of what kinds.

import Bowline

struct EntryCounts {
    private let path: String
    private let entries: Int
    private let names: Int
    private let hits: Int
    private let states: [(key: String, count: Int)]
    private let types: [(key: String, count: Int)]

    /// - Parameter path: where they are from.
    init(_ entries: [CacheEntry], path: String) {
        self.path = path
        self.entries = entries.count
        names = Set(entries.map(\.name)).count
        hits = entries.reduce(0) { $0 &+ $1.hits }
        states = Self.counts(entries.map(\.state.rawValue))
        types = Self.counts(entries.map(\.typeText))
    }

    /// How often each word is there, the most frequent first.
    private static func counts(_ words: [String]) -> [(key: String, count: Int)] {
        Dictionary(grouping: words) { $0 }.map { (key: $0.key, count: $0.value.count) }
            .sorted { ($1.count, $0.key) < ($0.count, $1.key) }
    }

    var json: JSON {
        func object(_ counts: [(key: String, count: Int)]) -> JSON {
            .object(counts.map { ($0.key, .integer($0.count)) })
        }
        return .object([
            ("path", .string(path)), ("entries", .integer(entries)), ("names", .integer(names)),
            ("hits", .integer(hits)), ("states", object(states)), ("types", object(types)),
        ])
    }

    var lines: [String] {
        func list(_ counts: [(key: String, count: Int)]) -> String {
            counts.map { "\($0.count) \($0.key)" }.joined(separator: ", ")
        }
        func number(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
        let summary =
            "\(number(entries, "entry", "entries")) of \(number(names, "name", "names")), \(number(hits, "hit", "hits")), "
            + "in \(path)"
        let details = entries == 0 ? [] : ["by state  \(list(states))", "by type   \(list(types))"]
        return ([summary] + details).map(TerminalText.escaped)
    }
}

extension CacheEntry {
    /// The type asked, or what stands for all of them.
    var typeText: String { type?.description ?? "NXDOMAIN" }

    /// What the entry says, in one line.
    var dataText: String {
        if !data.isEmpty { return data.map { "\($0)" }.joined(separator: " ") }
        return type == nil || responseCode == .nxdomain ? "no such name" : "no record of this type"
    }
}
