// The cache's entries in a file of SQLite's.
//
// Several processes use the file at once, and any of them may be killed at any point. So: a write-ahead log, in which writers
// don't wait for readers; short transactions, each of which is there as a whole or not at all; and no wait for the disk but
// when the log is written back, which a run that keeps few names never does. What is found to be damaged, or to be no cache,
// is put aside under another name and begun anew: it is a cache, and what it knew can be asked again.

public import BowlineNames
import BowlineReactor
import Synchronization

/// Keeps a cache's entries in a SQLite file.
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// let store = try SQLiteCacheStore(path: "/var/cache/crawler/names.sqlite")
/// if let aside = store.setAside { print("was no cache, and is now", aside) }
/// print(try store.load().count)
/// ```
public final class SQLiteCacheStore: CacheStore {
    /// What somebody wants with the file.
    public enum Access: Hashable, Sendable {
        /// Reads and writes. Makes the file and its folder if they aren't there, for their owner alone, and puts a file
        /// aside that is damaged or no cache of ours.
        case update
        /// Only reads, and changes nothing; a file that isn't there is empty. `save` and `flush` fail.
        case look
    }

    /// More entries than that are too many to keep; those that were used least recently go.
    public static let defaultCapacity = 65_536
    /// So long after its end an entry is kept: as long as it may be served stale.
    private static let staleAge = CachePolicy().maximumStaleAge

    /// Where it is.
    public let path: String
    private let capacity: Int
    private let clock: @Sendable () -> Moment
    private let access: Access
    /// One connection; whoever uses it has it to himself. Nil before it is first used, if it is opened then.
    private let file: Mutex<CacheFile?>

    /// Opens a store. Blocks.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - access: whether it is written, too.
    ///   - capacity: how many entries it may have.
    public convenience init(
        path: String, access: Access = .update, capacity: Int = defaultCapacity
    ) throws(CacheStoreError) {
        try self.init(path: path, access: access, capacity: capacity) { .now }
    }

    /// Creates a store that is opened when it is first used, by a thread that may block: it costs nothing who doesn't use
    /// it. What would keep it from being opened, its functions throw.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - access: whether it is written, too.
    ///   - capacity: how many entries it may have.
    public init(whenUsed path: String, access: Access = .update, capacity: Int = defaultCapacity) {
        self.path = path
        self.access = access
        self.capacity = capacity
        clock = { .now }
        file = Mutex(nil)
    }

    /// - Parameter clock: tells the time of day.
    init(
        path: String, access: Access = .update, capacity: Int, clock: @escaping @Sendable () -> Moment
    ) throws(CacheStoreError) {
        self.path = path
        self.access = access
        self.capacity = capacity
        self.clock = clock
        file = Mutex(try CacheFile(path: path, access))
    }

    /// Where the file that stood there was put, if it was damaged or no cache of ours: when the store was opened, or when
    /// it was found out later. The last one, if there were several.
    public var setAside: String? { file.withLock { $0?.setAside } }

    /// Does something with the file. If it turns out to be damaged, with a new one.
    private func use<Result: Sendable>(
        nothing: Result? = nil, _ body: @Sendable (SQLiteConnection) throws(CacheStoreError) -> Result
    ) throws(CacheStoreError) -> Result {
        try file.withLock { file throws(CacheStoreError) in
            if file == nil { file = try CacheFile(path: path, access) }
            guard let connection = file?.connection else {
                if let nothing { return nothing }
                return try refuse()
            }
            do throws(CacheStoreError) {
                return try body(connection)
            } catch {
                guard error.kind == .unusable, access == .update else { throw error }
            }
            try file?.replace()
            guard let connection = file?.connection else { return try refuse() }
            return try body(connection)
        }
    }

    private func refuse<Result>() throws(CacheStoreError) -> Result {
        throw CacheStoreError(.system, path: path, detail: "there is none, or it can't be opened again")
    }

    // MARK: - CacheStore

    /// Reads entries, those used most recently first, with their times brought up to now. Blocks.
    public func load(_ names: [DomainName]?, limit: Int) throws(CacheStoreError) -> [CacheEntry] {
        let moment = clock()
        return try use(nothing: []) { connection throws(CacheStoreError) in
            let columns = EntryRow.columns.joined(separator: ", ")
            var entries: [CacheEntry] = []
            if let names {
                let statement = try connection.prepare("SELECT \(columns) FROM entry WHERE name = ?1")
                for name in names where entries.count < limit {
                    try statement.bind([.text("\(name)")])
                    while try statement.step() {
                        if let entry = EntryRow.entry(statement, at: moment) { entries.append(entry) }
                    }
                }
            } else {
                let statement = try connection.prepare("SELECT \(columns) FROM entry ORDER BY used DESC LIMIT ?1")
                try statement.bind([.integer(Int64(clamping: limit))])
                while try statement.step() {
                    if let entry = EntryRow.entry(statement, at: moment) { entries.append(entry) }
                }
            }
            return entries
        }
    }

    /// Takes in what has changed, in one transaction. Blocks.
    public func save(_ changes: CacheChanges) throws(CacheStoreError) {
        let moment = clock().moment(at: changes.now)
        try use { connection throws(CacheStoreError) in
            try connection.write { () throws(CacheStoreError) in
                try self.save(changes, at: moment, on: connection)
            }
        }
    }

    /// Takes in lines of `CacheExport`: all of them in one transaction, or none if one isn't right. Blocks.
    ///
    /// - Returns: how many of their entries are in the file now. One that is too old, older than what was known, or from no
    ///   server isn't, and of several for the same name, type and server only the latest is.
    /// - Throws: a `CacheExport.LineError` or a `CacheStoreError`.
    public func take(export text: [UInt8]) throws -> Int {
        // One moment for reading and writing, so that each date stays what it is.
        let moment = clock()
        return try take(try CacheExport.entries(in: text, at: moment), at: moment)
    }

    func take(_ entries: [CacheEntry], at moment: Moment) throws(CacheStoreError) -> Int {
        let changes = CacheChanges(generation: 1, now: moment.instant, entries: entries)
        return try use { connection throws(CacheStoreError) in
            try connection.write { () throws(CacheStoreError) in
                try self.save(changes, at: moment, on: connection)
                let find = try connection.prepare(
                    "SELECT 1 FROM entry WHERE name = ?1 AND type = ?2 AND server = ?3 AND stored = ?4")
                var found: Set<[SQLiteStatement.Value]> = []
                for entry in entries {
                    guard let values = EntryRow.values(entry, at: moment) else { continue }
                    let key = EntryRow.key(of: values)
                    try find.bind(key + [values[EntryRow.storedColumn]])
                    if try find.step() { found.insert(key) }
                }
                return found.count
            }
        }
    }

    private func save(
        _ changes: CacheChanges, at moment: Moment, on connection: SQLiteConnection
    ) throws(CacheStoreError) {
        try Self.apply(changes, at: moment, on: connection)
        try prune(after: changes, at: moment, on: connection)
    }

    private static func apply(
        _ changes: CacheChanges, at moment: Moment, on connection: SQLiteConnection
    ) throws(CacheStoreError) {
        // What other processes have learnt since then stays.
        if let flushed = changes.flushedAt {
            try connection.prepare("DELETE FROM entry WHERE stored <= ?1")
                .run([.integer(moment.moment(at: flushed).date)])
        }
        if !changes.removed.isEmpty {
            let entry = try connection.prepare("DELETE FROM entry WHERE name = ?1 AND stored <= ?2 AND type = ?3")
            let name = try connection.prepare("DELETE FROM entry WHERE name = ?1 AND stored <= ?2")
            for removed in changes.removed {
                let date = SQLiteStatement.Value.integer(moment.moment(at: removed.when).date)
                switch removed.scope {
                case .entry(let key):
                    try entry.run([.text("\(key.name)"), date, .integer(Int64(key.type?.rawValue ?? 0))])
                case .name(let flushed):
                    try name.run([.text("\(flushed)"), date])
                }
            }
        }
        let places = (1...EntryRow.columns.count).map { "?\($0)" }.joined(separator: ", ")
        let updates = EntryRow.columns.dropFirst(2).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        let insertion = try connection.prepare(
            """
            INSERT INTO entry (\(EntryRow.columns.joined(separator: ", "))) VALUES (\(places))
            ON CONFLICT (name, type, server) DO UPDATE SET \(updates) WHERE excluded.stored >= entry.stored
            """)
        for entry in changes.entries {
            if let values = EntryRow.values(entry, at: moment) { try insertion.run(values) }
        }
    }

    private func prune(
        after changes: CacheChanges, at moment: Moment, on connection: SQLiteConnection
    ) throws(CacheStoreError) {
        try connection.run("DELETE FROM entry WHERE expires < \(moment.date - Self.staleAge.milliseconds)")
        // Counting reads the whole index, so a run that brings little does it only now and then.
        guard changes.entries.count >= 256 || Int.random(in: 0..<64) == 0 else { return }
        let surplus = try connection.number("SELECT count(*) FROM entry") - Int64(capacity)
        guard surplus > 0 else { return }
        try connection.run(
            "DELETE FROM entry WHERE (name, type, server) IN "
                + "(SELECT name, type, server FROM entry ORDER BY used LIMIT \(surplus))")
    }

    /// Takes out a name's entries, or all. Blocks.
    public func flush(_ name: DomainName?) throws(CacheStoreError) -> Int {
        try use { connection throws(CacheStoreError) in
            // What is to be forgotten is not to be found in the file either.
            try connection.run("PRAGMA secure_delete = ON")
            if let name {
                try connection.prepare("DELETE FROM entry WHERE name = ?1").run([.text("\(name)")])
            } else {
                // With a condition, for without one SQLite gives its pages back as they are.
                try connection.run("DELETE FROM entry WHERE true")
            }
            let count = connection.changes
            // The log has the pages as they were. Others who are reading keep it for as long as they do.
            _ = try? connection.number("PRAGMA wal_checkpoint(TRUNCATE)")
            return count
        }
    }
}
