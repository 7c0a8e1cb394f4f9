// What can be seen of the cache, and emptying it. Looking changes nothing, not even the order of use.

public import BowlineReactor

extension ResolverCache {
    /// The entries, those used most recently first. Doesn't count as use.
    ///
    /// - Parameters:
    ///   - name: only this name's entries; nil for all.
    ///   - now: the reactor's time, for ages and what is left of TTLs.
    /// - Complexity: O(entries).
    public func snapshot(of name: DomainName? = nil, now: ReactorInstant = .monotonicNow) -> [CacheEntry] {
        if let shared {
            reportUses(to: shared)
            return shared.snapshot(of: name, now: now)
        }
        var entries: [CacheEntry] = []
        var slot = table.newest
        while slot >= 0 {
            if name == nil || table[slot].name == name, let entry = entry(table[slot], now) {
                entries.append(entry)
            }
            slot = table[slot].older
        }
        return entries
    }

    /// Removes a name's entries of all types, or everything; also from where they are kept between runs.
    ///
    /// - Parameters:
    ///   - name: nil for all names.
    ///   - now: the reactor's time, for whoever keeps the entries elsewhere.
    /// - Returns: how many entries there were.
    /// - Complexity: O(entries).
    @discardableResult
    public func flush(_ name: DomainName? = nil, now: ReactorInstant = .monotonicNow) -> Int {
        if let shared { return shared.flush(name, now: now) }
        var removed = 0
        var slot = table.newest
        while slot >= 0 {
            let next = table[slot].older
            if name == nil || table[slot].name == name {
                table.remove(slot)
                removed += 1
            }
            slot = next
        }
        statistics.flushed += removed
        if let name { journal.flushed(name, now) } else { journal.flushed(now) }
        return removed
    }

    func entry(_ slot: CacheTable.Slot, _ now: ReactorInstant) -> CacheEntry? {
        let failure = slot.failure.flatMap { now < $0.expires ? $0 : nil }
        let type = slot.type == Self.anyType ? nil : slot.type
        var entry: CacheEntry
        if let cached = slot.answer {
            let answer = cached.answer
            let isFresh = cached.isFresh(at: now)
            let state: CacheEntry.State = answer.outcome == .answer ? .fresh : .negative
            entry = CacheEntry(
                name: slot.name, type: type,
                state: isFresh ? state : failure == nil || answer.outcome == .answer ? .stale : .failed)
            entry.data = answer.addresses.map(RecordData.address) + answer.records.map(\.data)
            entry.aliases = answer.aliases
            entry.recordTTL = answer.recordTTL
            entry.originalTTL = answer.ttl.map { .seconds($0) }
            entry.lifetime = cached.lifetime
            entry.remaining = cached.remaining(at: now)
            entry.origin = cached.origin
            entry.responseCode = answer.responseCode
            entry.extendedErrors = answer.extendedErrors
            entry.age = now - cached.stored
            if state == .fresh, policy.refreshHits > 0, slot.hits >= policy.refreshHits {
                entry.nextRefresh = cached.refreshes
            }
        } else if let failure {
            entry = CacheEntry(name: slot.name, type: type, state: .failed)
            entry.lifetime = failure.expires - failure.stored
            entry.remaining = failure.expires - now
            entry.origin.server = failure.error.servers.last?.server
            entry.origin.attempts = failure.error.attempts
            entry.responseCode = failure.error.responseCode
            entry.extendedErrors = failure.error.extendedErrors
            entry.age = now - failure.stored
        } else {
            // A failure that has expired; it stays only to remember how many there were in a row.
            return nil
        }
        entry.failure = failure?.error
        entry.hits = slot.hits
        entry.idle = now - slot.lastUse
        entry.connects = slot.connects
        if let history = slot.history {
            entry.changeCount = history.count
            entry.previousData = history.previous.map(RecordData.address)
            entry.sinceChange = now - history.when
        }
        return entry
    }
}
