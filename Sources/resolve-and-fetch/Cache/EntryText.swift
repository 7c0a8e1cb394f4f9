// All that is known of an entry, for people.

import Bowline

struct EntryText {
    private let entry: CacheEntry
    private let now: ReactorInstant

    /// - Parameter now: the instant of the snapshot that the entry is from.
    init(_ entry: CacheEntry, at now: ReactorInstant) {
        self.entry = entry
        self.now = now
    }

    /// A head, and under it the rest.
    func lines(_ style: Style) -> [String] {
        let head =
            "\(style.paint(TerminalText.escaped("\(entry.name)"), .bold))  \(entry.typeText)  \(entry.state.rawValue)"
        let data =
            entry.data.isEmpty
            ? [entry.dataText] : entry.data.map { "\($0)" + (connect(to: $0).map { "  \($0)" } ?? "") }
        let aliases = entry.aliases.map { "alias  \($0.name) → \($0.target)  ttl \($0.ttl) s" }
        let failure = entry.failure.map { ["failed \($0)"] } ?? []
        let errors = entry.extendedErrors.map { "server says \($0)" }
        let details =
            aliases + data + failure + errors + ["ttl    \(life)", "came   \(origin)", "used   \(use)"] + changes
        return [head] + details.map { "  \(TerminalText.escaped($0))" }
    }

    /// In one line: for how long it is kept, and how often it was used.
    var summary: String { "\(life); \(use)" }

    private var life: String {
        guard entry.state != .pinned else { return "pinned" }
        var parts: [String] = []
        if let ttl = entry.originalTTL {
            parts.append("\(Times.span(ttl)) from the server")
            if entry.lifetime != ttl { parts.append("kept for \(Times.span(entry.lifetime))") }
        } else {
            parts.append("kept for \(Times.span(entry.lifetime))")
        }
        let isOver = entry.remaining <= .zero
        parts.append(
            isOver ? "over since \(Times.span(.zero - entry.remaining))" : "\(Times.left(entry.remaining)) left")
        return parts.joined(separator: ", ")
    }

    private var origin: String {
        let origin = entry.origin
        var parts = ["\(Times.span(entry.age)) ago"]
        if let server = origin.server {
            let took = origin.roundTrip.map { " in \(Times.text($0))" } ?? ""
            parts[0] += " from \(server) over \(origin.usedTCP ? "TCP" : "UDP")\(took)"
        }
        if let code = entry.responseCode { parts.append("\(code)") }
        if origin.attempts > 0 { parts.append(origin.attempts == 1 ? "1 try" : "\(origin.attempts) tries") }
        if origin.isRestored { parts.append("kept from an earlier run") }
        return parts.joined(separator: ", ")
    }

    private var use: String {
        let waiters = entry.origin.waiters
        let hits =
            entry.hits == 0
            ? "no hit yet" : "\(entry.hits) \(entry.hits == 1 ? "hit" : "hits"), \(Times.span(entry.idle)) ago"
        return hits + (waiters > 1 ? ", \(waiters) waited for it" : "")
    }

    private var changes: [String] {
        guard entry.changeCount > 0 else { return [] }
        let before = entry.previousData.map { "\($0)" }.joined(separator: " ")
        let when = entry.sinceChange.map { ", \(Times.span($0)) ago" } ?? ""
        let times = entry.changeCount == 1 ? "once" : "\(entry.changeCount) times"
        return ["moved  \(times)\(when)\(before.isEmpty ? "" : ", before: \(before)")"]
    }

    /// How the last connection to an address went.
    func connect(to data: RecordData) -> String? {
        guard case .address(let address) = data, let record = entry.connects.first(where: { $0.address == address })
        else { return nil }
        let took = record.duration.map { " in \(Times.text($0))" } ?? ""
        return "\(record.outcome)\(took) \(Times.span(now - record.when)) ago"
    }
}
