// The cache's entries in a file of SQLite's.
//
// Several processes use the file at once, and any of them may be killed at any point. So: a write-ahead log, in which writers
// don't wait for readers; short transactions, each of which is there as a whole or not at all; and no wait for the disk but
// when the log is written back, which a run that keeps few names never does. What is found to be damaged, or to be no cache,
// is put aside under another name and begun anew: it is a cache, and what it knew can be asked again.

public import BowlineNames
import BowlineReactor
import Glibc
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
    /// "Bowl" (file(1) and others show it): marks a file as one of ours.
    private static let applicationID: Int64 = 0x426F_776C
    /// The layout of the table. A file of a later version isn't touched.
    private static let version: Int64 = 1
    /// How long another process may hold the file before this one does without.
    private static let busyTimeout: CInt = 1_000
    /// More entries than that are too many to keep; those that were used least recently go.
    public static let defaultCapacity = 65_536
    /// So long after its end an entry is kept: as long as it may be served stale.
    private static let staleAge = CachePolicy().maximumStaleAge

    /// Where it is.
    public let path: String
    /// Where the file that stood there was put, if it was damaged or no cache of ours.
    public let setAside: String?
    private let capacity: Int
    private let today: @Sendable () -> Int64
    /// One connection; whoever uses it has it to himself.
    private let connection: Mutex<SQLiteConnection>

    /// Opens a store, and makes its file and folder if they aren't there: for their owner alone, since names tell where
    /// somebody goes. Blocks.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - capacity: how many entries it may have.
    public convenience init(path: String, capacity: Int = defaultCapacity) throws(CacheStoreError) {
        try self.init(path: path, capacity: capacity) {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
        }
    }

    /// - Parameter today: the time of day in milliseconds since 1970.
    init(path: String, capacity: Int, today: @escaping @Sendable () -> Int64) throws(CacheStoreError) {
        self.path = path
        self.capacity = capacity
        self.today = today
        try Self.prepareFolder(of: path)
        do throws(CacheStoreError) {
            connection = Mutex(try Self.open(path))
            setAside = nil
        } catch {
            guard error.kind == .unusable else { throw error }
            setAside = try Self.putAside(path)
            connection = Mutex(try Self.open(path))
        }
    }

    // MARK: - Opening

    private static func open(_ path: String) throws(CacheStoreError) -> SQLiteConnection {
        let mask = umask(0o077)
        defer { umask(mask) }
        let connection = try SQLiteConnection(path: path, busyTimeout: busyTimeout)
        let version = try connection.number("PRAGMA user_version")
        let mark = try connection.number("PRAGMA application_id")
        if mark == applicationID {
            guard version <= Self.version else {
                throw CacheStoreError(.newer, path: path, detail: "a later version of this program wrote it")
            }
            if version == Self.version { return try settled(connection) }
        } else if try connection.number("SELECT count(*) FROM sqlite_schema") > 0 || mark != 0 {
            throw CacheStoreError(.unusable, path: path, detail: "it is another program's database")
        }
        _ = try connection.number("PRAGMA journal_mode = WAL")
        try connection.write { () throws(CacheStoreError) in
            // Another process may have been faster.
            guard try connection.number("PRAGMA user_version") == 0 else { return }
            try connection.run(schema)
            try connection.run("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(Self.version)")
        }
        return try settled(connection)
    }

    private static func settled(_ connection: SQLiteConnection) throws(CacheStoreError) -> SQLiteConnection {
        // With a write-ahead log that is as safe against a power cut as FULL, but for the last transactions.
        try connection.run("PRAGMA synchronous = NORMAL")
        return connection
    }

    private static let schema = """
        CREATE TABLE entry (
            name TEXT NOT NULL, type INTEGER NOT NULL, stored INTEGER NOT NULL, expires INTEGER NOT NULL,
            used INTEGER NOT NULL, lifetime INTEGER NOT NULL, ttl INTEGER NOT NULL, record_ttl INTEGER NOT NULL,
            hits INTEGER NOT NULL, rcode INTEGER NOT NULL, server TEXT, rtt INTEGER, tries INTEGER NOT NULL,
            tcp INTEGER NOT NULL, waiters INTEGER NOT NULL, data TEXT NOT NULL, aliases TEXT NOT NULL,
            ede TEXT NOT NULL, connects TEXT NOT NULL, changes INTEGER NOT NULL,
            PRIMARY KEY (name, type)) WITHOUT ROWID;
        CREATE INDEX entry_expires ON entry (expires);
        """

    private static func prepareFolder(of path: String) throws(CacheStoreError) {
        guard let end = path.lastIndex(of: "/"), end > path.startIndex else { return }
        let folder = String(path[..<end])
        if access(folder, F_OK) == 0 { return }
        try prepareFolder(of: folder)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw CacheStoreError(
                .system, path: path, detail: "can't make the folder \(folder): \(SystemError.text(of: errno))")
        }
    }

    /// Gives a file that isn't to be trusted another name, with its log: nothing of anybody's is deleted.
    private static func putAside(_ path: String) throws(CacheStoreError) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let aside = "\(path).damaged-\(now.tv_sec)"
        for suffix in ["-wal", "-shm"] { rename(path + suffix, aside + suffix) }
        guard rename(path, aside) == 0 || errno == ENOENT else {
            throw CacheStoreError(
                .system, path: path, detail: "it is damaged and can't be renamed: \(SystemError.text(of: errno))")
        }
        return aside
    }

    // MARK: - CacheStore

    private var moment: Moment { Moment(date: today(), instant: .monotonicNow) }

    /// Reads entries, those used most recently first, with their times brought up to now. Blocks.
    public func load(_ names: [DomainName]?, limit: Int) throws(CacheStoreError) -> [CacheEntry] {
        let moment = moment
        return try connection.withLock { connection throws(CacheStoreError) in
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
        let moment = moment
        try connection.withLock { connection throws(CacheStoreError) in
            try connection.write { () throws(CacheStoreError) in
                try Self.apply(changes, at: moment, on: connection)
                try self.prune(after: changes, at: moment, on: connection)
            }
        }
    }

    private static func apply(
        _ changes: CacheChanges, at moment: Moment, on connection: SQLiteConnection
    ) throws(CacheStoreError) {
        if !changes.removed.isEmpty {
            let removal = try connection.prepare("DELETE FROM entry WHERE name = ?1 AND type = ?2")
            for key in changes.removed {
                try removal.run([.text("\(key.name)"), .integer(Int64(key.type?.rawValue ?? 0))])
            }
        }
        let places = (1...EntryRow.columns.count).map { "?\($0)" }.joined(separator: ", ")
        let updates = EntryRow.columns.dropFirst(2).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        let insertion = try connection.prepare(
            """
            INSERT INTO entry (\(EntryRow.columns.joined(separator: ", "))) VALUES (\(places))
            ON CONFLICT (name, type) DO UPDATE SET \(updates) WHERE excluded.stored >= entry.stored
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
            "DELETE FROM entry WHERE (name, type) IN (SELECT name, type FROM entry ORDER BY used LIMIT \(surplus))")
    }

    /// Takes out a name's entries, or all. Blocks.
    public func flush(_ name: DomainName?) throws(CacheStoreError) -> Int {
        try connection.withLock { connection throws(CacheStoreError) in
            if let name {
                try connection.prepare("DELETE FROM entry WHERE name = ?1").run([.text("\(name)")])
            } else {
                try connection.run("DELETE FROM entry")
            }
            return connection.changes
        }
    }
}
