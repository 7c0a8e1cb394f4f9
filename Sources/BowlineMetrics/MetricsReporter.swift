// The bridge to swift-metrics. It reads what every other view of the resolver reads, a ResolverSnapshot, every so often; nothing
// is counted twice and no lookup pays for it. Counters of a snapshot only grow, so what is reported is how much they grew.

import BowlineDeferred
public import BowlineNames
public import BowlineReactor
public import CoreMetrics

/// Reports what a reactor's resolver does to a metrics system, at an interval.
///
/// ```swift
/// import BowlineMetrics
///
/// let reporter = MetricsReporter(reactor: reactor)     // to MetricsSystem's factory unless another is given
/// reporter.start(every: .seconds(10))
/// ```
/// Counters, in brackets their dimensions: `bowline_cache_hits` (kind: positive, negative, failure, stale),
/// `bowline_cache_misses`, `bowline_cache_stale_answers` (of the misses, those that no server answered),
/// `bowline_cache_inserts`, `bowline_cache_uncacheable`, `bowline_cache_failures`,
/// `bowline_cache_evictions`, `bowline_cache_flushed`, `bowline_cache_refreshes`; and, with the dimension `server`,
/// `bowline_dns_questions`, `bowline_dns_datagrams`, `bowline_dns_retransmissions`, `bowline_dns_answers`,
/// `bowline_dns_failures`, `bowline_dns_timeouts`, `bowline_dns_tcp` and `bowline_dns_mismatches`.
///
/// Gauges: `bowline_cache_entries`, `bowline_dns_in_flight`, `bowline_reactor_delayed_calls`, and, with the dimension
/// `server`, `bowline_dns_server_up` (0 while it fails), `bowline_dns_server_in_flight`, `bowline_dns_server_waiting`,
/// `bowline_dns_server_window` and `bowline_dns_server_rtt_seconds`.
public final class MetricsReporter {
    private let reactor: Reactor
    private let meters: MeterTable
    private lazy var loop = LoopingCall(clock: reactor) { [unowned self] in report() }

    /// Creates a reporter that isn't started.
    /// - Parameters:
    ///   - reactor: whose resolver is looked at, the one that it has at that time. Kept alive.
    ///   - factory: where the metrics go.
    ///   - dimensions: what every metric carries, to tell several reactors of a process apart.
    public init(
        reactor: Reactor, factory: any MetricsFactory = MetricsSystem.factory, dimensions: [(String, String)] = []
    ) {
        self.reactor = reactor
        meters = MeterTable(factory: factory, dimensions: dimensions)
    }

    /// Reports now and then every `interval`, until `stop`. Counters of the first report start from 0.
    public func start(every interval: Duration = .seconds(10)) {
        guard !loop.isRunning else { return }
        loop.start(every: interval)
    }

    /// Reports no more by itself. What was reported stays with the metrics system.
    public func stop() {
        guard loop.isRunning else { return }
        loop.stop()
    }

    /// Reports now. O(entries of the cache).
    public func report() {
        let snapshot = reactor.resolver.snapshot(now: reactor.now)
        report(snapshot)
        meters.set("bowline_reactor_delayed_calls", to: Double(reactor.delayedCalls.count))
    }

    /// Reports a snapshot that was taken elsewhere.
    public func report(_ snapshot: ResolverSnapshot) {
        report(snapshot.cache)
        meters.set("bowline_cache_entries", to: Double(snapshot.entries.count { $0.state != .pinned }))
        meters.set("bowline_dns_in_flight", to: Double(snapshot.inFlight.count))
        for server in snapshot.servers { report(server) }
    }

    private func report(_ counts: CacheStatistics) {
        for (kind, hits) in [
            ("positive", counts.positiveHits), ("negative", counts.negativeHits), ("failure", counts.failureHits),
            ("stale", counts.staleHits),
        ] {
            meters.count("bowline_cache_hits", upTo: hits, [("kind", kind)])
        }
        meters.count("bowline_cache_misses", upTo: counts.misses)
        meters.count("bowline_cache_stale_answers", upTo: counts.staleAnswers)
        meters.count("bowline_cache_inserts", upTo: counts.inserts)
        meters.count("bowline_cache_uncacheable", upTo: counts.uncacheable)
        meters.count("bowline_cache_failures", upTo: counts.failures)
        meters.count("bowline_cache_evictions", upTo: counts.evictions)
        meters.count("bowline_cache_flushed", upTo: counts.flushed)
        meters.count("bowline_cache_refreshes", upTo: counts.refreshes)
    }

    private func report(_ server: ServerSnapshot) {
        let dimensions = [("server", "\(server.address)")]
        let counts = server.counts
        meters.count("bowline_dns_questions", upTo: counts.questions, dimensions)
        meters.count("bowline_dns_datagrams", upTo: counts.datagrams, dimensions)
        meters.count("bowline_dns_retransmissions", upTo: counts.retransmissions, dimensions)
        meters.count("bowline_dns_answers", upTo: counts.answers, dimensions)
        meters.count("bowline_dns_failures", upTo: counts.failures, dimensions)
        meters.count("bowline_dns_timeouts", upTo: counts.timeouts, dimensions)
        meters.count("bowline_dns_tcp", upTo: counts.overTCP, dimensions)
        meters.count("bowline_dns_mismatches", upTo: counts.mismatches, dimensions)
        meters.set("bowline_dns_server_up", to: server.state == .failing ? 0 : 1, dimensions)
        meters.set("bowline_dns_server_in_flight", to: Double(server.inFlight), dimensions)
        meters.set("bowline_dns_server_waiting", to: Double(server.waiting), dimensions)
        meters.set("bowline_dns_server_window", to: Double(server.window), dimensions)
        if let roundTrip = server.smoothedRoundTrip {
            meters.set("bowline_dns_server_rtt_seconds", to: roundTrip / .seconds(1), dimensions)
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension MetricsReporter: Sendable {}
