// All that is shown, taken at one instant: the page, the JSON and the metrics are written from it. And the JSON behind each
// table.

import BowlineNames
import BowlineReactor
import BowlineTransport

struct InspectorView {
    var snapshot: ResolverSnapshot
    var sockets: [SocketSnapshot]
    var uptime: Duration
    var requests: (answered: Int, refused: Int)

    /// The rows of the cache that have all words of the search somewhere.
    func entries(_ query: InspectorQuery) -> [CacheEntry] {
        let words = query.words
        guard !words.isEmpty else { return snapshot.entries }
        return snapshot.entries.filter { entry in
            let text = entry.searchText
            return words.allSatisfy { text.contains($0) }
        }
    }

    func json(_ entry: CacheEntry) -> JSON {
        guard case .object(let members) = entry.json(at: snapshot.time) else { return .null }
        return .object(members + entry.further)
    }

    var inFlightJSON: JSON {
        .array(
            snapshot.inFlight.map { question in
                .object([
                    ("name", .string("\(question.name)")), ("type", .string("\(question.type)")),
                    ("age_s", .seconds(question.age)), ("servers", .array(question.servers.map { .string("\($0)") })),
                    ("tries", .integer(question.tries)), ("waiters", .integer(question.waiters)),
                ])
            })
    }

    var serversJSON: JSON { .array(snapshot.servers.map { $0.json(at: snapshot.time) }) }

    var connectionsJSON: JSON {
        .array(
            sockets.map { socket in
                .object([
                    ("descriptor", .integer(Int(socket.descriptor))), ("kind", .string(socket.kind.rawValue)),
                    ("local", .string("\(socket.local)")), ("peer", .string(socket.peer)),
                    ("user", .string(socket.user)), ("buffered", .integer(socket.buffered)),
                    ("reading_paused", .bool(socket.isReadingPaused)),
                ])
            })
    }

    /// Counters by name, as in the metrics.
    var countersJSON: JSON {
        .object(
            InspectorCounter.all(self).map { ($0.name, .integer($0.value)) } + [("uptime_s", .seconds(uptime))])
    }
}

extension CacheEntry {
    /// What the page shows beside the row that the command prints.
    fileprivate var further: [(String, JSON)] {
        [
            ("port", .integer(port.map { Int($0) })), ("restored", .bool(origin.isRestored)),
            ("changes", .integer(changeCount)), ("since_change_s", .seconds(sinceChange)),
            ("previous_data", .array(previousData.map { .string("\($0)") })),
        ]
    }

    /// What a search looks into, in lower case.
    var searchText: String {
        var words = ["\(name)", type.map { "\($0)" } ?? "any", state.rawValue, origin.source.rawValue]
        words += data.map { "\($0)" }
        if let server = origin.server { words.append("\(server)") }
        return words.joined(separator: " ").lowercased()
    }
}

extension ServerSnapshot {
    fileprivate func json(at now: ReactorInstant) -> JSON {
        .object([
            ("address", .string("\(address)")), ("state", .string(state.rawValue)),
            ("next_probe_s", .seconds(nextProbe.map { $0 - now })), ("srtt_ms", .milliseconds(smoothedRoundTrip)),
            ("rttvar_ms", .milliseconds(roundTripVariation)), ("rto_ms", .milliseconds(retransmissionTime)),
            ("window", .integer(window)), ("in_flight", .integer(inFlight)), ("waiting", .integer(waiting)),
            ("questions", .integer(counts.questions)), ("datagrams", .integer(counts.datagrams)),
            ("retransmissions", .integer(counts.retransmissions)), ("answers", .integer(counts.answers)),
            ("failures", .integer(counts.failures)), ("timeouts", .integer(counts.timeouts)),
            ("over_tcp", .integer(counts.overTCP)), ("mismatches", .integer(counts.mismatches)),
            ("edns", .bool(usesEDNS)), ("keeps_case", .bool(keepsCase)),
            ("last_failure", .string(lastFailure?.summary)),
            (
                "recent_rtt",
                .array(
                    recentRoundTrips.map {
                        .object([("age_s", .seconds(now - $0.when)), ("rtt_ms", .milliseconds($0.duration))])
                    })
            ),
        ])
    }
}

extension LookupError.ServerReport {
    /// How it failed, without its address.
    var summary: String {
        ["\(kind)", responseCode.map { "\($0)" } ?? "", detail].filter { !$0.isEmpty }.joined(separator: " ")
    }
}
