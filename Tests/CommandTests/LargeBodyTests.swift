// Bodies that are larger than what they may cost: the command's memory doesn't grow with them.

import Bowline
import Glibc
import TestSupport
import Testing

@Suite("Large bodies", .serialized, .timeLimit(.minutes(10)))
struct LargeBodyTests {
    /// Serves bodies of the size that their path names, which are made while they are sent.
    private final class Server: Sendable {
        let port: UInt16
        private let handle: ReactorHandle

        init() throws {
            (handle, port) = try ServerThread.start { reactor in
                let piece = [UInt8](repeating: 0x2E, count: 1 << 16)
                let server = try reactor.listenHTTP(port: 0, interface: .v4(.loopback)) { request in
                    var left = Int(request.path.dropFirst()) ?? 0
                    let stream = HTTPBodyStream()
                    stream.onWritable = { [unowned stream] in
                        while stream.isWritable, left > 0 {
                            stream.write(left < piece.count ? Array(piece.prefix(left)) : piece)
                            left -= piece.count
                        }
                        if left <= 0 { stream.finish() }
                    }
                    return HTTPServerResponse(stream: stream, type: "application/octet-stream")
                }
                return (server.address?.port ?? 0, [server])
            }
        }

        deinit { handle.stop() }
    }

    /// Long enough under way to be looked at often: its memory, too, has to have been seen at its most.
    private static let small = 64 << 20
    private static let large = 256 << 20
    /// What may be held of a body of any size is 256 KiB that nobody has taken, 1 MiB that waits to be written and 1 MiB
    /// that is being written: the small one has all of that, too. The rest is for what the allocator keeps of it. A body
    /// that is kept whole would take 192 MiB more.
    private static let tolerance = 8 << 20

    private let server: Server
    private let folder: TemporaryFolder

    init() throws {
        server = try Server()
        folder = try TemporaryFolder()
    }

    private func fetch(_ size: Int, _ options: [String]) throws -> Subprocess.Output {
        try command(
            options + ["--max-filesize", "1000000000", "http://127.0.0.1:\(server.port)/\(size)"], watchesMemory: true)
    }

    @Test(
        "take no more memory than small ones, whether they are only looked at or written to a file",
        arguments: [["--json"], ["--json", "-o"]])
    func memory(options: [String]) throws {
        let path = "\(folder.path)/body"
        let options = options.last == "-o" ? options + [path] : options
        let small = try fetch(Self.small, options)
        let large = try fetch(Self.large, options)
        for (output, size) in [(small, Self.small), (large, Self.large)] {
            let line = try #require(try output.json().first)
            #expect(line["ok"] == true && line["bytes"] == .number(Double(size)), "\(output.stdout)\(output.stderr)")
        }
        #expect(small.peakMemory > 1 << 20)
        #expect(large.peakMemory - small.peakMemory < Self.tolerance)
        guard options.last == path else { return }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size == Self.large)
    }
}
