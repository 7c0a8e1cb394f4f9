// TLS behind the race, in virtual time: under the same timeout, stopped like everything else, reported like everything else.

import Bowline
import BowlineTesting
import TestSupport
import Testing

private let server: Result<Certificates.Pair, any Error> = Result { try Certificates.shared().make(for: "DNS:h.test") }

@Suite(.enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct TLSConnectTests {
    private func options(seconds: Int = 30, trusts: Bool = true) throws -> ConnectOptions {
        var options = ConnectOptions()
        options.timeout = .seconds(seconds)
        options.families = [.ipv4]
        var tls = TLSClientConfiguration()
        if trusts { tls.trust = .file(try Certificates.shared().root) }
        options.tls = tls
        return options
    }

    private func serverContext(_ world: VirtualWorld) throws -> TLSContext {
        let pair = try server.get()
        return try TLSContext(
            server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
            clock: world.time)
    }

    /// A world in which `h.test` has one address, where `speaker` answers.
    private func world(_ speaker: (() -> any Protocol)? = nil) -> VirtualWorld {
        let world = VirtualWorld()
        world.names.plan("h.test", .a, .addresses([.v4(.loopback)]))
        world.addresses.otherwise = .connects(after: .milliseconds(10), to: speaker)
        return world
    }

    /// A world in which `h.test` has one address, where `speaker` answers over TLS.
    private func securedWorld(_ speaker: any Protocol) throws -> VirtualWorld {
        let world = world()
        let context = try serverContext(world)
        world.addresses.otherwise = .connects(
            after: .milliseconds(10), to: { TLSConnection(context, name: nil) { _ in speaker } })
        return world
    }

    @Test("the protocol gets its connection when the handshake is over, and the connector knows what was agreed on")
    func secured() throws {
        let inner = AccumulatingProtocol { inner, bytes in inner.transport?.write(bytes) }
        let world = try securedWorld(inner)
        let client = AccumulatingProtocol()
        client.onMade = { $0.transport?.write("hi") }
        var events: [String] = []
        let connector = world.connect(ClientFactory { client }, to: "h.test", port: 443, try options())
        connector.observer = { event in
            if case .secured(let tls) = event { events.append(tls.version) }
        }
        world.time.advance(by: .seconds(1))
        #expect(connector.state == .connected)
        #expect(client.text == "hi")
        #expect(connector.tls?.isVerified == true)
        #expect(events == ["TLSv1.3"])
        #expect(connector.connectedTime != nil)
        #expect(connector.securedTime != nil)
        #expect(world.active.isEmpty)
        connector.disconnect()
        world.time.advance(by: .seconds(1))
        #expect(client.end == .done)
        #expect(connector.state == .disconnected)
    }

    @Test("disconnect() ends TLS that the protocol has begun in order, with what it has still to send")
    func disconnectsAboveTLS() throws {
        let inner = AccumulatingProtocol()
        let world = try securedWorld(inner)
        var tls = TLSClientConfiguration()
        tls.trust = .file(try Certificates.shared().root)
        let clientContext = try TLSContext(client: tls, clock: world.time)
        let client = AccumulatingProtocol()
        client.onMade = { client in
            client.transport?.startTLS(clientContext, serverName: "h.test").addErrback { error in
                Issue.record(error)
                throw error
            }.addBoth { _ in }
            client.transport?.write("last words")
        }
        var plain = try options()
        plain.tls = nil
        let connector = world.connect(ClientFactory { client }, to: "h.test", port: 443, plain)
        // The handshake is still going on.
        while connector.state != .connected { world.time.advance(by: .milliseconds(1)) }
        connector.disconnect()
        world.time.advance(by: .seconds(1))
        #expect(inner.text == "last words")
        #expect(inner.end == .done && client.end == .done)
    }

    // RFC 9110, 4.3.4: whoever gives out search domains, or forges one NXDOMAIN, must not choose whom to trust.
    @Test(
        "the certificate must be for the name that was given, not for what the search list made of it",
        arguments: [("h", false), ("h.test", true), ("h.test.", true)])
    func completedName(host: String, isTrusted: Bool) throws {
        let context = try serverContext(VirtualWorld())
        let world = world { TLSConnection(context, name: nil) { _ in AccumulatingProtocol() } }
        let completed = try DomainName("h.test")
        world.names.plan(
            host, .a,
            .records([ResourceRecord(name: completed, type: .a, ttl: 60, data: .address(.v4(.loopback)))]))
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: host, port: 443, try options())
        world.time.advance(by: .seconds(1))
        #expect((connector.state == .connected) == isTrusted)
        #expect(
            factory.errors.map { "\($0)" }
                == (isTrusted ? [] : ["cannot speak TLS with h:443: the certificate is for h.test, not for h"]))
    }

    @Test("a server that says nothing after the connection stands costs the rest of the timeout, and no more")
    func stalls() throws {
        let world = world()
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "h.test", port: 443, try options(seconds: 3))
        world.time.advance(by: .milliseconds(2_990))
        #expect(connector.state == .securing)
        world.time.advance(by: .milliseconds(20))
        let error = try #require(factory.errors.first)
        #expect(error.phase == .tls)
        #expect(error.reason == .timedOut)
        #expect("\(error)" == "cannot connect to h.test:443 within 3 s: the TLS handshake was not done")
        #expect(error.attempts.map(\.outcome) == [.connected])
        #expect(world.addresses.connections.first?.transport.state == .ended(.aborted))
        #expect(world.active.isEmpty)
    }

    @Test("stopConnecting during the handshake closes the connection at once, and is told as a cancellation")
    func stopped() throws {
        let world = world()
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "h.test", port: 443, try options())
        world.time.advance(by: .milliseconds(100))
        #expect(connector.state == .securing)
        connector.stopConnecting()
        #expect(world.addresses.connections.first?.transport.state == .ended(.aborted))
        world.time.advance(by: .milliseconds(100))
        #expect(factory.errors.map(\.reason) == [.cancelled])
        #expect(connector.state == .disconnected)
        connector.connect()
        world.time.advance(by: .milliseconds(100))
        #expect(connector.state == .securing, "it can be used again")
    }

    @Test("the stop of the reactor during the handshake is told as such")
    func reactorStops() throws {
        let world = world()
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: "h.test", port: 443, try options())
        world.time.advance(by: .milliseconds(100))
        world.stop()
        world.time.advance(by: .milliseconds(100))
        #expect(factory.errors.map(\.reason) == [.stopped])
        #expect(factory.errors.map(\.phase) == [.tls])
    }

    @Test("a handshake that fails is an error of the phase tls, with the reason in one line")
    func plain() throws {
        let world = world {
            let server = AccumulatingProtocol()
            server.onMade = { $0.transport?.write("SSH-2.0-OpenSSH\r\n") }
            return server
        }
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "h.test", port: 443, try options())
        world.time.advance(by: .seconds(1))
        let error = try #require(factory.errors.first)
        #expect(error.phase == .tls)
        #expect(
            "\(error)"
                == #"cannot speak TLS with h.test:443: the other end doesn't speak TLS: it says "SSH-2.0-OpenSSH""#)
        #expect(connector.state == .disconnected)
        #expect(factory.errors.count == 1)
    }

    @Test("a connection that is lost during the handshake is told, once")
    func lost() throws {
        let world = world()
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: "h.test", port: 443, try options())
        world.time.advance(by: .milliseconds(100))
        world.addresses.connections.first?.transport.deliverEnd()
        world.time.advance(by: .seconds(60))
        #expect(factory.errors.map(\.shortReason) == ["tls closed"])
    }

    @Test("a configuration that can't be used is told before anything touches the network")
    func badConfiguration() throws {
        let world = world()
        let factory = LoggingFactory(world)
        var options = try options()
        options.tls?.trust = .file("/nowhere/ca.pem")
        _ = world.connect(factory, to: "h.test", port: 443, options)
        world.time.advance(by: .milliseconds(1))
        #expect(factory.errors.map(\.shortReason) == ["tls configuration"])
        #expect(world.addresses.attempts.isEmpty)
        #expect(world.active.isEmpty)
    }

    @Test("a factory that makes no protocol after the handshake declines the connection")
    func declined() throws {
        let world = VirtualWorld()
        let context = try serverContext(world)
        let inner = AccumulatingProtocol()
        world.names.plan("h.test", .a, .addresses([.v4(.loopback)]))
        world.addresses.otherwise = .connects(
            after: .milliseconds(10), to: { TLSConnection(context, name: nil) { _ in inner } })
        let factory = LoggingFactory(world)
        factory.declines = true
        let connector = world.connect(factory, to: "h.test", port: 443, try options())
        world.time.advance(by: .seconds(1))
        #expect(factory.errors.isEmpty)
        #expect(connector.state == .disconnected)
        #expect(inner.end == .done)
    }

    @Test("endpoints from text speak TLS with each other")
    func endpoints() async throws {
        let pair = try server.get()
        let root = try Certificates.shared().root
        let text = try await onReactor({ reactor in
            let port = try reactor.serverFromString(
                "tls:port=0:interface=127.0.0.1:certificate=\(pair.certificate):privateKey=\(pair.key)"
            ).listen(ServerFactory { AccumulatingProtocol { end, bytes in end.transport?.write(bytes) } })
            let client = AccumulatingProtocol { client, _ in if client.text.count == 8 { reactor.stop() } }
            client.onMade = { $0.transport?.write("over TLS") }
            let number = port.address.port ?? 0
            try reactor.clientFromString(
                "tls:host=127.0.0.1:port=\(number):trustRoots=\(root):serverName=h.test:timeout=100"
            ).connect(client).onFailure { error in
                Issue.record(error)
                reactor.stop()
            }
            return client
        }) { client in "\(client.text), verified: \(client.transport?.tls?.isVerified == true)" }
        #expect(text == "over TLS, verified: true")
    }

    @Test("a client endpoint fails with the reason of TLS")
    func endpointFails() async throws {
        let pair = try server.get()
        let root = try Certificates.shared().root
        let text = try await onReactor({ reactor in
            let port = try reactor.serverFromString(
                "tls:port=0:interface=127.0.0.1:certificate=\(pair.certificate):privateKey=\(pair.key)"
            ).listen(ServerFactory { AccumulatingProtocol() })
            let client = AccumulatingProtocol()
            var words = ""
            let number = port.address.port ?? 0
            try reactor.clientFromString("tls:127.0.0.1:\(number):trustRoots=\(root)").connect(client)
                .onFailure { error in
                    words = "\(error)".replacing("\(number)", with: "PORT")
                    reactor.stop()
                }
            return { words }
        }) { words in words() }
        #expect(
            text == "cannot speak TLS with 127.0.0.1:PORT: the certificate is for h.test, not for 127.0.0.1")
    }
}
