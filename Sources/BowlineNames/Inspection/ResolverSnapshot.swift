// All that can be seen of a resolver, in one value. The library's calls, the command, the inspector's page, its JSON and the
// metrics show this and nothing else, so that no two of them can disagree.

public import BowlineReactor

/// A resolver at one instant: what it remembers, what it is asking, whom, and what has happened so far.
///
/// ```swift
/// let snapshot = reactor.resolver.snapshot(now: reactor.now)
/// print(snapshot.entries.count, "entries,", snapshot.inFlight.count, "in flight")
/// print("hit rate", Double(snapshot.cache.hits) / Double(max(1, snapshot.cache.lookups)))
/// ```
public struct ResolverSnapshot: Hashable, Sendable {
    /// When it was taken.
    public var time: ReactorInstant
    /// The user's pins, then the cache's rows, those used most recently first.
    public var entries: [CacheEntry]
    /// The cache's counters.
    public var cache: CacheStatistics
    /// The questions that wait for their answers, the oldest first.
    public var inFlight: [QuestionSnapshot]
    /// The servers, in the configuration's order.
    public var servers: [ServerSnapshot]

    /// Creates a snapshot.
    public init(
        time: ReactorInstant, entries: [CacheEntry], cache: CacheStatistics, inFlight: [QuestionSnapshot],
        servers: [ServerSnapshot]
    ) {
        self.time = time
        self.entries = entries
        self.cache = cache
        self.inFlight = inFlight
        self.servers = servers
    }
}

extension Resolver {
    /// Takes a snapshot of everything. Doesn't count as use of the cache.
    ///
    /// - Parameter now: the reactor's time, for ages and what is left of TTLs.
    /// - Complexity: O(entries).
    public func snapshot(now: ReactorInstant = .monotonicNow) -> ResolverSnapshot {
        ResolverSnapshot(
            time: now, entries: pinned().flatMap(\.entries) + cache.snapshot(now: now), cache: cache.statistics,
            inFlight: inFlight(),
            servers: servers())
    }
}
