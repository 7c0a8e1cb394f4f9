// Entries as lines of JSON, and the way back: for another machine, for another cache, for jq. Times are dates, so that a line
// says the same whenever it is read. What comes in may be anybody's: it is read strictly.

public import BowlineNames
public import BowlineReactor
import BowlineTransport

/// Turns entries into lines of JSON that `entries(in:)` reads again.
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// let lines = cache.snapshot().compactMap { CacheExport.line($0) }
/// let other = ResolverCache()
/// other.restore(try CacheExport.entries(in: Array(lines.joined(separator: "\n").utf8)))
/// ```
public enum CacheExport {
    /// Says which line is no entry, and why.
    public struct LineError: Error, Hashable, Sendable, CustomStringConvertible {
        /// Counted from 1.
        public var line: Int
        /// In words.
        public var problem: String

        /// One line of text.
        public var description: String { "line \(line) is no entry of a cache: \(problem)" }
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// An entry as one line; nil for a pin and for a failure, which aren't kept.
    public static func line(_ entry: CacheEntry) -> String? { line(entry, at: .now) }

    static func line(_ entry: CacheEntry, at moment: Moment) -> String? {
        guard EntryRow.isKept(entry), let ttl = entry.originalTTL else { return nil }
        let origin = entry.origin
        return JSON.object([
            ("name", .string("\(entry.name)")), ("type", .string(entry.type)),
            ("data", .array(entry.data.map { .string("\($0)") })), ("cnames", .array(entry.aliases.map(\.json))),
            ("stored_ms", .integer(Int(moment.date(before: entry.age)))),
            ("expires_ms", .integer(Int(EntryRow.expires(entry, at: moment)))),
            ("used_ms", .integer(Int(moment.date(before: entry.idle)))),
            ("lifetime_ms", .integer(Int(entry.lifetime.milliseconds))),
            ("ttl_s", .integer(Int(ttl.components.seconds))), ("record_ttl_s", .integer(Int(entry.recordTTL))),
            ("hits", .integer(entry.hits)), ("rcode", .integer(entry.responseCode.map { Int($0.rawValue) })),
            ("server", .string(origin.server)),
            ("rtt_us", .integer(origin.roundTrip.map { Int($0.milliseconds(per: 1_000)) })),
            ("tries", .integer(origin.attempts)), ("tcp", .bool(origin.usedTCP)), ("waiters", .integer(origin.waiters)),
            ("ede", .array(entry.extendedErrors.map(\.json))), ("changes", .integer(entry.changeCount)),
            ("connects", .array(entry.connects.map { json($0, at: moment) })),
        ]).text
    }

    private static func json(_ record: CacheEntry.ConnectRecord, at moment: Moment) -> JSON {
        .object([
            ("address", .string("\(record.address)")), ("outcome", .string(record.outcome)),
            ("connect_us", .integer(record.duration.map { Int($0.milliseconds(per: 1_000)) })),
            ("when_ms", .integer(Int(moment.date(before: moment.instant - record.when)))),
        ])
    }

    /// Reads the lines of an export. Blank lines, lines that begin with # and a byte order mark are skipped; of a line that
    /// is no entry, nothing else is taken either.
    ///
    /// - Parameter now: what the entries' times are to count from.
    /// - Returns: the entries, also those that are over.
    /// - Throws: a `LineError`.
    public static func entries(in text: [UInt8], now: ReactorInstant = .monotonicNow) throws -> [CacheEntry] {
        try entries(in: text, at: Moment.now.moment(at: now))
    }

    static func entries(in text: [UInt8], at moment: Moment) throws -> [CacheEntry] {
        let reader = try JSONReader()
        var entries: [CacheEntry] = []
        for (index, line) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = index == 0 && line.starts(with: byteOrderMark) ? line.dropFirst(byteOrderMark.count) : line
            let content = line.drop { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }
            if content.isEmpty || content.first == UInt8(ascii: "#") { continue }
            do throws(ExportFields.Problem) {
                entries.append(try entry(try ExportFields(String(decoding: line, as: UTF8.self), reader), at: moment))
            } catch {
                throw LineError(line: index + 1, problem: error.text)
            }
        }
        return entries
    }

    private static func entry(_ fields: ExportFields, at moment: Moment) throws(ExportFields.Problem) -> CacheEntry {
        let type = try fields.optional("type", fields.text).map { name throws(ExportFields.Problem) in
            // 0 is reserved (RFC 6895, 3.1).
            try fields.checked(RecordType(name: name).flatMap { $0.rawValue == 0 ? nil : $0 }, name, "a type")
        }
        var entry = CacheEntry(name: try name(fields, "name"), type: type, state: .fresh)
        entry.data = try fields.texts("data").map { text throws(ExportFields.Problem) in
            try fields.checked(type.flatMap { RecordData(text, of: $0) }, text, "data of this type")
        }
        entry.aliases = try fields.objects("cnames").map { alias throws(ExportFields.Problem) in
            AliasStep(
                name: try name(alias, "name"), target: try name(alias, "target"), ttl: try alias.number("ttl"))
        }
        let stored = try age(fields, "stored_ms", at: moment)
        let overdue = try age(fields, "expires_ms", at: moment)
        guard stored >= .zero - EntryRow.tolerance else { throw ExportFields.Problem("it was stored in the future") }
        entry.age = max(.zero, stored)
        entry.remaining = .zero - overdue
        entry.idle = max(.zero, try age(fields, "used_ms", at: moment))
        entry.lifetime = .milliseconds(try fields.number("lifetime_ms") as UInt32)
        // What is kept is the beginning and the lifetime: another end would be lost in silence.
        guard stored - overdue == entry.lifetime else {
            throw ExportFields.Problem("\"expires_ms\" isn't \"lifetime_ms\" after \"stored_ms\"")
        }
        entry.originalTTL = .seconds(try fields.number("ttl_s") as UInt32)
        entry.recordTTL = try fields.number("record_ttl_s")
        entry.hits = Int(try fields.number("hits") as UInt32)
        entry.responseCode = ResponseCode(rawValue: try fields.optional("rcode", fields.number) ?? 0)
        entry.origin.server = try fields.optional("server", fields.text).map { text throws(ExportFields.Problem) in
            try fields.checked(ResolverConfiguration.server(text), text, "a server")
        }
        entry.origin.roundTrip = try fields.optional(
            "rtt_us", fields.number as (String) throws(ExportFields.Problem) -> UInt32
        )
        .map { .microseconds($0) }
        entry.origin.attempts = Int(try fields.number("tries") as UInt16)
        entry.origin.usedTCP = try fields.bool("tcp")
        entry.origin.waiters = max(1, Int(try fields.number("waiters") as UInt32))
        entry.extendedErrors = try fields.objects("ede").map { error throws(ExportFields.Problem) in
            ExtendedError(code: try error.number("code"), text: try error.text("text"))
        }
        entry.changeCount = Int(try fields.number("changes") as UInt32)
        entry.connects = try fields.objects("connects").map { record throws(ExportFields.Problem) in
            let address = try record.text("address")
            let outcome = try record.text("outcome")
            return CacheEntry.ConnectRecord(
                address: try record.checked(IPAddress(address), address, "an address"),
                outcome: try record.checked(EntryRow.isOutcome(outcome) ? outcome : nil, outcome, "an outcome"),
                duration: try record.optional(
                    "connect_us", record.number as (String) throws(ExportFields.Problem) -> UInt32
                )
                .map { .microseconds($0) },
                when: moment.instant - max(.zero, try age(record, "when_ms", at: moment)))
        }
        EntryRow.setState(of: &entry)
        guard ResolverCache.isSound(entry, now: moment.instant) else {
            throw ExportFields.Problem("its parts don't fit together")
        }
        return entry
    }

    private static func name(_ fields: ExportFields, _ key: String) throws(ExportFields.Problem) -> DomainName {
        let text = try fields.text(key)
        return try fields.checked(DomainName(described: text), text, "a name")
    }

    private static func age(
        _ fields: ExportFields, _ key: String, at moment: Moment
    ) throws(ExportFields.Problem) -> Duration {
        let date: Int64 = try fields.number(key)
        return try fields.checked(moment.age(of: date), "\(date)", "a date")
    }
}
