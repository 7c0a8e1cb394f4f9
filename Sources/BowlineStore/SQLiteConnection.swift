// SQLite's C functions, one to one, with their codes as errors. Knows nothing of caches.

import CSQLite

/// An open database. Used by one thread at a time.
final class SQLiteConnection {
    private let handle: OpaquePointer
    let path: String

    enum Access {
        /// Reads and writes, and creates it if there is none.
        case update
        case look

        fileprivate var flags: CInt {
            self == .look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        }
    }

    /// Opens a database.
    init(path: String, _ access: Access = .update, busyTimeout milliseconds: CInt) throws(CacheStoreError) {
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(path, &opened, access.flags | SQLITE_OPEN_NOMUTEX, nil)
        guard let opened else { throw CacheStoreError(.system, path: path, detail: "no memory") }
        handle = opened
        self.path = path
        try check(status)
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, milliseconds)
        _ = bowline_sqlite3_keep_log(handle)
    }

    deinit {
        sqlite3_close_v2(handle)
    }

    func check(_ status: CInt) throws(CacheStoreError) {
        guard status != SQLITE_OK, status != SQLITE_ROW, status != SQLITE_DONE else { return }
        let detail = String(cString: sqlite3_errmsg(handle))
        let kind: CacheStoreError.Kind =
            switch status & 0xFF {
            case SQLITE_CORRUPT, SQLITE_NOTADB: .unusable
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            default: .system
            }
        throw CacheStoreError(kind, path: path, detail: detail)
    }

    /// Runs a statement without parameters.
    func run(_ text: String) throws(CacheStoreError) {
        try check(sqlite3_exec(handle, text, nil, nil, nil))
    }

    /// How many rows the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    func prepare(_ text: String) throws(CacheStoreError) -> SQLiteStatement {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, text, -1, &statement, nil))
        guard let statement else { throw CacheStoreError(.system, path: path, detail: "an empty statement") }
        return SQLiteStatement(statement, of: self)
    }

    /// The number that a statement gives, 0 if it gives none.
    func number(_ text: String) throws(CacheStoreError) -> Int64 {
        let statement = try prepare(text)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// The texts that a statement gives.
    func texts(_ text: String) throws(CacheStoreError) -> [String] {
        let statement = try prepare(text)
        var texts: [String] = []
        while try statement.step() { texts.append(statement.text(0)) }
        return texts
    }

    /// Runs `body` in a transaction that may write, and takes everything back if it fails.
    func write<Result>(_ body: () throws(CacheStoreError) -> Result) throws(CacheStoreError) -> Result {
        try run("BEGIN IMMEDIATE")
        do throws(CacheStoreError) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            try? run("ROLLBACK")
            throw error
        }
    }
}

/// A prepared statement of a connection.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private let connection: SQLiteConnection

    init(_ handle: OpaquePointer, of connection: SQLiteConnection) {
        self.handle = handle
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// A value to bind or a column to read.
    enum Value: Hashable {
        case integer(Int64)
        case text(String)
        case null
    }

    /// Runs it with these parameters from the start, to its end.
    func run(_ values: [Value]) throws(CacheStoreError) {
        try bind(values)
        while try step() {}
    }

    func bind(_ values: [Value]) throws(CacheStoreError) {
        sqlite3_reset(handle)
        for (index, value) in values.enumerated() {
            let place = CInt(index + 1)
            let status =
                switch value {
                case .integer(let number): sqlite3_bind_int64(handle, place, number)
                case .text(let text): bowline_sqlite3_bind_text(handle, place, text, CInt(text.utf8.count))
                case .null: sqlite3_bind_null(handle, place)
                }
            try connection.check(status)
        }
    }

    /// Goes to the next row; false after the last.
    func step() throws(CacheStoreError) -> Bool {
        let status = sqlite3_step(handle)
        try connection.check(status)
        return status == SQLITE_ROW
    }

    func integer(_ column: CInt) -> Int64 { sqlite3_column_int64(handle, column) }

    func real(_ column: CInt) -> Double { sqlite3_column_double(handle, column) }

    func optionalInteger(_ column: CInt) -> Int64? {
        sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : integer(column)
    }

    func text(_ column: CInt) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let length = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
    }
}
