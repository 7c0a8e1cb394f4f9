// The counters, and everything that can be measured as Prometheus reads it (text format 0.0.4). Labels are servers, states
// and kinds only: names would make a series each.

import BowlineNames
import BowlineReactor
import BowlineTransport

/// A number that only grows.
struct InspectorCounter {
    /// Its name in JSON; in the metrics `bowline_` stands before it and `_total` behind.
    var name: String
    var title: String
    var help: String
    var value: Int

    static func all(_ view: InspectorView) -> [InspectorCounter] {
        let cache = view.snapshot.cache
        func counter(_ name: String, _ title: String, _ help: String, _ value: Int) -> InspectorCounter {
            InspectorCounter(name: name, title: title, help: help, value: value)
        }
        return [
            counter("cache_positive_hits", "Hits", "Lookups answered with records.", cache.positiveHits),
            counter(
                "cache_negative_hits", "Negative hits", "Lookups answered with NODATA or NXDOMAIN.", cache.negativeHits),
            counter(
                "cache_failure_hits", "Failure hits", "Lookups answered with a failure that is kept.", cache.failureHits
            ),
            counter("cache_stale_hits", "Stale hits", "Lookups answered past the TTL at once.", cache.staleHits),
            counter("cache_misses", "Misses", "Lookups that found nothing to use.", cache.misses),
            counter("cache_expired_misses", "Expired", "Misses that found an entry past its TTL.", cache.expiredMisses),
            counter(
                "cache_stale_answers", "Stale answers", "Misses served past the TTL in the end.", cache.staleAnswers),
            counter("cache_refreshes", "Refreshes", "Questions asked ahead of an answer's end.", cache.refreshes),
            counter("cache_inserts", "Inserts", "Answers that were put in.", cache.inserts),
            counter("cache_uncacheable", "Not kept", "Answers that may not be kept.", cache.uncacheable),
            counter("cache_failures", "Failures kept", "Failures that were put in.", cache.failures),
            counter("cache_evictions", "Evictions", "Entries that made room for others.", cache.evictions),
            counter("cache_flushed", "Flushed", "Entries that were flushed.", cache.flushed),
            counter(
                "inspector_requests", "Page requests", "Requests that the inspector answered.", view.requests.answered),
            counter(
                "inspector_refused", "Page refusals", "Requests that broke the rules of HTTP.", view.requests.refused),
        ]
    }
}

/// Text for Prometheus, a family at a time.
struct PrometheusText {
    private(set) var text = ""

    mutating func family(
        _ name: String, _ type: String, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(type)\n"
        for (labels, value) in samples {
            let list = labels.map { "\($0.0)=\"\(Self.escaped($0.1).replacing("\"", with: "\\\""))\"" }
            text += name + (list.isEmpty ? "" : "{\(list.joined(separator: ","))}") + " \(Self.number(value))\n"
        }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static func number(_ value: Double) -> String {
        value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}

extension InspectorView {
    var metrics: String {
        var text = PrometheusText()
        for counter in InspectorCounter.all(self) {
            text.family("bowline_\(counter.name)_total", "counter", counter.help, [([], Double(counter.value))])
        }
        let states: [CacheEntry.State] = [.fresh, .stale, .negative, .failed, .pinned]
        let byState = Dictionary(grouping: snapshot.entries, by: \.state).mapValues(\.count)
        text.family(
            "bowline_cache_entries", "gauge", "Entries of the cache by state.",
            states.map { ([("state", $0.rawValue)], Double(byState[$0] ?? 0)) })
        text.family(
            "bowline_questions_in_flight", "gauge", "Questions that wait for their answers.",
            [([], Double(snapshot.inFlight.count))])
        let byKind = Dictionary(grouping: sockets, by: \.kind).mapValues(\.count)
        text.family(
            "bowline_sockets", "gauge", "Sockets of the reactor by kind.",
            SocketSnapshot.Kind.allCases.map { ([("kind", $0.rawValue)], Double(byKind[$0] ?? 0)) })
        text.family(
            "bowline_inspector_uptime_seconds", "gauge", "How long the inspector has been there.",
            [([], uptime.inMilliseconds / 1_000)])
        writeServers(into: &text)
        return text.text
    }

    private func writeServers(into text: inout PrometheusText) {
        func family(_ name: String, _ type: String, _ help: String, _ value: (ServerSnapshot) -> Double?) {
            text.family(
                "bowline_server_\(name)", type, help,
                snapshot.servers.compactMap { server in value(server).map { ([("server", "\(server.address)")], $0) } })
        }
        func counter(_ name: String, _ help: String, _ path: KeyPath<ServerCounts, Int>) {
            family("\(name)_total", "counter", help) { Double($0.counts[keyPath: path]) }
        }
        counter("questions", "Questions that it was asked.", \.questions)
        counter("datagrams", "Datagrams that left for it.", \.datagrams)
        counter("retransmissions", "Datagrams that were sent again after silence.", \.retransmissions)
        counter("answers", "Questions that it answered.", \.answers)
        counter("failures", "Answers that said a failure.", \.failures)
        counter("timeouts", "Questions that it stayed silent on.", \.timeouts)
        counter("over_tcp", "Questions that were repeated over TCP.", \.overTCP)
        counter("mismatches", "Answers that were thrown away.", \.mismatches)
        family("healthy", "gauge", "0 while it fails, else 1.") { $0.state == .failing ? 0 : 1 }
        family("smoothed_round_trip_seconds", "gauge", "The smoothed time from a question to its answer.") {
            $0.smoothedRoundTrip.map { $0.inMilliseconds / 1_000 }
        }
        family("window", "gauge", "Questions that it may have in flight.") { Double($0.window) }
        family("in_flight", "gauge", "Questions that it has in flight.") { Double($0.inFlight) }
        family("waiting", "gauge", "Questions that wait for room.") { Double($0.waiting) }
    }
}
