// What a cache's keeper gets to see: the difference between two looks.

public import BowlineReactor

/// What has become of a cache's entries since an earlier look, for whoever keeps them elsewhere.
///
/// Apply it in this order: take out what is older than `flushedAt`, take out `removed`, put in `entries`.
///
/// ```swift
/// var seen: UInt64 = 0
/// func save(_ cache: ResolverCache) {
///     let changes = cache.changes(since: seen, now: reactor.now)
///     seen = changes.generation
///     print(changes.flushedAt as Any, changes.removed.count, changes.entries.map(\.name))
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

    /// What was flushed or ceased to be true.
    public struct Removal: Hashable, Sendable {
        /// How much.
        public enum Scope: Hashable, Sendable {
            /// One entry, which isn't true any more.
            case entry(Key)
            /// All that is known of a name, whether or not this cache has ever known it: the name was flushed.
            case name(DomainName)
        }

        /// How much.
        public var scope: Scope
        /// When. What came later, from elsewhere, isn't meant.
        public var when: ReactorInstant

        /// Creates a removal.
        public init(_ scope: Scope, when: ReactorInstant) {
            self.scope = scope
            self.when = when
        }
    }

    /// The point up to which this goes, to ask from next time.
    public var generation: UInt64
    /// The time of this look, from which the entries' ages and what is left of them count.
    public var now: ReactorInstant
    /// When everything was flushed, or up to when too much happened to tell; nil if neither. `entries` are all that there
    /// are then, and what is kept elsewhere and is older isn't true any more.
    public var flushedAt: ReactorInstant?
    /// What was flushed or ceased to be true. Not entries that only made room for others.
    public var removed: [Removal]
    /// Entries that are new or have changed, as they are now. To have been used is no change, unless that was asked for.
    public var entries: [CacheEntry]

    /// Creates changes.
    public init(
        generation: UInt64, now: ReactorInstant = .monotonicNow, flushedAt: ReactorInstant? = nil,
        removed: [Removal] = [], entries: [CacheEntry] = []
    ) {
        self.generation = generation
        self.now = now
        self.flushedAt = flushedAt
        self.removed = removed
        self.entries = entries
    }
}
