// What arrives at a metrics system.

import Bowline
import BowlineMetrics
import BowlineTesting
import CoreMetrics
import MetricsTestKit
import Testing

@Suite("The bridge to swift-metrics", .timeLimit(.minutes(10)))
struct MetricsReporterTests {
    private let metrics = TestMetrics()

    private func total(_ label: String, _ dimensions: [(String, String)] = []) -> Int64? {
        try? metrics.expectCounter(label, dimensions).totalValue
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)] = []) -> Double? {
        try? metrics.expectRecorder(label, dimensions).lastValue
    }

    private func snapshot(_ change: (inout ResolverSnapshot) -> Void) -> ResolverSnapshot {
        var snapshot = ResolverSnapshot(
            time: ReactorInstant(nanoseconds: 0), entries: [], cache: CacheStatistics(), inFlight: [], servers: [])
        change(&snapshot)
        return snapshot
    }

    @Test("counters grow by what a snapshot has more than the last one, and start anew with another resolver")
    func counters() {
        let reporter = MetricsReporter(reactor: Reactor(), factory: metrics)
        reporter.report(snapshot { $0.cache.positiveHits = 7 })
        #expect(total("bowline_cache_hits", [("kind", "positive")]) == 7)
        #expect(total("bowline_cache_hits", [("kind", "stale")]) == 0)
        reporter.report(snapshot { $0.cache.positiveHits = 9 })
        reporter.report(snapshot { $0.cache.positiveHits = 9 })
        #expect(total("bowline_cache_hits", [("kind", "positive")]) == 9)
        reporter.report(snapshot { $0.cache.positiveHits = 4 })
        #expect(total("bowline_cache_hits", [("kind", "positive")]) == 13)
    }

    @Test("each server has its own metrics, under its address and the reporter's own dimensions")
    func servers() {
        let reporter = MetricsReporter(reactor: Reactor(), factory: metrics, dimensions: [("reactor", "1")])
        let addresses = [5301, 5302].map { SocketAddress.ip(.v4(.loopback), port: $0) }
        reporter.report(
            snapshot { snapshot in
                for (index, address) in addresses.enumerated() {
                    var server = ServerSnapshot(
                        address: address, state: index == 0 ? .good : .failing, window: 64, inFlight: index, waiting: 0)
                    server.counts.questions = 10 + index
                    server.smoothedRoundTrip = index == 0 ? .milliseconds(250) : nil
                    snapshot.servers.append(server)
                }
            })
        for (index, address) in addresses.enumerated() {
            let dimensions = [("reactor", "1"), ("server", "\(address)")]
            #expect(total("bowline_dns_questions", dimensions) == Int64(10 + index))
            #expect(gauge("bowline_dns_server_up", dimensions) == Double(1 - index))
            #expect(gauge("bowline_dns_server_in_flight", dimensions) == Double(index))
            #expect(gauge("bowline_dns_server_rtt_seconds", dimensions) == (index == 0 ? 0.25 : nil))
        }
    }

    @Test("a reporter that is started reports what lookups did, and none of it costs a timer after its stop")
    func lookups() async throws {
        let (metrics, left) = (metrics, try await Self.run(metrics))
        #expect(left == 0)
        #expect(try metrics.expectCounter("bowline_cache_misses").totalValue == 1)
        #expect(try metrics.expectCounter("bowline_cache_hits", [("kind", "positive")]).totalValue == 1)
        #expect(try metrics.expectCounter("bowline_cache_inserts").totalValue == 1)
        #expect(try metrics.expectRecorder("bowline_cache_entries").lastValue == 1)
    }

    private static func run(_ metrics: TestMetrics) async throws -> Int {
        try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([.v4(IPv4Address(192, 0, 2, 1))]) }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            let resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            reactor.resolver = resolver
            let before = reactor.delayedCalls.count
            let reporter = MetricsReporter(reactor: reactor, factory: metrics)
            reporter.start(every: .seconds(3600))
            for _ in 0..<2 { _ = try await resolver.lookup("h.test", types: [.a]).value }
            reporter.report()
            reporter.stop()
            return reactor.delayedCalls.count - before
        }
    }
}
