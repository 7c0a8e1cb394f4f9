// The two kinds of stream sockets, and TLS over one of them, since what a transport promises holds for all.

import Bowline
import BowlineTesting
import Glibc
import Synchronization
import TestSupport
import Testing

private let nextName = Atomic<Int>(0)

/// A way from a client to a server on this machine.
enum Road: String, CaseIterable, Codable, Sendable, CustomTestStringConvertible {
    case tcp, unix, tls

    /// The roads without anything between protocol and socket.
    static let sockets: [Road] = [.tcp, .unix]

    var testDescription: String { rawValue }

    /// Listens at a free address.
    func listen(_ reactor: Reactor, _ factory: ServerFactory) throws -> ListeningPort {
        switch self {
        case .tcp:
            try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: factory)
        case .unix:
            try reactor.listenUNIX(path: Self.freeName(), factory: factory)
        case .tls:
            try reactor.listenTLS(
                port: 0, interface: .v4(.loopback), context: try TLSFixture.server(reactor), factory: factory)
        }
    }

    /// An address where nobody listens.
    func nowhere() -> SocketAddress {
        switch self {
        case .tcp, .tls: .ip(.v4(.loopback), port: Loopback.deadPort)
        case .unix: .unix(path: Self.freeName())
        }
    }

    /// An abstract name, which needs no file and vanishes with its socket.
    static func freeName() -> String {
        "\0bowline-tests-\(getpid())-\(nextName.add(1, ordering: .relaxed).newValue)"
    }
}

/// Dials `address` and gives the connection to `client`.
func connect(
    _ reactor: Reactor, _ road: Road = .tcp, to address: SocketAddress, _ client: any Protocol,
    onEnd: ((ConnectionEnd) -> Void)? = nil
) {
    var first = client
    if road == .tls {
        do {
            first = TLSConnection(try TLSFixture.client(reactor), name: "h.test") { result in
                if case .failure(let error) = result { Issue.record(error) }
                return client
            }
        } catch {
            Issue.record(error)
        }
    }
    _ = SocketDialer(reactor: reactor).dial(address, from: nil) { result in
        switch result {
        case .success(let connection): connection.start(first, onEnd: onEnd)
        case .failure(let error): Issue.record(error)
        }
    }
}

/// Joins two protocols by a connection; its port is stopped once it is accepted.
func join(_ reactor: Reactor, _ road: Road, client: any Protocol, server: any Protocol) throws {
    var port: ListeningPort?
    port = try road.listen(
        reactor,
        ServerFactory {
            port?.stopListening()
            port = nil
            return server
        })
    if let address = port?.address { connect(reactor, road, to: address, client) }
}

/// Stops the reactor when `count` connections have ended.
func stop(_ reactor: Reactor, whenEnded protocols: AccumulatingProtocol...) {
    var waiting = protocols.count
    for ending in protocols {
        let before = ending.onLost
        ending.onLost = { ended, reason in
            before?(ended, reason)
            waiting -= 1
            if waiting == 0 { reactor.stop() }
        }
    }
}
