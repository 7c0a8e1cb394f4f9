// The columns of each table.

import BowlineNames
import BowlineReactor
import BowlineTransport

extension InspectorColumn {
    /// A column of text.
    static func text(_ key: String, _ title: String, _ hint: String, _ value: @escaping (Row) -> String?) -> Self {
        Self(key: key, title: title, hint: hint, order: { value($0).map { .text($0) } ?? .nothing }) { row, markup in
            if let text = value(row), !text.isEmpty { markup.text(text) } else { markup.nothing() }
        }
    }

    /// A column of times.
    static func time(_ key: String, _ title: String, _ hint: String, _ value: @escaping (Row) -> Duration?) -> Self {
        Self(
            key: key, title: title, hint: hint, isNumeric: true,
            order: { value($0).map { .number($0.inMilliseconds) } ?? .nothing }
        ) { row, markup in
            if let time = value(row) { markup.text(InspectorText.duration(time)) } else { markup.nothing() }
        }
    }

    /// A column of numbers; 0 is faint.
    static func count(_ key: String, _ title: String, _ hint: String, _ value: @escaping (Row) -> Int) -> Self {
        Self(key: key, title: title, hint: hint, isNumeric: true, order: { .number(Double(value($0))) }) {
            row, markup in
            let count = value(row)
            markup.element("span", count == 0 ? "class=\"faint\"" : "", InspectorText.count(count))
        }
    }

    /// A column of words, each on its own colour; `value` is one of the module's own words.
    static func state(_ key: String, _ title: String, _ hint: String, _ value: @escaping (Row) -> String) -> Self {
        Self(key: key, title: title, hint: hint, order: { .text(value($0)) }) { row, markup in
            markup.element("span", "class=\"state s-\(value(row))\"", value(row))
        }
    }
}

extension Markup {
    mutating func nothing() { raw("<span class=\"faint\">–</span>") }

    /// Lines under each other; beyond four only how many there are.
    mutating func lines(_ lines: [String]) {
        guard !lines.isEmpty else { return nothing() }
        for line in lines.prefix(lines.count > 4 ? 3 : 4) { element("div", "class=\"line\"", line) }
        if lines.count > 4 { element("div", "class=\"line faint\"", "and \(lines.count - 3) more") }
    }
}

enum InspectorTables {
    static func cache(_ now: ReactorInstant, token: String?, back: InspectorQuery) -> InspectorTable<CacheEntry> {
        var columns: [InspectorColumn<CacheEntry>] = [
            .state("state", "State", "fresh, stale, negative, failed or pinned") { $0.state.rawValue },
            .text("name", "Name", "The name asked") { entry in
                entry.port.map { "\(entry.name):\($0)" } ?? "\(entry.name)"
            },
            .text("type", "Type", "The record type; any for NXDOMAIN") { $0.type.map { "\($0)" } ?? "any" },
            InspectorColumn(
                key: "data", title: "Data", hint: "What the records say, and the aliases on the way",
                order: { .text($0.data.first.map { "\($0)" } ?? "~") }, cell: writeData),
            InspectorColumn(
                key: "left", title: "TTL left", hint: "What is left of its time", isNumeric: true,
                order: { $0.state == .pinned ? .nothing : .number($0.remaining.inMilliseconds) }, cell: writeTTL),
            InspectorColumn(
                key: "ttl", title: "TTL", hint: "What the server allowed", isNumeric: true,
                order: { $0.originalTTL.map { .number($0.inMilliseconds) } ?? .nothing }
            ) { entry, markup in
                guard let ttl = entry.originalTTL else { return markup.nothing() }
                markup.text(InspectorText.seconds(Int(ttl.components.seconds)))
            },
            .text("source", "Source", "Who knew it") { entry in
                entry.origin.source.rawValue + (entry.origin.isRestored ? ", restored" : "")
            },
            .text("server", "Server", "The server that answered") { $0.origin.server.map { "\($0)" } },
            .time("rtt", "RTT", "From the question to the answer") { $0.origin.roundTrip },
            .count("tries", "Tries", "Datagrams until the answer") { $0.origin.attempts },
            .text("tcp", "TCP", "Whether the answer came over TCP") { $0.origin.usedTCP ? "yes" : nil },
            .count("hits", "Hits", "Lookups that it has answered") { $0.hits },
            .count("waiters", "Waiters", "Lookups that waited for the question") { $0.origin.waiters },
            .time("age", "Age", "Since it came") { $0.state == .pinned ? nil : $0.age },
            .time("idle", "Idle", "Since a lookup used it") { $0.state == .pinned ? nil : $0.idle },
            InspectorColumn(
                key: "changes", title: "Changes", hint: "How often its addresses changed", isNumeric: true,
                order: { .number(Double($0.changeCount)) }, cell: writeChanges),
            InspectorColumn(
                key: "connect", title: "Last connects", hint: "The last attempt to connect to each address",
                order: { $0.connects.first.map { .text($0.outcome) } ?? .nothing }
            ) { entry, markup in
                markup.lines(
                    entry.connects.map { connect in
                        let time = connect.duration.map { " in \(InspectorText.duration($0))" } ?? ""
                        return
                            "\(connect.address) \(connect.outcome)\(time), \(InspectorText.duration(now - connect.when)) ago"
                    })
            },
        ]
        if let token {
            columns.append(
                InspectorColumn(key: "flush", title: "", hint: "Flush", order: { _ in .nothing }) { entry, markup in
                    guard entry.state != .pinned else { return }
                    markup.flushForm(token, back, name: "\(entry.name)")
                })
        }
        return InspectorTable(
            id: "cache", caption: "Cache", emptiness: "Nothing here.", columns: columns,
            key: { "\($0.name) \($0.type.map { "\($0)" } ?? "any") \($0.state == .pinned) \($0.port ?? 0)" },
            search: \.searchText)
    }

    private static func writeData(_ entry: CacheEntry, into markup: inout Markup) {
        for alias in entry.aliases.prefix(4) {
            markup.element("div", "class=\"line faint\"", "→ \(alias.target)")
        }
        if !entry.data.isEmpty || entry.failure == nil {
            if entry.data.isEmpty, let code = entry.responseCode {
                markup.element("div", "class=\"line\"", code == .noError ? "no data" : "\(code)")
            } else {
                markup.lines(entry.data.map { "\($0)" })
            }
        }
        if let failure = entry.failure { markup.element("div", "class=\"line bad\"", "\(failure)") }
        for error in entry.extendedErrors.prefix(2) {
            markup.element("div", "class=\"line faint\"", "\(error)")
        }
    }

    /// What is left, with a bar of how much that is.
    private static func writeTTL(_ entry: CacheEntry, into markup: inout Markup) {
        guard entry.state != .pinned else { return markup.nothing() }
        markup.text(InspectorText.seconds(Int((entry.remaining.inMilliseconds / 1_000).rounded(.down))))
        let whole = entry.lifetime.inMilliseconds
        guard whole > 0 else { return }
        let width = Int((max(0, min(1, entry.remaining.inMilliseconds / whole)) * 48).rounded())
        markup.raw(
            "<svg class=\"bar\" viewBox=\"0 0 48 3\" width=\"48\" height=\"3\" aria-hidden=\"true\">"
                + "<rect class=\"rail\" width=\"48\" height=\"3\"/><rect width=\"\(width)\" height=\"3\"/></svg>")
    }

    private static func writeChanges(_ entry: CacheEntry, into markup: inout Markup) {
        guard entry.changeCount > 0 else { return markup.element("span", "class=\"faint\"", "0") }
        let since = entry.sinceChange.map { ", \(InspectorText.duration($0)) ago" } ?? ""
        let before = entry.previousData.map { "\($0)" }.joined(separator: ", ")
        markup.element("span", "title=\"\(Markup.escaped("before: \(before)"))\"", "\(entry.changeCount)\(since)")
    }

    static var inFlight: InspectorTable<QuestionSnapshot> {
        InspectorTable(
            id: "inflight", caption: "In flight", emptiness: "No question waits for an answer.",
            columns: [
                .text("name", "Name", "The name asked") { "\($0.name)" },
                .text("type", "Type", "The type asked") { "\($0.type)" },
                .time("age", "Age", "Since it was first wanted") { $0.age },
                .text("servers", "Asked", "The servers that have not answered yet") {
                    $0.servers.map { "\($0)" }.joined(separator: ", ")
                },
                .count("tries", "Tries", "Datagrams so far") { $0.tries },
                .count("waiters", "Waiters", "Lookups that wait for it") { $0.waiters },
            ], key: { "\($0.name) \($0.type)" })
    }

    static func servers(_ now: ReactorInstant) -> InspectorTable<ServerSnapshot> {
        InspectorTable(
            id: "servers", caption: "Servers", emptiness: "No server has been asked yet.",
            columns: [
                .state("state", "State", "untried, good or failing") { $0.state.rawValue },
                .text("address", "Server", "Its address and port") { "\($0.address)" },
                InspectorColumn(
                    key: "curve", title: "Round trips", hint: "The latest round trips, the newest at the right",
                    order: { $0.recentRoundTrips.last.map { .number($0.duration.inMilliseconds) } ?? .nothing }
                ) { RoundTripCurve.draw($0.recentRoundTrips, into: &$1) },
                .time("srtt", "Smoothed", "The smoothed round trip") { $0.smoothedRoundTrip },
                .time("rttvar", "Variation", "How much the round trip varies") { $0.roundTripVariation },
                .time("rto", "Patience", "After so much silence a question is sent again") { $0.retransmissionTime },
                .count("inflight", "In flight", "Questions in flight") { $0.inFlight },
                .count("window", "Window", "Questions that it may have in flight") { $0.window },
                .count("waiting", "Waiting", "Questions that wait for room") { $0.waiting },
                .count("questions", "Asked", "Questions that it was asked") { $0.counts.questions },
                .count("answers", "Answered", "Questions that it answered") { $0.counts.answers },
                .count("failures", "Failures", "Answers that said a failure") { $0.counts.failures },
                .count("timeouts", "Silent", "Questions that it stayed silent on") { $0.counts.timeouts },
                .count("again", "Again", "Datagrams that were sent again") { $0.counts.retransmissions },
                .count("tcp", "TCP", "Questions repeated over TCP") { $0.counts.overTCP },
                .count("mismatches", "Thrown away", "Answers that didn't fit") { $0.counts.mismatches },
                .time("probe", "Next probe", "When a failing server is asked again") { $0.nextProbe.map { $0 - now } },
                .text("failure", "Last failure", "How it failed last") { $0.lastFailure?.summary },
            ], key: { "\($0.address)" })
    }

    static var connections: InspectorTable<SocketSnapshot> {
        InspectorTable(
            id: "connections", caption: "Connections", emptiness: "No socket is open.",
            columns: [
                .state("kind", "Kind", "What the socket is doing") { $0.kind.rawValue },
                .text("local", "Local", "This end") { "\($0.local)" },
                .text("peer", "Peer", "The other end") { $0.peer.map { "\($0)" } },
                .text("user", "Used by", "The type that uses it") { $0.user },
                .count("buffered", "Buffered", "Bytes written and not yet taken by the system") { $0.buffered },
                .text("paused", "Reading", "Whether reading is paused") { $0.isReadingPaused ? "paused" : nil },
                .count("fd", "Descriptor", "Its number") { Int($0.descriptor) },
            ], key: { "\($0.descriptor) \($0.kind.rawValue)" })
    }
}

extension Markup {
    /// A button that flushes one name, or all without one.
    mutating func flushForm(_ token: String, _ back: InspectorQuery, name: String?) {
        raw("<form class=\"flush\" method=\"post\" action=\"/flush\"><input type=\"hidden\" name=\"back\" value=\"1\">")
        for (field, value) in back.fields where field != "token" {
            raw("<input type=\"hidden\" name=\"\(Markup.escaped(field))\" value=\"\(Markup.escaped(value))\">")
        }
        raw("<input type=\"hidden\" name=\"token\" value=\"\(Markup.escaped(token))\">")
        let field = name == nil ? "all" : "name"
        raw("<input type=\"hidden\" name=\"\(field)\" value=\"\(Markup.escaped(name ?? "1"))\">")
        raw(
            "<button type=\"submit\" aria-label=\"\(Markup.escaped(name.map { "Flush \($0)" } ?? "Flush all entries"))\">"
        )
        text(name == nil ? "Flush all" : "Flush")
        raw("</button></form>")
    }
}
