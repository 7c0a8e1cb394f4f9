// No path leaves a descriptor behind. Counted in a process of its own, since other tests open descriptors meanwhile.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

/// How many descriptors of the kinds that a reactor opens this process has: sockets, the poller's, and the reserve of a
/// listening port. The testing library opens pipes and files of its own at any moment.
private func openDescriptors() -> Int {
    OpenDescriptors.all().values.count { target in
        ["socket:", "anon_inode:", "/dev/null"].contains { target.hasPrefix($0) }
    }
}

/// Runs `body` on a reactor twice and expects that the second time leaves as many descriptors as the first: what is
/// opened once for a process (entropy, time zones) is not a leak.
private func expectNoLeak(_ body: @escaping @Sendable (Reactor) throws -> Void) async throws {
    var counts: [Int] = []
    for _ in 0..<2 {
        try await onReactor { reactor in
            try body(reactor)
            return {}
        }
        counts.append(openDescriptors())
    }
    #expect(counts[0] == counts[1])
    #expect(counts[0] > 0)
}

@Suite struct DescriptorTests {
    // C 88
    @Test("every way to end a connection closes its descriptors")
    func endings() async {
        await #expect(processExitsWith: .success) {
            try await expectNoLeak { reactor in
                var ended = 0
                var waiting = 0
                for road in Road.allCases {
                    // A client of TLS that aborts at once leaves the server without a protocol to tell.
                    for way in 0..<7 where road != .tls || way != 1 {
                        let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
                        waiting += 2
                        for end in [client, server] {
                            end.onLost = { _, _ in
                                ended += 1
                                if ended == waiting { reactor.stop() }
                            }
                        }
                        client.onMade = { client in
                            switch way {
                            case 0: client.transport?.loseConnection()
                            case 1: client.transport?.abortConnection()
                            case 2: client.transport?.loseWriteConnection()
                            case 3:
                                client.transport?.write([UInt8](repeating: 1, count: 1_000_000))
                                client.transport?.loseConnection()
                            case 4:
                                client.transport?.pauseReading()
                                afterTurns(10, on: reactor) { client.transport?.resumeReading() }
                            case 5:
                                client.transport?.closeTimeout = .milliseconds(5)
                                client.transport?.write([UInt8](repeating: 1, count: 20_000_000))
                                client.transport?.loseConnection()
                            default: afterTurns(3, on: reactor) { client.transport?.abortConnection() }
                            }
                        }
                        server.onMade = { server in
                            switch way {
                            case 4: server.transport?.loseConnection()
                            case 5:
                                server.transport?.pauseReading()
                                afterTurns(30, on: reactor) {
                                    reactor.callLater(.milliseconds(20)) { server.transport?.resumeReading() }
                                }
                            default: break
                            }
                        }
                        try join(reactor, road, client: client, server: server)
                    }
                }
            }
        }
    }

    // C 88
    @Test("dials that fail, are abandoned or not taken up close their descriptors")
    func dials() async {
        await #expect(processExitsWith: .success) {
            try await expectNoLeak { reactor in
                let dialer = SocketDialer(reactor: reactor)
                for road in Road.allCases {
                    let port = try road.listen(reactor, ServerFactory { nil })
                    dialer.dial(port.address, from: nil) { _ in }.abandon()
                    _ = dialer.dial(port.address, from: nil) { try? $0.get().close() }
                    SocketFaults.plan(.connect, ENETUNREACH)
                    _ = dialer.dial(port.address, from: nil) { _ in }
                }
                let gone = try Road.tcp.listen(reactor, ServerFactory { nil })
                gone.stopListening()
                _ = dialer.dial(gone.address, from: nil) { _ in }
                afterTurns(20, on: reactor) { reactor.stop() }
            }
        }
    }

    // C 88, R 71
    @Test("a reactor that stops closes everything it held")
    func stops() async {
        await #expect(processExitsWith: .success) {
            try await expectNoLeak { reactor in
                for road in Road.allCases {
                    let port = try road.listen(reactor, ServerFactory { AccumulatingProtocol() })
                    for _ in 0..<20 { connect(reactor, road, to: port.address, AccumulatingProtocol()) }
                }
                final class Silent: DatagramProtocol {
                    var port: DatagramPort?
                    func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress) {}
                }
                _ = try reactor.listenUDP(port: 0, protocol: Silent())
                afterTurns(5, on: reactor) { reactor.stop() }
            }
        }
    }

    // C 88, 103
    @Test("out of descriptors in truth, clients are shed, and the port serves again when there is room")
    func limit() async {
        await #expect(processExitsWith: .success) {
            try await onReactor { reactor in
                let port = try Road.tcp.listen(
                    reactor,
                    ServerFactory { AccumulatingProtocol { end, bytes in end.transport?.write(bytes) } })
                // All descriptors are taken but the one that the client needs.
                var limits = rlimit(rlim_cur: 64, rlim_max: 64)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
                var taken: [Int32] = []
                while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 { taken.append(descriptor) }
                if let last = taken.popLast() { close(last) }

                let (shed, served) = (AccumulatingProtocol(), AccumulatingProtocol())
                shed.onLost = { _, _ in
                    for descriptor in taken { close(descriptor) }
                    connect(reactor, to: port.address, served)
                }
                served.onMade = { $0.transport?.write("there") }
                served.onData = { _, _ in reactor.stop() }
                connect(reactor, to: port.address, shed)
                // Another thread of the process may have taken the descriptor that the port gave up to shed with: it needs
                // another then.
                func help() {
                    guard port.shedCount == 0 else { return }
                    if let last = taken.popLast() { close(last) }
                    reactor.callLater(.seconds(2), help)
                }
                reactor.callLater(.seconds(2), help)
                return {
                    #expect(served.text == "there")
                    #expect(port.shedCount == 1)
                }
            }
        }
    }
}
