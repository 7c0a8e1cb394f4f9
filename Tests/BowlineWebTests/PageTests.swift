// Pages over the whole stack: a request goes out, a response comes back, and what is told of both.

import Bowline
import BowlineTesting
import Testing

@Suite("Fetching pages")
struct PageTests {
    @Test("getPage gives the body as text, decoded by its type")  // W124
    func getPage() async throws {
        let texts = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                switch request.target {
                case "/latin":
                    .respond(.init([0x66, 0xFC, 0x72], fields: [("Content-Type", "text/html; charset=iso-8859-1")]))
                case "/meta": .respond(.init(Array(#"<meta charset="windows-1252">"#.utf8) + [0x80]))
                default: .respond(.init("grüße"))
                }
            }
            var texts: [String] = []
            for path in ["/", "/latin", "/meta"] {
                texts.append(try await reactor.getPage("http://127.0.0.1:\(server.port)\(path)").value)
            }
            return texts
        }
        #expect(texts == ["grüße", "für", #"<meta charset="windows-1252">€"#])
    }

    // W125
    @Test("a request goes out with one Host and one User-Agent, and with Connection: close if nothing is to be reused")
    func requestFields() async throws {
        let (heads, port) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            _ = try await reactor.getPage("http://127.0.0.1:\(server.port)/a?b=c#d").value
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.fields = [("host", "h.test"), ("USER-AGENT", "mine/1"), ("X-One", "1")]
            request.reusesConnections = false
            _ = try await reactor.getPage(request).value
            return (server.requests.map { $0.fields.text }, server.port)
        }
        #expect(
            heads[0]
                == "GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUser-Agent: Bowline/0.1\r\n"
                + "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n")
        #expect(
            heads[1] == "GET / HTTP/1.1\r\nHost: h.test\r\nUSER-AGENT: mine/1\r\nX-One: 1\r\n"
                + "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: close\r\n\r\n")
    }

    @Test("methods go out as they are written, and a body with its length")  // W124
    func methods() async throws {
        let requests = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            for (method, body) in [("POST", "a=b"), ("PUT", nil), ("DELETE", nil), ("get", nil)] {
                var request = PageRequest("http://127.0.0.1:\(server.port)/")
                request.method = method
                request.body = body.map { Array($0.utf8) }
                _ = try await reactor.fetch(request).value
            }
            return server.requests
        }
        #expect(requests.map(\.method) == ["POST", "PUT", "DELETE", "get"])
        #expect(requests.map { $0.fields["content-length"] } == ["3", "0", nil, nil])
        #expect(requests[0].body == Array("a=b".utf8))
    }

    @Test("HEAD has no body, whatever the head says; lower-case head is another method")  // W124
    func head() async throws {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8)
        let outcomes = try await onReactor { reactor in
            let port = try port(reactor, sending: bytes)
            var outcomes: [String] = []
            for method in ["HEAD", "head"] {
                var request = PageRequest("http://127.0.0.1:\(port)/")
                request.method = method
                outcomes.append(await outcome(reactor, request))
            }
            return outcomes
        }
        #expect(outcomes == ["200 ", "200 hello"])
    }

    @Test(
        "a status outside 2xx fails getPage with the response inside, and is fetch's result",
        arguments: [404, 500, 301])
    func statuses(_ status: Int) async throws {  // W130
        let (fetched, error) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init("sorry", status: status)) }
            let url = "http://127.0.0.1:\(server.port)/"
            let fetched = await outcome(reactor, url)
            do {
                return (fetched, "a page: \(try await reactor.getPage(url).value)")
            } catch let error as PageError {
                return (fetched, "\(words(error)) \(error.response?.text ?? "nothing") \(error)")
            }
        }
        #expect(fetched == "\(status) sorry")
        #expect(error.hasPrefix("http/status sorry http://127.0.0.1:"))
        #expect(error.contains("/ answered \(status) "))
    }

    @Test("nothing has touched the network when fetch returns")
    func returnsAtOnce() async throws {
        let (before, after) = try await onReactor { reactor in
            let dialer = ScriptedDialer(clock: reactor)
            reactor.dialer = dialer
            let page = reactor.fetch(PageRequest("http://127.0.0.1/"))
            let before = (page.isFired, dialer.attempts.count)
            try await until(reactor) { !dialer.attempts.isEmpty }
            page.cancel()
            page.addBoth { _ in }
            return ("\(before)", dialer.attempts.count)
        }
        #expect(before == "(false, 0)")
        #expect(after == 1)
    }

    @Test("a fetch before run is carried out by run")
    func beforeRun() async throws {
        // `Reactor.run`'s body runs in the loop already; so a second reactor is used, on a thread of its own pool.
        let text = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init("hello")) }
            let port = server.port
            return try await reactor.deferToThread {
                let inner = Reactor()
                let seen = Seen()
                inner.getPage("http://127.0.0.1:\(port)/")
                    .addCallback { seen.note($0) }
                    .addErrback { seen.note("\($0)") }
                    .addBoth { _ in inner.stop() }
                try inner.run()
                return seen.all
            }.value
        }
        #expect(text == ["hello"])
    }

    @Test("the report tells the times of each step, and those of the last hop after a redirect")
    func report() async throws {
        let delay = Duration.milliseconds(20)
        let report = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .delayed(by: delay, .respond(.init(status: 302, fields: [("Location", "/next")])))
                    : .delayed(by: delay, .pieces(of: 60, every: delay, .respond(.init("hello"))))
            }
            reactor.resolver = ScriptedResolver(clock: reactor, [:])
            (reactor.resolver as? ScriptedResolver)?.plan("h.test", .addresses([.v4(.loopback)], after: delay))
            var request = PageRequest("http://h.test:\(server.port)/")
            request.reusesConnections = false
            return try await reactor.fetch(request).value.report
        }
        let (resolved, connected) = (try #require(report.resolved), try #require(report.connected))
        let (firstByte, end) = (try #require(report.firstByte), try #require(report.end))
        #expect(report.hopStart - report.start >= delay * 2)
        #expect(resolved - report.hopStart >= delay)
        #expect(connected >= resolved)
        #expect(firstByte - connected >= delay)
        // The first piece may have been late, and the second isn't the later for that.
        #expect(end > firstByte)
        #expect(end - connected >= delay * 2)
        #expect(report.redirects.map(\.status) == [302])
        #expect(report.url?.path == "/next")
        #expect(report.attempts.map(\.outcome) == [.connected])
        #expect(report.attempts.map(\.address) == [report.peer])
        #expect(report.answers.count == 2)
        #expect(report.head?.status == 200)
    }

    @Test("the observer is told what happens, in order, and nothing after the outcome")
    func observer() async throws {
        let seen = Seen()
        try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .respond(.init(status: 302, fields: [("Location", "/next")])) : .respond(.init())
            }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.connect.families = [.ipv4]
            request.observer = { event in
                switch event {
                case .connecting: seen.note("connecting")
                case .connector(.answered): seen.note("answered")
                case .connector(.attemptStarted): seen.note("started")
                case .connector(.attemptEnded): seen.note("ended")
                case .connector: seen.note("connector")
                case .reusing: seen.note("reusing")
                case .retrying: seen.note("retrying")
                case .requestSent: seen.note("sent")
                case .head(let head): seen.note("head \(head.status)")
                case .redirect(let url): seen.note("redirect \(url.path)")
                }
            }
            _ = try await reactor.fetch(request).value
            seen.note("page")
            try await reactor.deferLater(.milliseconds(5)) {}.value
        }
        let hop = ["connecting", "answered", "started", "ended", "sent"]
        #expect(seen.all == hop + ["head 302", "redirect /next", "reusing", "sent", "head 200", "page"])
    }

    @Test(
        "a URL or request that can't be sent fails at once, without a connection",
        arguments: [
            ("http://a b/", "target/bad-target"), ("http://[::1", "target/bad-target"),
            ("http://h:0/", "target/bad-target"),
            ("http://h:65536/", "target/bad-target"), ("http:///", "target/bad-target"), ("", "target/bad-target"),
            ("http://h/\r\nX: y", "target/bad-target"), ("ftp://h/", "target/unsupported-scheme"),
            ("http://\(String(repeating: "a", count: 64)).test/", "target/bad-target"),
            ("http://user:secret@h.test/", "target/bad-target"), ("gopher://h.test/", "target/unsupported-scheme"),
        ])
    func badTargets(_ url: String, _ expected: String) async throws {
        let (fired, found) = try await onReactor { reactor in
            let page = reactor.fetch(PageRequest(url))
            let fired = page.isFired
            do {
                _ = try await page.value
                return (fired, "a page")
            } catch {
                return (fired, words(error))
            }
        }
        #expect(fired)
        #expect(found == expected)
    }

    @Test("what is wrong with a target is said in one line")
    func badTargetWords() async throws {
        let lines = try await onReactor { reactor in
            var lines: [String] = []
            for url in ["gopher://h.test/", "http://user:secret@h.test/"] {
                lines.append("\(try await failure(reactor, PageRequest(url)))")
            }
            return lines
        }
        #expect(
            lines == [
                #"only http and https can be fetched, not "gopher""#,
                "the URL has a user name or password; give them as authorization instead",
            ])
    }
}
