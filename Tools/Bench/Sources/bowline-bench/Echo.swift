// `echo`: round trips of 64 bytes over 64 connections, the same client in C against our server and against the limit's.

import Bowline
import Glibc

func echo(_ setting: Setting) -> [Comparison] {
    let client = setting.limit("echo")[0]
    guard Program.isInstalled(client) else { return [] }
    func roundTrips(to port: UInt16) throws -> Double {
        try Program.rate(setting.limit("echo", "client", "\(port)", "64", "2"))
    }
    return [
        Comparison(
            bench: "echo", name: "round trips, 64 connections", unit: "1/s", better: .higher, target: Budget.echo,
            referenceName: "epoll in C",
            ours: .measured {
                let server = try EchoServer()
                defer { server.stop() }
                return try roundTrips(to: server.port)
            },
            reference: .measured {
                let port = try freePort()
                return try Program.with(setting.limit("echo", "server", "\(port)")) { try roundTrips(to: port) }
            }, pairs: 9)
    ]
}

/// A TCP port of 127.0.0.1 on which nobody listens now.
func freePort() throws -> UInt16 {
    let port = try Reactor().listenTCP(port: 0, interface: .v4(.loopback), factory: ServerFactory { nil })
    return port.address.port ?? 0
}

private final class Echo: Bowline::Protocol {
    var transport: (any Transport)?
    func dataReceived(_ bytes: RawSpan) { transport?.write(bytes) }
}

/// Our server, on a reactor and a thread of its own.
private final class EchoServer {
    let port: UInt16
    private let handle: ReactorHandle
    private var thread = pthread_t()

    init() throws {
        let reactor = Reactor()
        handle = reactor.handle
        let listening = try reactor.listenTCP(
            port: 0, interface: .v4(.loopback), backlog: 4096, factory: ServerFactory { Echo() })
        port = listening.address.port ?? 0
        pthread_create(
            &thread, nil,
            { box in
                guard let box else { return nil }
                try? Unmanaged<Reactor>.fromOpaque(box).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(reactor).toOpaque())
    }

    func stop() {
        handle.stop()
        pthread_join(thread, nil)
    }
}
