// The cache's memory of its own changes, for whoever keeps its entries elsewhere: a number that each change raises, which an
// entry carries from its last one, and what ceased to be true. Raising a number is all that a change
// costs. An entry that merely made room for others isn't in here: what is kept of it elsewhere stays true.

internal import BowlineReactor
import DequeModule

/// What has changed in a cache, in order.
struct CacheJournal {
    /// How many removals are remembered. Whoever looks so seldom that more go by is told to begin anew.
    static let capacity = 4096

    /// Of the latest change; 0 before the first.
    private(set) var generation: UInt64 = 0
    /// Whoever saw the cache before this generation has to begin anew.
    private(set) var start: UInt64 = 0
    /// When that was.
    private(set) var startTime: ReactorInstant?
    private var removals: Deque<(generation: UInt64, removal: CacheChanges.Removal)> = []

    /// The generation of a change that happens now.
    @inline(__always)
    mutating func next() -> UInt64 {
        generation += 1
        return generation
    }

    /// An entry is gone because it isn't true any more.
    mutating func removed(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) {
        append(.entry(CacheChanges.Key(name: name, type: type == ResolverCache.anyType ? nil : type)), now)
    }

    /// A name was flushed. Whoever keeps entries elsewhere may have some of it that aren't here.
    mutating func flushed(_ name: DomainName, _ now: ReactorInstant) {
        append(.name(name), now)
    }

    private mutating func append(_ scope: CacheChanges.Removal.Scope, _ now: ReactorInstant) {
        if removals.count == Self.capacity, let oldest = removals.popFirst() {
            start = oldest.generation
            startTime = oldest.removal.when
        }
        removals.append((next(), CacheChanges.Removal(scope, when: now)))
    }

    /// All entries are gone.
    mutating func flushed(_ now: ReactorInstant) {
        removals.removeAll()
        start = next()
        startTime = now
    }

    /// What was removed after a generation.
    func removed(since generation: UInt64) -> [CacheChanges.Removal] {
        guard let first = removals.firstIndex(where: { $0.generation > generation }) else { return [] }
        return removals[first...].map(\.removal)
    }
}
