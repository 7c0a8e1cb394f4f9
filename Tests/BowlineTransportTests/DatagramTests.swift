// UDP ports over loopback.

import Bowline
import BowlineTesting
import BowlineTransport
import CLinux
import Glibc
import TestSupport
import Testing

/// Records what its port tells it.
private final class AccumulatingDatagrams: DatagramProtocol {
    var port: DatagramPort?
    var received: [(bytes: [UInt8], sender: SocketAddress)] = []
    var calls: [String] = []
    var onDatagram: ((AccumulatingDatagrams, [UInt8], SocketAddress) -> Void)?
    var onRefused: (() -> Void)?

    func startProtocol() {
        #expect(port?.isListening == true)
        calls.append("start")
    }

    func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress) {
        let copy = bytes.withUnsafeBytes { Array($0) }
        received.append((copy, sender))
        onDatagram?(self, copy, sender)
    }

    func connectionRefused() {
        calls.append("refused")
        onRefused?()
    }

    func stopProtocol() {
        #expect(port != nil)
        calls.append("stop")
    }
}

@Suite struct DatagramTests {
    private static let loopbacks: [IPAddress] = [.v4(.loopback), .v6(.loopback)]

    @Test("a port that its reactor can't watch throws, and closes its socket once")
    func noPoller() async {
        await #expect(processExitsWith: .success) {
            // Room for one descriptor: the socket takes it, and none is left for the poller.
            let free = dup(0)
            close(free)
            var limit = rlimit(rlim_cur: rlim_t(free + 1), rlim_max: rlim_t(free + 1))
            precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            errno = 0
            do {
                try Reactor().listenUDP(port: 0, protocol: AccumulatingDatagrams())
                preconditionFailure("it listens")
            } catch {
                // Closing it twice would be told by nothing else, until another thread's descriptor is hit.
                precondition(errno != EBADF, "closed twice")
                precondition((error as? SystemError)?.code == EMFILE, "\(error)")
            }
            // By its kind and not by its number: another thread of this process may hold a descriptor for a moment.
            let kinds = (0..<free + 2).map { SocketCalls.option($0, SOL_SOCKET, SO_TYPE) }
            precondition(!kinds.contains(Int32(SOCK_DGRAM.rawValue)), "the socket is still open")
        }
    }

    @Test("a datagram arrives with its sender, and the answer goes back", arguments: loopbacks)
    func roundTrip(interface: IPAddress) async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
            let far = try reactor.listenUDP(port: 0, interface: interface, protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: interface, protocol: client)
            server.onDatagram = { server, bytes, sender in server.port?.write(bytes + [33], to: sender) }
            client.onDatagram = { _, _, _ in if client.received.count == 2 { reactor.stop() } }
            near.write("hi", to: far.address)
            near.write([UInt8](), to: far.address)
            return {
                #expect(server.received.map(\.bytes) == [Array("hi".utf8), []])
                #expect(server.received.map(\.sender) == [near.address, near.address])
                #expect(client.received.map(\.bytes) == [Array("hi!".utf8), [33]])
                #expect(server.calls == ["start", "stop"])
                #expect(server.port == nil)
                #expect(!far.isListening)
            }
        }
    }

    @Test("a burst of more than one batch arrives in order, and datagrams are never joined")
    func burst() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
            let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), maxPacketSize: 512, protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            // Sockets' buffers hold about 250 small datagrams; more of them at once may be lost.
            let datagrams = (0..<150).map { [UInt8](repeating: UInt8($0), count: $0) }
            server.onDatagram = { _, _, _ in if server.received.count == datagrams.count { reactor.stop() } }
            for datagram in datagrams { #expect(near.write(datagram, to: far.address)) }
            return { #expect(server.received.map(\.bytes) == datagrams) }
        }
    }

    @Test("a connected port needs no address, and hears nobody else")
    func connected() async throws {
        try await onReactor { reactor in
            let (client, server, stranger) = (
                AccumulatingDatagrams(), AccumulatingDatagrams(), AccumulatingDatagrams()
            )
            let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            let other = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: stranger)
            try near.connect(to: far.address)
            #expect(near.peer == far.address)
            other.write("not for you", to: near.address)
            near.write("one")
            server.onDatagram = { server, _, sender in server.port?.write("two", to: sender) }
            client.onDatagram = { _, _, _ in reactor.stop() }
            return {
                #expect(server.received.map(\.bytes) == [Array("one".utf8)])
                #expect(client.received.map(\.bytes) == [Array("two".utf8)])
                #expect(client.calls == ["start", "stop"])
            }
        }
    }

    @Test("a connected port is told when nobody listens, and sends on")
    func refused() async throws {
        try await onReactor { reactor in
            let client = AccumulatingDatagrams()
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            try near.connect(to: .ip(.v4(.loopback), port: Loopback.deadPort))
            near.write("one")
            // Finds the error of the one before, and is sent all the same.
            afterTurns(3, on: reactor) { near.write("two") }
            client.onRefused = { if client.calls.count == 3 { reactor.stop() } }
            return { #expect(client.calls == ["start", "refused", "refused", "stop"]) }
        }
    }

    @Test("a datagram larger than maxPacketSize is dropped and counted, and those around it are not")
    func tooLarge() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
            let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), maxPacketSize: 100, protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            server.onDatagram = { _, _, _ in if server.received.count == 2 { reactor.stop() } }
            for size in [100, 101, 99] { near.write([UInt8](repeating: 1, count: size), to: far.address) }
            return {
                #expect(server.received.map(\.bytes.count) == [100, 99])
                #expect(far.droppedCount == 1)
            }
        }
    }

    @Test("a datagram that the system refuses costs only itself")
    func refusedBySystem() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
            let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            server.onDatagram = { _, _, _ in if server.received.count == 2 { reactor.stop() } }
            near.write("one", to: far.address)
            near.write([UInt8](repeating: 1, count: 70_000), to: far.address)
            near.write("two", to: far.address)
            return {
                #expect(server.received.map(\.bytes) == [Array("one".utf8), Array("two".utf8)])
                #expect(near.droppedCount == 1)
            }
        }
    }

    @Test("what the socket doesn't take waits, up to a bound")
    func bounded() async throws {
        try await onReactor { reactor in
            let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
            let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: server)
            let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
            SocketFaults.plan(.send, EAGAIN)
            let taken = (0..<5000).count { _ in near.write("x", to: far.address) }
            #expect(taken == 4096)
            #expect(near.droppedCount == 5000 - 4096)
            server.onDatagram = { _, _, _ in reactor.stop() }
            return { #expect(!server.received.isEmpty) }
        }
    }

    @Test("stopListening inside a delivery ends it, sends what was written, and frees the port")
    func stopInside() async {
        // In a process of its own: where another thread starts one, that holds the closed socket for a moment more.
        await #expect(processExitsWith: .success) {
            try await onReactor { reactor in
                let (client, server) = (AccumulatingDatagrams(), AccumulatingDatagrams())
                let far = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: server)
                let near = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: client)
                server.onDatagram = { server, _, sender in
                    server.port?.write("bye", to: sender)
                    server.port?.stopListening()
                    #expect(server.calls == ["start"], "told later")
                    #expect(throws: Never.self) {
                        try reactor.listenUDP(
                            port: far.address.port ?? 0, interface: .v4(.loopback), protocol: AccumulatingDatagrams())
                    }
                }
                client.onDatagram = { _, _, _ in reactor.stop() }
                for _ in 0..<3 { near.write("x", to: far.address) }
                return {
                    #expect(server.received.count == 1)
                    #expect(client.received.map(\.bytes) == [Array("bye".utf8)])
                    #expect(!far.write("late", to: near.address))
                }
            }
        }
    }

    @Test("a port that is in use throws EADDRINUSE")
    func inUse() async throws {
        try await onReactor { reactor in
            let port = try reactor.listenUDP(port: 0, interface: .v4(.loopback), protocol: AccumulatingDatagrams())
            #expect(throws: SystemError(EADDRINUSE, "bind")) {
                try reactor.listenUDP(
                    port: port.address.port ?? 0, interface: .v4(.loopback), protocol: AccumulatingDatagrams())
            }
            reactor.stop()
            return {}
        }
    }
}
