// `cache`: a lookup that the cache answers, beside the making of one object; and the whole way of such a lookup through the
// resolver, which has no reference.

import Bowline
@_spi(Bench) import BowlineNames

/// As many names as a crawler's working set, so that the entries don't all lie in the nearest cache of the processor.
private let nameCount = 4_096
private let rounds = 500

func cache(_ setting: Setting) -> [Comparison] {
    [
        Comparison(
            bench: "cache", name: "hit, one reactor's cache", unit: "ns", better: .lower, target: Budget.cacheHit,
            referenceName: "a class allocated and freed",
            ours: .measured { try hits(ResolverCache()) }, reference: .measured { allocations(4_000_000) }),
        Comparison(
            bench: "cache", name: "hit, view of a shared cache", unit: "ns", better: .lower, target: Budget.cacheHit,
            referenceName: "a class allocated and freed",
            ours: .measured { try hits(ResolverCache(sharing: SharedCache())) },
            reference: .measured { allocations(4_000_000) }),
        Comparison(
            bench: "cache", name: "lookup that the cache answers", unit: "ns", better: .lower, target: nil,
            referenceName: "none", ours: .measured(lookups), reference: .missing("nothing to compare with")),
    ]
}

private func entries() throws -> [CacheEntry] {
    try (0..<nameCount).map { number in
        var entry = CacheEntry(name: try DomainName("host\(number).example.test"), type: .a, state: .fresh)
        entry.data = [.address(.v4(IPv4Address(10, 0, UInt8(number / 256), UInt8(number % 256))))]
        entry.recordTTL = 3600
        (entry.originalTTL, entry.lifetime, entry.remaining) = (.seconds(3600), .seconds(3600), .seconds(3600))
        return entry
    }
}

/// Nanoseconds for a hit.
private func hits(_ cache: ResolverCache) throws -> Double {
    let entries = try entries()
    let now = ReactorInstant.monotonicNow
    precondition(cache.restore(entries, now: now) == nameCount)
    // In an order that no prefetcher knows.
    let names = entries.map(\.name).shuffled()
    var found = 0
    for name in names where cache.answers(name, .a, now: now) { found += 1 }
    let taken = nanoseconds {
        for _ in 0..<rounds {
            for name in names where cache.answers(name, .a, now: now) { found += 1 }
        }
    }
    precondition(found == nameCount * (rounds + 1))
    return taken / Double(nameCount * rounds)
}

private final class Box {
    var value: Int
    init(_ value: Int) { self.value = value }
}

@inline(never)
private func make(_ value: Int) -> Box { Box(value) }

/// Nanoseconds to allocate and free an object.
private func allocations(_ count: Int) -> Double {
    var sum = 0
    let taken = nanoseconds {
        for number in 0..<count { sum &+= make(number).value }
    }
    precondition(sum != 0)
    return taken / Double(count)
}

/// Nanoseconds from the text of a name to its addresses.
private func lookups() throws -> Double {
    let reactor = Reactor()
    let entries = try entries()
    let hosts = entries.map(\.name.text).shuffled()
    var result = 0.0
    reactor.callWhenRunning {
        let cache = ResolverCache()
        cache.restore(entries, now: reactor.now)
        let resolver = DNSResolver(
            reactor: reactor, configuration: ResolverConfiguration(), hosts: .table(HostsFile()), cache: cache)
        var found = 0
        result = nanoseconds {
            for _ in 0..<50 {
                for host in hosts {
                    resolver.lookup(host, types: [.a]).onSuccess { found += $0.addresses.count }
                }
            }
        }
        precondition(found == nameCount * 50)
        reactor.stop()
    }
    try reactor.run()
    return result / Double(nameCount * 50)
}
