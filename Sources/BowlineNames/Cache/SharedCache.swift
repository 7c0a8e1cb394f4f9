// One cache for several reactors of a process. It is a ResolverCache behind a mutex, and each reactor has a ResolverCache
// of its own before it (`ResolverCache(sharing:)`), which remembers what the reactor asked for: a second lookup of a name
// takes no lock. Rejected: one lock-free table for all. A hit moves an entry in the order of use, so readers write.

public import BowlineReactor
import BowlineTransport
import Synchronization

/// A cache that the reactors of a process share. What one of them has learnt, the others know.
///
/// Sendable: make one, and give each reactor's resolver a view of it. Everything here may be called on any thread.
///
/// ```swift
/// let shared = SharedCache()
/// let cache = ResolverCache(sharing: shared)                       // on each reactor's thread
/// reactor.resolver = DNSResolver(reactor: reactor, cache: cache)
/// print(shared.count, shared.statistics.hits)
/// ```
public final class SharedCache: Sendable {
    /// The limits, which each reactor's view has too.
    public let policy: CachePolicy
    private let cache: Mutex<ResolverCache>
    /// How often something was flushed: the reactors' views look at it with each lookup, and forget what they have.
    private let flushes = Atomic<Int>(0)

    /// Creates an empty cache.
    public init(policy: CachePolicy = CachePolicy()) {
        self.policy = policy
        cache = Mutex(ResolverCache(policy: policy))
    }

    // MARK: what its users see

    /// How many entries there are, also expired ones.
    public var count: Int { cache.withLock { $0.count } }

    /// What has happened so far, for all reactors. Of a lookup that a reactor's view could answer by itself, only the view's
    /// own counters know.
    public var statistics: CacheStatistics { cache.withLock { $0.statistics } }

    /// The number of the latest change.
    public var generation: UInt64 { cache.withLock { $0.generation } }

    /// The entries, those used most recently first. Doesn't count as use. O(entries).
    public func snapshot(of name: DomainName? = nil, now: ReactorInstant = .monotonicNow) -> [CacheEntry] {
        cache.withLock { $0.snapshot(of: name, now: now) }
    }

    /// Removes a name's entries of all types, or everything, for all reactors: none of their later lookups uses it.
    ///
    /// - Returns: how many entries there were.
    @discardableResult
    public func flush(_ name: DomainName? = nil, now: ReactorInstant = .monotonicNow) -> Int {
        let removed = cache.withLock { $0.flush(name, now: now) }
        flushes.add(1, ordering: .releasing)
        return removed
    }

    /// What has changed since an earlier look, as `ResolverCache.changes` says.
    public func changes(
        since generation: UInt64, usedSince useTime: ReactorInstant? = nil, now: ReactorInstant = .monotonicNow
    ) -> CacheChanges {
        cache.withLock { $0.changes(since: generation, usedSince: useTime, now: now) }
    }

    func removedNames(since generation: UInt64) -> Set<DomainName>? {
        cache.withLock { $0.removedNames(since: generation) }
    }

    /// Takes in entries that were kept elsewhere, as `ResolverCache.restore` does.
    @discardableResult
    public func restore(_ entries: [CacheEntry], now: ReactorInstant = .monotonicNow) -> Int {
        cache.withLock { $0.restore(entries, now: now) }
    }

    // MARK: what the reactors' views call

    var flushCount: Int { flushes.load(ordering: .acquiring) }

    /// - Parameter uses: how often the view has answered this since it asked last.
    func lookup(_ name: DomainName, _ type: RecordType, after uses: Int, now: ReactorInstant) -> ResolverCache.Lookup {
        cache.withLock { cache in
            if uses > 0 { cache.noteUses(uses, of: name, type, last: now) }
            return cache.lookup(name, type, now: now)
        }
    }

    func noteUses(_ uses: Int, of name: DomainName, _ type: RecordType, last: ReactorInstant) {
        cache.withLock { $0.noteUses(uses, of: name, type, last: last) }
    }

    func store(
        _ answer: DNSAnswer, for name: DomainName, _ type: RecordType, origin: AnswerOrigin, now: ReactorInstant
    ) -> CachedAnswer {
        cache.withLock { $0.store(answer, for: name, type, origin: origin, now: now) }
    }

    func noteFailure(
        _ error: LookupError, for name: DomainName, _ type: RecordType, now: ReactorInstant
    ) -> CachedFailure {
        cache.withLock { $0.noteFailure(error, for: name, type, now: now) }
    }

    func noteConnect(
        _ name: DomainName, _ address: IPAddress, outcome: String, duration: Duration?, now: ReactorInstant
    ) {
        cache.withLock { $0.noteConnect(name, address, outcome: outcome, duration: duration, now: now) }
    }

    func connects(_ name: DomainName, _ type: RecordType) -> [CacheEntry.ConnectRecord] {
        cache.withLock { $0.connects(name, type) }
    }
}
