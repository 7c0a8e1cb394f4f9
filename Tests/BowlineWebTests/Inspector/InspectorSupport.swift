// What the tests of the inspector share: one that serves a cache with known rows, and requests to it.

import Bowline
import BowlineTesting
import Testing

/// A reactor's inspector on a free port of 127.0.0.1, over three names: `one.test`, `two.test` and `gone.test`.
struct InspectedReactor {
    static let token = "a-known.token"
    let reactor: Reactor
    let inspector: Inspector

    init(_ reactor: Reactor, on address: SocketAddress = .ip(.v4(.loopback), port: 0)) throws {
        self.reactor = reactor
        let resolver = ScriptedResolver(clock: reactor, [:])
        reactor.resolver = resolver
        let entries = try Self.entries()
        #expect(resolver.cache.restore(entries, now: reactor.now) == entries.count)
        inspector = try reactor.serveInspector(on: address, token: Self.token)
    }

    /// Rows as a store would have kept them.
    static func entries() throws -> [CacheEntry] {
        var one = CacheEntry(name: try DomainName("one.test"), type: .a, state: .fresh)
        one.data = [.address(.v4(IPv4Address(192, 0, 2, 1))), .address(.v4(IPv4Address(192, 0, 2, 2)))]
        one.origin.server = .ip(.v4(.loopback), port: 53)
        one.origin.roundTrip = .milliseconds(12)
        var two = CacheEntry(name: try DomainName("two.test"), type: .aaaa, state: .fresh)
        two.data = [.address(.v6(.loopback))]
        two.extendedErrors = [ExtendedError(code: 15, text: "<script>alert('&')</script>\u{202E}\u{1B}[2J")]
        var gone = CacheEntry(name: try DomainName("gone.test"), type: nil, state: .negative)
        gone.responseCode = .nxdomain
        let rows = [(one, 300), (two, 60), (gone, 30)]
        return rows.map { entry, ttl in
            var entry = entry
            entry.recordTTL = UInt32(ttl)
            entry.originalTTL = .seconds(ttl)
            entry.lifetime = .seconds(ttl)
            entry.remaining = .seconds(ttl)
            return entry
        }
    }

    var names: [String] { reactor.resolver.cache.snapshot(now: reactor.now).map { "\($0.name)" }.sorted() }

    /// The answer to a request, whatever its status.
    nonisolated(nonsending) func send(
        _ path: String, method: String = "GET", fields: [(name: String, value: String)] = [], form: String? = nil
    ) async throws -> Answer {
        var request = PageRequest("http://127.0.0.1:\(inspector.address.port ?? 0)\(path)")
        request.method = method
        request.fields = fields
        if let form {
            request.body = Array(form.utf8)
            request.fields.append(("Content-Type", "application/x-www-form-urlencoded"))
        }
        let page: PageResponse
        do {
            page = try await reactor.fetch(request).value
        } catch let error as PageError {
            guard let response = error.response else { throw error }
            page = response
        }
        return Answer(status: page.status, text: page.text, fields: page.head.fields)
    }

    struct Answer: Sendable {
        let status: Int
        let text: String
        let fields: HTTPFieldSection
    }
}

/// Runs `body` with an inspected reactor.
func inspecting<Value: Sendable>(
    _ body: nonisolated(nonsending) @escaping @Sendable (InspectedReactor) async throws -> Value
) async throws -> Value {
    try await onReactor { reactor in
        let inspected = try InspectedReactor(reactor)
        return try await body(inspected)
    }
}
