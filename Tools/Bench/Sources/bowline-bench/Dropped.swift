// `dropped`: what it costs to connect when the DNS server never answers the question for AAAA: the resolution delay of
// 50 ms (RFC 8305, 3), and little more. Beside the same connection to a name whose AAAA is answered with NODATA.

import Bowline
import BowlineTesting

func dropped(_ setting: Setting) -> [Comparison] {
    [
        Comparison(
            bench: "dropped", name: "connected, AAAA dropped (median of 20)", unit: "ms", better: .lower, target: nil,
            referenceName: "AAAA answered, + 60 ms allowed",
            ours: .measured { try DroppedRun(dropsAAAA: true).median() },
            reference: .measured { try DroppedRun(dropsAAAA: false).median() + 60 }, pairs: 1)
    ]
}

/// Twenty connections, one after the other, each to a name of its own.
private final class DroppedRun {
    private static let count = 20
    private let reactor = Reactor()
    private let port: ListeningPort
    private var times: [Double] = []
    private var failure: (any Error)?

    init(dropsAAAA: Bool) throws {
        let server = try FakeDNSServer(reactor: reactor) { question in
            if question.type == .a { return .addresses([.v4(.loopback)]) }
            return dropsAAAA ? .drop : .nodata(minimum: 60)
        }
        port = try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: ServerFactory { Silent() })
        var configuration = ResolverConfiguration()
        configuration.servers = [server.address]
        reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
    }

    /// The median of the times from `connectTCP` to the connection, in milliseconds.
    func median() throws -> Double {
        reactor.callWhenRunning { [self] in next() }
        try reactor.run()
        if let failure { throw failure }
        return middle(of: times)
    }

    private func middle(of times: [Double]) -> Double { times.isEmpty ? 0 : times.sorted()[times.count / 2] }

    private func next() {
        guard times.count < Self.count, let number = port.address.port else {
            reactor.stop()
            return
        }
        let factory = Timing { [self] connector, error in
            failure = error
            if let connected = connector.connectedTime {
                times.append((connected - connector.startTime) / .milliseconds(1))
            }
            if error == nil { next() } else { reactor.stop() }
        }
        reactor.connectTCP(host: "n\(times.count).dropped.test", port: number, factory: factory)
    }
}

private final class Silent: Bowline::Protocol {
    var transport: (any Transport)?
    func dataReceived(_ bytes: RawSpan) {}
}

/// Closes each connection at once and tells when that is done.
private final class Timing: ClientFactory {
    private let ended: (Connector, ConnectError?) -> Void

    init(ended: @escaping (Connector, ConnectError?) -> Void) {
        self.ended = ended
        super.init()
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Bowline::Protocol)? { Closing() }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) { ended(connector, error) }

    override func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) { ended(connector, nil) }
}

private final class Closing: Bowline::Protocol {
    var transport: (any Transport)?
    func connectionMade() { transport?.loseConnection() }
    func dataReceived(_ bytes: RawSpan) {}
}
