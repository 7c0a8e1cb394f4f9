// The metrics as a strict reader of Prometheus' text format takes them.

import Bowline
import BowlineTesting
import Testing

@Suite("The inspector's metrics")
struct InspectorMetricsTests {
    @Test("every line is of the format, every family has one help and one type, and counters are called so")
    func format() async throws {
        let answer = try await inspecting { try await $0.send("/metrics") }
        #expect(answer.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.text.hasSuffix("\n"))
        var types: [String: String] = [:]
        var helps: Set<String> = []
        var series: Set<String> = []
        var last = ""
        for line in answer.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let help = line.wholeMatch(of: #/# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/#) {
                #expect(helps.insert(String(help.1)).inserted, "\(line)")
                last = String(help.1)
            } else if let type = line.wholeMatch(of: #/# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)/#) {
                #expect(last == type.1 && types[last] == nil, "\(line)")
                types[last] = String(type.2)
                #expect((type.2 == "counter") == last.hasSuffix("_total"))
            } else if let sample = line.wholeMatch(
                of: #/(([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (-?[0-9.e+-]+)/#)
            {
                #expect(String(sample.2) == last && types[last] != nil, "\(line)")
                #expect(series.insert(String(sample.1)).inserted, "\(line)")
                #expect(Double(sample.4) != nil, "\(line)")
            } else {
                Issue.record("no line of the format: \(line)")
            }
        }
        #expect(answer.text.contains("\nbowline_cache_entries{state=\"fresh\"} 2\n"))
        #expect(answer.text.contains("\nbowline_cache_entries{state=\"negative\"} 1\n"))
        #expect(answer.text.contains("\nbowline_cache_misses_total 0\n"))
        // Names would make as many series as there are names.
        #expect(!answer.text.contains("one.test"))
    }

    @Test("a server that was asked has its series, its round trips in JSON and its curve on the page")
    func servers() async throws {
        let (metrics, json, page) = try await onReactor { reactor in
            let inspected = try InspectedReactor(reactor)
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "a.test" ? .addresses([.v4(.loopback)]) : .nxdomain()
            }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration)
            for name in ["a.test", "b.test"] { _ = try? await reactor.resolver.lookup(name).value }
            let metrics = try await inspected.send("/metrics").text
            // A curve needs two points, which are some time apart.
            var count = 0
            while reactor.resolver.servers().first?.recentRoundTrips.count ?? 0 < 2 {
                count += 1
                _ = try? await reactor.resolver.lookup("c\(count).test").value
                try await reactor.deferLater(.milliseconds(20)) {}.value
            }
            return (
                metrics, try await inspected.send("/servers.json").text,
                try await inspected.send("/").text
            )
        }
        #expect(metrics.contains(#/bowline_server_answers_total\{server="127.0.0.1:\d+"\} 4\n/#))
        #expect(metrics.contains(#/bowline_server_healthy\{server="127.0.0.1:\d+"\} 1\n/#))
        #expect(
            json.contains("\"state\": \"good\"") && json.contains("\"edns\": true") && json.contains("\"rtt_ms\": "))
        #expect(page.contains("<polyline points=") && page.contains("round trips, from"))
    }
}
