// `cold`: names that nobody has asked for yet, each resolved, connected to, asked for a page of 12 bytes and closed, 100 at
// once on one thread; beside c-ares in epoll in C, which doesn't even parse the response.

import Bowline

private let fetchCount = 20_000
private let inFlight = 100

func cold(_ setting: Setting) -> [Comparison] {
    [
        coldCase("A only, \(inFlight) in flight", [.ipv4], "inet", setting),
        coldCase("A and AAAA, \(inFlight) in flight", [.ipv6, .ipv4], "unspec", setting),
    ]
}

private func coldCase(
    _ name: String, _ families: [AddressFamily], _ family: String, _ setting: Setting
) -> Comparison {
    var ours = Side.missing("nginx or knot is not installed")
    var reference = ours
    if let servers = setting.servers {
        ours = .measured { try ColdRun(servers, families).rate() }
        reference = .program(
            setting.limit(
                "cold", "\(fetchCount)", "\(inFlight)", family, "\(servers.dnsPort)", "\(servers.httpPort)"))
    }
    return Comparison(
        bench: "cold", name: name, unit: "fetches/s", better: .higher, target: Budget.cold,
        referenceName: "c-ares+epoll in C", ours: ours, reference: reference, pause: 1)
}

/// One run: a new reactor, a new resolver with an empty cache, and every name once.
private final class ColdRun {
    private let reactor = Reactor()
    private let port: UInt16
    private let families: [AddressFamily]
    private var started = 0
    private var ended = 0
    private var failure: (any Error)?

    init(_ servers: Setting.Servers, _ families: [AddressFamily]) {
        port = servers.httpPort
        self.families = families
        var configuration = ResolverConfiguration()
        configuration.servers = [.ip(.v4(.loopback), port: servers.dnsPort)]
        reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
    }

    /// Fetches a second.
    func rate() throws -> Double {
        reactor.callWhenRunning { [self] in
            for _ in 0..<inFlight { next() }
        }
        let taken = try nanoseconds { try reactor.run() }
        if let failure { throw failure }
        return Double(fetchCount) / taken * 1e9
    }

    private func next() {
        guard started < fetchCount else { return }
        started += 1
        var request = PageRequest("http://n\(started).bench.test:\(port)/small")
        request.connect.families = families
        // Each name is fetched once: the program in C closes its connections, too.
        request.reusesConnections = false
        reactor.fetch(request).addBoth { [self] result in
            switch result {
            case .success(let page) where page.body.count == 12: break
            case .success(let page): failure = Program.Failure(description: "a page of \(page.body.count) bytes")
            case .failure(let error): failure = error
            }
            ended += 1
            if ended == fetchCount || failure != nil { reactor.stop() } else { next() }
        }
    }
}
