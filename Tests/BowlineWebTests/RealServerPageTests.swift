// Pages from a real nginx on loopback.

import Bowline
import Glibc
import TestSupport
import Testing

@Suite("A real web server", .enabled(if: RealServer.isInstalled("nginx"), "nginx is not installed"))
struct RealServerPageTests {
    private static let directives = """
        location = /old { return 301 /small; }
        location = /far { return 302 http://127.0.0.1:$server_port/old; }
        location = /broken { return 500 "broken"; }
        location = /none { return 204; }
        location = /slow { limit_rate 50k; }
        location = /loop { return 302 /loop; }
        location = /gone { return 444; }
        location = /chunked { ssi on; ssi_types *; alias PAGES/ssi; }
        location = /echo { return 200 $request_method:$http_host:$http_connection; }
        """

    /// Starts the server, and does something with its port on a reactor.
    private func withServer<Value: Sendable>(
        pages: [String: [UInt8]] = ["/small": Array("hello".utf8)],
        _ body: nonisolated(nonsending) @escaping @Sendable (Reactor, UInt16) async throws -> Value
    ) async throws -> Value {
        let directives = Self.directives.replacing("alias PAGES/ssi;", with: "")
        let server = try #require(try RealServer.nginx(pages: pages, directives: directives))
        defer { server.stop() }
        let port = server.port
        return try await onReactor { reactor in try await body(reactor, port) }
    }

    @Test("statuses, redirects and empty answers come as the server means them")
    func statuses() async throws {
        let found = try await withServer { reactor, port in
            var found: [String] = []
            for path in ["/small", "/old", "/far", "/broken", "/none", "/loop", "/gone", "/echo"] {
                found.append(await outcome(reactor, "http://127.0.0.1:\(port)\(path)"))
            }
            return (found, port)
        }
        #expect(
            found.0 == [
                "200 hello", "200 hello", "200 hello", "500 broken", "204 ", "http/redirects", "receive/empty",
                "200 GET:127.0.0.1:\(found.1):",
            ])
    }

    @Test("what isn't there is 404, with the server's page inside")
    func notFound() async throws {
        let text = try await withServer { reactor, port in
            do {
                return try await reactor.getPage("http://127.0.0.1:\(port)/nowhere").value
            } catch let error as PageError {
                return "\(error.response?.status ?? 0) \(error.response?.text ?? "")"
            }
        }
        #expect(text.hasPrefix("404 <html>"))
    }

    @Test("a chunked response comes whole")
    func chunked() async throws {
        let parts = Array("begin <!--#echo var=\"request_method\" --> end".utf8)
        let (text, framing) = try await withServer(pages: ["/chunked": parts]) { reactor, port in
            let page = try await reactor.fetch(PageRequest("http://127.0.0.1:\(port)/chunked")).value
            return (page.text, page.head.fields["transfer-encoding"])
        }
        #expect(text == "begin GET end")
        #expect(framing == "chunked")
    }

    @Test("a range, a condition and HEAD are understood")
    func fields() async throws {
        let found = try await withServer { reactor, port in
            var found: [String] = []
            let first = try await reactor.fetch(PageRequest("http://127.0.0.1:\(port)/small")).value
            for (method, field) in [
                ("GET", ("Range", "bytes=1-3")), ("GET", ("If-None-Match", first.head.fields["etag"] ?? "")),
                ("GET", ("Range", "bytes=9-")), ("HEAD", ("Accept", "*/*")),
            ] {
                var request = PageRequest("http://127.0.0.1:\(port)/small")
                request.method = method
                request.fields = [field]
                let page = try await reactor.fetch(request).value
                found.append("\(page.status) \(page.status < 300 ? page.text : "")")
            }
            return found
        }
        #expect(found == ["206 ell", "304 ", "416 ", "200 "])
    }

    @Test("a body that comes too slowly ends with the deadline, and what has come of it is lost")
    func slow() async throws {
        let found = try await withServer(pages: ["/slow": pattern(1 << 20)]) { reactor, port in
            var request = PageRequest("http://127.0.0.1:\(port)/slow")
            request.deadline = .milliseconds(500)
            let page = await outcome(reactor, request)
            let response = try await reactor.agent.request(request).value
            var count = 0
            do {
                for try await piece in response.body { count += piece.count }
                return "whole"
            } catch {
                return "\(page) \(words(error)) \(response.status) \((1..<1 << 20).contains(count))"
            }
        }
        #expect(found == "receive/deadline receive/deadline 200 true")
    }

    @Test("20 MB come whole, and more than the limit is refused")
    func large() async throws {
        let size = 20 << 20
        let body = pattern(size)
        let (isRight, refused) = try await withServer(pages: ["/large": body]) { reactor, port in
            var request = PageRequest("http://127.0.0.1:\(port)/large")
            let page = try await reactor.fetch(request).value
            request.limits.bodyBytes = size - 1
            return (page.body == body, await outcome(reactor, request))
        }
        #expect(isRight)
        #expect(refused == "http/too-large")
    }

    @Test("200 fetches at once all come")
    func many() async throws {
        let count = try await withServer { reactor, port in
            let pages = (0..<200).map { _ in reactor.getPage("http://127.0.0.1:\(port)/small") }
            return try await gather(pages).value.count { $0 == "hello" }
        }
        #expect(count == 200)
    }
}
