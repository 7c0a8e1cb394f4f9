// Where the entries of a cache are kept between runs: what a keeper asks of a store, so that another than SQLite's can take its
// place. A store knows dates where the cache knows instants; it turns one into the other.

public import BowlineNames

/// Keeps the entries of resolver caches between runs, for several processes at once.
///
/// Its functions block, so they are called before a loop runs, after it, or on a thread of the pool (``CacheKeeper`` does so).
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// let store: any CacheStore = try SQLiteCacheStore(path: "/var/cache/crawler/names.sqlite")
/// let cache = ResolverCache()
/// cache.restore(try store.load())
/// print(cache.count, "entries from", store.path)
/// ```
public protocol CacheStore: AnyObject, Sendable {
    /// Where it is.
    var path: String { get }

    /// Reads entries, those used most recently first, with their times brought up to now.
    ///
    /// - Parameters:
    ///   - names: only these; nil for all.
    ///   - limit: no more than so many.
    func load(_ names: [DomainName]?, limit: Int) throws(CacheStoreError) -> [CacheEntry]

    /// Takes in what has changed. Of two that know the same name and type, the newer entry stays.
    func save(_ changes: CacheChanges) throws(CacheStoreError)

    /// Takes out a name's entries, or all; says how many there were.
    func flush(_ name: DomainName?) throws(CacheStoreError) -> Int
}

extension CacheStore {
    /// Reads all entries.
    public func load() throws(CacheStoreError) -> [CacheEntry] { try load(nil, limit: .max) }
}

/// Says why a store can't be used, or not any more.
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// do {
///     _ = try SQLiteCacheStore(path: "/")
/// } catch {
///     print(error.kind, error)
/// }
/// ```
public struct CacheStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it is.
    public enum Kind: Hashable, Sendable {
        /// The file is no cache of ours, or is damaged.
        case unusable
        /// The file was written by a later version.
        case newer
        /// The system doesn't let us: no such folder, no permission, no room.
        case system
        /// Another process held it for too long.
        case busy
        /// Somebody else could write it, and so decide where names lead.
        case exposed
    }

    /// What it is.
    public var kind: Kind
    /// The file.
    public var path: String
    /// In words.
    public var detail: String

    /// Creates an error.
    public init(_ kind: Kind, path: String, detail: String) {
        self.kind = kind
        self.path = path
        self.detail = detail
    }

    /// One line.
    public var description: String { "the cache in \(path) can't be used: \(detail)" }
}
