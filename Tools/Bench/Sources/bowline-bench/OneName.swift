// One of the cases of `names`: a name that nobody knows yet, asked for 10,000 times at once. Two datagrams leave, one for A
// and one for AAAA; any more fail the run.

import Bowline

private let lookupCount = 10_000
private let rounds = 20

func oneName(_ setting: Setting) -> Comparison {
    var ours = Side.missing("knot is not installed")
    if let servers = setting.servers {
        ours = .measured {
            var taken = 0.0
            for _ in 0..<rounds { taken += try round(servers) }
            return Double(lookupCount * rounds) / taken * 1e9
        }
    }
    return Comparison(
        bench: "names", name: "one name, \(lookupCount) times at once", unit: "lookups/s", better: .higher, target: nil,
        referenceName: "none", ours: ours, reference: .missing("nothing to compare with"))
}

/// Nanoseconds for a round, with a new reactor and an empty cache.
private func round(_ servers: Setting.Servers) throws -> Double {
    let reactor = Reactor()
    var configuration = ResolverConfiguration()
    configuration.servers = [.ip(.v4(.loopback), port: servers.dnsPort)]
    reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
    var left = lookupCount
    var failure: (any Error)?
    reactor.callWhenRunning {
        for _ in 0..<lookupCount {
            reactor.resolver.lookup("one.bench.test").addBoth { result in
                if case .failure(let error) = result { failure = error }
                left -= 1
                guard left == 0 else { return }
                let datagrams = reactor.resolver.servers().reduce(0) { $0 + $1.counts.datagrams }
                if datagrams != 2 { failure = Program.Failure(description: "\(datagrams) datagrams left, and not 2") }
                reactor.stop()
            }
        }
    }
    let taken = try nanoseconds { try reactor.run() }
    if let failure { throw failure }
    return taken
}
