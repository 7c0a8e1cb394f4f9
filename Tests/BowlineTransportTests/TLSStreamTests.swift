// TLS over real sockets: much in little memory, and with OpenSSL's own tools at the other end.

import Bowline
import BowlineTesting
import Synchronization
import TestSupport
import Testing

/// Writes so many bytes, when it is asked to.
private final class Source: PullProducer {
    private let transport: any Transport
    private var left: Int
    private let piece = [UInt8](repeating: 7, count: 64 * 1024)
    private(set) var mostBuffered = 0

    init(_ transport: any Transport, count: Int) {
        self.transport = transport
        left = count
    }

    func resumeProducing() {
        guard left > 0 else {
            transport.unregisterProducer()
            transport.loseConnection()
            return
        }
        left -= piece.count
        transport.write(piece)
        mostBuffered = max(mostBuffered, transport.bufferedByteCount)
    }

    func stopProducing() { left = 0 }
}

/// Counts what comes.
private final class Sink: Protocol {
    var transport: (any Transport)?
    private(set) var count = 0
    private(set) var isWell = true
    private(set) var end: ConnectionEnd?
    var onLost: (() -> Void)?

    func dataReceived(_ bytes: RawSpan) {
        count += bytes.byteCount
        bytes.withUnsafeBytes { if $0.first != 7 || $0.last != 7 { isWell = false } }
    }

    func connectionLost(_ reason: ConnectionEnd) {
        end = reason
        onLost?()
    }
}

@Suite(.enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct TLSStreamTests {
    @Test("a connection that is closed and a reactor that stops in the same turn still say close_notify")
    func lastWords() async throws {
        let (addresses, address) = AsyncStream<SocketAddress>.makeStream()
        let end = Mutex<ConnectionEnd?>(nil)
        async let served: Void = onReactor { reactor in
            let server = AccumulatingProtocol { server, _ in server.transport?.write("page") }
            server.onLost = { _, reason in
                end.withLock { $0 = reason }
                reactor.stop()
            }
            address.yield(try Road.tls.listen(reactor, ServerFactory { server }).address)
            return {}
        }
        let listening = try #require(await addresses.first { _ in true })
        try await onReactor { reactor in
            let client = AccumulatingProtocol { client, _ in
                client.transport?.loseConnection()
                reactor.stop()
            }
            client.onMade = { $0.transport?.write("page, please") }
            connect(reactor, .tls, to: listening, client)
            return {}
        }
        try await served
        #expect(end.withLock { $0 } == .done)
    }

    @Test("100 MB pass through a buffer of a few records")
    func large() async throws {
        let size = 100 * 1024 * 1024
        try await onReactor { reactor in
            let sink = Sink()
            let client = AccumulatingProtocol()
            var source: Source?
            client.onMade = { client in
                guard let transport = client.transport else { return }
                let made = Source(transport, count: size)
                source = made
                transport.registerProducer(.pull(made))
            }
            sink.onLost = { reactor.stop() }
            try join(reactor, .tls, client: client, server: sink)
            return {
                #expect(sink.count == size)
                #expect(sink.isWell)
                #expect(sink.end == .done)
                // A piece, with the heads and tags of its records.
                #expect((source?.mostBuffered ?? 0) < 70_000)
            }
        }
    }

    @Test("loseConnection from a client that never read loses nothing, though the server's tickets were not read")
    func ticketsUnread() async throws {
        for _ in 0..<20 {
            try await onReactor { reactor in
                let sink = Sink()
                let client = AccumulatingProtocol()
                client.onMade = { client in
                    client.transport?.write([UInt8](repeating: 7, count: 300_000))
                    client.transport?.loseConnection()
                }
                var waiting = 2
                func ended() {
                    waiting -= 1
                    if waiting == 0 { reactor.stop() }
                }
                sink.onLost = ended
                client.onLost = { _, _ in ended() }
                try join(reactor, .tls, client: client, server: sink)
                return {
                    #expect(sink.count == 300_000)
                    #expect(sink.end == .done)
                    #expect(client.end == .done)
                }
            }
        }
    }

    @Test("openssl s_client verifies our server, and speaks with it", arguments: ["-tls1_2", "-tls1_3"])
    func sClient(version: String) async throws {
        let root = try Certificates.shared().root
        try await onReactor { reactor in
            let server = AccumulatingProtocol { server, bytes in
                server.transport?.write("you said \(String(decoding: bytes, as: UTF8.self))")
                server.transport?.loseConnection()
            }
            let port = try Road.tls.listen(reactor, ServerFactory { server })
            let arguments = [
                "s_client", "-connect", "127.0.0.1:\(port.address.port ?? 0)", "-servername", "h.test",
                "-verify_hostname", "h.test", "-CAfile", root, "-verify_return_error", "-quiet", version,
            ]
            var printed: String?
            reactor.deferToThread { try Subprocess.run("openssl", arguments, input: "hello\n").stdout }.addBoth {
                result in
                printed = try? result.get()
                reactor.stop()
            }
            return {
                #expect(printed == "you said hello\n")
                #expect(server.text == "hello\n")
                #expect(server.end == .done)
                #expect(server.transport?.tls?.version == (version == "-tls1_2" ? "TLSv1.2" : "TLSv1.3"))
            }
        }
    }

    @Test("openssl s_server is verified, resumed, and spoken with", arguments: ["-tls1_2", "-tls1_3"])
    func sServer(version: String) async throws {
        let pair = try TLSFixture.server.get()
        let server = try #require(try RealServer.openssl(pair, [version]))
        let port = server.port
        try await onReactor { reactor in
            var texts: [String] = []
            let context = try TLSFixture.client(reactor)
            func connectOnce() {
                let client = AccumulatingProtocol { client, _ in
                    if client.text.hasSuffix("\n") { client.transport?.loseConnection() }
                }
                client.onMade = { $0.transport?.write("olleh\n") }
                client.onLost = { client, reason in
                    #expect(reason == .done)
                    texts.append(client.text)
                    if texts.count == 2 { reactor.stop() } else { connectOnce() }
                }
                let securing = TLSConnection(context, name: "h.test") { result in
                    if case .failure(let error) = result { Issue.record(error) }
                    return client
                }
                _ = SocketDialer(reactor: reactor).dial(.ip(.v4(.loopback), port: port), from: nil) { result in
                    if case .success(let connection) = result { connection.start(securing, onEnd: nil) }
                }
            }
            connectOnce()
            return {
                #expect(texts == ["hello\n", "hello\n"])
                #expect(context.handshakes == 2)
                #expect(context.resumptions == 1)
            }
        }
        server.stop()
    }

    @Test("a handshake with a server that accepts and says nothing ends with its timeout, not sooner or never")
    func silent() throws {
        let clock = ManualClock()
        let transport = MemoryTransport(clock: clock)
        var failures: [TLSError] = []
        let client = TLSConnection(try TLSFixture.client(clock), name: "h.test") { result in
            if case .failure(let error) = result { failures.append(error) }
            return nil
        }
        transport.start(client)
        client.limitHandshake(to: .seconds(3))
        clock.advance(by: .milliseconds(2_999))
        #expect(failures.isEmpty)
        clock.advance(by: .milliseconds(1))
        #expect(failures.map(\.kind) == [.timedOut])
        clock.advance(by: .seconds(60))
        #expect(failures.count == 1)
        #expect(client.finalEnd == .tls(failures[0]))
    }
}
