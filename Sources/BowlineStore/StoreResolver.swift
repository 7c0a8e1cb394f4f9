// A store between the cache and the servers: what it keeps of a name comes into the cache when somebody first asks for the name.
// So a run needn't read a whole file at its start, and finds what it knows of names that nobody could foresee, such as the
// host that a response redirects to. One look at a time is under way, on a thread; names that are wanted meanwhile wait for
// the next, which looks for all of them.

public import BowlineDeferred
public import BowlineNames
public import BowlineReactor
import BowlineTransport

/// Looks for names in a keeper's store before anybody else is asked for them.
///
/// ```swift
/// import Bowline
/// import BowlineStore
///
/// let reactor = Reactor()
/// let resolver = DNSResolver(reactor: reactor)
/// let store = try SQLiteCacheStore(path: "/var/cache/crawler/names.sqlite")
/// let keeper = CacheKeeper(of: resolver.cache, in: store, reactor: reactor)
/// reactor.resolver = StoreResolver(before: resolver, keeper: keeper, reactor: reactor)
/// try reactor.run()
/// try keeper.finish()
/// ```
/// Each name is looked for once. A store that fails or takes too long is done without.
public final class StoreResolver: Resolver {
    /// So long is waited for the store.
    private static let patience: Duration = .milliseconds(250)
    /// So many names are remembered to have been looked for; then some are looked for again, which does no harm.
    private static let memory = 65_536

    private let next: DNSResolver
    private let keeper: CacheKeeper
    private unowned let reactor: Reactor
    /// Names that have been looked for.
    private var known: Set<DomainName> = []
    private var current: Look?
    private var upcoming: Look?

    /// Names that are looked for together.
    private final class Look {
        var names: Set<DomainName> = []
        let ended = Deferred<Void>()

        init() {
            // Whoever leaves, the look goes on.
            ended.addBoth { _ in }
        }
    }

    /// - Parameters:
    ///   - next: who is asked what the store doesn't know.
    ///   - keeper: of its cache.
    ///   - names: those that the keeper has loaded already.
    public init(before next: DNSResolver, keeper: CacheKeeper, loaded names: [DomainName] = [], reactor: Reactor) {
        self.next = next
        self.keeper = keeper
        self.reactor = reactor
        known.formUnion(names)
    }

    /// Looks up the records of a name, in the store first if nobody has asked for the name yet.
    public func resolve(
        _ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        guard let look = look(for: request) else { return next.resolve(request, onAnswer: onAnswer) }
        let began = reactor.now
        return look.ended.addCallback { [self] in
            var request = request
            request.timeout = max(.zero, request.timeout - (reactor.now - began))
            return next.resolve(request, onAnswer: onAnswer)
        }
    }

    /// The look to wait for, which is begun if there is none; nil if the store has nothing to say.
    private func look(for request: LookupRequest) -> Look? {
        guard !next.isAnsweredLocally(request), let names = try? next.configuration.candidates(for: request.host) else {
            return nil
        }
        let wanted = names.filter { name in
            !known.contains(name) && current?.names.contains(name) != true
        }
        if wanted.isEmpty { return current.flatMap { look in names.contains { look.names.contains($0) } ? look : nil } }
        let look = upcoming ?? Look()
        upcoming = look
        look.names.formUnion(wanted)
        if current == nil { begin() }
        return look
    }

    private func begin() {
        guard let look = upcoming.take() else { return }
        current = look
        keeper.bringIn(Array(look.names), from: next.configuration.servers)
            .timeout(Self.patience, clock: reactor)
            .addBoth { [self] _ in
                if known.count > Self.memory { known = [] }
                known.formUnion(look.names)
                current = nil
                begin()
                look.ended.callback()
            }
    }

    // MARK: what the next one knows

    /// What is remembered; what the store has comes into it by and by.
    public var cache: ResolverCache { next.cache }

    /// Fails every lookup with `ReactorStopped`.
    public func reactorStopped() { next.reactorStopped() }

    /// Reads the configuration anew.
    public func reload() { next.reload() }

    /// The questions that wait for their answers, the oldest first.
    public func inFlight() -> [QuestionSnapshot] { next.inFlight() }

    /// Of these, the ones that a lookup of a host waits for.
    public func inFlight(for host: String) -> [QuestionSnapshot] { next.inFlight(for: host) }

    /// The servers that are asked, with what is known of each.
    public func servers() -> [ServerSnapshot] { next.servers() }

    /// What the next lookup of a host would find, and why, as far as the store has been looked into.
    public func explain(_ host: String, port: UInt16?) -> NameExplanation { next.explain(host, port: port) }

    /// The addresses that the user has decided on.
    public func pinned() -> [Pin] { next.pinned() }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension StoreResolver: Sendable {}
