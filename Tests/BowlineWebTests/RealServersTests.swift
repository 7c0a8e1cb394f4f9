// The pool against the web servers that people meet: connections that are kept, those that the server ends, and a server that
// is replaced while it is asked.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

@Suite(
    "Real web servers", .serialized,
    .enabled(if: !WebServerKind.installed.isEmpty, "no web server is installed"))
struct RealServersTests {
    @Test("a site is read as its server means it, on one connection", arguments: WebServerKind.installed)
    func site(_ kind: WebServerKind) async throws {
        let site = try kind.start()
        defer { site.stop() }
        let base = "http://127.0.0.1:\(site.port)"
        let (found, connections) = try await onReactor { reactor in
            var found: [String] = []
            func get(_ path: String, _ method: String = "GET", _ fields: [(String, String)] = []) async throws
                -> PageResponse
            {
                var request = PageRequest(base + path)
                request.method = method
                request.fields = fields.map { (name: $0.0, value: $0.1) }
                let page = try await reactor.fetch(request).value
                found.append("\(page.status) \(page.status < 300 ? "\(page.body.count)" : "")")
                return page
            }
            let small = try await get("/small")
            #expect(small.body == WebServerKind.small)
            #expect(try await get("/old").url?.path == "/small")
            #expect(try await get("/large").body == WebServerKind.large)
            _ = try await get("/empty")
            _ = try await get("/nowhere")
            _ = try await get("/large", "HEAD")
            #expect(try await get("/small", "GET", [("Range", "bytes=1-3")]).body == Array("ell".utf8))
            _ = try await get("/small", "GET", [("Range", "bytes=9-")])
            _ = try await get("/small", "GET", [("If-None-Match", small.head.fields["etag"] ?? "\"none\"")])
            return (found, reactor.agent.snapshot().counters.fresh)
        }
        #expect(found == ["200 5", "200 5", "200 1048576", "200 0", "404 ", "200 0", "206 3", "416 ", "304 "])
        #expect(connections == 1)
    }

    @Test(
        "a server that serves so many requests on a connection is asked for the rest on others",
        arguments: WebServerKind.installed.filter { $0 != .haproxy }, [1, 4])
    func limitedConnections(_ kind: WebServerKind, atOnce: Int) async throws {
        let site = try kind.start(.init(requests: 5))
        defer { site.stop() }
        let url = "http://127.0.0.1:\(site.port)/small"
        let (pages, counters) = try await onReactor { reactor in
            reactor.agent.limits.connectionsPerHost = atOnce
            let pages = try await gather((0..<60).map { _ in reactor.getPage(url) }).value
            return (pages, reactor.agent.snapshot().counters)
        }
        #expect(pages == Array(repeating: "hello", count: 60))
        #expect(counters.fresh + counters.reused - counters.retried == 60)
        // nginx counts all requests of a connection, Apache and lighttpd those after the first.
        let least = kind == .nginx ? 12 : 10
        #expect(counters.fresh >= least)
        if atOnce == 1 { #expect(counters.fresh == least) }
    }

    @Test(
        "a connection that the server has closed when it was idle is gone from the pool",
        arguments: WebServerKind.installed)
    func idle(_ kind: WebServerKind) async throws {
        let site = try kind.start(.init(seconds: 1))
        defer { site.stop() }
        let url = "http://127.0.0.1:\(site.port)/small"
        let (pages, counters) = try await onReactor { reactor in
            var pages = [try await reactor.getPage(url).value]
            while reactor.agent.snapshot().connectionCount > 0 {
                let pause = Deferred<Void>()
                reactor.callLater(.milliseconds(20)) { pause.callback() }
                try await pause.value
            }
            pages.append(try await reactor.getPage(url).value)
            return (pages, reactor.agent.snapshot().counters)
        }
        #expect(pages == ["hello", "hello"])
        #expect(counters.dropped == 1 && counters.fresh == 2 && counters.retried == 0)
    }

    @Test("a graceful reload under load fails no idempotent request", arguments: WebServerKind.installed)
    func reload(_ kind: WebServerKind) async throws {
        let site = try kind.start()
        defer { site.stop() }
        let outcome = try await Load(requests: 3_000, reloads: 3).run("http://127.0.0.1:\(site.port)/small") {
            site.reload()
        }
        #expect(outcome.failures.isEmpty)
        #expect(outcome.pages >= 3_000)
        #expect(outcome.fresh > Load.width)
    }

    @Test(
        "what a proxy says of a server that is down, silent or breaks off is told as it is",
        .enabled(if: RealServer.isInstalled("haproxy"), "haproxy is not installed"))
    func broken() async throws {
        let found = try await onReactor { reactor in
            let behind = try HTTPResponder(reactor: reactor) { request in
                switch request.target {
                case "/silent": .stall
                case "/cut": .cut(after: 100, .respond(.init(pattern(10_000))), then: .reset)
                default: .respond(.init("fine"))
                }
            }
            let front = try #require(try RealServer.haproxy(to: behind.port, defaults: "timeout server 1s\nretries 0"))
            let down = try #require(try RealServer.haproxy(to: Loopback.deadPort, defaults: "retries 0"))
            var found: [String] = []
            for (server, path) in [(front, "/"), (front, "/silent"), (front, "/cut"), (front, "/"), (down, "/")] {
                let outcome = await outcome(reactor, "http://127.0.0.1:\(server.port)\(path)")
                found.append(String(outcome.prefix { $0 != "<" }))
            }
            front.stop()
            down.stop()
            return found
        }
        #expect(
            found.map { $0.split(separator: " ").first ?? "" } == ["200", "504", "receive/truncated", "200", "503"])
    }
}
