// What the tests on a real reactor share: a thread to run it on, a bound, and the sockets of the process.

import Bowline
import BowlineReactor
import CLinux
import Glibc
import TestSupport
import Testing

/// Runs a reactor on a thread of its own, and returns what `result` makes of it when it has stopped. `setUp` begins the
/// test and sees to it that the reactor stops.
func onReactor<Subject, Value: Sendable>(
    within limit: Duration = .seconds(120), _ setUp: @escaping @Sendable (Reactor) throws -> Subject,
    _ result: @escaping @Sendable (Subject) throws -> Value
) async throws -> Value {
    // The reactor ends itself in time, and the rest of the process goes on.
    try await onThread(within: limit * 2) {
        let reactor = Reactor()
        var isHung = false
        let subject = try setUp(reactor)
        reactor.callLater(limit) {
            isHung = true
            reactor.stop()
        }
        try reactor.run()
        if isHung { throw Hung() }
        return try result(subject)
    }
}

/// A TCP listener on loopback that never accepts, and whose queue is full: a further connection stays silent, as at a
/// host that drops every packet.
final class BlackHole {
    let port: UInt16
    private var descriptors: [CInt] = []

    init(_ family: AddressFamily = .ipv4) throws {
        let address = SocketAddress.ip(family == .ipv4 ? .v4(.loopback) : .v6(.loopback), port: 0)
        let listener = try SocketCalls.socket(family: address.domain, type: SOCK_STREAM)
        descriptors.append(listener)
        try SocketCalls.bind(listener, address)
        try SocketCalls.listen(listener, backlog: 0)
        guard let bound = SocketCalls.localAddress(listener), let port = bound.port else { throw Hung() }
        self.port = port
        // A queue of 0 holds one connection; a second one makes sure.
        for _ in 0..<2 {
            let filler = try SocketCalls.socket(family: address.domain, type: SOCK_STREAM)
            descriptors.append(filler)
            _ = try? SocketCalls.connect(filler, bound)
        }
        usleep(2_000)
    }

    deinit {
        for descriptor in descriptors { SocketCalls.close(descriptor) }
    }
}

/// A port of loopback that refuses: it is bound, and nobody listens.
final class DeafPort {
    let port: UInt16
    private let descriptor: CInt

    init(_ address: IPAddress) throws {
        let wanted = SocketAddress.ip(address, port: 0)
        descriptor = try SocketCalls.socket(family: wanted.domain, type: SOCK_STREAM)
        try SocketCalls.bind(descriptor, wanted)
        port = SocketCalls.localAddress(descriptor)?.port ?? 0
    }

    deinit {
        SocketCalls.close(descriptor)
    }
}

/// A resolver with a table of names, and no file: it would come to watch that, with a descriptor of its own.
func table(_ reactor: Reactor, port: UInt16, _ hosts: [String: String]) -> DNSResolver {
    var configuration = ResolverConfiguration()
    // Nobody is asked: the port of discard.
    configuration.servers = [.ip(.v4(.loopback), port: 9)]
    return DNSResolver(
        reactor: reactor, configuration: configuration, hosts: .table(HostsFile()),
        pins: hosts.map { Pin(host: $0.key, port: port, addresses: addresses($0.value)) })
}

extension Reactor {
    /// Calls `function` with how many descriptors there are above `count`, as soon as there are none, or after a second:
    /// the listening ends of connections are closed some turns after the others.
    func settling(to count: Int, triesLeft: Int = 1_000, _ function: @escaping (Int) -> Void) {
        guard descriptorCount > count, triesLeft > 0 else { return function(descriptorCount - count) }
        callLater(.milliseconds(1)) { [unowned self] in
            settling(to: count, triesLeft: triesLeft - 1, function)
        }
    }
}
