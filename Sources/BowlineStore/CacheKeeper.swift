// Keeps a reactor's cache and a store together: what was kept comes in at the beginning, what is learnt goes out now and then
// and at the end. The loop's thread never touches the store; it hands values to a thread of the pool.

public import BowlineDeferred
public import BowlineNames
public import BowlineReactor

/// Saves what a cache learns.
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// let reactor = Reactor()
/// let store = try SQLiteCacheStore(path: "/var/cache/crawler/names.sqlite")
/// let keeper = CacheKeeper(of: reactor.resolver.cache, in: store, reactor: reactor)
/// try keeper.load()           // before run()
/// try reactor.run()           // saves every five seconds if there is something new
/// try keeper.finish()         // after it, what came last
/// ```
public final class CacheKeeper {
    /// How often what is new is saved, at most.
    public static let defaultInterval: Duration = .seconds(5)

    /// Where entries are kept.
    public let store: any CacheStore
    private let cache: ResolverCache
    private unowned let reactor: Reactor
    private let interval: Duration
    /// Up to where the store knows what the cache does.
    private var saved: UInt64
    private var timer: DelayedCall?
    /// Why the last saving failed, if it did. The next one tries again.
    public private(set) var failure: CacheStoreError?

    /// - Parameter interval: how often what is new is saved, at most.
    public init(
        of cache: ResolverCache, in store: any CacheStore, reactor: Reactor, interval: Duration = defaultInterval
    ) {
        self.cache = cache
        self.store = store
        self.reactor = reactor
        self.interval = interval
        saved = cache.generation
        reactor.callWhenRunning { [weak self] in self?.begin() }
    }

    /// Brings in what is kept: of these names, or all that there is room for. Blocks, so it is called before the loop runs.
    ///
    /// - Returns: how many entries the cache took.
    @discardableResult
    public func load(_ names: [DomainName]? = nil) throws(CacheStoreError) -> Int {
        let entries = try store.load(names, limit: cache.policy.capacity)
        return cache.restore(entries, now: .monotonicNow)
    }

    /// Saves what is new, on a thread.
    ///
    /// - Returns: fires when it is saved, or fails with a `CacheStoreError`.
    @discardableResult
    public func save() -> Deferred<Void> {
        let changes = cache.changes(since: saved, now: reactor.now)
        guard changes.generation != saved else { return .succeeded(()) }
        let store = self.store
        return reactor.deferToThread { try store.save(changes.withoutReplacing) }
            .onSuccess { [weak self] in self?.saved = changes.generation }
    }

    /// Saves what is new. Blocks, so it is called when the loop has stopped.
    public func finish() throws(CacheStoreError) {
        let changes = cache.changes(since: saved, now: .monotonicNow)
        guard changes.generation != saved else { return }
        try store.save(changes.withoutReplacing)
        saved = changes.generation
    }

    private func begin() {
        timer?.cancel()
        timer = reactor.callLater(interval) { [weak self] in self?.saveAgain() }
    }

    private func saveAgain() {
        timer = nil
        save().addBoth { [weak self] result in
            guard let self else { return }
            if case .failure(let error) = result { failure = error as? CacheStoreError } else { failure = nil }
            if reactor.isRunning { begin() }
        }
    }
}

@available(*, unavailable)
extension CacheKeeper: Sendable {}

extension CacheChanges {
    /// The file has entries of other processes, too: what this one forgot wholesale is taken out of it by name only.
    fileprivate var withoutReplacing: CacheChanges {
        var changes = self
        changes.replacesAll = false
        return changes
    }
}
