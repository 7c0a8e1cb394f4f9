// The cache's table: entries by name and type, in the order of their use. Only ResolverCache uses it. A table of its own
// instead of a Dictionary and a list: the entry, its place in the order of use and its chain are one element of one array,
// linked by indices, so that a hit touches little memory and counts no references.

internal import BowlineReactor
internal import BowlineTransport

/// A hash table whose entries are also a list, the most recently used first.
struct CacheTable {
    /// An entry.
    struct Slot {
        var name: DomainName
        var type: RecordType
        var answer: CachedAnswer?
        var failure: CachedFailure?
        var hits = 0
        var lastUse: ReactorInstant
        var connects: [CacheEntry.ConnectRecord] = []
        /// How the addresses changed; nil while they never did.
        var history: AddressHistory?
        /// The generation of the cache in which it last changed; 0 for what it was given and has not touched.
        var changed: UInt64 = 0
        /// The neighbours in the order of use.
        fileprivate(set) var newer = none
        fileprivate(set) var older = none

        init(name: DomainName, type: RecordType, lastUse: ReactorInstant) {
            self.name = name
            self.type = type
            self.lastUse = lastUse
        }
    }

    /// How often an entry's addresses changed, and the change before this one. A box, since few entries have one.
    final class AddressHistory {
        var count = 0
        var previous: [IPAddress] = []
        var when: ReactorInstant

        init(when: ReactorInstant) {
            self.when = when
        }
    }

    /// What a search needs of a slot that isn't the one: beside each other, for slots are large, and most searches find
    /// nothing.
    private struct Link {
        var hash: UInt32
        /// The next slot of the chain, or of the free ones.
        var next: Int32
    }

    /// No slot: below 0.
    static let none: Int32 = -1

    private(set) var count = 0
    /// How many of them say that a name doesn't exist: every search for a type is followed by one for that.
    private var nonexistent = 0
    /// The ends of the order of use; `none` in an empty table.
    private(set) var newest = none
    private(set) var oldest = none
    private var slots: [Slot] = []
    /// A link for each slot.
    private var links: [Link] = []
    private var chains: [Int32] = Array(repeating: none, count: 64)
    private var free = none

    /// The entry at an index that `find` or `add` gave; valid until it is removed.
    subscript(_ slot: Int32) -> Slot {
        @inline(__always) get { slots[Int(slot)] }
        @inline(__always) _modify { yield &slots[Int(slot)] }
    }

    /// The index of an entry, or `none`.
    func find(_ name: DomainName, _ type: RecordType) -> Int32 {
        if type == ResolverCache.anyType, nonexistent == 0 { return Self.none }
        let hash = Self.hash(name, type)
        var slot = chains[chain(hash)]
        while slot >= 0 {
            let link = links[Int(slot)]
            if link.hash == hash, slots[Int(slot)].type == type, slots[Int(slot)].name == name { return slot }
            slot = link.next
        }
        return Self.none
    }

    /// Adds an entry that isn't there yet, as the newest.
    mutating func add(_ slot: consuming Slot) -> Int32 {
        let index = place(slot)
        linkFirst(index)
        return index
    }

    /// Adds an entry that isn't there yet, as the first to go.
    mutating func addLast(_ slot: consuming Slot) -> Int32 {
        let index = place(slot)
        linkLast(index)
        return index
    }

    /// Puts an entry into its chain; it has no place in the order of use yet.
    private mutating func place(_ slot: consuming Slot) -> Int32 {
        if count >= chains.count { grow() }
        let hash = Self.hash(slot.name, slot.type)
        let chain = chain(hash)
        let link = Link(hash: hash, next: chains[chain])
        let index: Int32
        if free >= 0 {
            index = free
            free = links[Int(index)].next
            slots[Int(index)] = slot
            links[Int(index)] = link
        } else {
            index = Int32(slots.count)
            slots.append(slot)
            links.append(link)
        }
        chains[chain] = index
        count += 1
        if slots[Int(index)].type == ResolverCache.anyType { nonexistent += 1 }
        return index
    }

    /// Removes an entry and lets go of what it holds; its slot waits for another.
    mutating func remove(_ slot: Int32) {
        leaveChain(slot)
        unlink(slot)
        if slots[Int(slot)].type == ResolverCache.anyType { nonexistent -= 1 }
        slots[Int(slot)] = Slot(name: .root, type: .any, lastUse: slots[Int(slot)].lastUse)
        links[Int(slot)].next = free
        free = slot
        count -= 1
    }

    /// Puts an entry that isn't there yet into the place of the oldest, as the newest. There must be one.
    mutating func replaceOldest(with slot: consuming Slot) -> Int32 {
        let index = oldest
        leaveChain(index)
        unlink(index)
        if slots[Int(index)].type == ResolverCache.anyType { nonexistent -= 1 }
        if slot.type == ResolverCache.anyType { nonexistent += 1 }
        let hash = Self.hash(slot.name, slot.type)
        slots[Int(index)] = slot
        links[Int(index)] = Link(hash: hash, next: chains[chain(hash)])
        chains[chain(hash)] = index
        linkFirst(index)
        // The next to go, with the next entry that comes. Its bits alone, or 0.
        Prefetch.object(at: unsafeBitCast(slots[Int(oldest)].answer, to: UInt.self), octets: 256)
        return index
    }

    /// Makes an entry the newest.
    @inline(__always)
    mutating func moveToFront(_ slot: Int32) {
        guard slot != newest else { return }
        unlink(slot)
        linkFirst(slot)
    }

    @inline(__always)
    private static func hash(_ name: DomainName, _ type: RecordType) -> UInt32 {
        UInt32(truncatingIfNeeded: name.hash(with: type))
    }

    @inline(__always)
    private func chain(_ hash: UInt32) -> Int {
        Int(hash) & (chains.count - 1)
    }

    private mutating func grow() {
        chains = Array(repeating: Self.none, count: chains.count * 2)
        var slot = newest
        while slot >= 0 {
            let chain = chain(links[Int(slot)].hash)
            links[Int(slot)].next = chains[chain]
            chains[chain] = slot
            slot = slots[Int(slot)].older
        }
    }

    private mutating func leaveChain(_ slot: Int32) {
        let chain = chain(links[Int(slot)].hash)
        if chains[chain] == slot {
            chains[chain] = links[Int(slot)].next
        } else {
            var before = chains[chain]
            while links[Int(before)].next != slot { before = links[Int(before)].next }
            links[Int(before)].next = links[Int(slot)].next
        }
    }

    private mutating func linkFirst(_ slot: Int32) {
        slots[Int(slot)].newer = Self.none
        slots[Int(slot)].older = newest
        if newest >= 0 { slots[Int(newest)].newer = slot } else { oldest = slot }
        newest = slot
    }

    private mutating func linkLast(_ slot: Int32) {
        slots[Int(slot)].newer = oldest
        slots[Int(slot)].older = Self.none
        if oldest >= 0 { slots[Int(oldest)].older = slot } else { newest = slot }
        oldest = slot
    }

    private mutating func unlink(_ slot: Int32) {
        let newer = slots[Int(slot)].newer
        let older = slots[Int(slot)].older
        if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
        if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
    }
}
