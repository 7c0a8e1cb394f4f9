// Connectors on a real reactor, over loopback: the outcomes that the kernel gives, and that nothing stays open.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("A connector on a reactor")
struct ConnectorLoopTests {
    @Test("connects by name, talks, and is told the end after its protocol")
    func talk() async throws {
        let log = try await onReactor { reactor in
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback),
                factory: ServerFactory {
                    AccumulatingProtocol { echo, bytes in
                        echo.transport?.write(bytes)
                        echo.transport?.loseConnection()
                    }
                })
            let number = port.address.port ?? 0
            reactor.resolver = table(reactor, port: number, ["h.test": "127.0.0.1"])
            let factory = LoggingFactory()
            factory.onStep = { step, connector in
                switch step {
                case .made: factory.protocols[0].transport?.write("hello")
                case .lost:
                    #expect(connector.state == .disconnected)
                    reactor.stop()
                default: break
                }
            }
            reactor.connectTCP(host: "h.test", port: number, factory: factory)
            return factory
        } _: {
            $0.log.lines
        }
        #expect(log.count == 8 && log[2].hasPrefix("build 127.0.0.1:"))
        #expect(
            [log[0], log[1]] + log[3...] == [
                "factory on", "started", "made", "data 5", "ended closed in order", "lost closed in order",
                "factory off",
            ])
    }

    @Test("connects to 127.0.0.1 when [::1] refuses")
    func refusedThenConnected() async throws {
        let outcomes = try await onReactor { reactor in
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            let number = port.address.port ?? 0
            reactor.resolver = table(reactor, port: number, ["h.test": "::1 127.0.0.1"])
            let factory = LoggingFactory()
            factory.onStep = { step, _ in if step == .made || step == .failed { reactor.stop() } }
            return reactor.connectTCP(host: "h.test", port: number, factory: factory)
        } _: { connector in
            connector.attempts.map { "\($0.address.ipAddress.map { "\($0)" } ?? "") \($0.outcome?.rawValue ?? "")" }
        }
        #expect(
            outcomes == ["::1 refused", "127.0.0.1 connected"]
                || outcomes == ["::1 unreachable", "127.0.0.1 connected"])
    }

    @Test("reports a refusal, an unreachable network and a silent host as what they are")
    func outcomes() async throws {
        let errors = try await onReactor { reactor in
            let deaf = try DeafPort(.v4(.loopback))
            let hole = try BlackHole()
            let errors = Errors(reactor, count: 3, keeping: [deaf, hole])
            var brief = ConnectOptions()
            brief.timeout = .milliseconds(100)
            reactor.connectTCP(host: "127.0.0.1", port: deaf.port, factory: errors)
            reactor.connectTCP(host: "127.0.0.1", port: hole.port, factory: errors, options: brief)
            // Multicast: connect(2) refuses with ENETUNREACH before anything is sent.
            reactor.connectTCP(host: "224.0.0.1", port: 9, factory: errors)
            return errors
        } _: {
            $0.errors.map { ($0.shortReason, $0.description) }
        }
        let texts = errors.map(\.1).joined(separator: "\n")
        #expect(Set(errors.map(\.0)) == ["refused", "timed out", "unreachable"], "\(texts)")
        #expect(texts.contains("refused; nothing listens on that port"))
        #expect(texts.contains("s: 127.0.0.1:"))
        #expect(texts.contains("224.0.0.1:9 unreachable (Network is unreachable)"))
    }

    @Test("fails with the limit of open files, and says what to do")
    func descriptors() async throws {
        let error = try await onReactor { reactor in
            let errors = Errors(reactor, count: 1)
            reactor.callWhenRunning { SocketFaults.plan(.socket, EMFILE) }
            reactor.connectTCP(host: "127.0.0.1", port: 9, factory: errors)
            return errors
        } _: {
            "\($0.errors[0])"
        }
        #expect(
            error == "cannot connect to 127.0.0.1:9: 127.0.0.1:9 denied (Too many open files); "
                + "raise the limit of open files (ulimit -n), or connect to fewer hosts at once")
    }

    @Test("fails when the local address is in use, or isn't of this machine")
    func localAddress() async throws {
        let reasons = try await onReactor { reactor in
            let taken = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            let errors = Errors(reactor, count: 2)
            let number = taken.address.port ?? 0
            reactor.connectTCP(
                host: "127.0.0.1", port: 9, factory: errors, bindAddress: .ip(.v4(.loopback), port: number))
            reactor.connectTCP(
                host: "127.0.0.1", port: 9, factory: errors, bindAddress: .ip(addresses("192.0.2.1")[0], port: 0))
            return errors
        } _: {
            $0.errors.map { $0.attempts.first?.errno }
        }
        #expect(Set(reasons) == [EADDRINUSE, EADDRNOTAVAIL])
    }

    @Test("connects from the local address that it is told")
    func bound() async throws {
        let peers = try await onReactor { reactor in
            let seen = AccumulatingProtocol()
            let port = try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: ServerFactory { seen })
            seen.onMade = { _ in reactor.callLater(.milliseconds(1)) { reactor.stop() } }
            reactor.connectTCP(
                host: "127.0.0.1", port: port.address.port ?? 0, factory: LoggingFactory(),
                bindAddress: .ip(addresses("127.0.0.9")[0], port: 0))
            return seen
        } _: { (seen: AccumulatingProtocol) -> String? in
            seen.transport?.peer.ipAddress?.description
        }
        #expect(peers == "127.0.0.9")
    }

    @Test(
        "leaves no descriptor and one outcome, whenever it is stopped",
        arguments: [
            StopMoment.atOnce, .resolving, .connecting, .connected,
        ])
    func stopped(moment: StopMoment) async throws {
        let (log, left) = try await onReactor { reactor in
            let hole = try BlackHole()
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            let silent = ScriptedResolver(clock: reactor)
            silent.otherwise = .never
            reactor.resolver = silent
            let factory = LoggingFactory()
            let subject = (factory, Box(-1), hole)
            reactor.callWhenRunning {
                let before = reactor.descriptorCount
                let host = moment == .resolving ? "h.test" : "127.0.0.1"
                let number = moment == .connected ? port.address.port ?? 0 : hole.port
                let connector = reactor.connectTCP(host: host, port: number, factory: factory)
                let stop: () -> Void = {
                    if moment == .connected { connector.disconnect() } else { connector.stopConnecting() }
                }
                if moment == .atOnce { stop() } else { reactor.callLater(.milliseconds(20), stop) }
                reactor.callLater(.milliseconds(60)) {
                    reactor.settling(to: before) {
                        subject.1.value = $0
                        reactor.stop()
                    }
                }
            }
            return subject
        } _: { subject in
            (subject.0.log.lines, subject.1.value)
        }
        #expect(left == 0)
        #expect(log.filter { $0.hasPrefix("failed") || $0.hasPrefix("lost") }.count == 1, "\(log)")
        #expect(log.contains(moment == .connected ? "lost closed in order" : "failed cancelled"), "\(log)")
        #expect(log.last == "factory off")
    }

    enum StopMoment: Sendable { case atOnce, resolving, connecting, connected }

    @Test(
        "is told the reactor's stop in each state, once, and nothing of it stays",
        arguments: [
            StopMoment.atOnce, .resolving, .connecting, .connected,
        ])
    func reactorStops(moment: StopMoment) async throws {
        let (log, left, delayed) = try await onReactor { reactor in
            let hole = try BlackHole()
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            let silent = ScriptedResolver(clock: reactor)
            silent.otherwise = .never
            reactor.resolver = silent
            let factory = LoggingFactory()
            // Who always comes back is told, too, and doesn't keep the reactor from stopping.
            var again = 3
            factory.onStep = { step, connector in
                guard step == .failed || step == .lost, again > 0 else { return }
                again -= 1
                connector.connect()
            }
            let number = moment == .connected ? port.address.port ?? 0 : hole.port
            if moment == .atOnce { reactor.stop() }
            reactor.connectTCP(host: moment == .resolving ? "h.test" : "127.0.0.1", port: number, factory: factory)
            reactor.callLater(.milliseconds(20)) { reactor.stop() }
            return (factory, reactor, hole)
        } _: { subject in
            (subject.0.log.lines, subject.1.descriptorCount, subject.1.delayedCalls.count)
        }
        #expect(left == 0 && delayed == 0)
        let ends = log.filter { $0.hasPrefix("failed") || $0.hasPrefix("lost") }
        #expect(ends.count == log.filter { $0 == "started" }.count && ends.count == 4, "\(log)")
        #expect(ends[0] == (moment == .connected ? "lost the reactor stopped" : "failed stopped"), "\(log)")
        #expect(ends.dropFirst().allSatisfy { $0 == "failed stopped" }, "\(log)")
    }

    @Test("may stop the reactor from clientConnectionFailed")
    func stopFromCallback() async throws {
        let log = try await onReactor { reactor in
            let factory = LoggingFactory()
            factory.onStep = { step, _ in if step == .failed { reactor.stop() } }
            reactor.connectTCP(host: "h.test", port: 0, factory: factory)
            return factory
        } _: {
            $0.log.lines
        }
        #expect(log.last == "factory off" && log.count == 4)
    }

    @Test("resolves localhost without asking anybody")
    func localhost() async throws {
        let log = try await onReactor { reactor in
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            reactor.resolver = table(reactor, port: 1, [:])
            let factory = LoggingFactory()
            factory.onStep = { step, _ in if step == .made || step == .failed { reactor.stop() } }
            reactor.connectTCP(host: "localhost", port: port.address.port ?? 0, factory: factory)
            return factory
        } _: {
            $0.log.lines
        }
        #expect(log.contains { $0.hasPrefix("build 127.0.0.1:") }, "\(log)")
    }

    @Test("talks over a UNIX socket, and says what is wrong with one that isn't there")
    func unix() async throws {
        let path = "/tmp/bowline-connect-\(getpid())-\(UInt32.random(in: 0...(.max))).sock"
        defer { unlink(path) }
        let (text, error) = try await onReactor { reactor in
            _ = try reactor.serverFromString("unix:\(path)").listen(
                ServerFactory { AccumulatingProtocol { echo, bytes in echo.transport?.write(bytes) } })
            let subject = (AccumulatingProtocol(), Box(""))
            subject.0.onMade = { made in made.transport?.write("knot") }
            subject.0.onData = { _, _ in
                do {
                    try reactor.clientFromString("unix:\(path).gone").connect(AccumulatingProtocol())
                        .addCallback { _ in }
                        .addErrback { subject.1.value = "\($0)" }
                        .addBoth { _ in reactor.stop() }
                } catch {
                    subject.1.value = "\(error)"
                }
            }
            try reactor.clientFromString("unix:\(path)").connect(subject.0)
            return subject
        } _: { subject in
            (subject.0.text, subject.1.value)
        }
        #expect(text == "knot")
        #expect(
            error == "cannot connect to unix:\(path).gone: unix:\(path).gone unreachable "
                + "(No such file or directory); there is no such socket: is the server running?")
    }

    @Test("listens by an endpoint, and says why it can't")
    func listening() async throws {
        let text = try await onReactor { reactor in
            let port = try reactor.serverFromString("tcp:0:interface=127.0.0.1").listen(
                ServerFactory { AccumulatingProtocol() })
            var text = ""
            do throws(ListenError) {
                _ = try TCPServerEndpoint(reactor, port: port.address.port ?? 0, interface: .v4(.loopback))
                    .listen(ServerFactory { AccumulatingProtocol() })
            } catch {
                text = "\(error)".replacing("\(port.address)", with: "ADDRESS")
            }
            reactor.stop()
            return Box(text)
        } _: {
            $0.value
        }
        #expect(
            text == "cannot listen on ADDRESS: Address already in use; "
                + "another socket listens there: stop it, or take another port")
    }

    @Test("leaves nothing open after a thousand races, won, lost and stopped")
    func many() async throws {
        let (outcomes, left) = try await onReactor { reactor in
            let deaf = try DeafPort(.v4(.loopback))
            let port = try reactor.listenTCP(
                port: 0, interface: .v4(.loopback), factory: ServerFactory { AccumulatingProtocol() })
            let number = port.address.port ?? 0
            reactor.resolver = table(reactor, port: number, ["h.test": "::1 127.0.0.1"])
            let subject = (Box(0), Box(-1), deaf)
            reactor.callWhenRunning {
                let before = reactor.descriptorCount
                for index in 0..<1_000 {
                    let factory = LoggingFactory()
                    factory.onStep = { step, connector in
                        if step == .made { connector.disconnect() }
                        guard step == .failed || step == .lost else { return }
                        subject.0.value += 1
                        guard subject.0.value == 1_000 else { return }
                        reactor.settling(to: before) {
                            subject.1.value = $0
                            reactor.stop()
                        }
                    }
                    let connector =
                        index % 3 == 0
                        ? reactor.connectTCP(host: "127.0.0.1", port: deaf.port, factory: factory)
                        : reactor.connectTCP(host: "h.test", port: number, factory: factory)
                    if index % 7 == 0 { reactor.callLater(.microseconds(index)) { connector.stopConnecting() } }
                }
            }
            return subject
        } _: { subject in
            (subject.0.value, subject.1.value)
        }
        #expect(outcomes == 1_000)
        #expect(left == 0)
    }
}

/// A value that closures share.
final class Box<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// Collects errors, and stops the reactor after so many.
private final class Errors: ClientFactory {
    private(set) var errors: [ConnectError] = []
    private let reactor: Reactor
    private let count: Int
    private let kept: [AnyObject]

    init(_ reactor: Reactor, count: Int, keeping kept: [AnyObject] = []) {
        self.reactor = reactor
        self.count = count
        self.kept = kept
        super.init()
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        errors.append(error)
        if errors.count == count { reactor.stop() }
    }

    override func clientConnectionMade(_ connector: Connector, _ protocol: any Protocol) {
        Issue.record("connected to \(connector.target)")
        reactor.stop()
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? { AccumulatingProtocol() }
}
