// Content as the web servers that people meet encode it: each coding that each of them knows, framed as it frames it.

import Bowline
import TestSupport
import Testing

/// A server that encodes what it serves, and in what.
enum EncodingServer: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case nginx
    /// Without chunks: a body whose length isn't known ends with its connection.
    case unchunkedNginx
    case apacheDeflate, apacheBrotli, lighttpd

    static let path = "/text"
    static let text = String(repeating: "hello, encoded world. ", count: 20_000)

    static var installed: [EncodingServer] { allCases.filter(\.isInstalled) }

    var testDescription: String { rawValue }

    private var isInstalled: Bool {
        switch self {
        case .nginx, .unchunkedNginx: RealServer.isInstalled("nginx")
        case .apacheDeflate, .apacheBrotli: RealServer.isInstalled("apache2")
        case .lighttpd: RealServer.hasEncodingLighttpd
        }
    }

    var codings: [ContentCoding] {
        switch self {
        case .nginx, .unchunkedNginx, .apacheDeflate: [.gzip]
        case .apacheBrotli: [.brotli]
        case .lighttpd: [.gzip, .deflate, .brotli, .zstd]
        }
    }

    func start() throws -> RealServer {
        let pages = [Self.path: Array(Self.text.utf8)]
        let gzip = "gzip on; gzip_types *;"
        func apache(_ modules: [String], _ filter: String) throws -> RealServer? {
            let loading = modules.map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }
            return try RealServer.apache(
                pages: pages, directives: (loading + ["SetOutputFilter \(filter)"]).joined(separator: "\n"))
        }
        let server =
            switch self {
            case .nginx: try RealServer.nginx(pages: pages, directives: gzip)
            case .unchunkedNginx:
                try RealServer.nginx(pages: pages, directives: "\(gzip) chunked_transfer_encoding off;")
            case .apacheDeflate: try apache(["filter", "deflate"], "DEFLATE")
            case .apacheBrotli: try apache(["filter", "brotli"], "BROTLI_COMPRESS")
            case .lighttpd:
                try RealServer.lighttpd(
                    pages: pages,
                    directives: """
                        server.modules += ("mod_deflate")
                        mimetype.assign = ("" => "text/plain")
                        deflate.mimetypes = ("text/")
                        deflate.allowed-encodings = ("br", "zstd", "gzip", "deflate")
                        """)
            }
        return try #require(server)
    }
}

@Suite(
    "Content that real servers encode", .serialized,
    .enabled(if: !EncodingServer.installed.isEmpty, "nginx, apache2 and lighttpd with mod_deflate are not installed"))
struct EncodedByServersTests {
    @Test("is decoded, and its connection serves again if it was framed", arguments: EncodingServer.installed)
    func decoded(_ kind: EncodingServer) async throws {
        let server = try kind.start()
        defer { server.stop() }
        let url = "http://127.0.0.1:\(server.port)\(EncodingServer.path)"
        let (found, fresh) = try await onReactor { reactor in
            var found: [String] = []
            for coding in kind.codings {
                var request = PageRequest(url)
                request.fields = [("Accept-Encoding", coding.rawValue)]
                let page = try await reactor.fetch(request).value
                let isSame = page.text == EncodingServer.text
                #expect(isSame)
                found.append(page.report.codings.map(\.rawValue).joined())
                request.method = "HEAD"
                let head = try await reactor.fetch(request).value
                #expect(head.status == 200 && head.body.isEmpty)
            }
            // What it is asked for unless somebody says otherwise.
            let page = try await reactor.fetch(PageRequest(url)).value
            let isSame = page.text == EncodingServer.text
            #expect(isSame && !page.report.codings.isEmpty)
            return (found, reactor.agent.snapshot().counters.fresh)
        }
        #expect(found == kind.codings.map(\.rawValue))
        #expect(kind == .unchunkedNginx ? fresh > 1 : fresh == 1)
    }

    @Test("is bounded by what it becomes, not by what it came as", arguments: EncodingServer.installed)
    func bounded(_ kind: EncodingServer) async throws {
        let server = try kind.start()
        defer { server.stop() }
        let url = "http://127.0.0.1:\(server.port)\(EncodingServer.path)"
        let found = try await onReactor { reactor in
            var request = PageRequest(url)
            request.limits.bodyBytes = EncodingServer.text.utf8.count - 1
            return await outcome(reactor, request)
        }
        #expect(found == "http/too-large")
    }
}
