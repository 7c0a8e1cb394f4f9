// The file of a cache: making it, telling whether it is one of ours, and putting it aside if it isn't. What opens it holds a
// shared lock meanwhile, and what makes it or puts it aside is alone: so no process takes away the file that another has just
// made, or pairs a new file with the log of an old one.

import BowlineReactor
import Glibc

/// An open file.
struct CacheFile: ~Copyable {
    /// "Bowl" (file(1) and others show it): marks a file as one of ours.
    private static let applicationID: Int64 = 0x426F_776C
    /// The layout of the table. A file of a later version isn't touched.
    private static let version: Int64 = 2
    /// How long another process may hold the file before this one does without.
    private static let busyTimeout: CInt = 1_000

    let path: String
    let access: SQLiteCacheStore.Access
    /// Nil where there is nothing to look at.
    private(set) var connection: SQLiteConnection?
    /// Where the last file that couldn't be used was put.
    private(set) var setAside: String?
    /// Which file it is, since another may come to stand under its name.
    private var identity: Identity?

    private struct Identity: Equatable {
        var device: dev_t
        var number: ino_t

        /// - Returns: nil if there is no such file.
        /// - Throws: if it can't be told, or if it is none that a database can be in: a folder, a pipe.
        init?(_ path: String) throws(CacheStoreError) {
            var status = stat()
            guard stat(path, &status) == 0 else {
                if errno == ENOENT { return nil }
                throw CacheStoreError(.system, path: path, detail: SystemError.text(of: errno))
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "no regular file"
                throw CacheStoreError(.system, path: path, detail: "it is \(kind)")
            }
            (device, number) = (status.st_dev, status.st_ino)
        }
    }

    init(path: String, _ access: SQLiteCacheStore.Access) throws(CacheStoreError) {
        self.path = path
        self.access = access
        if access == .update { try Self.prepareFolder(of: path) }
        try FileOwnership.check(path)
        try open()
    }

    /// Goes on with another file after this one turned out to be damaged. If somebody else has put it aside, with his.
    mutating func replace() throws(CacheStoreError) {
        let lock = FolderLock(of: path, .alone, timeout: Self.busyTimeout)
        connection = nil
        if let identity, try Identity(path) == identity { try putAside(lock) }
        try openAlone(lock)
    }

    // MARK: - Opening

    private mutating func open() throws(CacheStoreError) {
        do throws(CacheStoreError) {
            let lock = FolderLock(of: path, .shared, timeout: Self.busyTimeout)
            if try openExisting(lock) || access == .look { return }
        } catch {
            guard error.kind == .unusable, access == .update else { throw error }
        }
        let lock = FolderLock(of: path, .alone, timeout: Self.busyTimeout)
        try openAlone(lock)
    }

    /// Opens the file, makes it if there is none, and puts one aside that can't be used.
    private mutating func openAlone(_ lock: borrowing FolderLock) throws(CacheStoreError) {
        do throws(CacheStoreError) {
            if try openExisting(lock) { return }
        } catch {
            guard error.kind == .unusable else { throw error }
            try putAside(lock)
        }
        try make(lock)
    }

    /// Opens a file that is one of ours.
    ///
    /// - Returns: false if there is none, or one in which nothing is yet.
    /// - Throws: `unusable` if it is another program's, or damaged.
    private mutating func openExisting(_ lock: borrowing FolderLock) throws(CacheStoreError) -> Bool {
        guard let identity = try Identity(path) else { return false }
        let connection = try SQLiteConnection(
            path: path, access == .look ? .look : .update, busyTimeout: Self.busyTimeout)
        let version = try connection.number("PRAGMA user_version")
        let mark = try connection.number("PRAGMA application_id")
        if mark == 0, try connection.number("SELECT count(*) FROM sqlite_schema") == 0 { return false }
        guard mark == Self.applicationID else {
            throw CacheStoreError(.unusable, path: path, detail: "it is another program's database")
        }
        guard version <= Self.version else {
            throw CacheStoreError(.newer, path: path, detail: "a later version of this program wrote it")
        }
        guard version == Self.version else {
            throw CacheStoreError(.unusable, path: path, detail: "an earlier version of this program wrote it")
        }
        guard try connection.texts("SELECT name FROM pragma_table_info('entry')") == EntryRow.columns else {
            throw CacheStoreError(.unusable, path: path, detail: "its table has other columns")
        }
        try settle(connection)
        (self.connection, self.identity) = (connection, identity)
        return true
    }

    /// Makes a file, for its owner alone, since names tell where somebody goes.
    private mutating func make(_ lock: borrowing FolderLock) throws(CacheStoreError) {
        // SQLite would make it for all whom umask allows. Only one that wasn't there is opened here: to close a file of
        // SQLite's takes the process' locks from it.
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if chmod(path, 0o600) != 0, errno == ENOENT {
            // A symbolic link to what isn't there yet, which O_EXCL doesn't follow.
            let target = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            if target >= 0 { close(target) }
        }
        let connection = try SQLiteConnection(path: path, .update, busyTimeout: Self.busyTimeout)
        _ = try connection.number("PRAGMA journal_mode = WAL")
        try connection.write { () throws(CacheStoreError) in
            // Without locks, another process may have been faster.
            guard try connection.number("PRAGMA user_version") == 0 else { return }
            try connection.run(Self.schema)
            try connection.run("PRAGMA application_id = \(Self.applicationID); PRAGMA user_version = \(Self.version)")
        }
        try settle(connection)
        (self.connection, identity) = (connection, try Identity(path))
    }

    private func settle(_ connection: SQLiteConnection) throws(CacheStoreError) {
        // With a write-ahead log that is as safe against a power cut as FULL, but for the last transactions.
        try connection.run("PRAGMA synchronous = NORMAL")
    }

    private static let schema = """
        CREATE TABLE entry (
            name TEXT NOT NULL, type INTEGER NOT NULL, stored INTEGER NOT NULL, expires INTEGER NOT NULL,
            used INTEGER NOT NULL, lifetime INTEGER NOT NULL, ttl INTEGER NOT NULL, record_ttl INTEGER NOT NULL,
            hits INTEGER NOT NULL, rcode INTEGER NOT NULL, server TEXT NOT NULL, rtt INTEGER, tries INTEGER NOT NULL,
            tcp INTEGER NOT NULL, waiters INTEGER NOT NULL, data TEXT NOT NULL, aliases TEXT NOT NULL,
            ede TEXT NOT NULL, connects TEXT NOT NULL, changes INTEGER NOT NULL,
            PRIMARY KEY (name, type, server)) WITHOUT ROWID;
        CREATE INDEX entry_expires ON entry (expires);
        """

    private static func prepareFolder(of path: String) throws(CacheStoreError) {
        let folder = path.folder
        if Glibc.access(folder, F_OK) == 0 { return }
        try prepareFolder(of: folder)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw CacheStoreError(
                .system, path: path, detail: "can't make the folder \(folder): \(SystemError.text(of: errno))")
        }
    }

    /// Gives the file another name, with its log: nothing of anybody's is deleted.
    private mutating func putAside(_ lock: borrowing FolderLock) throws(CacheStoreError) {
        guard lock.isHeld else {
            throw CacheStoreError(.busy, path: path, detail: "it is damaged, and others hold its folder")
        }
        let aside = Self.freeName(after: "\(path).damaged-\(Moment.now.date / 1_000)")
        for suffix in ["-wal", "-shm"] { rename(path + suffix, aside + suffix) }
        guard rename(path, aside) == 0 || errno == ENOENT else {
            throw CacheStoreError(
                .system, path: path, detail: "it is damaged and can't be renamed: \(SystemError.text(of: errno))")
        }
        setAside = aside
    }

    private static func freeName(after name: String) -> String {
        if Glibc.access(name, F_OK) != 0 { return name }
        for number in 2... where Glibc.access("\(name)-\(number)", F_OK) != 0 { return "\(name)-\(number)" }
        return name
    }
}
