// The server over TLS: where it listens, how long a handshake may take, and what stopping does to those who are not done.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("The HTTP server over TLS", .enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct HTTPServerSecureTests {
    private static func context(_ reactor: Reactor, within timeout: Duration = .seconds(30)) throws -> TLSContext {
        let pair = try Certificates.shared().make(for: "IP:127.0.0.1")
        var configuration = TLSServerConfiguration(
            TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key))
        configuration.handshakeTimeout = timeout
        return try TLSContext(server: configuration, clock: reactor)
    }

    private static func serve(
        _ reactor: Reactor, within timeout: Duration = .seconds(30), _ options: HTTPServerOptions = HTTPServerOptions()
    ) throws -> HTTPServer {
        try reactor.listenHTTP(
            port: 0, interface: .v4(.loopback), tls: try context(reactor, within: timeout), options: options
        ) { request in HTTPServerResponse("\(request.method) \(request.path)") }
    }

    private static func request(_ server: HTTPServer, _ path: String = "/") throws -> PageRequest {
        var request = PageRequest("https://127.0.0.1:\(server.address?.port ?? 0)\(path)")
        request.tls.trust = .file(try Certificates.shared().root)
        return request
    }

    /// Connects without a word of TLS, or with these bytes.
    private static func dial(_ reactor: Reactor, _ server: HTTPServer, sending text: String = "") -> Silent {
        let silent = Silent(text)
        reactor.connectTCP(host: "127.0.0.1", port: server.address?.port ?? 0, factory: ClientFactory { silent })
        return silent
    }

    /// A client that says what it is told to, and no more.
    private final class Silent: Protocol {
        var transport: (any Transport)?
        private(set) var isMade = false
        private(set) var isLost = false
        private let text: String

        init(_ text: String) { self.text = text }

        func connectionMade() {
            isMade = true
            transport?.write(text)
        }
        func dataReceived(_ bytes: RawSpan) {}
        func connectionLost(_ reason: ConnectionEnd) { isLost = true }
    }

    @Test("requests are answered over TLS, the address is known, and when it has stopped the port is free")
    func life() async throws {
        let (texts, reused, after) = try await onReactor { reactor in
            let server = try Self.serve(reactor)
            let pages = [
                try await reactor.fetch(try Self.request(server, "/one")).value,
                try await reactor.fetch(try Self.request(server, "/two")).value,
            ]
            #expect(server.connectionCount == 1 && server.requestCount == 2 && server.failedHandshakeCount == 0)
            #expect(pages.allSatisfy { $0.report.tls?.isVerified == true })
            try await server.stop().value
            #expect(server.connectionCount == 0)
            let after = await outcome(reactor, try Self.request(server))
            // Nobody holds the port any more.
            try reactor.listenTCP(
                port: server.address?.port ?? 0, interface: .v4(.loopback), factory: ServerFactory { nil }
            ).stopListening()
            return (pages.map(\.text), pages.map(\.report.isConnectionReused), after)
        }
        #expect(texts == ["GET /one", "GET /two"] && reused == [false, true])
        #expect(after == "connect/refused")
    }

    @Test("who says nothing has the time of a handshake, and a place of the limit meanwhile")
    func silent() async throws {
        try await onReactor { reactor in
            var options = HTTPServerOptions()
            options.maximumConnections = 1
            let server = try Self.serve(reactor, within: .milliseconds(200), options)
            let silent = Self.dial(reactor, server)
            try await until(reactor) { server.connectionCount == 1 }
            let second = Self.dial(reactor, server)
            try await until(reactor) { second.isLost }
            #expect(server.declinedCount == 1 && !silent.isLost)
            try await until(reactor) { silent.isLost && server.connectionCount == 0 }
            #expect(server.failedHandshakeCount == 1)
            #expect(await outcome(reactor, try Self.request(server)) == "200 GET /")
        }
    }

    @Test("what isn't TLS fails its handshake, and nobody else's")
    func plain() async throws {
        try await onReactor { reactor in
            let server = try Self.serve(reactor)
            let plain = Self.dial(reactor, server, sending: "GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
            try await until(reactor) { plain.isLost && server.connectionCount == 0 }
            #expect(server.failedHandshakeCount == 1 && server.requestCount == 0)
            #expect(await outcome(reactor, try Self.request(server)) == "200 GET /")
        }
    }

    @Test("stopping waits for nobody who is still shaking hands, and fires when they are gone")
    func stopping() async throws {
        try await onReactor { reactor in
            let server = try Self.serve(reactor)
            let silent = Self.dial(reactor, server)
            try await until(reactor) { server.connectionCount == 1 && silent.isMade }
            let before = reactor.now
            try await server.stop(within: .seconds(60)).value
            #expect(server.connectionCount == 0 && reactor.now - before < .seconds(30))
            try await until(reactor) { silent.isLost }
        }
    }
}
