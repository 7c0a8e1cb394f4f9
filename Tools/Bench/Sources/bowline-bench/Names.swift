// `names`: names that nobody has asked for yet, looked up and nothing else, so many at once as somebody asks for; beside
// c-ares in C with as many in flight as suit it best. Every name must be answered: one that is lost fails the run.

import Bowline

private let nameCount = 200_000
/// Plain c-ares loses datagrams, and so whole timeouts, above about 150 in flight.
private let bestWindows = ["100", "150"]
/// The sides are close, and single pairs vary by a tenth where others use the machine too.
private let pairs = 9

func names(_ setting: Setting) -> [Comparison] {
    [100, 300, 1_000, 10_000].map { namesCase("A only, \($0) at once", [.a], "inet", $0, setting) }
        + [namesCase("A and AAAA, 1000 at once", [.aaaa, .a], "unspec", 1_000, setting), oneName(setting)]
}

private func namesCase(
    _ name: String, _ types: [RecordType], _ family: String, _ concurrency: Int, _ setting: Setting
) -> Comparison {
    var ours = Side.missing("knot is not installed")
    var reference = ours
    if let servers = setting.servers {
        ours = .measured { try NamesRun(servers, types, concurrency).rate() }
        reference = .measured {
            try bestWindows.map {
                try Program.rate(setting.limit("names", "\(nameCount)", $0, family, "\(servers.dnsPort)"))
            }.max() ?? 0
        }
    }
    return Comparison(
        bench: "names", name: name, unit: "names/s", better: .higher, target: Budget.names,
        referenceName: "c-ares in C, best window", ours: ours, reference: reference, pairs: pairs, pause: 1)
}

/// One run: a new reactor, a new resolver with an empty cache, and every name once.
private final class NamesRun {
    private let reactor = Reactor()
    private let resolver: DNSResolver
    private let types: [RecordType]
    private let concurrency: Int
    private var started = 0
    private var ended = 0
    private var failure: (any Error)?

    init(_ servers: Setting.Servers, _ types: [RecordType], _ concurrency: Int) {
        self.types = types
        self.concurrency = concurrency
        var configuration = ResolverConfiguration()
        configuration.servers = [.ip(.v4(.loopback), port: servers.dnsPort)]
        resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
        reactor.resolver = resolver
    }

    /// Names a second.
    func rate() throws -> Double {
        reactor.callWhenRunning { [self] in
            for _ in 0..<concurrency { next() }
        }
        let taken = try nanoseconds { try reactor.run() }
        if let failure { throw failure }
        return Double(nameCount) / taken * 1e9
    }

    private func next() {
        guard started < nameCount else { return }
        started += 1
        resolver.lookup(name(started), types: types).addBoth { [self] result in
            if case .failure(let error) = result { failure = error }
            ended += 1
            if ended == nameCount || failure != nil { reactor.stop() } else { next() }
        }
    }

    /// A name that hasn't been asked for. Its octets are put together by hand, as C's side has it done by printf:
    /// interpolation would be a twentieth of what is measured.
    private func name(_ number: Int) -> String {
        String(unsafeUninitializedCapacity: 32) { octets in
            var end = octets.count
            func put(_ octet: UInt8) {
                end -= 1
                octets[end] = octet
            }
            for octet in suffix.reversed() { put(octet) }
            var rest = number
            repeat {
                put(UInt8(truncatingIfNeeded: 48 + rest % 10))
                rest /= 10
            } while rest > 0
            put(UInt8(ascii: "n"))
            let count = octets.count - end
            for index in 0..<count { octets[index] = octets[end + index] }
            return count
        }
    }
}

private let suffix = Array(".bench.test".utf8)
