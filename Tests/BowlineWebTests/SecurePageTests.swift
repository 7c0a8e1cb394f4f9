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

    @Test(
        "a page of a short name is looked up by the search list, and is not trusted by it; an absolute name isn't searched"
    )
    func searched() async throws {
        let (found, asked) = try await onReactor { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.name.text == "h.test" ? .addresses([.v4(.loopback)]) : .nxdomain()
            }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            configuration.search = [try DomainName("test")]
            // As in Kubernetes: whatever isn't absolute is short.
            configuration.ndots = 5
            reactor.resolver = DNSResolver(
                reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            let port = try Self.serve(reactor, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .inOrder)
            var found: [String] = []
            for host in ["h", "h.test."] {
                var request = try Self.request(port)
                request.url = "https://\(host):\(port)/"
                found.append(await outcome(reactor, request))
            }
            return (found, server.questions.map(\.name.text))
        }
        #expect(found == ["tls/certificate", "200 hi"])
        #expect(Set(asked) == ["h.test"])
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

    @Test("a connection that is kept is asked again without a handshake, and not by whoever trusts others")
    func reuse() async throws {
        let (reports, fresh) = try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            let pair = try Certificates.shared().make(for: "DNS:h.test")
            let context = try TLSContext(
                server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
                clock: reactor)
            let listener = try reactor.listenTLS(
                port: 0, interface: .v4(.loopback), context: context,
                factory: HTTPResponder(clock: reactor) { _ in .respond(.init("hi")) })
            var request = try Self.request(listener.address.port ?? 0)
            var reports: [PageReport] = []
            for refusesUnverified in [true, true, false] {
                request.tls.refusesUnverified = refusesUnverified
                reports.append(try await reactor.fetch(request).value.report)
            }
            return (reports, reactor.agent.snapshot().counters.fresh)
        }
        #expect(reports.map(\.isConnectionReused) == [false, true, false])
        #expect(reports.map { $0.secured == nil } == [false, true, false])
        #expect(reports.map { $0.tls?.isVerified } == [true, true, false])
        #expect(fresh == 2)
    }

    @Test("a redirect to http isn't followed unless that is allowed: it is one of the redirects that can't be, by name")
    func insecureRedirect() async throws {
        let (found, message, allowed) = try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            let plain = try HTTPResponder(reactor: reactor) { _ in .respond(.init("plain")) }
            let location = "http://127.0.0.1:\(plain.port)/"
            let response = "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"
            var request = try Self.request(try Self.serve(reactor, response, .inOrder))
            let error = try await failure(reactor, request)
            #expect(plain.requests.isEmpty && error.report.redirects.isEmpty)
            request.allowsInsecureRedirects = true
            return (words(error), "\(error)", await outcome(reactor, request))
        }
        #expect(found == "http/redirects" && allowed == "200 plain")
        #expect(message.contains("redirects from https to http://127.0.0.1"))
        #expect(message.hasSuffix("allowsInsecureRedirects permits it"))
    }

    @Test("a client's certificate goes along within an origin, and not to another")
    func clientCertificate() async throws {
        let found = try await onReactor { reactor in
            reactor.resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
            let (pair, root) = (try Certificates.shared().make(for: "DNS:h.test"), try Certificates.shared().root)
            let identity = TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)
            var configuration = TLSServerConfiguration(identity)
            configuration.clientCertificates = .required(.file(root))
            let context = try TLSContext(server: configuration, clock: reactor)
            var ports: [UInt16] = []
            let responder = HTTPResponder(clock: reactor) { request in
                switch request.target {
                case "/": .respond(.init(status: 302, fields: [("Location", "/same")]))
                case "/far": .respond(.init(status: 302, fields: [("Location", "https://h.test:\(ports[1])/same")]))
                default: .respond(.init("welcome"))
                }
            }
            for _ in 0..<2 {
                let listener = try reactor.listenTLS(
                    port: 0, interface: .v4(.loopback), context: context, factory: responder)
                ports.append(listener.address.port ?? 0)
            }
            var found: [String] = []
            for target in ["\(ports[0])/", "\(ports[1])/same", "\(ports[0])/far"] {
                var request = PageRequest("https://h.test:\(target)")
                request.tls.trust = .file(root)
                request.tls.identity = identity
                found.append(await outcome(reactor, request))
            }
            return found
        }
        #expect(found == ["200 welcome", "200 welcome", "tls/handshake"])
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
