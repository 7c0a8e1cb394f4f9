// Listening ports, and the dials that reach them or don't.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite struct ListeningTests {
    // C 77
    @Test("a dial that nobody answers is refused, with its errno", arguments: Road.allCases)
    func refused(road: Road) async throws {
        try await onReactor { reactor in
            var results: [Result<any DialedConnection, DialError>] = []
            _ = SocketDialer(reactor: reactor).dial(road.nowhere(), from: nil) { result in
                results.append(result)
                afterTurns(3, on: reactor) { reactor.stop() }
            }
            return {
                #expect(results.count == 1)
                guard case .failure(let error)? = results.first else {
                    Issue.record("connected to nobody")
                    return
                }
                #expect(error == DialError(ECONNREFUSED))
                #expect(error.description == "connect: Connection refused")
            }
        }
    }

    @Test("a dial without a route, to a missing path or out of descriptors fails with what the system says")
    func dialErrors() async throws {
        try await onReactor { reactor in
            var errors: [DialError?] = []
            func dial(_ address: SocketAddress) {
                _ = SocketDialer(reactor: reactor).dial(address, from: nil) { result in
                    if case .failure(let error) = result { errors.append(error) } else { errors.append(nil) }
                }
            }
            let somewhere = SocketAddress.ip(.v4(.loopback), port: 1)
            SocketFaults.plan(.connect, ENETUNREACH)
            dial(somewhere)
            SocketFaults.plan(.socket, EMFILE)
            dial(somewhere)
            dial(.unix(path: "/nonexistent-\(getpid())/socket"))
            dial(.unix(path: String(repeating: "x", count: 200)))
            reactor.stop()
            return {
                #expect(
                    errors == [
                        DialError(ENETUNREACH), DialError(EMFILE, "socket"), DialError(ENOENT), DialError(EINVAL),
                    ])
            }
        }
    }

    // C 78
    @Test("a dial from an address that is in use, or isn't here, says that bind failed")
    func bindErrors() async throws {
        try await onReactor { reactor in
            let port = try Road.tcp.listen(reactor, ServerFactory { AccumulatingProtocol() })
            var errors: [DialError] = []
            for local in [port.address, .ip(.v4(IPv4Address(bits: 0xC000_0201)), port: 0)] {
                _ = SocketDialer(reactor: reactor).dial(port.address, from: local) { result in
                    if case .failure(let error) = result { errors.append(error) }
                }
            }
            reactor.stop()
            return { #expect(errors == [DialError(EADDRINUSE, "bind"), DialError(EADDRNOTAVAIL, "bind")]) }
        }
    }

    @Test("a dial may come from an address and a port of its own")
    func dialFromAddress() async throws {
        try await onReactor { reactor in
            let client = AccumulatingProtocol()
            var peers: [SocketAddress] = []
            final class Factory: ServerFactory {
                var note: (SocketAddress) -> Void = { _ in }
                override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
                    note(address)
                    return nil
                }
            }
            let factory = Factory()
            let port = try Road.tcp.listen(reactor, factory)
            factory.note = {
                peers.append($0)
                if peers.count == 2 { reactor.stop() }
            }
            let source = IPAddress.v4(IPv4Address(bits: 0x7F00_0005))
            let dialer = SocketDialer(reactor: reactor)
            for _ in 0..<2 {
                _ = dialer.dial(port.address, from: .ip(source, port: 0)) { result in
                    if case .success(let connection) = result { connection.start(client, onEnd: nil) }
                }
            }
            return { #expect(peers.map(\.ipAddress) == [source, source]) }
        }
    }

    @Test("an abandoned dial is silent", arguments: Road.allCases)
    func abandoned(road: Road) async throws {
        try await onReactor { reactor in
            let port = try Road.tcp.listen(reactor, ServerFactory { AccumulatingProtocol() })
            var outcomes = 0
            let dial = SocketDialer(reactor: reactor).dial(port.address, from: nil) { _ in outcomes += 1 }
            dial.abandon()
            dial.abandon()
            afterTurns(10, on: reactor) { reactor.stop() }
            return { #expect(outcomes == 0) }
        }
    }

    @Test("a connection that isn't wanted is closed unused", arguments: Road.sockets)
    func closedUnused(road: Road) async throws {
        try await onReactor { reactor in
            let server = AccumulatingProtocol()
            stop(reactor, whenEnded: server)
            let port = try road.listen(reactor, ServerFactory { server })
            _ = SocketDialer(reactor: reactor).dial(port.address, from: nil) { result in
                guard case .success(let connection) = result else { return }
                #expect(connection.peer == port.address)
                connection.close()
                connection.close()
            }
            return { #expect(server.events == [.made, .lost(.done)]) }
        }
    }

    @Test("dials under way fail once when the reactor stops")
    func dialsWhenStopped() async throws {
        try await onReactor { reactor in
            let port = try Road.tcp.listen(reactor, ServerFactory { AccumulatingProtocol() })
            var codes: [CInt] = []
            for _ in 0..<5 {
                _ = SocketDialer(reactor: reactor).dial(port.address, from: nil) { result in
                    if case .failure(let error) = result { codes.append(error.code) }
                }
            }
            reactor.stop()
            return { #expect(codes == Array(repeating: ECANCELED, count: 5)) }
        }
    }

    // C 82
    @Test("a factory that makes no protocol declines the connection", arguments: Road.allCases)
    func declined(road: Road) async throws {
        try await onReactor { reactor in
            let client = AccumulatingProtocol()
            stop(reactor, whenEnded: client)
            let port = try road.listen(reactor, ServerFactory { nil })
            connect(reactor, road, to: port.address, client)
            return { #expect(client.events == [.made, .lost(.done)]) }
        }
    }

    // C 83
    @Test("a factory is started by its first port and stopped by its last")
    func factoryUse() async throws {
        try await onReactor { reactor in
            final class Factory: ServerFactory {
                var calls: [String] = []
                override func startFactory() { calls.append("start") }
                override func stopFactory() { calls.append("stop") }
            }
            let factory = Factory()
            let first = try Road.tcp.listen(reactor, factory)
            let second = try Road.unix.listen(reactor, factory)
            #expect(factory.calls == ["start"])
            first.stopListening()
            first.stopListening()
            #expect(factory.calls == ["start"])
            second.stopListening()
            #expect(factory.calls == ["start", "stop"])
            _ = try Road.tcp.listen(reactor, factory)
            reactor.stop()
            return { #expect(factory.calls == ["start", "stop", "start", "stop"]) }
        }
    }

    // C 103
    @Test(
        "out of descriptors, the waiting client is closed and the port survives", arguments: Road.sockets,
        [EMFILE, ENFILE])
    func outOfDescriptors(road: Road, code: CInt) async throws {
        try await onReactor { reactor in
            var built = 0
            let (shed, served) = (AccumulatingProtocol(), AccumulatingProtocol())
            let port = try road.listen(
                reactor,
                ServerFactory {
                    built += 1
                    return AccumulatingProtocol { end, bytes in end.transport?.write(bytes) }
                })
            SocketFaults.plan(.accept, code)
            shed.onLost = { _, _ in
                #expect(port.shedCount == 1)
                #expect(built == 0)
                connect(reactor, to: port.address, served)
            }
            served.onMade = { $0.transport?.write("still there") }
            served.onData = { _, _ in reactor.stop() }
            connect(reactor, to: port.address, shed)
            return {
                #expect(served.text == "still there")
                #expect(port.shedCount == 1)
            }
        }
    }

    @Test("out of kernel memory, the port looks away for a moment and serves the client then")
    func outOfMemory() async throws {
        try await onReactor { reactor in
            let client = AccumulatingProtocol { _, _ in reactor.stop() }
            let port = try Road.tcp.listen(
                reactor,
                ServerFactory {
                    let server = AccumulatingProtocol()
                    server.onMade = { $0.transport?.write("late") }
                    return server
                })
            SocketFaults.plan(.accept, ENOBUFS)
            connect(reactor, to: port.address, client)
            return {
                #expect(client.text == "late")
                #expect(port.shedCount == 0)
            }
        }
    }

    // C 104
    @Test(
        "stopListening frees the address, which can be listened on again; connections go on", arguments: Road.sockets)
    func restart(road: Road) async {
        // In a process of its own: where another thread starts one, that holds the closed socket, and with it the abstract
        // name, for a moment more.
        await #expect(processExitsWith: .success) { [road = road as Road] in
            try await onReactor { reactor in
                let (first, second) = (AccumulatingProtocol(), AccumulatingProtocol())
                let factory = ServerFactory { AccumulatingProtocol { end, bytes in end.transport?.write(bytes) } }
                let port = try road.listen(reactor, factory)
                first.onMade = { first in
                    // The server's side must be accepted before its port goes.
                    first.transport?.write("1")
                }
                first.onData = { first, _ in
                    guard first.text == "1" else {
                        reactor.stop()
                        return
                    }
                    port.stopListening()
                    #expect(!port.isListening)
                    do {
                        let again =
                            switch port.address {
                            case .ip(let address, let number):
                                try reactor.listenTCP(port: number, interface: address, factory: factory)
                            case .unix(let path):
                                try reactor.listenUNIX(path: path, factory: factory)
                            }
                        #expect(again.address == port.address)
                        connect(reactor, to: again.address, second)
                    } catch {
                        Issue.record(error)
                    }
                }
                second.onMade = { $0.transport?.write("2") }
                second.onData = { _, _ in first.transport?.write("3") }
                connect(reactor, to: port.address, first)
                return {
                    #expect(first.text == "13")
                    #expect(second.text == "2")
                }
            }
        }
    }

    @Test("an address that is in use throws EADDRINUSE", arguments: Road.allCases)
    func inUse(road: Road) async throws {
        try await onReactor { reactor in
            let factory = ServerFactory { nil }
            let port = try road.listen(reactor, factory)
            #expect(throws: SystemError(EADDRINUSE, "bind")) {
                switch port.address {
                case .ip(let address, let number):
                    _ = try reactor.listenTCP(port: number, interface: address, factory: factory)
                case .unix(let path):
                    _ = try reactor.listenUNIX(path: path, factory: factory)
                }
            }
            reactor.stop()
            return {}
        }
    }

    @Test("with reusePort, several listeners share a port")
    func reusePort() async throws {
        try await onReactor { reactor in
            let factory = ServerFactory { nil }
            let first = try reactor.listenTCP(port: 0, interface: .v4(.loopback), reusePort: true, factory: factory)
            let number = first.address.port ?? 0
            let second = try reactor.listenTCP(
                port: number, interface: .v4(.loopback), reusePort: true, factory: factory)
            #expect(second.address == first.address)
            reactor.stop()
            return {}
        }
    }

    @Test("the file of a UNIX socket goes with its port, unless another has taken its place")
    func socketFile() async throws {
        try await onReactor { reactor in
            var template = Array("/tmp/bowline-tests-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw SystemError(errno, "mkdtemp") }
            let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let path = folder + "/socket"
            let factory = ServerFactory { nil }
            let first = try reactor.listenUNIX(path: path, factory: factory)
            #expect(SocketCalls.socketFile(path) != nil)
            #expect(throws: SystemError(EADDRINUSE, "bind")) {
                _ = try reactor.listenUNIX(path: path, factory: factory)
            }
            // Another server replaces the file, as careless ones do.
            unlink(path)
            let second = try reactor.listenUNIX(path: path, factory: factory)
            first.stopListening()
            #expect(SocketCalls.socketFile(path) != nil)
            reactor.stop()
            return {
                #expect(!second.isListening)
                #expect(SocketCalls.socketFile(path) == nil)
                rmdir(folder)
            }
        }
    }

    @Test("after stopListening who connects is refused, also while a process that is being started holds the socket")
    func copiedSocket() async throws {
        try await onReactor { reactor in
            let factory = ServerFactory { nil }
            let ports = try Road.sockets.map { try $0.listen(reactor, factory) }
            // As such a process has it, between fork and exec.
            let copies = ports.compactMap { port in
                (3..<1024).first { SocketCalls.localAddress($0) == port.address }.map { dup($0) }
            }
            for port in ports { port.stopListening() }
            var codes: [Int32?] = []
            for port in ports {
                _ = SocketDialer(reactor: reactor).dial(port.address, from: nil) { result in
                    if case .failure(let error) = result { codes.append(error.code) } else { codes.append(nil) }
                    if codes.count == ports.count { reactor.stop() }
                }
            }
            let again = try reactor.listenTCP(
                port: ports[0].address.port ?? 0, interface: .v4(.loopback), factory: factory)
            again.stopListening()
            return {
                #expect(copies.count == 2 && copies.allSatisfy { $0 >= 0 })
                #expect(codes == [ECONNREFUSED, ECONNREFUSED])
                for copy in copies { close(copy) }
            }
        }
    }

    @Test("IPv6 and IPv4 may listen on the same port")
    func bothFamilies() async throws {
        try await onReactor { reactor in
            let factory = ServerFactory { nil }
            let four = try reactor.listenTCP(port: 0, factory: factory)
            let six = try reactor.listenTCP(port: four.address.port ?? 0, interface: .v6(.any), factory: factory)
            #expect(six.address.port == four.address.port)
            reactor.stop()
            return {}
        }
    }
}
