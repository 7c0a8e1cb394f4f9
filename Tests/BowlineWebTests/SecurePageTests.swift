// Pages over https, from a server of ours.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Pages over TLS", .enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct SecurePageTests {
    /// How the server ends its connections.
    enum Ending: Sendable {
        case inOrder, cutOff
    }

    /// A server of `h.test` that answers each request with these bytes.
    private static func serve(_ reactor: Reactor, _ response: String, _ ending: Ending) throws -> UInt16 {
        let pair = try Certificates.shared().make(for: "DNS:h.test")
        let context = try TLSContext(
            server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
            clock: reactor)
        let factory = CuttingFactory(context, ending) {
            AccumulatingProtocol { server, _ in
                guard server.text.hasSuffix("\r\n\r\n") else { return }
                server.transport?.write(response)
                if ending == .inOrder { server.transport?.loseConnection() }
            }
        }
        return try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: factory).address.port ?? 0
    }

    private static func request(_ port: UInt16) throws -> PageRequest {
        var request = PageRequest("https://h.test:\(port)/")
        request.tls.trust = .file(try Certificates.shared().root)
        return request
    }

    private func found(_ response: String, _ ending: Ending) async throws -> String {
        try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            return await outcome(reactor, try Self.request(try Self.serve(reactor, response, ending)))
        }
    }

    @Test("a page comes over TLS, and its report says how")
    func page() async throws {
        let report = try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            let port = try Self.serve(reactor, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .inOrder)
            let page = try await reactor.fetch(try Self.request(port)).value
            #expect(page.text == "hi")
            return page.report
        }
        #expect(report.tls?.isVerified == true)
        #expect(report.tls?.serverName == "h.test")
        let (connected, secured) = (try #require(report.connected), try #require(report.secured))
        #expect(connected <= secured)
        #expect(secured <= (try #require(report.firstByte)))
    }

    @Test("a body that ends with its connection is whole only with close_notify (RFC 9112, 9.8)")
    func closeDelimited() async throws {
        #expect(try await found("HTTP/1.1 200 OK\r\n\r\nall of it", .inOrder) == "200 all of it")
        #expect(try await found("HTTP/1.1 200 OK\r\n\r\nhalf of", .cutOff) == "receive/truncated")
    }

    @Test("a body of a known length needs no close_notify")
    func counted() async throws {
        #expect(try await found("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", .cutOff) == "200 whole")
    }

    @Test("without trust in the server there is no page, and nothing was sent")
    func untrusted() async throws {
        let error = try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            var request = try Self.request(try Self.serve(reactor, "HTTP/1.1 200 OK\r\n\r\n", .inOrder))
            request.tls.trust = .system
            return try await failure(reactor, request)
        }
        #expect(words(error) == "tls/certificate")
        #expect("\(error)".contains("Bowline root"))
        #expect(error.report.connected != nil)
        #expect(error.report.secured == nil)
    }
}

/// Puts TLS in front of protocols, and ends connections below it when a response has left: the client sees no close_notify.
private final class CuttingFactory: ServerFactory {
    private let context: TLSContext
    private let ending: SecurePageTests.Ending
    private let make: () -> AccumulatingProtocol

    init(_ context: TLSContext, _ ending: SecurePageTests.Ending, _ make: @escaping () -> AccumulatingProtocol) {
        self.context = context
        self.ending = ending
        self.make = make
        super.init()
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        var connection: TLSConnection?
        let made = make()
        let answer = made.onData
        made.onData = { [ending] made, bytes in
            answer?(made, bytes)
            if ending == .cutOff, made.text.hasSuffix("\r\n\r\n") { connection?.transport?.loseConnection() }
        }
        made.onLost = { _, _ in connection = nil }
        connection = TLSConnection(context, name: nil) { _ in made }
        return connection
    }
}
