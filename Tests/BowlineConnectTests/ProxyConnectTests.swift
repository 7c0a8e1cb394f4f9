// Connecting through a proxy: in virtual time with proxies that do what a test wants, and through real ones.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Connecting through a proxy")
struct ProxyConnectTests {
    private static let established = "HTTP/1.1 200 Connection established\r\n\r\n"

    private func options(_ proxy: String = "http://proxy.test:3128", seconds: Int = 30) throws -> ConnectOptions {
        var options = ConnectOptions()
        options.timeout = .seconds(seconds)
        options.families = [.ipv4]
        options.proxy = try Proxy(proxy)
        return options
    }

    /// A world in which `proxy.test` has one address, where `speaker` answers.
    private func world(_ speaker: (() -> any Protocol)? = nil) -> VirtualWorld {
        let world = VirtualWorld()
        world.names.plan("proxy.test", .a, .addresses([.v4(.loopback)]))
        world.addresses.otherwise = .connects(after: .milliseconds(10), to: speaker)
        return world
    }

    /// A proxy that answers the head of a CONNECT with a text, and echoes afterwards.
    private func answering(_ answer: String) -> () -> any Protocol {
        {
            AccumulatingProtocol { proxy, bytes in
                if proxy.text.hasPrefix("CONNECT"), proxy.text.hasSuffix("\r\n\r\n") {
                    proxy.transport?.write(answer)
                } else {
                    proxy.transport?.write(bytes)
                }
            }
        }
    }

    @Test("the proxy's name is looked up, the target's goes to the proxy, and the protocol knows nothing of it")
    func connects() throws {
        let world = world(answering(Self.established))
        let client = AccumulatingProtocol()
        client.onMade = { $0.transport?.write("hi") }
        let connector = world.connect(ClientFactory { client }, to: "TARGET.test", port: 443, try options())
        world.time.advance(by: .milliseconds(5))
        #expect(world.names.lookups.map(\.request.host) == ["proxy.test"])
        world.time.advance(by: .seconds(1))
        #expect(connector.state == .connected && client.text == "hi")
        #expect(world.addresses.attempts.map { "\($0.address)" } == ["127.0.0.1:3128"])
        #expect(connector.target == .host("TARGET.test", port: 443))
        #expect(connector.tunneledTime != nil && world.active.isEmpty)
        connector.disconnect()
        world.time.advance(by: .seconds(1))
        #expect(client.end == .done && connector.state == .disconnected)
        #expect(world.time.delayedCalls.isEmpty)
    }

    @Test("what the target says at once, behind the proxy's answer, reaches the protocol after its connectionMade")
    func earlyBytes() throws {
        let world = world(answering(Self.established + "220 mail.test\r\n"))
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: "mail.test", port: 25, try options())
        world.time.advance(by: .seconds(1))
        #expect(factory.log.lines.map { $0.split(separator: " ", maxSplits: 1)[1] }.suffix(2) == ["made", "data 15"])
    }

    @Test("TLS is spoken with the target, whose name the certificate must have, and not the proxy's")
    func secured() throws {
        let pair = try Certificates.shared().make(for: "DNS:target.test")
        let world = VirtualWorld()
        let context = try TLSContext(
            server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
            clock: world.time)
        world.names.plan("proxy.test", .a, .addresses([.v4(.loopback)]))
        // The proxy becomes the target when it has answered.
        world.addresses.otherwise = .connects(to: {
            AccumulatingProtocol { proxy, _ in
                guard let transport = proxy.transport, proxy.text.hasSuffix("\r\n\r\n") else { return }
                transport.write(Self.established)
                (transport as? any SwitchableTransport).map { switchable in
                    let tls = TLSConnection(context, name: nil) { _ in
                        AccumulatingProtocol { end, bytes in end.transport?.write(bytes) }
                    }
                    switchable.takeOver(tls, onEnd: nil)
                    tls.makeConnection(transport)
                }
            }
        })
        for (name, reason) in [("target.test", nil), ("other.test", "tls wrongName")] {
            let factory = LoggingFactory(world)
            var options = try options()
            options.tls = TLSClientConfiguration()
            options.tls?.trust = .file(try Certificates.shared().root)
            let connector = world.connect(factory, to: name, port: 443, options)
            world.time.advance(by: .seconds(1))
            #expect(factory.errors.map(\.shortReason) == [reason].compactMap { $0 })
            #expect(connector.tls?.isVerified == (reason == nil ? true : nil))
        }
    }

    /// A proxy at `proxy.test` that TLS is spoken with, and the target behind it with TLS of its own; both echo when they have
    /// nothing else to do.
    private func doublySecured(inner: TLSContext, outer: TLSContext, in world: VirtualWorld) {
        func speak(_ context: TLSContext, over transport: any Transport, _ made: @escaping () -> any Protocol) {
            guard let switchable = transport as? any SwitchableTransport else { return }
            let tls = TLSConnection(context, name: nil) { _ in made() }
            switchable.takeOver(tls, onEnd: nil)
            tls.makeConnection(transport)
        }
        world.addresses.otherwise = .connects(to: {
            let bare = AccumulatingProtocol()
            bare.onMade = { bare in
                guard let transport = bare.transport else { return }
                speak(outer, over: transport) {
                    AccumulatingProtocol { proxy, _ in
                        guard let transport = proxy.transport, proxy.text.hasSuffix("\r\n\r\n") else { return }
                        transport.write(Self.established)
                        speak(inner, over: transport) {
                            AccumulatingProtocol { end, bytes in end.transport?.write(bytes) }
                        }
                    }
                }
            }
            return bare
        })
    }

    @Test(
        "TLS with the target goes inside TLS with the proxy; each certificate is for its own name, and the error tells whose isn't",
        arguments: [
            ("proxy.test", "target.test", nil),
            ("target.test", "target.test", "proxy tls wrongName"),
            ("proxy.test", "proxy.test", "tls wrongName"),
        ] as [(String, String, String?)])
    func twofold(proxyName: String, targetName: String, reason: String?) throws {
        let world = world()
        func server(_ name: String) throws -> TLSContext {
            let pair = try Certificates.shared().make(for: "DNS:\(name)")
            let identity = TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)
            return try TLSContext(server: TLSServerConfiguration(identity), clock: world.time)
        }
        doublySecured(inner: try server(targetName), outer: try server(proxyName), in: world)
        var options = try options("https://proxy.test")
        options.proxy?.tls.trust = .file(try Certificates.shared().root)
        options.tls = TLSClientConfiguration()
        options.tls?.trust = .file(try Certificates.shared().root)
        let client = AccumulatingProtocol()
        client.onMade = { $0.transport?.write("hi") }
        var errors: [ConnectError] = []
        final class Keeper: ClientFactory {
            let client: any Protocol
            let note: (ConnectError) -> Void
            init(_ client: any Protocol, _ note: @escaping (ConnectError) -> Void) {
                self.client = client
                self.note = note
                super.init()
            }
            override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? { client }
            override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) { note(error) }
        }
        let connector = world.connect(Keeper(client) { errors.append($0) }, to: "target.test", port: 443, options)
        var secured: [String] = []
        connector.observer = { event in
            switch event {
            case .proxySecured: secured.append("proxy")
            case .secured: secured.append("target")
            default: break
            }
        }
        world.time.advance(by: .seconds(1))
        #expect(errors.map(\.shortReason) == [reason].compactMap { $0 })
        #expect(world.addresses.attempts.map { "\($0.address)" } == ["127.0.0.1:443"])
        guard reason == nil else {
            #expect(errors.first?.phase == .tls)
            let isProxys = reason?.hasPrefix("proxy") == true
            #expect(errors.first.map { "\($0)".contains("TLS with the proxy") } == isProxys)
            #expect(world.active.isEmpty && connector.state == .disconnected)
            return
        }
        #expect(client.text == "hi" && secured == ["proxy", "target"])
        #expect(connector.tls?.isVerified == true)
        connector.disconnect()
        world.time.advance(by: .seconds(1))
        #expect(client.end == .done && connector.state == .disconnected)
        #expect(world.time.delayedCalls.isEmpty)
    }

    @Test("a proxy that doesn't answer the TLS handshake is named when the time is over; so is one that speaks no TLS")
    func unsecured() throws {
        for (speaker, words) in [
            (nil, "within 3 s: the TLS handshake with the proxy was not done"),
            (answering("HTTP/1.1 400 Bad Request\r\n\r\n"), nil),
        ] as [((() -> any Protocol)?, String?)] {
            let world = world(
                speaker.map { made in
                    {
                        let end = made()
                        (end as? AccumulatingProtocol)?.onMade = { $0.transport?.write("SSH-2.0-server\r\n") }
                        return end
                    }
                })
            let factory = LoggingFactory(world)
            let connector = world.connect(
                factory, to: "target.test", port: 443, try options("https://proxy.test:3129", seconds: 3))
            world.time.advance(by: .milliseconds(2_900))
            if speaker == nil { #expect(connector.state == .tunneling) }
            world.time.advance(by: .milliseconds(200))
            let error = try #require(factory.errors.first)
            #expect(error.phase == .tls)
            #expect(error.reason == .timedOut || error.shortReason == "proxy tls notTLS")
            let place = "cannot connect to target.test:443 through https://proxy.test:3129"
            #expect(
                "\(error)"
                    == words.map { "\(place) \($0)" }
                    ?? "\(place): cannot speak TLS with the proxy: the other end doesn't speak TLS: it says \"SSH-2.0-server\""
            )
            #expect(world.active.isEmpty && factory.errors.count == 1 && world.time.delayedCalls.isEmpty)
        }
    }

    @Test("what is wrong with the files for the proxy's TLS is told before anybody is connected to")
    func proxyFiles() throws {
        let world = world()
        let factory = LoggingFactory(world)
        var options = try options("https://proxy.test")
        options.proxy?.tls.trust = .file("/nowhere.pem")
        _ = world.connect(factory, to: "target.test", options)
        world.time.advance(by: .seconds(1))
        #expect(factory.errors.map(\.shortReason) == ["proxy tls configuration"])
        #expect(world.addresses.attempts.isEmpty && world.names.lookups.isEmpty)
    }

    @Test(
        "what a proxy refuses fails in the phase proxy, with its words",
        arguments: [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "authentication"),
            ("HTTP/1.1 403 Filtered\r\n\r\n", "forbidden"), ("nonsense\r\n\r\n", "malformed"),
        ])
    func refused(answer: String, kind: String) throws {
        let world = world(answering(answer))
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "target.test", try options())
        world.time.advance(by: .seconds(1))
        let error = try #require(factory.errors.first)
        #expect(error.phase == .proxy && error.shortReason == "proxy \(kind)")
        #expect("\(error)".hasPrefix("cannot connect to target.test:80 through http://proxy.test:3128: the proxy "))
        #expect(error.attempts.map(\.outcome) == [.connected])
        #expect(connector.state == .disconnected && world.active.isEmpty && factory.errors.count == 1)
    }

    @Test("a proxy that says nothing costs the rest of the timeout, one that hangs up ends it at once")
    func silent() throws {
        let world = world()
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "target.test", try options(seconds: 3))
        world.time.advance(by: .milliseconds(2_990))
        #expect(connector.state == .tunneling)
        world.time.advance(by: .milliseconds(20))
        let error = try #require(factory.errors.first)
        #expect(error.phase == .proxy && error.reason == .timedOut)
        #expect(
            "\(error)"
                == "cannot connect to target.test:80 through http://proxy.test:3128 within 3 s: the proxy has not answered"
        )
        #expect(world.addresses.connections.first?.transport.state == .ended(.aborted))

        connector.connect()
        world.time.advance(by: .milliseconds(100))
        world.addresses.connections.last?.transport.deliverEnd()
        world.time.advance(by: .milliseconds(1))
        #expect(factory.errors.last?.shortReason == "proxy closed")
        #expect(world.time.delayedCalls.isEmpty && world.active.isEmpty)
    }

    @Test("stopConnecting and the reactor's stop end it, and are told as such")
    func stopped() throws {
        let world = world()
        let factory = LoggingFactory(world)
        let connector = world.connect(factory, to: "target.test", try options())
        world.time.advance(by: .milliseconds(100))
        connector.stopConnecting()
        #expect(world.addresses.connections.first?.transport.state == .ended(.aborted))
        world.time.advance(by: .milliseconds(100))
        connector.connect()
        world.time.advance(by: .milliseconds(100))
        world.stop()
        world.time.advance(by: .milliseconds(100))
        #expect(factory.errors.map(\.reason) == [.cancelled, .stopped])
        #expect(factory.errors.last?.phase == .proxy)
    }

    @Test("a proxy that can't be reached fails in the phase connect, and says so")
    func unreachable() throws {
        let world = world()
        world.addresses.otherwise = .fails(111)
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: "target.test", try options())
        world.time.advance(by: .seconds(1))
        let error = try #require(factory.errors.first)
        #expect(error.phase == .connect)
        #expect(
            "\(error)".hasPrefix(
                "cannot connect to target.test:80 through http://proxy.test:3128: 127.0.0.1:3128 refused"))
    }

    @Test("a policy that forbids addresses forbids proxies, whose addresses nobody here sees")
    func policy() throws {
        let world = world(answering(Self.established))
        let factory = LoggingFactory(world)
        var options = try options()
        options.addressPolicy = .publicOnly
        _ = world.connect(factory, to: "target.test", options)
        world.time.advance(by: .seconds(1))
        #expect(factory.errors.map(\.reason) == [.badTarget(.unjudgedAddress)] && world.addresses.attempts.isEmpty)
    }

    @Test("a name that is none never reaches the proxy", arguments: ["a b.test", "a\r\nX: y", "..", ""])
    func badNames(name: String) throws {
        let world = world(answering(Self.established))
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: name, try options())
        world.time.advance(by: .seconds(1))
        #expect(factory.errors.map(\.shortReason) == ["bad name"] && world.addresses.attempts.isEmpty)
    }

    @Test("an endpoint's text may name a proxy")
    func endpointText() async throws {
        let (host, problem) = try await onReactor({ (reactor: Reactor) -> (Proxy?, String) in
            let endpoint = try reactor.clientFromString(#"tcp:h.test:80:proxy=socks5\://me\:pw@127.0.0.1\:1080"#)
            var words = ""
            do { _ = try reactor.clientFromString(#"tcp:h.test:80:proxy=ftp\://h"#) } catch { words = "\(error)" }
            reactor.stop()
            return ((endpoint as? TCPClientEndpoint)?.options.proxy, words)
        }) { proxy, problem in (proxy?.description, problem) }
        #expect(host == "socks5://127.0.0.1:1080")
        #expect(problem.contains("no kind of proxy"))
    }

    // MARK: real ones

    /// Echoes "over a proxy" through one, and gives what came back, or the error.
    private func echo(through proxy: String, target: String = "localhost") async throws -> String {
        try await onReactor({ reactor in
            let port = try reactor.listenTCP(
                port: 0, factory: ServerFactory { AccumulatingProtocol { end, bytes in end.transport?.write(bytes) } })
            let client = AccumulatingProtocol { client, _ in if client.text.count == 12 { reactor.stop() } }
            client.onMade = { $0.transport?.write("over a proxy") }
            var options = ConnectOptions()
            options.timeout = .seconds(100)
            options.proxy = try Proxy(proxy)
            var words: String?
            TCPClientEndpoint(reactor, host: target, port: port.address.port ?? 0, options: options).connect(client)
                .onFailure { error in
                    words = (error as? ConnectError)?.shortReason
                    reactor.stop()
                }
            return { words ?? client.text }
        }) { $0() }
    }

    @Test(
        "microsocks connects by name and by address, and its refusals are understood",
        .enabled(if: RealServer.isInstalled("microsocks"), "microsocks is not installed"))
    func microsocks() async throws {
        let open = try #require(try RealServer.microsocks())
        #expect(try await echo(through: "socks5://127.0.0.1:\(open.port)") == "over a proxy")
        #expect(try await echo(through: "socks5://127.0.0.1:\(open.port)", target: "127.0.0.1") == "over a proxy")
        let closed = try #require(try RealServer.microsocks(user: "me"))
        #expect(try await echo(through: "socks5://me:secret@127.0.0.1:\(closed.port)") == "over a proxy")
        #expect(try await echo(through: "socks5://me:wrong@127.0.0.1:\(closed.port)") == "proxy authentication")
        #expect(try await echo(through: "socks5://127.0.0.1:\(closed.port)") == "proxy authentication")
        open.stop()
        closed.stop()
    }

    @Test(
        "tinyproxy connects by CONNECT, and its refusals are understood",
        .enabled(if: RealServer.isInstalled("tinyproxy"), "tinyproxy is not installed"))
    func tinyproxy() async throws {
        let open = try #require(try RealServer.tinyproxy())
        #expect(try await echo(through: "http://127.0.0.1:\(open.port)", target: "127.0.0.1") == "over a proxy")
        let closed = try #require(try RealServer.tinyproxy(user: "me"))
        let place = "127.0.0.1:\(closed.port)"
        #expect(try await echo(through: "http://me:secret@\(place)", target: "127.0.0.1") == "over a proxy")
        #expect(try await echo(through: "http://\(place)", target: "127.0.0.1") == "proxy authentication")
        open.stop()
        closed.stop()
    }
}
