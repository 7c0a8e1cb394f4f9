// httpbin, the service that many clients are tried against: what it says of our requests, and what it answers on request.

import Bowline
import Glibc
import TestSupport
import Testing

@Suite("httpbin", .serialized, .enabled(if: RealServer.hasHTTPBin, "gunicorn or python3-httpbin is not installed"))
struct HTTPBinTests {
    /// Starts the service, and does something with its address on a reactor.
    private func withService<Value: Sendable>(
        _ body: nonisolated(nonsending) @escaping @Sendable (Reactor, String) async throws -> Value
    ) async throws -> Value {
        let service = try #require(try RealServer.httpbin())
        defer { service.stop() }
        let base = "http://127.0.0.1:\(service.port)"
        return try await onReactor { reactor in try await body(reactor, base) }
    }

    private static func request(
        _ method: String, _ url: String, _ change: (inout PageRequest) throws -> Void = { _ in }
    ) rethrows -> PageRequest {
        var request = PageRequest(url)
        request.method = method
        try change(&request)
        return request
    }

    @Test("every status is a response, and its connection serves the next")
    func statuses() async throws {
        let (found, fresh) = try await withService { reactor, base in
            var found: [Int] = []
            for status in [200, 201, 204, 304, 400, 401, 404, 418, 429, 500, 503] {
                found.append(try await reactor.fetch(PageRequest("\(base)/status/\(status)")).value.status)
            }
            return (found, reactor.agent.snapshot().counters.fresh)
        }
        #expect(found == [200, 201, 204, 304, 400, 401, 404, 418, 429, 500, 503])
        #expect(fresh == 1)
    }

    @Test("who asks is known, and who says something else isn't let in")
    func authorization() async throws {
        let found = try await withService { reactor, base in
            var found: [String] = []
            for (path, authorization) in [
                ("/basic-auth/joe/s%C3%A9cret%20%26", HTTPAuthorization.basic(user: "joe", password: "s\u{E9}cret &")),
                ("/basic-auth/joe/secret", .basic(user: "joe", password: "Secret")), ("/bearer", .bearer("abc.def==")),
            ] {
                let page = try await reactor.fetch(
                    Self.request("GET", base + path) { $0.authorization = authorization }
                ).value
                found.append("\(page.status) \(page.text.contains("\"authenticated\":true"))")
            }
            found.append("\(try await reactor.fetch(PageRequest("\(base)/bearer")).value.status)")
            return found
        }
        #expect(found == ["200 true", "401 false", "200 true", "401"])
    }

    @Test("redirects are followed, absolute and relative ones, and keep the method that they are to keep")
    func redirects() async throws {
        let found = try await withService { reactor, base in
            var found: [String] = []
            for path in ["/redirect/3", "/absolute-redirect/2", "/relative-redirect/2", "/redirect/11"] {
                do {
                    let page = try await reactor.fetch(PageRequest(base + path)).value
                    found.append("\(page.status) \(page.url?.path ?? "") \(page.report.redirects.count)")
                } catch {
                    found.append(words(error))
                }
            }
            for status in [302, 303, 307] {
                let url = "\(base)/redirect-to?status_code=\(status)&url=/anything"
                let page = try await reactor.fetch(
                    Self.request("POST", url) { $0.body = Array("data".utf8) }
                ).value
                found.append("\(page.text.contains("\"method\":\"POST\"")) \(page.text.contains("\"data\":\"data\""))")
            }
            return found
        }
        #expect(
            found == [
                "200 /get 3", "200 /get 2", "200 /get 2", "http/redirects", "false false", "false false", "true true",
            ])
    }

    @Test("bodies arrive as they were sent: at once, in chunks, of a file, and when the server was asked first")
    func uploads() async throws {
        let folder = try TemporaryFolder()
        let text = String(repeating: "0123456789abcdef", count: 10_000)
        let path = try folder.write("body", text: text)
        let found = try await withService { reactor, base in
            var found: [Bool] = []
            let changes: [(inout PageRequest) throws -> Void] = [
                { $0.body = Array(text.utf8) },
                { $0.stream = RequestBodyStream { Pieces([text, text]) } },
                { $0.stream = try .file(path, reactor: reactor) },
                { request in
                    request.stream = try .file(path, reactor: reactor)
                    request.expectsContinue = true
                    request.continueDelay = .seconds(100)
                },
            ]
            for (index, change) in changes.enumerated() {
                let page = try await reactor.fetch(try Self.request("PUT", "\(base)/put", change)).value
                let expected = index == 1 ? text + text : text
                found.append(page.status == 200 && page.text.contains("\"data\":\"\(expected)\""))
            }
            return found
        }
        #expect(found == [true, true, true, true])
    }

    @Test("a response in chunks comes whole, and so does one that drips")
    func chunks() async throws {
        let found = try await withService { reactor, base in
            let lines = try await reactor.getPage("\(base)/stream/20").value.split(separator: "\n").count
            let bytes = try await reactor.fetch(PageRequest("\(base)/stream-bytes/100000?chunk_size=1000")).value
            let response = try await reactor.agent.request(
                PageRequest("\(base)/drip?numbytes=5&duration=1&delay=0")
            ).value
            var pieces: [Int] = []
            for try await piece in response.body { pieces.append(piece.count) }
            return (lines, bytes.body.count, bytes.head.fields["transfer-encoding"], pieces)
        }
        #expect(found.0 == 20)
        #expect(found.1 == 100_000 && found.2 == "chunked")
        #expect(found.3.reduce(0, +) == 5)
    }

    @Test("a slow answer ends with the deadline, and the next request has a connection of its own")
    func slow() async throws {
        let found = try await withService { reactor, base in
            let late = await outcome(
                reactor, Self.request("GET", "\(base)/delay/10") { $0.deadline = .seconds(3) })
            let page = try await reactor.fetch(PageRequest("\(base)/get")).value
            return (late, page.status, page.report.isConnectionReused)
        }
        #expect(found == ("receive/deadline", 200, false))
    }

    @Test("ranges and conditions are understood")
    func conditions() async throws {
        let found = try await withService { reactor, base in
            var found: [String] = []
            for (path, field) in [
                ("/range/26", ("Range", "bytes=2-5")), ("/range/26", ("Range", "bytes=30-")),
                ("/etag/x", ("If-None-Match", "x")), ("/cache", ("If-Modified-Since", "x")),
            ] {
                let page = try await reactor.fetch(
                    Self.request("GET", base + path) { $0.fields = [(name: field.0, value: field.1)] }
                ).value
                found.append("\(page.status) \(page.status == 206 ? page.text : "")")
            }
            return found
        }
        #expect(found == ["206 cdef", "416 ", "304 ", "304 "])
    }

    @Test("content in each coding that the service knows is decoded")
    func codings() async throws {
        let found = try await withService { reactor, base in
            var found: [String] = []
            for path in ["gzip", "deflate", "brotli"] {
                let page = try await reactor.fetch(PageRequest("\(base)/\(path)")).value
                let coding = page.report.codings.map(\.rawValue).joined()
                found.append("\(coding) \(page.text.contains("\"method\":\"GET\""))")
            }
            return found
        }
        #expect(found == ["gzip true", "deflate true", "br true"])
    }

    @Test("cookies are kept over redirects, sent until they are deleted, and only where there is a jar")
    func cookies() async throws {
        let found = try await withService { reactor, base in
            var found = [try await reactor.getPage("\(base)/cookies/set?a=1&b=2").value]
            reactor.agent.cookies = CookieJar()
            found.append(try await reactor.getPage("\(base)/cookies/set?a=1&b=2").value)
            found.append(try await reactor.getPage("\(base)/cookies/delete?a=").value)
            found.append(try await reactor.getPage("\(base)/cookies").value)
            // Another host's are other cookies, though it is the same service.
            let other = base.replacing("127.0.0.1", with: "localhost")
            var request = PageRequest("\(other)/cookies")
            request.connect.families = [.ipv4]
            found.append(try await reactor.getPage(request).value)
            return found.map { $0.filter { !$0.isWhitespace } }
        }
        #expect(
            found == [
                #"{"cookies":{}}"#, #"{"cookies":{"a":"1","b":"2"}}"#, #"{"cookies":{"b":"2"}}"#,
                #"{"cookies":{"b":"2"}}"#, #"{"cookies":{}}"#,
            ])
    }

    @Test("the service sees the fields that were meant, each once")
    func fields() async throws {
        let fields = try await withService { reactor, base in
            let request = Self.request("GET", "\(base)/headers") { request in
                request.fields = [("X-Note", "a, b"), ("Accept", "text/*")]
            }
            return try await reactor.getPage(request).value
        }
        let expected = [
            "\"X-Note\":\"a, b\"", "\"Accept\":\"text/*\"", "\"User-Agent\":\"Bowline/", "\"Host\":\"127.0.0.1:",
        ]
        for field in expected { #expect(fields.contains(field)) }
    }

    @Test("its graceful reload under load fails no idempotent request")
    func reload() async throws {
        let service = try #require(try RealServer.httpbin())
        defer { service.stop() }
        let outcome = try await Load(requests: 600, reloads: 2).run("http://127.0.0.1:\(service.port)/base64/aGVsbG8=")
        {
            service.reload(SIGHUP)
        }
        #expect(outcome.failures.isEmpty)
        #expect(outcome.pages >= 600)
        #expect(outcome.fresh > Load.width)
    }
}
