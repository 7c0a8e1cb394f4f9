// A reactor's view of a shared cache: answers that were found there, kept here until they expire, so that only the first
// lookup of a name takes the lock. Failures, what is stale and what is due for a refresh are looked up there each time; they
// are rare. Another reactor's newer answer is seen when the one here expires, as if the other had not asked.

import BowlineReactor

extension ResolverCache {
    func lookup(_ name: DomainName, _ type: RecordType, in shared: SharedCache, now: ReactorInstant) -> Lookup {
        if flushesSeen != shared.flushCount { forget(shared) }
        let own = table.find(name, type)
        if own >= 0, let answer = table[own].answer, now < answer.refreshes {
            use(own, now)
            count(.hit(answer))
            return .hit(answer)
        }
        let found = shared.lookup(name, type, after: own >= 0 ? table[own].hits : 0, now: now)
        count(found)
        if own >= 0 { table[own].hits = 0 }
        if case .hit(let answer) = found { adopt(answer, name, type, now) }
        return found
    }

    /// Keeps an answer of the shared cache at hand.
    @discardableResult
    func adopt(_ answer: CachedAnswer, _ name: DomainName, _ type: RecordType, _ now: ReactorInstant) -> CachedAnswer {
        let known = table.find(name, type)
        if answer.isFresh(at: now), policy.capacity > 0 {
            put(answer, name, type, now)
        } else if known >= 0 {
            table.remove(known)
        }
        return answer
    }

    /// Tells the shared cache how often this one has answered for it.
    func reportUses(to shared: SharedCache) {
        var slot = table.newest
        while slot >= 0 {
            if table[slot].hits > 0 {
                shared.noteUses(table[slot].hits, of: table[slot].name, table[slot].type, last: table[slot].lastUse)
                table[slot].hits = 0
            }
            slot = table[slot].older
        }
    }

    /// Counts uses of an entry that somebody else made.
    func noteUses(_ uses: Int, of name: DomainName, _ type: RecordType, last: ReactorInstant) {
        var slot = table.find(name, type)
        if slot < 0 { slot = table.find(name, Self.anyType) }
        guard slot >= 0 else { return }
        table[slot].hits += uses
        table[slot].lastUse = max(table[slot].lastUse, last)
        table.moveToFront(slot)
    }

    private func forget(_ shared: SharedCache) {
        flushesSeen = shared.flushCount
        table = CacheTable()
    }

    private func count(_ found: Lookup) {
        switch found {
        case .hit(let answer), .due(let answer):
            if answer.answer.outcome == .answer { statistics.positiveHits += 1 } else { statistics.negativeHits += 1 }
        case .stale: statistics.staleHits += 1
        case .failed: statistics.failureHits += 1
        case .expired:
            statistics.misses += 1
            statistics.expiredMisses += 1
        case .miss: statistics.misses += 1
        }
    }
}
