// A store that is asked before the servers are: what is found there, once, and what a store that is slow or broken costs.

import Bowline
import BowlineStore
import BowlineTesting
import Glibc
import Synchronization
import Testing

@Suite("A resolver with a store", .timeLimit(.minutes(10)))
struct StoreResolverTests {
    private static let known = IPAddress.v4(IPv4Address(192, 0, 2, 1))
    private static let asked = IPAddress.v4(IPv4Address(192, 0, 2, 2))

    /// What a test sees.
    private struct Seen: Sendable {
        var addresses: [[IPAddress]] = []
        var questions: [String] = []
        var looks: [[String]] = []
    }

    /// A store that knows `known*.test`, as the server at an address says, and waits for its test where it is told to.
    private final class ScriptedStore: CacheStore {
        let path = "memory"
        private let looks = Mutex<[[String]]>([])
        private let server: SocketAddress
        private let isBroken: Bool
        private let gate: Gate?

        init(_ server: SocketAddress, isBroken: Bool = false, gate: Gate? = nil) {
            self.server = server
            self.isBroken = isBroken
            self.gate = gate
        }

        var seen: [[String]] { looks.withLock { $0 } }

        func load(_ names: [DomainName]?, limit: Int) throws(CacheStoreError) -> [CacheEntry] {
            let names = names ?? []
            looks.withLock { $0.append(names.map(\.text).sorted()) }
            gate?.pass()
            if isBroken { throw CacheStoreError(.unusable, path: path, detail: "it is broken") }
            return names.filter { $0.text.hasPrefix("known") }.map { name in
                var entry = CacheEntry(name: name, type: .a, state: .fresh)
                entry.data = [.address(StoreResolverTests.known)]
                entry.recordTTL = 60
                (entry.originalTTL, entry.lifetime, entry.remaining) = (.seconds(60), .seconds(60), .seconds(60))
                entry.responseCode = .noError
                entry.origin.server = server
                return entry
            }
        }

        func save(_ changes: CacheChanges) throws(CacheStoreError) {}
        func flush(_ name: DomainName?) throws(CacheStoreError) -> Int { 0 }
    }

    /// Holds a store's thread until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Atomic<Bool>(false)
        func open() { isOpen.store(true, ordering: .releasing) }
        func pass() { while !isOpen.load(ordering: .acquiring) { usleep(500) } }
    }

    /// Has lookups done on a reactor with a DNS server, a store and a resolver that asks both.
    private func run(
        isBroken: Bool = false, gate: Gate? = nil,
        _ body: @escaping @Sendable (Reactor, any Resolver) async throws -> [[IPAddress]]
    ) async throws -> Seen {
        try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([Self.asked]) }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            let next = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            let store = ScriptedStore(server.address, isBroken: isBroken, gate: gate)
            let keeper = CacheKeeper(of: next.cache, in: store, reactor: reactor)
            let resolver = StoreResolver(before: next, keeper: keeper, reactor: reactor)
            reactor.resolver = resolver
            var seen = Seen()
            seen.addresses = try await body(reactor, resolver)
            seen.questions = server.questions.map(\.name.text)
            seen.looks = store.seen
            return seen
        }
    }

    @Test("what the store knows is asked nobody, the rest is, and each name is looked for once")
    func found() async throws {
        let seen = try await run { _, resolver in
            var addresses: [[IPAddress]] = []
            for name in ["known1.test", "other.test", "known1.test", "other.test", "192.0.2.9"] {
                addresses.append(try await resolver.lookup(name, types: [.a]).value.addresses)
            }
            return addresses
        }
        #expect(
            seen.addresses == [
                [Self.known], [Self.asked], [Self.known], [Self.asked], [.v4(IPv4Address(192, 0, 2, 9))],
            ]
        )
        #expect(seen.questions == ["other.test"])
        #expect(seen.looks == [["known1.test"], ["other.test"]])
    }

    @Test("one look is under way at a time, and whoever wants a name meanwhile waits for it, or for the next")
    func together() async throws {
        let gate = Gate()
        let seen = try await run(gate: gate) { reactor, resolver in
            let names = ["known1.test", "known1.test", "known2.test", "known3.test", "known2.test"]
            let lookups = names.map { resolver.lookup($0, types: [.a]) }
            let left = resolver.lookup("known1.test", types: [.a])
            left.cancel()
            left.addErrback { _ in LookupAnswer(name: nil, questions: [], elapsed: .zero) }
            gate.open()
            var addresses: [[IPAddress]] = []
            for lookup in lookups { addresses.append(try await lookup.value.addresses) }
            return addresses
        }
        #expect(seen.addresses == Array(repeating: [Self.known], count: 5))
        #expect(seen.questions.isEmpty)
        #expect(seen.looks == [["known1.test"], ["known2.test", "known3.test"]])
    }

    @Test("a store that is broken, or doesn't answer, is done without", arguments: [true, false])
    func useless(isBroken: Bool) async throws {
        let gate = isBroken ? nil : Gate()
        let seen = try await run(isBroken: isBroken, gate: gate) { _, resolver in
            defer { gate?.open() }
            return [try await resolver.lookup("known.test", types: [.a]).value.addresses]
        }
        #expect(seen.addresses == [[Self.asked]])
    }

    @Test("a name that was flushed is not brought back by a store that hasn't been told yet")
    func flushed() async throws {
        let seen = try await run { reactor, resolver in
            resolver.cache.flush(try DomainName("known1.test"), now: reactor.now)
            return [
                try await resolver.lookup("known1.test", types: [.a]).value.addresses,
                try await resolver.lookup("known2.test", types: [.a]).value.addresses,
            ]
        }
        #expect(seen.addresses == [[Self.asked], [Self.known]])
    }
}
