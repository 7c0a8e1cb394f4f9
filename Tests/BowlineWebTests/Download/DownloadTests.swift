// Downloads: never half a page under the final name, what is there is gone on with, and the disk sets the pace.

import Bowline
import BowlineTesting
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import BowlineWeb

@Suite("Downloads")
struct DownloadTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/page.bin" }
    /// More than one turn's reads, and no two parts of it the same.
    private static let content = pattern(700_000)

    init() throws { folder = try TemporaryFolder() }

    /// What stands in the folder, in order.
    private func files() -> [String] { Self.files(in: folder.path) }

    private static func files(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private func bytes(_ name: String = "page.bin") -> [UInt8] { folder.bytes(name) }

    /// One run of downloads: each answer serves one request, and each download ends in words.
    private func run(
        _ answers: [HTTPResponder.Action], change: @escaping @Sendable (inout PageRequest) -> Void = { _ in }
    ) async throws -> (words: [String], fields: [[String]]) {
        nonisolated(unsafe) let answers = answers  // Only handed on: the reactor's thread is the only one to use them.
        let path = self.path
        return try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .close }
            var words: [String] = []
            var next = answers[...]
            server.answers = { _ in next.popFirst() ?? .close }
            while !next.isEmpty, words.count < answers.count {
                var request = PageRequest("http://127.0.0.1:\(server.port)/page.bin")
                change(&request)
                do {
                    let download = try await reactor.downloadPage(request, to: path).value
                    words.append("\(download.byteCount) from \(download.resumedAt)")
                } catch let error as DownloadError {
                    words.append("\(error.cause.code)")
                } catch {
                    words.append(BowlineWebTests.words(error))
                }
            }
            let fields = server.requests.map { request in
                ["range", "if-range"].flatMap { request.fields.values(of: $0) }
            }
            return (words, fields)
        }
    }

    private func whole(_ fields: [(String, String)] = [("ETag", "\"v1\"")]) -> HTTPResponder.Response {
        HTTPResponder.Response(Self.content, fields: fields)
    }

    private func part(
        from first: Int, of size: Int = content.count, version: [(String, String)] = [("ETag", "\"v1\"")]
    ) -> HTTPResponder.Action {
        .respond(
            HTTPResponder.Response(
                Array(Self.content[first...]), status: 206,
                fields: [("Content-Range", "bytes \(first)-\(size - 1)/\(size)")] + version))
    }

    /// A response that ends after its head and so much of its body.
    private func cut(_ response: HTTPResponder.Response, after count: Int) -> HTTPResponder.Action {
        .sequence([
            .raw(
                Array(
                    """
                    HTTP/1.1 200 OK\r\nContent-Length: \(response.body.count)\r\n\
                    \(response.fields.map { "\($0.name): \($0.value)\r\n" }.joined())\r\n
                    """.utf8) + response.body[..<count]), .close,
        ])
    }

    // MARK: the file

    @Test("the page is in the file, nothing is beside it, and a file that was there is replaced")
    func whole() async throws {
        try folder.write("page.bin", text: "old")
        let run = try await run([.respond(whole())])
        #expect(run.words == ["700000 from 0"] && run.fields == [[]])
        #expect(bytes() == Self.content && files() == ["page.bin"])
    }

    @Test("until all of it is there, the old file stands, and afterwards if the rest doesn't come")
    func neverHalf() async throws {
        try folder.write("page.bin", text: "old")
        let run = try await run([cut(whole(), after: 500_000)])
        #expect(run.words == ["receive/truncated"])
        #expect(bytes() == Array("old".utf8))
        #expect(files() == [".page.bin.part", ".page.bin.part.from", "page.bin"])
        #expect(bytes(".page.bin.part") == Array(Self.content[..<500_000]))
    }

    @Test("content is written as it comes, and no coding is asked for")
    func encoded() async throws {
        let encoded = ContentCoding.gzip.encode(Array("hello".utf8))
        let accepted = Seen()
        let path = self.path
        try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                accepted.note(request.fields["accept-encoding"] ?? "nothing")
                return .respond(HTTPResponder.Response(encoded, fields: [("Content-Encoding", "gzip")]))
            }
            _ = try await reactor.downloadPage("http://127.0.0.1:\(server.port)/", to: path).value
        }
        #expect(bytes() == encoded && accepted.all == ["identity"])
    }

    @Test("an error status is a failure with the response inside, and leaves nothing", arguments: [404, 500, 206])
    func status(status: Int) async throws {
        let run = try await run([.respond(HTTPResponder.Response("<html>", status: status))])
        #expect(run.words == ["http/status"])
        #expect(files() == [])
    }

    @Test("an empty page is an empty file")
    func empty() async throws {
        let run = try await run([.respond(HTTPResponder.Response([]))])
        #expect(run.words == ["0 from 0"] && bytes() == [] && files() == ["page.bin"])
    }

    // MARK: going on

    @Test("what an attempt left is gone on with, if the server says that the page is the same")
    func resumed() async throws {
        let run = try await run([cut(whole(), after: 300_000), part(from: 300_000)])
        #expect(run.words == ["receive/truncated", "700000 from 300000"])
        #expect(run.fields == [[], ["bytes=300000-", "\"v1\""]])
        #expect(bytes() == Self.content && files() == ["page.bin"])
    }

    @Test("a page that has changed since is fetched from its beginning")
    func changed() async throws {
        let run = try await run([
            cut(whole(), after: 300_000),
            .respond(HTTPResponder.Response("another page", fields: [("ETag", "\"v2\"")])),
        ])
        #expect(run.words == ["receive/truncated", "12 from 0"])
        #expect(bytes() == Array("another page".utf8) && files() == ["page.bin"])
    }

    @Test(
        "without a validator that is sure nothing is gone on with",
        arguments: [
            [], [("ETag", "W/\"v1\"")],
            [("Last-Modified", "Wed, 25 Nov 2026 23:00:00 GMT"), ("Date", "Wed, 25 Nov 2026 23:00:00 GMT")],
            [("Last-Modified", "Wed, 25 Nov 2026 23:00:00 GMT")],
        ] as [[(String, String)]])
    func unsure(fields: [(String, String)]) async throws {
        let run = try await run([cut(whole(fields), after: 300_000), .respond(whole())])
        #expect(run.fields == [[], []] && run.words.last == "700000 from 0" && bytes() == Self.content)
    }

    @Test("a date of last modification is a validator, if it is older than the response")
    func lastModified() async throws {
        let modified = "Wed, 25 Nov 2026 22:00:00 GMT"
        let fields = [("Last-Modified", modified), ("Date", "Wed, 25 Nov 2026 23:00:00 GMT")]
        let rest = part(from: 300_000, version: [("Last-Modified", modified)])
        let run = try await run([cut(whole(fields), after: 300_000), rest])
        #expect(run.fields.last == ["bytes=300000-", modified] && bytes() == Self.content)
    }

    @Test("an attempt that had everything but the end is completed by a 416 that says so")
    func completed() async throws {
        let almost = HTTPResponder.Response(Self.content + [0], fields: [("ETag", "\"v1\"")])
        let run = try await run([
            cut(almost, after: 700_000),
            .respond(
                HTTPResponder.Response(
                    "", status: 416, fields: [("Content-Range", "bytes */700000"), ("ETag", "\"v1\"")])),
        ])
        #expect(run.words == ["receive/truncated", "700000 from 700000"] && bytes() == Self.content)
    }

    @Test("a part that isn't the one that was asked for isn't taken: the whole page is asked for")
    func wrongPart() async throws {
        for wrong in [part(from: 200_000), .respond(HTTPResponder.Response("", status: 416))] {
            let run = try await run([cut(whole(), after: 300_000), wrong, .respond(whole())])
            #expect(run.words == ["receive/truncated", "700000 from 0"] && run.fields.last == [])
            #expect(bytes() == Self.content && files() == ["page.bin"])
        }
    }

    @Test(
        "a part that doesn't say it is of the same version isn't glued to what is there: the whole page is asked for",
        arguments: [
            [("ETag", "\"v2\"")], [("ETag", "W/\"v1\"")], [], [("Last-Modified", "Wed, 25 Nov 2026 22:00:00 GMT")],
        ] as [[(String, String)]])
    func otherVersion(version: [(String, String)]) async throws {
        let nothingLeft = HTTPResponder.Response(
            "", status: 416, fields: [("Content-Range", "bytes */300000")] + version)
        for wrong in [part(from: 300_000, version: version), .respond(nothingLeft)] {
            let run = try await run([cut(whole(), after: 300_000), wrong, .respond(whole())])
            #expect(run.words == ["receive/truncated", "700000 from 0"])
            #expect(run.fields == [[], ["bytes=300000-", "\"v1\""], []])
            #expect(bytes() == Self.content && files() == ["page.bin"])
        }
    }

    @Test("a date that differs is another version, too")
    func otherDate() async throws {
        let date = ("Date", "Wed, 25 Nov 2026 23:30:00 GMT")
        let run = try await run([
            cut(whole([("Last-Modified", "Wed, 25 Nov 2026 22:00:00 GMT"), date]), after: 300_000),
            part(from: 300_000, version: [("Last-Modified", "Wed, 25 Nov 2026 23:00:00 GMT"), date]),
            .respond(whole()),
        ])
        #expect(run.fields.last == [] && run.words.last == "700000 from 0" && bytes() == Self.content)
    }

    @Test("a part that says the page is longer than what has come is no whole page")
    func shortPart() async throws {
        let run = try await run([cut(whole(), after: 300_000), part(from: 300_000, of: 800_000)])
        #expect(run.words == ["receive/truncated", "receive/truncated"])
        #expect(files() == [".page.bin.part", ".page.bin.part.from"])
    }

    @Test("what another URL left isn't gone on with")
    func otherURL() async throws {
        _ = try await run([cut(whole(), after: 300_000)])
        // Another server has another port, so another URL.
        let run = try await run([.respond(whole())])
        #expect(run.fields == [[]] && run.words == ["700000 from 0"])
    }

    // MARK: what goes wrong

    @Test("a place that can't be written to is told before anything is fetched")
    func places() async throws {
        try folder.write("folder/inside", text: "")
        let base = folder.path
        let outcomes = try await onReactor { reactor in
            var outcomes: [String] = []
            for path in ["\(base)/nowhere/page", "\(base)/folder", "\(base)/folder/", ""] {
                do {
                    _ = try await reactor.downloadPage("http://127.0.0.1:1/", to: path).value
                } catch let error as DownloadError {
                    outcomes.append(error.cause.code == ENOENT ? "ENOENT" : error.cause.code == EISDIR ? "EISDIR" : "?")
                }
            }
            return outcomes
        }
        #expect(outcomes == ["ENOENT", "EISDIR", "EISDIR", "EISDIR"])
    }

    @Test(
        "what has the name and is no regular file is refused, and stays",
        arguments: ["pipe", "device", "link", "dangling"])
    func special(kind: String) async throws {
        try folder.write("victim", text: "precious")
        let code: CInt
        switch kind {
        case "pipe":
            #expect(mkfifo(path, 0o600) == 0)
            code = EEXIST
        case "device":
            // What /dev/null is, 1:3. Only the superuser may make one.
            guard mknod(path, S_IFCHR | 0o600, dev_t(0x103)) == 0 else { return }
            code = EEXIST
        default:
            #expect(symlink("\(folder.path)/\(kind == "link" ? "victim" : "nowhere")", path) == 0)
            code = ELOOP
        }
        var before = stat()
        var after = stat()
        #expect(lstat(path, &before) == 0)
        let run = try await run([.respond(whole())])
        #expect(run.words == ["\(code)"] && run.fields.isEmpty)
        #expect(lstat(path, &after) == 0 && after.st_ino == before.st_ino && after.st_mode == before.st_mode)
        #expect(files() == ["page.bin", "victim"] && bytes("victim") == Array("precious".utf8))
    }

    @Test("a link that comes to stand there meanwhile is refused, and nothing is lost")
    func lateLink() throws {
        let file = try PartialFile(path, url: "http://h.test/")
        try file.begin(validator: "\"v1\"")
        try file.write(Array("new".utf8), at: 0)
        try folder.write("victim", text: "precious")
        #expect(symlink("\(folder.path)/victim", path) == 0)
        #expect(throws: SystemError(ELOOP, "open")) { try file.finish() }
        #expect(bytes("victim") == Array("precious".utf8) && bytes(".page.bin.part") == Array("new".utf8))
    }

    @Test("a symbolic link in the place of the part leads nowhere")
    func link() async throws {
        try folder.write("victim", text: "precious")
        #expect(symlink("\(folder.path)/victim", "\(folder.path)/.page.bin.part") == 0)
        let run = try await run([.respond(whole())])
        #expect(run.words == ["\(ELOOP)"] && bytes("victim") == Array("precious".utf8))
    }

    @Test("two downloads don't write one file: the second is told, and the place is free when the first has gone")
    func twice() async throws {
        let path = self.path
        let words = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .stall }
            let url = "http://127.0.0.1:\(server.port)/"
            let first = reactor.downloadPage(url, to: path)
            try await until(reactor) { !server.requests.isEmpty }
            var second = ""
            do { _ = try await reactor.downloadPage(url, to: path).value } catch { second = "\(error)" }
            first.cancel()
            await #expect(throws: CancelledError.self) { try await first.value }
            server.answers = { _ in .respond(.init("there")) }
            // The first one's file is closed by whoever has it last.
            while true {
                do {
                    _ = try await reactor.downloadPage(url, to: path).value
                    return second
                } catch is DownloadError {}
            }
        }
        #expect(words.hasSuffix("another download is writing it"))
        #expect(bytes() == Array("there".utf8))
    }

    /// A disk that a test fills, or stops.
    private final class Disk: DownloadFile {
        let room: Int
        let gate: Gate?
        let written = Mutex(0)

        init(room: Int = .max, gate: Gate? = nil) {
            self.room = room
            self.gate = gate
        }

        func resumption() -> (byteCount: Int, validator: String)? { nil }
        func begin(validator: String?) {}
        func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
            gate?.wait()
            guard offset + bytes.count <= room else { throw SystemError(ENOSPC, "pwrite") }
            written.withLock { $0 += bytes.count }
        }
        func finish() {}
        func discard() {}
        func unlock() {}
    }

    /// Lets threads through once it is open.
    private final class Gate: Sendable {
        private let isOpen = Mutex(false)
        func open() { isOpen.withLock { $0 = true } }
        func wait() { while !isOpen.withLock({ $0 }) { usleep(1_000) } }
    }

    /// Sends as much as the other end takes.
    private final class Zeros: PullProducer {
        weak var transport: (any Transport)?
        private(set) var sent = 0
        private let count: Int
        private let piece = [UInt8](repeating: 0, count: 64 * 1024)

        init(count: Int) { self.count = count }

        func resumeProducing() {
            guard sent < count else {
                transport?.unregisterProducer()
                return
            }
            transport?.write(piece)
            sent += piece.count
        }

        func stopProducing() {}
    }

    @Test("a full disk ends the download, and its connection")
    func full() async throws {
        let (words, sockets) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(HTTPResponder.Response(pattern(4 << 20))) }
            let request = PageRequest("http://127.0.0.1:\(server.port)/")
            var words = ""
            do { _ = try await reactor.downloadPage(request, into: Disk(room: 1 << 20)).value } catch {
                words = "\(error)"
            }
            let port = server.port
            try await until(reactor) { connectedSockets(to: port) == 0 }
            return (words, connectedSockets(to: port))
        }
        #expect(words == "cannot write test: pwrite: No space left on device" && sockets == 0)
    }

    @Test("a slow disk slows the server down, and loses nothing")
    func slow() async throws {
        let gate = Gate()
        let disk = Disk(gate: gate)
        let size = 64 << 20
        let (sent, count) = try await onReactor { reactor in
            let sender = Zeros(count: size)
            let port = try port(reactor) { connection in
                connection.transport?.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                sender.transport = connection.transport
                connection.transport?.registerProducer(.pull(sender))
            }
            var request = PageRequest("http://127.0.0.1:\(port)/")
            request.limits.bodyBytes = .max
            let download = reactor.downloadPage(request, into: disk)
            // Nobody writes, so nobody reads: the server stops when all buffers on the way are full. It goes on only when
            // the gate is open.
            var last = -1
            while last != sender.sent || last == 0 {
                last = sender.sent
                try await reactor.deferLater(.milliseconds(300)) {}.value
            }
            let sent = sender.sent
            gate.open()
            return (sent, try await download.value.byteCount)
        }
        #expect(sent < size && count == size && disk.written.withLock { $0 } == size)
    }

    @Test("cancelling closes the connection, and what was written stays for the next attempt")
    func cancelled() async throws {
        let path = self.path
        try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .close }
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 700000\r\nETag: \"v1\"\r\n\r\n"
            server.answers = { _ in .sequence([.raw(Array(head.utf8) + Self.content[..<300_000]), .stall]) }
            let written = Seen()
            let download = reactor.downloadPage(PageRequest("http://127.0.0.1:\(server.port)/"), to: path) { progress in
                #expect(progress.expectedByteCount == 700_000)
                if progress.byteCount == 300_000 { written.note("all") }
            }
            try await until(reactor) { !written.all.isEmpty }
            download.cancel()
            await #expect(throws: CancelledError.self) { try await download.value }
            let port = server.port
            try await until(reactor) { connectedSockets(to: port) == 0 }
        }
        #expect(files() == [".page.bin.part", ".page.bin.part.from"])
        #expect(bytes(".page.bin.part") == Array(Self.content[..<300_000]))
    }

    // MARK: values

    @Test(
        "a Content-Range is read strictly",
        arguments: [
            ("bytes 0-9/10", "0 10"), ("BYTES 5-9/*", "5 nil"), ("bytes */10", "nil 10"), ("bytes 9-5/10", "none"),
            ("bytes 0-9", "none"), ("items 0-9/10", "none"), ("bytes +0-9/10", "none"), ("bytes -9/10", "none"),
            ("", "none"), ("bytes 0-9/10/11", "none"), ("bytes 0-99999999999999999999/5", "none"),
        ])
    func contentRange(text: String, expected: String) {
        let range = ContentRange(text)
        func words(_ number: Int?) -> String { number.map { "\($0)" } ?? "nil" }
        #expect((range.map { "\(words($0.first)) \(words($0.size))" } ?? "none") == expected)
    }
}
