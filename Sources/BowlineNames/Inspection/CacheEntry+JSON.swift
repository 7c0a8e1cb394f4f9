// A row of the cache as scripts get it, from the command and from the inspector alike.

package import BowlineReactor

extension CacheEntry {
    /// The row: every key always, null where nothing is known.
    ///
    /// - Parameter now: the instant of the snapshot that the row is from.
    package func json(at now: ReactorInstant) -> JSON {
        .object([
            ("name", .string("\(name)")), ("type", .string(type)), ("state", .string(state.rawValue)),
            ("data", .array(data.map { .string("\($0)") })), ("ttl_original_s", .seconds(originalTTL)),
            ("ttl_left_s", .seconds(state == .pinned ? nil : remaining)), ("source", .string(origin.source.rawValue)),
            ("server", .string(origin.server)), ("rtt_ms", .milliseconds(origin.roundTrip)),
            ("tries", .integer(origin.attempts)), ("tcp", .bool(origin.usedTCP)), ("rcode", .string(responseCode)),
            ("cnames", .array(aliases.map(\.json))), ("hits", .integer(hits)), ("age_s", .seconds(age)),
            ("idle_s", .seconds(idle)), ("last_connect", .array(connects.map { $0.json(at: now) })),
            ("waiters", .integer(origin.waiters)), ("failure", .string(failure)),
            ("ede", extendedErrors.first?.json ?? .null),
        ])
    }
}

extension CacheEntry.ConnectRecord {
    fileprivate func json(at now: ReactorInstant) -> JSON {
        .object([
            ("address", .string("\(address)")), ("outcome", .string(outcome)),
            ("connect_ms", .milliseconds(duration)), ("age_s", .seconds(now - when)),
        ])
    }
}

extension AliasStep {
    package var json: JSON {
        .object([("name", .string("\(name)")), ("target", .string("\(target)")), ("ttl", .integer(Int(ttl)))])
    }
}

extension ExtendedError {
    /// RFC 8914: the code with its registered purpose, and the server's own words.
    package var json: JSON {
        .object([("code", .integer(Int(code))), ("purpose", .string(purpose)), ("text", .string(text))])
    }
}
