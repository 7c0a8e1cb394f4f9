// Downloads from the web servers that people meet: what one attempt left, the next one goes on with, if the server says that
// it is still the same.

import Bowline
import Glibc
import TestSupport
import Testing

@Suite(
    "Downloads from real servers", .serialized,
    .enabled(if: !WebServerKind.installed.isEmpty, "no web server is installed"))
struct RealServerDownloadTests {
    private static let first = pattern(8 << 20)
    private static let second = Array(pattern(8 << 20).reversed())

    /// Puts a file into a site. It is an hour old: of a file that has just been written, servers don't say which it is.
    private static func put(_ bytes: [UInt8], into site: WebServerKind.Site, age: Int = 3_600) throws {
        guard let origin = site.servers.last else { return }
        let path = try origin.folder.write("pages/download", bytes)
        let time = timeval(tv_sec: Glibc.time(nil) - age, tv_usec: 0)
        guard utimes(path, [time, time]) == 0 else { throw SystemError(errno, "utimes") }
    }

    /// Downloads until the first bytes are in the file. The body isn't taken faster than it is written, so that these are a
    /// part of it.
    private static func begin(_ reactor: Reactor, _ url: String, to path: String) async {
        let box = Box()
        let download = reactor.downloadPage(PageRequest(url), to: path) { _ in
            box.download?.cancel()
        }
        box.download = download
        _ = try? await download.value
    }

    private final class Box {
        var download: Deferred<Download>?
    }

    @Test("are gone on with, and begun anew when the page has changed", arguments: WebServerKind.installed)
    func resumed(_ kind: WebServerKind) async throws {
        let site = try kind.start()
        defer { site.stop() }
        try Self.put(Self.first, into: site)
        let folder = try TemporaryFolder()
        let (url, path) = ("http://127.0.0.1:\(site.port)/download", "\(folder.path)/page")
        _ = try await onReactor { reactor in await Self.begin(reactor, url, to: path) }
        let resumed = try await onReactor { reactor in
            try await reactor.downloadPage(PageRequest(url), to: path).value
        }
        #expect((1..<Self.first.count).contains(resumed.resumedAt))
        #expect(resumed.report.head?.status == 206)
        #expect(resumed.byteCount == Self.first.count)
        // Not compared inside #expect, which would look for the differences of two bodies for an hour.
        let isFirst = folder.bytes("page") == Self.first
        #expect(isFirst)

        _ = try await onReactor { reactor in await Self.begin(reactor, url, to: path) }
        try Self.put(Self.second, into: site, age: 1_800)
        let renewed = try await onReactor { reactor in
            try await reactor.downloadPage(PageRequest(url), to: path).value
        }
        #expect(renewed.resumedAt == 0)
        #expect(renewed.report.head?.status == 200)
        let isSecond = folder.bytes("page") == Self.second
        #expect(isSecond)
    }
}
