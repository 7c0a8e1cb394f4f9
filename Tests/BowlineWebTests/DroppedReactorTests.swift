// A reactor that nobody runs. What only waits to be called goes with it; what is under way keeps it, until it is told that
// the reactor stops.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("A reactor that isn't run after all")
struct DroppedReactorTests {
    /// Something that is begun, and holds no reactor itself.
    struct Beginning: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Whether it is an operation, which nothing ends but its outcome or a stop.
        var isOperation: Bool
        var begin: @Sendable (Reactor) throws -> Void

        init(_ name: String, isOperation: Bool = false, _ begin: @escaping @Sendable (Reactor) throws -> Void) {
            testDescription = name
            self.isOperation = isOperation
            self.begin = begin
        }
    }

    private final class Silent: Protocol {
        var transport: (any Transport)?
        func dataReceived(_ bytes: RawSpan) {}
    }

    static let beginnings: [Beginning] = [
        Beginning("nothing") { _ in },
        Beginning("a call") { $0.callLater(.seconds(1)) {} },
        Beginning("a Deferred with a timeout") { reactor in
            Deferred<Int>().timeout(.seconds(1), clock: reactor).addErrback { _ in 0 }
        },
        Beginning("a listening port") { _ = try $0.listenTCP(port: 0, factory: ServerFactory { Silent() }) },
        Beginning("a connection to an address", isOperation: true) { reactor in
            let server = try reactor.listenTCP(port: 0, factory: ServerFactory { Silent() })
            guard case .ip(_, let port) = server.address else { return }
            _ = reactor.connectTCP(host: "127.0.0.1", port: port, factory: ClientFactory { Silent() })
        },
        Beginning("a DNS server") { _ = try FakeDNSServer(reactor: $0) { _ in .drop } },
        Beginning("a lookup", isOperation: true) { reactor in
            ask(reactor)
            reactor.resolver.lookup("h.test").addErrback { _ in LookupAnswer(name: nil, questions: [], elapsed: .zero) }
        },
        Beginning("a connection to a name", isOperation: true) { reactor in
            ask(reactor)
            _ = reactor.connectTCP(host: "h.test", port: 80, factory: ClientFactory { Silent() })
        },
        Beginning("a page", isOperation: true) { reactor in
            ask(reactor)
            reactor.getPage("http://h.test/").addErrback { _ in "" }
        },
        Beginning("a task") { $0.spawn {} },
        Beginning("work on a thread") { $0.deferToThread { 1 }.addErrback { _ in 0 } },
        Beginning("the inspector") { _ = try $0.serveInspector(port: 0) },
    ]

    /// Has a reactor ask a server that isn't there.
    private static func ask(_ reactor: Reactor) {
        var configuration = ResolverConfiguration()
        configuration.servers = [.ip(.v4(IPv4Address(127, 0, 0, 1)), port: 9)]
        reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
    }

    @Test("takes along what only waits, with its descriptors", arguments: beginnings.filter { !$0.isOperation })
    func dropped(beginning: Beginning) async throws {
        #expect(try await isFreed(beginning) { _ in })
    }

    @Test("ends everything that was begun, and is freed, when it is stopped and then run", arguments: beginnings)
    func stopped(beginning: Beginning) async throws {
        let isFreed = try await isFreed(beginning) { reactor in
            reactor.stop()
            try reactor.run()
        }
        #expect(isFreed)
    }

    private func isFreed(
        _ beginning: Beginning, end: @escaping @Sendable (Reactor) throws -> Void
    ) async throws -> Bool {
        try await onThread {
            weak var freed: Reactor?
            do {
                let reactor = Reactor()
                freed = reactor
                try beginning.begin(reactor)
                try end(reactor)
            }
            return freed == nil
        }
    }

    @Test("closes a port that listened")
    func port() async throws {
        let port = try await onThread { () -> UInt16 in
            guard case .ip(_, let port) = try Reactor().listenTCP(port: 0, factory: ServerFactory { Silent() }).address
            else { return 0 }
            return port
        }
        #expect(port != 0 && !Loopback.accepts(port))
    }
}
