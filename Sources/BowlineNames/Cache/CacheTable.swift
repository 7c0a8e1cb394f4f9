// The cache's table: entries by name and type, in the order of their use. Only ResolverCache uses it. A table of its own
// instead of a Dictionary and a list: an entry and its place in the order of use are one element of one array, linked by
// indices, so that a hit counts no references; and most searches, which find nothing, touch one line of memory.

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
        /// Says where it is found.
        fileprivate let hash: UInt32
        /// Where the name's octets are, to be fetched ahead and never to be read: the name itself would have to be counted, and
        /// so touched. Of a short name, which is kept in place, some other place.
        fileprivate let octets: UInt

        init(name: DomainName, type: RecordType, lastUse: ReactorInstant) {
            self.name = name
            self.type = type
            self.lastUse = lastUse
            hash = CacheTable.hash(name, type)
            octets = name.text.withOctets { UInt(bitPattern: $0.baseAddress) }
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

    /// Where a slot is found: in the bucket that its hash says, or as soon after that as there was an empty one. With the hash
    /// beside it, a search needn't look at slots that aren't the one.
    private struct Bucket {
        static let empty = Bucket(hash: 0, slot: none)

        var hash: UInt32
        /// `none` in an empty one.
        var slot: Int32
    }

    /// No slot: below 0.
    static let none: Int32 = -1
    // Only for what is fetched ahead: wrong, they would cost time.
    private static let allocatorWord: UInt = 16
    private static let stringHeader: UInt = 32

    private(set) var count = 0
    /// How many of them say that a name doesn't exist: every search for a type is followed by one for that.
    private var nonexistent = 0
    /// The ends of the order of use; `none` in an empty table.
    private(set) var newest = none
    private(set) var oldest = none
    private var slots: [Slot] = []
    /// Twice as many as there are entries, at least; a power of two.
    private var buckets = [Bucket](repeating: .empty, count: 128)
    /// The first slot that is free; the others follow by `older`.
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
        var place = home(hash)
        while true {
            let bucket = buckets[place]
            if bucket.slot < 0 { return Self.none }
            let slot = Int(bucket.slot)
            if bucket.hash == hash, slots[slot].type == type, slots[slot].name == name { return bucket.slot }
            place = after(place)
        }
    }

    /// Begins to fetch what a search will need first.
    @inline(__always)
    func prefetch(_ name: DomainName, _ type: RecordType) { prefetchBucket(of: Self.hash(name, type)) }

    @inline(__always)
    private func prefetchBucket(of hash: UInt32) {
        let place = home(hash)
        buckets.withUnsafeBufferPointer {
            Prefetch.object(at: UInt(bitPattern: $0.baseAddress.map { $0 + place }), octets: 1)
        }
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

    /// Puts an entry where it is found; it has no place in the order of use yet.
    private mutating func place(_ slot: consuming Slot) -> Int32 {
        if 2 * (count + 1) > buckets.count { grow() }
        let hash = slot.hash
        if slot.type == ResolverCache.anyType { nonexistent += 1 }
        let index: Int32
        if free >= 0 {
            index = free
            free = slots[Int(index)].older
            slots[Int(index)] = consume slot
        } else {
            index = Int32(slots.count)
            slots.append(consume slot)
        }
        occupy(Bucket(hash: hash, slot: index))
        count += 1
        return index
    }

    /// Removes an entry and lets go of what it holds; its slot waits for another.
    mutating func remove(_ slot: Int32) {
        vacate(slot)
        unlink(slot)
        if slots[Int(slot)].type == ResolverCache.anyType { nonexistent -= 1 }
        slots[Int(slot)] = Slot(name: .root, type: .any, lastUse: slots[Int(slot)].lastUse)
        slots[Int(slot)].older = free
        free = slot
        count -= 1
    }

    /// Puts an entry that isn't there yet into the place of the oldest, as the newest. There must be one.
    mutating func replaceOldest(with slot: consuming Slot) -> Int32 {
        let index = oldest
        vacate(index)
        unlink(index)
        if slots[Int(index)].type == ResolverCache.anyType { nonexistent -= 1 }
        if slot.type == ResolverCache.anyType { nonexistent += 1 }
        let hash = slot.hash
        slots[Int(index)] = consume slot
        occupy(Bucket(hash: hash, slot: index))
        linkFirst(index)
        prefetchOldest()
        return index
    }

    /// Begins to fetch what will be touched when the oldest goes, which has been used last among as many others as the cache has
    /// room for: the answer and the name, to be freed, and the bucket.
    private func prefetchOldest() {
        guard oldest >= 0 else { return }
        prefetchBucket(of: slots[Int(oldest)].hash)
        // Its bits alone, or 0: a reference would be counted. The allocator's word for each is before it.
        let answer = unsafeBitCast(slots[Int(oldest)].answer, to: UInt.self)
        Prefetch.object(at: answer &- Self.allocatorWord, octets: 256)
        // And a string's own before its octets.
        Prefetch.object(at: slots[Int(oldest)].octets &- Self.stringHeader &- Self.allocatorWord, octets: 128)
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

    /// The bucket where a hash is looked for first.
    @inline(__always)
    private func home(_ hash: UInt32) -> Int { Int(hash) & (buckets.count - 1) }

    /// The bucket after another, round the end.
    @inline(__always)
    private func after(_ place: Int) -> Int { (place + 1) & (buckets.count - 1) }

    /// How far one bucket is after another.
    private func distance(_ start: Int, _ end: Int) -> Int { (end - start) & (buckets.count - 1) }

    private mutating func occupy(_ bucket: Bucket) {
        var place = home(bucket.hash)
        while buckets[place].slot >= 0 { place = after(place) }
        buckets[place] = bucket
    }

    /// Empties a slot's bucket, and moves those up that would no longer be found beyond it.
    private mutating func vacate(_ slot: Int32) {
        var place = home(slots[Int(slot)].hash)
        while buckets[place].slot != slot { place = after(place) }
        var next = after(place)
        while buckets[next].slot >= 0 {
            if distance(home(buckets[next].hash), next) >= distance(place, next) {
                buckets[place] = buckets[next]
                place = next
            }
            next = after(next)
        }
        buckets[place] = .empty
    }

    private mutating func grow() {
        let known = buckets
        buckets = Array(repeating: .empty, count: 2 * known.count)
        for bucket in known where bucket.slot >= 0 { occupy(bucket) }
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
