// Keeps a reactor's cache and a store together: what was kept comes in at the beginning, what is learnt goes out now and then
// and at the end. The loop's thread never touches the store; it hands values to a thread of the pool.

public import BowlineDeferred
public import BowlineNames
public import BowlineReactor
public import BowlineTransport

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
    /// Up to when the store knows what was used.
    private var usesSaved = ReactorInstant.monotonicNow
    /// One saving at a time: two at once might reach the file in the wrong order.
    private let saving = DeferredLock()
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
    /// - Parameters:
    ///   - names: only these; nil for all.
    ///   - servers: only what one of these said, since another network's servers may see other addresses behind a name; nil
    ///     for what any said.
    /// - Returns: how many entries the cache took.
    @discardableResult
    public func load(_ names: [DomainName]? = nil, from servers: [SocketAddress]? = nil) throws(CacheStoreError) -> Int
    {
        take(try store.load(names, limit: cache.policy.capacity), from: servers, now: .monotonicNow)
    }

    /// Brings in what is kept of names, on a thread.
    ///
    /// - Parameter servers: only what one of these said.
    /// - Returns: fires with how many entries the cache took, or fails with a `CacheStoreError`.
    func bringIn(_ names: [DomainName], from servers: [SocketAddress]) -> Deferred<Int> {
        let store = self.store
        return reactor.deferToThread { try store.load(names, limit: .max) }.addCallback { [self] entries in
            // The store doesn't know yet what was flushed just now.
            let flushed = cache.removedNames(since: saved)
            let entries = entries.filter { flushed?.contains($0.name) == false }
            return take(entries, from: servers, now: reactor.now)
        }
    }

    private func take(_ entries: [CacheEntry], from servers: [SocketAddress]?, now: ReactorInstant) -> Int {
        guard let servers else { return cache.restore(entries, now: now) }
        return cache.restore(entries.filter { entry in servers.contains { $0 == entry.origin.server } }, now: now)
    }

    /// Saves what is new, on a thread, when what is being saved already is.
    ///
    /// - Returns: fires when it is saved, or fails with a `CacheStoreError`.
    @discardableResult
    public func save() -> Deferred<Void> {
        saving.run { [self] in
            let changes = cache.changes(since: saved, now: reactor.now)
            guard changes.generation != saved else { return Deferred<Void>.succeeded(()) }
            let store = self.store
            return reactor.deferToThread { try store.save(changes) }
                .onSuccess { [weak self] in self?.saved = changes.generation }
        }
    }

    /// Saves what is new, and what was used how often. Blocks, so it is called when the loop has stopped.
    public func finish() throws(CacheStoreError) {
        let changes = cache.changes(since: saved, usedSince: usesSaved, now: .monotonicNow)
        guard changes.generation != saved || !changes.entries.isEmpty else { return }
        try store.save(changes)
        saved = changes.generation
        usesSaved = changes.now
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

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension CacheKeeper: Sendable {}
