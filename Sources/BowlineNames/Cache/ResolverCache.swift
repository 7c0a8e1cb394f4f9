// The answers of the past, by name and type, until their TTL ends. The resolver asks here before it asks a server; on a
// hit that is all that a lookup costs, so a hit makes no allocation and hashes nothing (a DomainName brings its hash).
// It has no clock, the caller says what time it is; and it must never grow beyond its capacity, whatever is asked.

package import BowlineReactor
import BowlineTransport

/// A cache of DNS answers, bounded, with what is needed to look into it.
///
/// NXDOMAIN is kept by name alone and answers every type (RFC 2308). Entries past their TTL stay until their room is
/// needed, but no lookup uses them.
///
/// ```swift
/// let cache = ResolverCache()
/// for entry in cache.snapshot(now: reactor.now) { print(entry.name, entry.state, entry.hits) }
/// cache.flush(try DomainName("h.test"))
/// print(cache.count, cache.statistics.hits)
/// ```
public final class ResolverCache {
    /// What a lookup finds.
    package enum Lookup: Sendable {
        /// Records, NODATA or NXDOMAIN, not yet expired.
        case hit(CachedAnswer)
        /// The same, and the time has come to ask for it again ahead of its end.
        case due(CachedAnswer)
        /// Records past their TTL, and how servers failed, too short a while ago to be asked again.
        case stale(CachedAnswer, CachedFailure)
        /// Records past their TTL: ask, and if no server answers, serve these.
        case expired(CachedAnswer)
        /// The name failed a short while ago and may not be asked yet.
        case failed(CachedFailure)
        /// Nothing to use: ask.
        case miss
    }

    /// The type under which NXDOMAIN stands; it is reserved and can't be asked for (RFC 6895, 3.1).
    static let anyType = RecordType(rawValue: 0)

    /// The limits.
    public let policy: CachePolicy

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// What has happened so far.
    @exclusivity(unchecked) public internal(set) var statistics = CacheStatistics()
    /// How many entries there are, also expired ones.
    public var count: Int { shared?.count ?? table.count }
    /// Behind this cache, the one that the reactors of a process share; nil if this one stands alone.
    let shared: SharedCache?

    @exclusivity(unchecked) var table = CacheTable()
    /// What has changed, for whoever keeps the entries elsewhere.
    @exclusivity(unchecked) var journal = CacheJournal()

    /// How often the shared cache had been flushed when this looked last.
    @exclusivity(unchecked) var flushesSeen = 0

    /// Creates an empty cache, for one reactor alone.
    public init(policy: CachePolicy = CachePolicy()) {
        self.policy = policy
        shared = nil
    }

    /// Creates one reactor's view of a cache that several share. What it was asked for it answers again without a lock.
    public init(sharing shared: SharedCache) {
        policy = shared.policy
        self.shared = shared
    }

    // MARK: - Lookup

    /// Begins to fetch the memory that a lookup of this will need first.
    @inline(__always)
    func prefetch(_ name: DomainName, _ type: RecordType) { table.prefetch(name, type) }

    /// Finds what is known of a name and a type, counts it, and moves it to the front of the order of use.
    ///
    /// Records that may be used come before a failure that was noted while they were refreshed.
    ///
    /// - Complexity: O(1).
    package func lookup(_ name: DomainName, _ type: RecordType, now: ReactorInstant) -> Lookup {
        if let shared { return lookup(name, type, in: shared, now: now) }
        let own = table.find(name, type)
        if own >= 0, let answer = table[own].answer, now < answer.expires {
            use(own, now)
            guard answer.answer.outcome == .answer else {
                statistics.negativeHits += 1
                return .hit(answer)
            }
            statistics.positiveHits += 1
            return now >= answer.refreshes && isDue(answer, own, now) ? .due(answer) : .hit(answer)
        }
        let whole = table.find(name, Self.anyType)
        if whole >= 0, let answer = table[whole].answer, now < answer.expires {
            use(whole, now)
            statistics.negativeHits += 1
            return .hit(answer)
        }
        let stale = own >= 0 ? staleAnswer(own, whole, now) : nil
        if own >= 0, let failure = table[own].failure, now < failure.expires {
            use(own, now)
            if let stale {
                statistics.staleHits += 1
                return .stale(stale, failure)
            }
            statistics.failureHits += 1
            return .failed(failure)
        }
        statistics.misses += 1
        if own >= 0 || whole >= 0 { statistics.expiredMisses += 1 }
        return stale.map(Lookup.expired) ?? .miss
    }

    /// Whether an answer that is still good is used enough to be asked for again, may be, and nobody is at it.
    private func isDue(_ answer: CachedAnswer, _ slot: Int32, _ now: ReactorInstant) -> Bool {
        guard policy.refreshHits > 0, table[slot].hits >= policy.refreshHits else { return false }
        if let failure = table[slot].failure, now < failure.expires { return false }
        return answer.claimRefresh(until: now + policy.refreshTimeout, now: now)
    }

    /// The records past their TTL that may stand in for an answer: not too old, and nobody has said since that the name
    /// doesn't exist.
    private func staleAnswer(_ own: Int32, _ whole: Int32, _ now: ReactorInstant) -> CachedAnswer? {
        guard let answer = table[own].answer, answer.answer.outcome == .answer,
            now - answer.expires < policy.maximumStaleAge
        else { return nil }
        if whole >= 0, let later = table[whole].answer, later.stored >= answer.stored { return nil }
        return answer
    }

    /// Counts a lookup that was served stale records after it had waited for servers. They are in use.
    package func noteStale(_ name: DomainName, _ type: RecordType, now: ReactorInstant) {
        statistics.staleAnswers += 1
        let slot = table.find(name, type)
        if slot >= 0 { use(slot, now) }
    }

    /// Counts a question that is asked ahead of an answer's end.
    package func noteRefresh() {
        statistics.refreshes += 1
    }

    // MARK: - Filling

    /// Takes an answer in, as far as it may be kept, in place of what was known.
    ///
    /// - Parameters:
    ///   - answer: any outcome; what is neither records nor NODATA nor NXDOMAIN isn't kept (see `noteFailure`).
    ///   - name: the name asked. NXDOMAIN is kept for the last alias' target, and for `name` with its aliases.
    ///   - origin: how it came.
    /// - Returns: the answer as a box, whether it is kept or not, for those who wait for it.
    /// - Complexity: O(1), amortised.
    @discardableResult
    package func store(
        _ answer: DNSAnswer, for name: DomainName, _ type: RecordType, origin: AnswerOrigin, now: ReactorInstant
    ) -> CachedAnswer {
        if let shared { return adopt(shared.store(answer, for: name, type, origin: origin, now: now), name, type, now) }
        let limit: Duration
        switch answer.outcome {
        case .answer: limit = policy.maximumTTL
        case .nodata, .nxdomain: limit = policy.maximumNegativeTTL
        default: return CachedAnswer(answer, origin, stored: now, expires: now)
        }
        let lifetime = min(.seconds(answer.ttl ?? 0), limit)
        let share = answer.outcome == .answer && policy.refreshHits > 0 ? policy.refreshShare : 0
        let cached = CachedAnswer(answer, origin, stored: now, expires: now + lifetime, share: share)
        if answer.outcome != .nxdomain {
            // Somebody knows the names now.
            remove(name, Self.anyType, now)
            if answer.isAliased {
                remove(answer.canonicalName(of: name), Self.anyType, now)
                removeOwnRecords(name, except: type, now)
            }
        }
        guard lifetime > .zero, policy.capacity > 0, type != Self.anyType else {
            // What was known is no longer true either.
            statistics.uncacheable += 1
            remove(name, type, now)
            if answer.outcome == .nxdomain { remove(answer.canonicalName(of: name), Self.anyType, now) }
            return cached
        }
        statistics.inserts += 1
        if answer.outcome == .nxdomain {
            guard answer.isAliased else {
                // The newer word on the name, whatever type it was asked for.
                remove(name, type, now)
                put(cached, name, Self.anyType, now)
                return cached
            }
            var target = answer
            target.aliases = []
            put(
                CachedAnswer(target, origin, stored: now, expires: cached.expires), answer.canonicalName(of: name),
                Self.anyType, now)
        }
        put(cached, name, type, now)
        return cached
    }

    /// Notes that a lookup failed without any useful answer: for a second at first, then twice as long each time, up to
    /// five minutes (RFC 9520, 3.2).
    ///
    /// Where stale records stand in, servers have more time to recover: thirty seconds at least (RFC 8767, 5).
    ///
    /// - Returns: the failure as a box, with the instant from which the name may be asked again.
    /// - Complexity: O(1), amortised.
    @discardableResult
    package func noteFailure(
        _ error: LookupError, for name: DomainName, _ type: RecordType, now: ReactorInstant
    ) -> CachedFailure {
        if let shared { return shared.noteFailure(error, for: name, type, now: now) }
        let known = table.find(name, type)
        var count = 1
        if known >= 0, let last = table[known].failure, now < last.expires + policy.maximumFailureTTL {
            count = last.count + 1
        }
        // 2^9 first TTLs are beyond five minutes; the shift stays small.
        var delay = min(policy.firstFailureTTL * (1 << min(count - 1, 9)), policy.maximumFailureTTL)
        if known >= 0, table[known].answer?.isFresh(at: now) != true,
            staleAnswer(known, table.find(name, Self.anyType), now) != nil
        {
            delay = max(delay, policy.staleRecheck)
        }
        let failure = CachedFailure(error, stored: now, expires: now + delay, count: count)
        statistics.failures += 1
        guard policy.capacity > 0, type != Self.anyType else { return failure }
        let slot = known >= 0 ? known : add(name, type, now)
        table[slot].failure = failure
        table[slot].answer?.releaseRefresh()
        table[slot].changed = journal.next()
        table.moveToFront(slot)
        return failure
    }

    // MARK: - Parts

    func put(_ answer: CachedAnswer, _ name: DomainName, _ type: RecordType, _ now: ReactorInstant) {
        let known = table.find(name, type)
        let slot = known >= 0 ? known : add(name, type, now)
        if let previous = table[slot].answer { noteChange(slot, from: previous.answer, to: answer.answer, now) }
        table[slot].answer = answer
        table[slot].failure = nil
        table[slot].changed = journal.next()
        if !table[slot].connects.isEmpty {
            table[slot].connects.removeAll { !answer.answer.addresses.contains($0.address) }
        }
        table.moveToFront(slot)
    }

    /// Remembers the addresses that another set replaces.
    private func noteChange(_ slot: Int32, from old: DNSAnswer, to new: DNSAnswer, _ now: ReactorInstant) {
        // Equal lists are the usual case; a server may also rotate them.
        guard old.outcome == .answer, new.outcome == .answer, old.addresses != new.addresses,
            Set(old.addresses) != Set(new.addresses)
        else { return }
        let history = table[slot].history ?? CacheTable.AddressHistory(when: now)
        history.count += 1
        history.previous = Array(old.addresses)
        history.when = now
        table[slot].history = history
    }

    /// A name that has become an alias has no records of its own any more (RFC 1034, 3.6.2): those that are kept, fresh or
    /// stale, aren't true.
    private func removeOwnRecords(_ name: DomainName, except type: RecordType, _ now: ReactorInstant) {
        for other in [RecordType.a, .aaaa, .https] where other != type {
            let slot = table.find(name, other)
            guard slot >= 0, let answer = table[slot].answer?.answer, answer.outcome == .answer, answer.aliases.isEmpty
            else { continue }
            remove(name, other, now)
        }
    }

    private func add(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) -> Int32 {
        let slot = CacheTable.Slot(name: name, type: type, lastUse: now)
        guard table.count >= policy.capacity else { return table.add(slot) }
        statistics.evictions += 1
        return table.replaceOldest(with: slot)
    }

    private func remove(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) {
        let slot = table.find(name, type)
        guard slot >= 0 else { return }
        table.remove(slot)
        journal.removed(name, type, now)
    }

    @inline(__always)
    func use(_ slot: Int32, _ now: ReactorInstant) {
        table[slot].hits += 1
        table[slot].lastUse = now
        table.moveToFront(slot)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ResolverCache: Sendable {}
