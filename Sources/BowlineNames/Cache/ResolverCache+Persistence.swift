// The two doors for whoever keeps a cache's entries between runs: what has changed goes out, what was kept comes in. Both
// speak in ages and in what is left, relative to now; how that becomes a date that survives a restart is the keeper's affair.

public import BowlineReactor
import BowlineTransport

extension ResolverCache {
    /// The number of the latest change: equal to that of an earlier look if nothing has changed since.
    ///
    /// - Complexity: O(1).
    public var generation: UInt64 { shared?.generation ?? journal.generation }

    /// What has changed since an earlier look. Doesn't count as use.
    ///
    /// - Parameters:
    ///   - generation: that of the earlier look's result; 0 for everything that this cache has learnt by itself.
    ///   - useTime: entries that were used since then are in it, too; nil for those that have changed only.
    ///   - now: the reactor's time, for ages and what is left of TTLs.
    /// - Complexity: O(entries), O(1) if nothing has changed and uses don't matter.
    public func changes(
        since generation: UInt64, usedSince useTime: ReactorInstant? = nil, now: ReactorInstant = .monotonicNow
    ) -> CacheChanges {
        if let shared {
            reportUses(to: shared)
            return shared.changes(since: generation, usedSince: useTime, now: now)
        }
        var changes = CacheChanges(generation: journal.generation, now: now)
        guard generation != journal.generation || useTime != nil else { return changes }
        if generation < journal.start { changes.flushedAt = journal.startTime }
        changes.removed = journal.removed(since: generation)
        var slot = table.newest
        while slot >= 0 {
            let isUsed = useTime.map { table[slot].hits > 0 && table[slot].lastUse > $0 } ?? false
            if isUsed || changes.flushedAt != nil || table[slot].changed > generation,
                let entry = entry(table[slot], now)
            {
                changes.entries.append(entry)
            }
            slot = table[slot].older
        }
        return changes
    }

    /// The names of which something was flushed or ceased to be true since an earlier look; nil if that may be any name.
    package func removedNames(since generation: UInt64) -> Set<DomainName>? {
        if let shared { return shared.removedNames(since: generation) }
        if generation < journal.start { return nil }
        return Set(
            journal.removed(since: generation).map { removal in
                switch removal.scope {
                case .entry(let key): key.name
                case .name(let name): name
                }
            })
    }

    /// Takes in entries that were kept elsewhere, as `snapshot` or `changes` gave them with their times brought up to now:
    /// `age` and `idle` count up to `now`, `remaining` counts from it.
    ///
    /// What this cache knows by itself stays if it is newer. What a damaged or foreign file might hold is left out: an
    /// entry that is too old to be served even stale, whose parts don't fit together or that the policy doesn't allow. An
    /// entry that comes in says so (`origin.isRestored`), and isn't among the `changes`. Those that come first are kept if
    /// there isn't room for all, and none takes the place of one that is there.
    ///
    /// - Returns: how many were taken.
    /// - Complexity: O(entries given).
    @discardableResult
    public func restore(_ entries: [CacheEntry], now: ReactorInstant = .monotonicNow) -> Int {
        if let shared { return shared.restore(entries, now: now) }
        var taken = 0
        for entry in entries {
            guard let answer = CachedAnswer(restoring: entry, policy, now: now), answer.isUseful(policy, now) else {
                continue
            }
            let type = entry.type ?? Self.anyType
            guard !knowsNewer(than: answer, entry.name, type) else { continue }
            var slot = table.find(entry.name, type)
            if slot < 0 {
                guard table.count < policy.capacity else { break }
                slot = table.addLast(
                    CacheTable.Slot(name: entry.name, type: type, lastUse: now - max(.zero, entry.idle)))
            }
            table[slot].answer = answer
            table[slot].hits = max(table[slot].hits, entry.hits)
            table[slot].connects = entry.connects.filter { answer.answer.addresses.contains($0.address) }
            taken += 1
        }
        return taken
    }

    /// Whether the parts of an entry fit together, so that `restore` would take it unless it is too old.
    package static func isSound(_ entry: CacheEntry, _ policy: CachePolicy = CachePolicy(), now: ReactorInstant) -> Bool
    {
        CachedAnswer(restoring: entry, policy, now: now) != nil
    }

    /// Whether there is a later word on a name and a type than an answer.
    private func knowsNewer(than answer: CachedAnswer, _ name: DomainName, _ type: RecordType) -> Bool {
        // NXDOMAIN speaks of all types, and any of them contradicts it; these are the ones that are asked for.
        let types = type == Self.anyType ? [type, .a, .aaaa, .https] : [type, Self.anyType]
        return types.contains { type in
            let slot = table.find(name, type)
            guard slot >= 0, let known = table[slot].answer else { return false }
            return known.stored >= answer.stored
        }
    }
}

extension CachedAnswer {
    /// Whether it may be used, or may stand in for an answer past its TTL, or forbids that others do.
    fileprivate func isUseful(_ policy: CachePolicy, _ now: ReactorInstant) -> Bool {
        isFresh(at: now) || (answer.outcome != .nodata && now - expires < policy.maximumStaleAge)
    }

    /// Makes an answer of an entry; nil for one that holds none, and for one whose parts don't fit together.
    convenience init?(restoring entry: CacheEntry, _ policy: CachePolicy, now: ReactorInstant) {
        guard let ttl = entry.originalTTL, ttl > .zero, entry.lifetime > .zero, entry.state != .pinned else {
            return nil
        }
        var answer = DNSAnswer(outcome: .answer, responseCode: entry.responseCode ?? .noError)
        switch answer.responseCode {
        case .nxdomain: answer.outcome = .nxdomain
        case .noError: answer.outcome = entry.data.isEmpty ? .nodata : .answer
        default: return nil
        }
        answer.aliases = entry.aliases
        answer.recordTTL = entry.recordTTL
        answer.ttl = UInt32(clamping: ttl.components.seconds)
        answer.extendedErrors = entry.extendedErrors
        guard answer.hasAliases(from: entry.name), answer.take(entry.data, of: entry) else { return nil }

        // A clock that was set back makes neither the past longer nor the future.
        let limit = answer.outcome == .answer ? policy.maximumTTL : policy.maximumNegativeTTL
        let stored = now - max(.zero, entry.age)
        var origin = entry.origin
        origin.isRestored = true
        self.init(
            answer, origin, stored: stored,
            expires: min(now + entry.remaining, stored + min(entry.lifetime, ttl, limit)),
            share: answer.outcome == .answer && policy.refreshHits > 0 ? policy.refreshShare : 0)
    }
}

extension DNSAnswer {
    /// Whether the aliases lead on from a name, step by step.
    fileprivate func hasAliases(from name: DomainName) -> Bool {
        var current = name
        for step in aliases {
            guard step.name == current else { return false }
            current = step.target
        }
        return aliases.count <= Self.maximumAliases
    }

    /// Takes the records of an entry; false if they aren't of its type.
    fileprivate mutating func take(_ data: [RecordData], of entry: CacheEntry) -> Bool {
        guard let type = entry.type else { return outcome == .nxdomain && data.isEmpty && aliases.isEmpty }
        guard outcome == .answer else { return data.isEmpty }
        let owner = canonicalName(of: entry.name)
        for item in data {
            switch (type, item) {
            case (.a, .address(let address)) where address.family == .ipv4: addresses.append(address)
            case (.aaaa, .address(let address)) where address.family == .ipv6: addresses.append(address)
            case (.a, _), (.aaaa, _), (.any, _), (_, .address): return false
            default: records.append(ResourceRecord(name: owner, type: type, ttl: recordTTL, data: item))
            }
        }
        return true
    }
}
