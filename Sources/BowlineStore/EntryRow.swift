// How an entry of the cache stands in a row: dates for instants, and lists as lines of words between tabs. What is read is
// checked piece by piece; a row with a piece that isn't what it should be is no entry.

import BowlineNames
import BowlineReactor
import BowlineTransport
import Glibc

/// The time of day, in milliseconds since 1970, and the instant that it goes with.
struct Moment {
    var date: Int64
    var instant: ReactorInstant

    static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(date: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000, instant: .monotonicNow)
    }

    /// The moment of an instant, going by this one.
    func moment(at instant: ReactorInstant) -> Moment {
        Moment(date: date(before: self.instant - instant), instant: instant)
    }

    func date(before age: Duration) -> Int64 { date - age.milliseconds }

    /// Nil for a date that no clock shows: a damaged row may hold any number.
    func age(of date: Int64) -> Duration? {
        let (difference, overflows) = self.date.subtractingReportingOverflow(date)
        return overflows ? nil : .milliseconds(difference)
    }
}

enum EntryRow {
    static let columns = [
        "name", "type", "stored", "expires", "used", "lifetime", "ttl", "record_ttl", "hits", "rcode", "server", "rtt",
        "tries", "tcp", "waiters", "data", "aliases", "ede", "connects", "changes",
    ]
    static let storedColumn = 2

    /// What there is one row for, of the values of an entry: name, type and server.
    static func key(of values: [SQLiteStatement.Value]) -> [SQLiteStatement.Value] {
        [values[0], values[1], values[10]]
    }

    /// A date that lies further ahead is one of a clock that was wrong.
    static let tolerance: Duration = .seconds(60)

    /// Whether an entry is kept: pins and failures aren't, nor what is from no server, since an answer serves only those who
    /// ask the one that it is from.
    static func isKept(_ entry: CacheEntry) -> Bool {
        entry.state != .pinned && entry.origin.server != nil && entry.originalTTL.map { $0 > .zero } ?? false
    }

    /// Whether a text can be the outcome of a connection attempt: one word, which is printed as it is.
    static func isOutcome(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 16 && text.utf8.allSatisfy { (0x61...0x7A).contains($0) }
    }

    /// The state that an entry's data and times come to.
    static func setState(of entry: inout CacheEntry) {
        entry.state = entry.remaining <= .zero ? .stale : entry.data.isEmpty ? .negative : .fresh
    }

    /// The values of an entry; nil for one that isn't kept.
    static func values(_ entry: CacheEntry, at moment: Moment) -> [SQLiteStatement.Value]? {
        guard isKept(entry), let ttl = entry.originalTTL else { return nil }
        let origin = entry.origin
        return [
            .text("\(entry.name)"), .integer(Int64(entry.type?.rawValue ?? 0)),
            .integer(moment.date(before: entry.age)), .integer(expires(entry, at: moment)),
            .integer(moment.date(before: entry.idle)), .integer(entry.lifetime.milliseconds),
            .integer(ttl.components.seconds), .integer(Int64(entry.recordTTL)), .integer(Int64(entry.hits)),
            .integer(Int64(entry.responseCode?.rawValue ?? 0)), .text(origin.server.map { "\($0)" } ?? ""),
            origin.roundTrip.map { .integer($0.milliseconds(per: 1_000)) } ?? .null,
            .integer(Int64(origin.attempts)), .integer(origin.usedTCP ? 1 : 0), .integer(Int64(origin.waiters)),
            .text(Lines.text(entry.data.map { ["\($0)"] })),
            .text(Lines.text(entry.aliases.map { ["\($0.name)", "\($0.target)", "\($0.ttl)"] })),
            .text(Lines.text(entry.extendedErrors.map { ["\($0.code)", $0.text] })),
            .text(Lines.text(entry.connects.map { words(of: $0, at: moment) })), .integer(Int64(entry.changeCount)),
        ]
    }

    /// The date of an entry's end. From its beginning, so that its lifetime stays what it is however often it is kept.
    static func expires(_ entry: CacheEntry, at moment: Moment) -> Int64 {
        moment.date(before: entry.age) + entry.lifetime.milliseconds
    }

    private static func words(of record: CacheEntry.ConnectRecord, at moment: Moment) -> [String] {
        [
            "\(record.address)", record.outcome, record.duration.map { "\($0.milliseconds(per: 1_000))" } ?? "",
            "\(moment.date(before: moment.instant - record.when))",
        ]
    }

    /// The entry of a row; nil if it is none.
    static func entry(_ row: SQLiteStatement, at moment: Moment) -> CacheEntry? {
        guard let name = DomainName(described: row.text(0)), let number = UInt16(exactly: row.integer(1)),
            let ttl = UInt32(exactly: row.integer(6)), let recordTTL = UInt32(exactly: row.integer(7)),
            let code = UInt16(exactly: row.integer(9)), let lifetime = UInt32(exactly: row.integer(5)),
            let age = moment.age(of: row.integer(2)),
            let overdue = moment.age(of: row.integer(3)), let idle = moment.age(of: row.integer(4))
        else { return nil }
        let type = number == 0 ? nil : RecordType(rawValue: number)
        // What comes from the future was stored by a clock that was wrong, or the clock is wrong now.
        guard age >= .zero - tolerance, lifetime > 0 else { return nil }
        var entry = CacheEntry(name: name, type: type, state: .fresh)
        entry.responseCode = ResponseCode(rawValue: code)
        entry.age = max(.zero, age)
        entry.remaining = .zero - overdue
        entry.idle = max(.zero, idle)
        entry.lifetime = .milliseconds(lifetime)
        entry.originalTTL = .seconds(Int64(ttl))
        entry.recordTTL = recordTTL
        entry.hits = max(0, Int(row.integer(8)))
        entry.origin.server = ResolverConfiguration.server(row.text(10))
        entry.origin.roundTrip = row.optionalInteger(11).map { .microseconds($0) }
        entry.origin.attempts = max(0, Int(row.integer(12)))
        entry.origin.usedTCP = row.integer(13) == 1
        entry.origin.waiters = max(1, Int(row.integer(14)))
        entry.changeCount = max(0, Int(row.integer(19)))
        guard let data = Lines.read(row.text(15), { data(of: $0, type) }),
            let aliases = Lines.read(row.text(16), alias(of:)),
            let errors = Lines.read(row.text(17), extendedError(of:)),
            let connects = Lines.read(row.text(18), { connect(of: $0, at: moment) })
        else { return nil }
        entry.data = data
        entry.aliases = aliases
        entry.extendedErrors = errors
        entry.connects = connects
        setState(of: &entry)
        return entry
    }

    private static func data(of words: [String], _ type: RecordType?) -> RecordData? {
        guard let type, words.count == 1 else { return nil }
        return RecordData(words[0], of: type)
    }

    private static func alias(of words: [String]) -> AliasStep? {
        guard words.count == 3, let name = DomainName(described: words[0]),
            let target = DomainName(described: words[1]), let ttl = UInt32(words[2])
        else { return nil }
        return AliasStep(name: name, target: target, ttl: ttl)
    }

    private static func extendedError(of words: [String]) -> ExtendedError? {
        guard words.count == 2, let code = UInt16(words[0]) else { return nil }
        return ExtendedError(code: code, text: words[1])
    }

    private static func connect(of words: [String], at moment: Moment) -> CacheEntry.ConnectRecord? {
        guard words.count == 4, let address = IPAddress(words[0]), isOutcome(words[1]),
            let age = Int64(words[3]).flatMap(moment.age(of:))
        else { return nil }
        return CacheEntry.ConnectRecord(
            address: address, outcome: words[1], duration: Int64(words[2]).map { .microseconds($0) },
            when: moment.instant - max(.zero, age))
    }
}

/// Lists in a column: a line for each, words between tabs.
enum Lines {
    static func text(_ lines: [[String]]) -> String {
        lines.map { $0.map(escaped).joined(separator: "\t") }.joined(separator: "\n")
    }

    /// Reads each line; nil if one isn't what it should be.
    static func read<Element>(_ text: String, _ element: ([String]) -> Element?) -> [Element]? {
        if text.isEmpty { return [] }
        var elements: [Element] = []
        // By octets, not by characters: a line end is part of one with a carriage return before it, and a tab with an accent
        // behind it.
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let words = line.split(separator: 0x09, omittingEmptySubsequences: false).map {
                plain(String(Substring($0)))
            }
            guard let read = element(words) else { return nil }
            elements.append(read)
        }
        return elements
    }

    // Of what a server says, a tab, a line end or a backslash may be part.
    private static func escaped(_ word: String) -> String {
        guard word.utf8.contains(where: { $0 == 0x5C || $0 == 0x09 || $0 == 0x0A }) else { return word }
        return String(
            word.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
                switch scalar {
                case "\\": ["\\", "\\"]
                case "\t": ["\\", "t"]
                case "\n": ["\\", "n"]
                default: [scalar]
                }
            }.reduce(into: String.UnicodeScalarView()) { $0.append($1) })
    }

    private static func plain(_ word: String) -> String {
        guard word.utf8.contains(0x5C) else { return word }
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in word.unicodeScalars {
            if isEscaped {
                result.append(scalar == "t" ? "\t" : scalar == "n" ? "\n" : scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { milliseconds(per: 1) }

    /// Whole parts of a millisecond: with 1,000, microseconds.
    func milliseconds(per parts: Int64) -> Int64 {
        let (seconds, attoseconds) = components
        return (seconds * 1_000 * parts).addingReportingOverflow(attoseconds / (1_000_000_000_000_000 / parts))
            .partialValue
    }
}
