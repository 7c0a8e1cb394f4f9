// What a cache's keeper gets to see: the difference between two looks.

/// What has become of a cache's entries since an earlier look, for whoever keeps them elsewhere.
///
/// Apply it in this order: begin anew if `replacesAll`, take out `removed`, put in `entries`.
///
/// ```swift
/// var seen: UInt64 = 0
/// func save(_ cache: ResolverCache) {
///     let changes = cache.changes(since: seen, now: reactor.now)
///     seen = changes.generation
///     print(changes.replacesAll, changes.removed.count, changes.entries.map(\.name))
/// }
/// ```
public struct CacheChanges: Hashable, Sendable {
    /// What an entry is known by.
    public struct Key: Hashable, Sendable {
        /// The name asked.
        public var name: DomainName
        /// The type asked; nil for NXDOMAIN, which holds for every type (RFC 2308, 5).
        public var type: RecordType?

        /// Creates a key.
        public init(name: DomainName, type: RecordType?) {
            self.name = name
            self.type = type
        }
    }

    /// The point up to which this goes, to ask from next time.
    public var generation: UInt64
    /// Whether everything was flushed meanwhile, or too much happened to tell: `entries` are all that there are then, and
    /// what is kept elsewhere isn't true any more.
    public var replacesAll: Bool
    /// Entries that were flushed or ceased to be true. Not those that only made room for others.
    public var removed: [Key]
    /// Entries that are new or have changed, as they are now. To have been used is no change.
    public var entries: [CacheEntry]

    /// Creates changes.
    public init(generation: UInt64, replacesAll: Bool = false, removed: [Key] = [], entries: [CacheEntry] = []) {
        self.generation = generation
        self.replacesAll = replacesAll
        self.removed = removed
        self.entries = entries
    }
}
