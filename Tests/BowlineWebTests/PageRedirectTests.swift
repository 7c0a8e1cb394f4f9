// Redirects (RFC 9110, 15.4): which are followed where, and what of the request goes along.

import Bowline
import BowlineTesting
import Testing

/// A request as the second server saw it.
private struct Hop: Sendable, CustomTestStringConvertible {
    let status: Int
    let method: String
    let expected: String

    var testDescription: String { "\(status) \(method)" }
}

@Suite("Redirects")
struct PageRedirectTests {
    @Test(
        "a redirect is followed with the method and body that its status means",
        arguments: [
            Hop(status: 301, method: "GET", expected: "GET 0"), Hop(status: 302, method: "GET", expected: "GET 0"),
            Hop(status: 303, method: "GET", expected: "GET 0"), Hop(status: 307, method: "GET", expected: "GET 0"),
            Hop(status: 308, method: "GET", expected: "GET 0"),
            Hop(status: 301, method: "POST", expected: "GET 0"), Hop(status: 302, method: "POST", expected: "GET 0"),
            Hop(status: 303, method: "POST", expected: "GET 0"), Hop(status: 307, method: "POST", expected: "POST 4"),
            Hop(status: 308, method: "POST", expected: "POST 4"),
            Hop(status: 301, method: "PUT", expected: "PUT 4"), Hop(status: 303, method: "PUT", expected: "GET 0"),
            Hop(status: 301, method: "HEAD", expected: "HEAD 0"), Hop(status: 303, method: "HEAD", expected: "HEAD 0"),
            Hop(status: 307, method: "HEAD", expected: "HEAD 0"),
        ])
    fileprivate func methods(_ hop: Hop) async throws {  // W128
        let requests = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .respond(.init("elsewhere", status: hop.status, fields: [("Location", "/next")]))
                    : .respond(.init())
            }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.method = hop.method
            if ["POST", "PUT"].contains(hop.method) {
                request.body = Array("data".utf8)
                request.fields = [("Content-Type", "text/plain"), ("X-Other", "kept")]
            }
            _ = try await reactor.fetch(request).value
            return server.requests
        }
        #expect(requests.map(\.target) == ["/", "/next"])
        let last = try #require(requests.last)
        #expect("\(last.method) \(last.body.count)" == hop.expected)
        #expect((last.fields["content-type"] != nil) == hop.expected.hasSuffix("4"))
        #expect(last.fields["x-other"] == requests[0].fields["x-other"])
        #expect(last.fields.values(of: "content-length").count <= 1)
    }

    @Test(
        "a location is read against the URL of the hop that sent it",
        arguments: [
            ("next", "/a/next"), ("/next", "/next"), ("../next", "/next"), ("../../../next", "/next"), ("?q", "/a/b?q"),
            ("//127.0.0.1:PORT/next", "/next"), ("http://127.0.0.1:PORT?q", "/?q"), ("next#there", "/a/next"),
            ("./x/.", "/a/x/"), ("/my file?a b#c d", "/my%20file?a%20b"), ("my  file", "/a/my%20%20file"),
            ("http://127.0.0.1:PORT/a b", "/a%20b"), ("/%20 ", "/%20"), ("/é ü", "/%C3%A9%20%C3%BC"),
            ("a b:c", "/a/a%20b:c"),
        ])
    func relative(_ location: String, _ expected: String) async throws {  // W128
        let targets = try await onReactor { reactor in
            var port: UInt16 = 0
            let server = try HTTPResponder(reactor: reactor) { request in
                switch request.target {
                case "/": .respond(.init(status: 302, fields: [("Location", "/a/b")]))
                case "/a/b":
                    .respond(.init(status: 302, fields: [("Location", location.replacing("PORT", with: "\(port)"))]))
                default: .respond(.init())
                }
            }
            port = server.port
            _ = try await reactor.fetch(PageRequest("http://127.0.0.1:\(port)/")).value
            return server.requests.map(\.target)
        }
        #expect(targets == ["/", "/a/b", expected])
    }

    @Test(
        "a fragment is never sent, and is inherited by a location without one",
        arguments: [
            ("/next", "top"), ("/next#there", "there"),
        ])
    func fragments(_ location: String, _ expected: String) async throws {  // W128
        let (targets, fragment) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .respond(.init(status: 301, fields: [("Location", location)])) : .respond(.init())
            }
            let page = try await reactor.fetch(PageRequest("http://127.0.0.1:\(server.port)/#top")).value
            return (server.requests.map(\.target), page.url?.fragment)
        }
        #expect(targets == ["/", "/next"])
        #expect(fragment == expected)
    }

    @Test("credentials, cookies and Host go along within an origin, and never to another or back")  // W128, W129
    func origins() async throws {
        let seen = try await onReactor { reactor in
            var ports: [UInt16] = []
            let answers: (HTTPResponder.Request) -> HTTPResponder.Action = { request in
                switch request.target {
                case "/": .respond(.init(status: 302, fields: [("Location", "/same")]))
                case "/same": .respond(.init(status: 307, fields: [("Location", "http://127.0.0.1:\(ports[1])/other")]))
                case "/other": .respond(.init(status: 302, fields: [("Location", "http://127.0.0.1:\(ports[0])/back")]))
                default: .respond(.init())
                }
            }
            let servers = [
                try HTTPResponder(reactor: reactor, answers: answers),
                try HTTPResponder(reactor: reactor, answers: answers),
            ]
            ports = servers.map(\.port)
            var request = PageRequest("http://127.0.0.1:\(ports[0])/")
            request.fields = [
                ("Authorization", "Basic eDp5"), ("cookie", "a=b"), ("Host", "h.test"), ("Proxy-Authorization", "z"),
                ("Accept", "*/*"),
            ]
            _ = try await reactor.fetch(request).value
            return servers.flatMap(\.requests).map { request in
                let names = ["authorization", "cookie", "proxy-authorization", "accept"]
                let host = request.fields["host"] == "h.test" ? ["host"] : []
                return "\(request.target) \(names.filter { request.fields[$0] != nil } + host)"
            }
        }
        let all = #"["authorization", "cookie", "proxy-authorization", "accept", "host"]"#
        #expect(seen == ["/ \(all)", "/same \(all)", #"/back ["accept"]"#, #"/other ["accept"]"#])
    }

    @Test(
        "the limit counts the redirects that are followed; zero makes the 3xx the result",
        arguments: [
            (0, "302 ", 1), (1, "http/redirects", 2), (3, "http/redirects", 4), (10, "http/redirects", 11),
        ])
    func limits(_ limit: Int, _ expected: String, _ requests: Int) async throws {  // W128
        let (found, count) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in
                .respond(.init(status: 302, fields: [("Location", "/again")]))
            }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.maximumRedirects = limit
            return (await outcome(reactor, request), server.requests.count)
        }
        #expect(found == expected)
        #expect(count == requests)
    }

    @Test("the limit is each fetch's own")  // W128
    func perCall() async throws {
        let found = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/end"
                    ? .respond(.init("end")) : .respond(.init(status: 302, fields: [("Location", "/end")]))
            }
            var found: [String] = []
            for limit in [0, 1, 0] {
                var request = PageRequest("http://127.0.0.1:\(server.port)/")
                request.maximumRedirects = limit
                found.append(await outcome(reactor, request))
            }
            return found
        }
        #expect(found == ["302 ", "200 end", "302 "])
    }

    @Test(
        "a location that can't be fetched fails the fetch, and says where it came from",
        arguments: [
            ("file:///etc/passwd", "target/unsupported-scheme"), ("ftp://h.test/", "target/unsupported-scheme"),
            ("javascript:x", "target/unsupported-scheme"), ("http://a b/", "target/bad-target"),
            ("http://h:0/", "target/bad-target"), ("http://user:secret@127.0.0.1/", "target/bad-target"),
            ("http:///", "target/bad-target"), ("http://127.0.0.1 :1/", "target/bad-target"),
            ("http://127.0.0.1:1 /", "target/bad-target"), ("//127.0.0.1 x/", "target/bad-target"),
            ("/a\tb", "target/bad-target"), ("/a\\b", "target/bad-target"),
        ])
    func badLocations(_ location: String, _ expected: String) async throws {  // W128
        let (error, port) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in
                .respond(.init(status: 301, fields: [("Location", location)]))
            }
            return (try await failure(reactor, PageRequest("http://127.0.0.1:\(server.port)/")), server.port)
        }
        #expect(words(error) == expected)
        #expect("\(error)".hasPrefix("http://127.0.0.1:\(port)/ redirects to what can't be fetched: "))
        #expect(!"\(error)".contains("secret"))
    }

    @Test("a hop that can't be taken wasn't taken: the report speaks of who redirected, and lists nothing")
    func notTaken() async throws {
        let (report, port) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                .respond(
                    .init(
                        status: 302,
                        fields: [("Location", request.target == "/" ? "/next" : "http://user:secret@127.0.0.1:1/")]))
            }
            let error = try await failure(reactor, PageRequest("http://127.0.0.1:\(server.port)/"))
            return (error.report, server.port)
        }
        #expect(report.redirects.map { "\($0.status) \($0.url)" } == ["302 http://127.0.0.1:\(port)/"])
        #expect(report.url.map { "\($0)" } == "http://127.0.0.1:\(port)/next")
    }

    @Test("an observer of a redirect may begin another fetch, which is no part of this one")
    func observed() async throws {
        let targets = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .respond(.init(status: 302, fields: [("Location", "/next")])) : .respond(.init())
            }
            let base = "http://127.0.0.1:\(server.port)"
            var others: [Deferred<PageResponse>] = []
            var request = PageRequest("\(base)/")
            var (isRedirected, isReused) = (false, false)
            request.observer = { event in
                switch event {
                case .redirect where !isRedirected: isRedirected = true
                case .reusing where !isReused: isReused = true
                default: return
                }
                others.append(reactor.fetch(PageRequest("\(base)/other\(others.count)")))
            }
            // Leaves a connection to be used again.
            _ = try await reactor.fetch(PageRequest("\(base)/first")).value
            _ = try await reactor.fetch(request).value
            for other in others { _ = try await other.value }
            return server.requests.map(\.target).sorted()
        }
        #expect(targets == ["/", "/first", "/next", "/other0", "/other1"])
    }

    @Test("a redirect without a location, or with an empty one, is the result", arguments: ["", "Location:\r\n"])
    func noLocation(_ field: String) async throws {
        let found = try await onReactor { reactor in
            let bytes = Array("HTTP/1.1 302 Found\r\n\(field)Content-Length: 2\r\n\r\nhm".utf8)
            return await outcome(reactor, "http://127.0.0.1:\(try port(reactor, sending: bytes))/")
        }
        #expect(found == "302 hm")
    }

    @Test(
        "two locations are followed if they are the same, and malformed if they differ",
        arguments: [
            ("/a", "/a", "200 /a"), ("/a", "/b", "http/malformed"), ("/a", "", "http/malformed"),
        ])
    func twoLocations(_ first: String, _ second: String, _ expected: String) async throws {
        let found = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .respond(.init(status: 302, fields: [("Location", first), ("Location", second)]))
                    : .respond(.init(request.target))
            }
            return await outcome(reactor, "http://127.0.0.1:\(server.port)/")
        }
        #expect(found == expected)
    }

    @Test("statuses that choose or confirm don't redirect", arguments: [300, 304, 305, 306, 201])
    func otherStatuses(_ status: Int) async throws {
        let found = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in
                .respond(.init(status: status, fields: [("Location", "/no")]))
            }
            return await outcome(reactor, "http://127.0.0.1:\(server.port)/")
        }
        #expect(found == "\(status) ")
    }

    @Test("the body of a redirect isn't waited for")
    func bodyNotWaitedFor() async throws {
        let (found, left) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                request.target == "/"
                    ? .sequence([
                        .raw(Array("HTTP/1.1 302 F\r\nLocation: /next\r\nContent-Length: 99999\r\n\r\n".utf8)), .stall,
                    ]) : .respond(.init("next"))
            }
            let found = await outcome(reactor, "http://127.0.0.1:\(server.port)/")
            reactor.agent.closeIdleConnections()
            try await reactor.deferLater(.milliseconds(2)) {}.value
            return (found, connectedSockets(to: server.port))
        }
        #expect(found == "200 next")
        #expect(left == 0)
    }
}
