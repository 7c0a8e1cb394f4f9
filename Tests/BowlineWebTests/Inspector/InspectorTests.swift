// What the inspector shows, and who may change something: over real connections on loopback.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("The inspector")
struct InspectorTests {
    @Test("the page has every section, the rows of the cache, and says nothing of the network as markup")
    func page() async throws {
        let page = try await inspecting { try await $0.send("/") }
        #expect(page.status == 200)
        for section in ["cache", "inflight", "servers", "connections", "counters"] {
            #expect(page.text.contains("<section id=\"\(section)\""))
        }
        for text in ["one.test", "192.0.2.2", "two.test", "::1", "gone.test", "12 ms", "restored", "127.0.0.1:53"] {
            #expect(page.text.contains(text), "\(text)")
        }
        #expect(page.text.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"))
        #expect(!page.text.contains("<script>") && !page.text.unicodeScalars.contains("\u{202E}"))
        #expect(!page.text.contains("style=") && !page.text.contains(" onclick"))
    }

    @Test("each answer forbids what a browser could do beyond showing it, also an answer that refuses")
    func guards() async throws {
        let answers = try await inspecting { inspected in
            var answers: [InspectedReactor.Answer] = []
            for path in ["/", "/cache.json", "/metrics", "/inspector.js", "/inspector.css", "/nowhere"] {
                answers.append(try await inspected.send(path))
            }
            return answers
        }
        #expect(answers.map(\.status) == [200, 200, 200, 200, 200, 404])
        for answer in answers {
            #expect(answer.fields["cache-control"] == "no-store")
            #expect(answer.fields["x-content-type-options"] == "nosniff")
            #expect(answer.fields["referrer-policy"] == "same-origin")
            #expect(answer.fields["access-control-allow-origin"] == nil)
            let policy = answer.fields["content-security-policy"] ?? ""
            #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe"))
        }
    }

    @Test("search and order are asked for by URL, and are passed on as text")
    func query() async throws {
        let (found, sorted, hostile) = try await inspecting { inspected in
            (
                try await inspected.send("/?q=ONE+192"), try await inspected.send("/?cache=-name"),
                try await inspected.send("/?q=%22%3E%3Cscript%3E&cache=%22%3E%3Cb%3E")
            )
        }
        #expect(found.text.contains("data-key=\"one.test") && !found.text.contains("data-key=\"two.test"))
        let keys = sorted.text.matches(of: #/data-key="([a-z]+\.test)/#).map { String($0.1) }
        #expect(keys == ["two.test", "one.test", "gone.test"])
        #expect(sorted.text.contains("aria-sort=\"descending\""))
        #expect(hostile.status == 200)
        #expect(hostile.text.contains("&quot;&gt;&lt;script&gt;") && !hostile.text.contains("\"><script>"))
        #expect(!hostile.text.contains("<b>"))
    }

    @Test("the rows are there as JSON, with the keys of the command's own")
    func json() async throws {
        let texts = try await inspecting { inspected in
            var texts: [String] = []
            for table in ["cache", "inflight", "servers", "connections", "counters"] {
                let answer = try await inspected.send("/\(table).json?q=two.test")
                #expect(answer.fields["content-type"] == "application/json")
                texts.append(answer.text)
            }
            return texts
        }
        #expect(texts[0].hasPrefix("[{\"name\": \"two.test\", \"type\": \"AAAA\", \"state\": \"fresh\""))
        #expect(texts[0].contains("\"ttl_left_s\": ") && texts[0].contains("\\u202e\\u001b[2J"))
        #expect(!texts[0].contains("one.test"))
        #expect(texts[1] == "[]\n" && texts[2] == "[]\n")
        #expect(texts[3].contains("\"kind\": \"listening\"") && texts[3].contains("\"kind\": \"connected\""))
        #expect(texts[4].contains("\"cache_misses\": 0") && texts[4].contains("\"inspector_requests\": 5"))
    }

    @Test("another name than its own in Host is not answered: no page on the web can become this one")
    func rebinding() async throws {
        let statuses = try await inspecting { inspected in
            var statuses: [Int] = []
            for host in [
                "localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "evil.test", "10.0.0.1", "localhost.evil.test",
            ] {
                statuses.append(try await inspected.send("/", fields: [("Host", host)]).status)
            }
            return statuses
        }
        #expect(statuses == [200, 200, 200, 200, 421, 421, 421])
    }

    @Test("another site's page may not read, but a link may lead to the page")
    func otherSites() async throws {
        try await inspecting { inspected in
            func status(_ path: String, _ site: String, _ mode: String = "no-cors") async throws -> Int {
                let fields = [(name: "Sec-Fetch-Site", value: site), (name: "Sec-Fetch-Mode", value: mode)]
                return try await inspected.send(path, fields: fields).status
            }
            for path in ["/", "/cache.json?q=one", "/servers.json", "/metrics"] {
                for (site, expected) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
                    let found = try await status(path, site)
                    #expect(found == expected, "\(site) \(path)")
                }
            }
            #expect(try await status("/", "cross-site", "navigate") == 200)
            #expect(try await status("/cache.json", "cross-site", "navigate") == 403)
        }
    }

    @Test("only the token flushes, only by POST, and only from the inspector's own page")
    func flush() async throws {
        try await inspecting { inspected in
            let form = "name=one.test&token="
            let right = form + InspectedReactor.token
            func status(_ form: String, _ fields: [(name: String, value: String)] = []) async throws -> Int {
                try await inspected.send("/flush", method: "POST", fields: fields, form: form).status
            }
            #expect(try await status(form) == 403)
            #expect(try await status("name=one.test") == 403)
            #expect(try await status(right + "x") == 403)
            #expect(try await status(form + InspectedReactor.token.dropLast()) == 403)
            #expect(try await status(right, [("Origin", "http://evil.test")]) == 403)
            #expect(try await status(right, [("Origin", "null")]) == 403)
            #expect(try await status(right, [("Sec-Fetch-Site", "cross-site")]) == 403)
            let got = try await inspected.send("/flush?\(right)")
            #expect(got.status == 405 && got.fields["allow"] == "POST")
            #expect(try await status("token=\(InspectedReactor.token)") == 400)
            #expect(try await status("name=..&token=\(InspectedReactor.token)") == 400)
            #expect(inspected.names == ["gone.test", "one.test", "two.test"])

            let own = "http://127.0.0.1:\(inspected.inspector.address.port ?? 0)"
            let one = try await inspected.send("/flush", method: "POST", fields: [("Origin", own)], form: right)
            #expect(one.text == "{\"flushed\": 1}\n")
            #expect(inspected.names == ["gone.test", "two.test"])
            let bearer = ("Authorization", "Bearer \(InspectedReactor.token)")
            let all = try await inspected.send("/flush", method: "POST", fields: [bearer], form: "all=1")
            #expect(all.text == "{\"flushed\": 2}\n")
            #expect(inspected.names.isEmpty)
        }
    }

    @Test("a name that can only be shown with escapes can be flushed as it is shown")
    func flushEscaped() async throws {
        let (shown, answer) = try await inspecting { inspected in
            var entry = try #require(try InspectedReactor.entries().first)
            entry.name = try DomainName(escaped: "a\\.b.test")
            inspected.reactor.resolver.cache.restore([entry], now: inspected.reactor.now)
            let form = "name=a%5C.b.test&token=\(InspectedReactor.token)"
            return (
                try await inspected.send("/?q=b.test").text,
                try await inspected.send("/flush", method: "POST", form: form).text
            )
        }
        #expect(shown.contains("a\\.b.test"))
        #expect(answer == "{\"flushed\": 1}\n")
    }

    @Test("of many rows the page shows some and says so; as JSON all come, in pieces")
    func many() async throws {
        let (page, json) = try await inspecting { inspected in
            let template = try #require(try InspectedReactor.entries().first)
            let entries = try (0..<5_000).map { number in
                var entry = template
                entry.name = try DomainName("n\(number).test")
                return entry
            }
            inspected.reactor.resolver.cache.restore(entries, now: inspected.reactor.now)
            return (try await inspected.send("/").text, try await inspected.send("/cache.json").text)
        }
        #expect(page.contains(#/The first 200 of 5003 rows: search for others\./#))
        #expect(json.matches(of: #/"name": "/#).count == 5_003)
        #expect(json.hasPrefix("[{\"name\"") && json.hasSuffix("}]\n"))
    }

    @Test("a reactor that served it is freed when it has stopped and nobody holds it")
    func freed() async throws {
        let isFreed = try await onThread {
            weak var freed: Reactor?
            do {
                let reactor = Reactor()
                freed = reactor
                let inspector = try reactor.serveInspector(port: 0)
                reactor.callWhenRunning { [unowned reactor] in
                    reactor.getPage(inspector.url).addBoth { _ in reactor.stop() }
                }
                try reactor.run()
            }
            return freed == nil
        }
        #expect(isFreed)
    }

    @Test("a form comes back to the page as it was, which tells what was flushed")
    func form() async throws {
        let (shown, back) = try await inspecting { inspected in
            let token = "token=\(InspectedReactor.token)"
            let shown = try await inspected.send("/?q=two&\(token)")
            let form = "back=1&q=two&name=two.test&\(token)"
            return (shown, try await inspected.send("/flush", method: "POST", form: form))
        }
        #expect(shown.text.contains("action=\"/flush\"") && shown.text.contains("aria-label=\"Flush two.test\""))
        #expect(back.status == 200)
        #expect(back.text.contains("1 flushed.") && back.text.contains("name=\"q\""))
        #expect(!back.text.contains("data-key=\"two.test"))
    }

    @Test("without the token nothing that flushes is shown")
    func readOnly() async throws {
        let pages = try await inspecting { [try await $0.send("/"), try await $0.send("/?token=wrong-token")] }
        for page in pages { #expect(page.status == 200 && !page.text.contains("/flush")) }
    }

    @Test("beyond loopback there is none without a token, and nothing is read without it")
    func elsewhere() async throws {
        try await onReactor { reactor in
            let any = SocketAddress.ip(.v4(.any), port: 0)
            #expect(throws: InspectorError.tokenNeeded(any)) { try reactor.serveInspector(on: any) }
            #expect(throws: InspectorError.badToken) { try reactor.serveInspector(on: any, token: "short") }
            #expect(throws: InspectorError.badToken) { try reactor.serveInspector(port: 0, token: "with a blank") }
            let inspected = try InspectedReactor(reactor, on: any)
            #expect(inspected.inspector.url.hasPrefix("http://127.0.0.1:"))
            let refused = try await inspected.send("/cache.json")
            #expect(refused.status == 401 && refused.fields["www-authenticate"] == "Bearer")
            #expect(try await inspected.send("/?token=\(InspectedReactor.token)").status == 200)
        }
    }

    @Test("a token is made anew each time, and the address has it")
    func tokens() async throws {
        let (tokens, urls) = try await onReactor { reactor in
            let inspectors = try (0..<4).map { _ in try reactor.serveInspector(port: 0) }
            return (inspectors.map(\.token), inspectors.map(\.url))
        }
        #expect(Set(tokens).count == 4)
        for (token, url) in zip(tokens, urls) { #expect(token.utf8.count == 32 && url.hasSuffix("/?token=\(token)")) }
    }
}
