// Short ways to a resolver that asks fake servers, and out of a reactor's thread with what came of it.

import Bowline
import BowlineTesting
import TestSupport

let one = IPAddress.v4(IPv4Address(192, 0, 2, 1))
let two = IPAddress.v4(IPv4Address(192, 0, 2, 2))
let six = IPAddress.v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 1))

extension DNSResolver {
    /// A resolver that asks these servers, and has no hosts file unless it is given one.
    /// - Parameter clock: what it knows the time from, if that isn't the reactor: then nothing is sent again, nobody else
    ///   is asked and nothing is given up unless the test turns that clock, however slow the machine is.
    convenience init(
        _ reactor: Reactor, asking servers: SocketAddress..., hosts: HostsFile = HostsFile(), pins: [Pin] = [],
        usesTCPOnly: Bool = false, clock: (any ReactorClock)? = nil,
        options: (inout ResolverConfiguration) -> Void = { _ in }
    ) {
        var configuration = ResolverConfiguration()
        configuration.servers = servers
        configuration.usesTCPOnly = usesTCPOnly
        options(&configuration)
        self.init(
            reactor: reactor, clock: clock, configuration: configuration, hosts: .table(hosts), pins: pins,
            cache: ResolverCache())
    }
}

extension FakeDNSServer {
    /// Lets the loop turn until so many questions have come.
    nonisolated(nonsending) func await(_ count: Int, on reactor: Reactor) async throws {
        while questions.count < count { try await reactor.pass(.milliseconds(1)) }
    }
}

/// What came of a lookup, fit to leave the reactor's thread.
enum Outcome: Sendable {
    case answer(LookupAnswer)
    case failure(LookupError)
    case other(String)

    var addresses: [IPAddress]? { if case .answer(let answer) = self { answer.addresses } else { nil } }
    var kind: LookupError.Kind? { error?.kind }
    var error: LookupError? { if case .failure(let error) = self { error } else { nil } }
    var answer: LookupAnswer? { if case .answer(let answer) = self { answer } else { nil } }
}

extension Deferred<LookupAnswer> {
    /// Waits for what comes of a lookup, whatever it is.
    nonisolated(nonsending) var outcome: Outcome {
        get async {
            do {
                return .answer(try await value)
            } catch let error as LookupError {
                return .failure(error)
            } catch {
                return .other("\(type(of: error))")
            }
        }
    }
}

extension Reactor {
    /// Lets the loop turn for a while.
    nonisolated(nonsending) func pass(_ duration: Duration) async throws {
        let passed = Deferred<Void>()
        callLater(duration) { passed.callback() }
        try await passed.value
    }
}

/// Two addresses of this machine where nobody listens.
let deadServers = [IPv4Address.loopback, IPv4Address(127, 0, 0, 2)].map {
    SocketAddress.ip(.v4($0), port: Loopback.deadPort)
}

/// How many sockets of this process are connected to an address. Other tests run beside this one, so all sockets can't be
/// counted.
func openSockets(to address: SocketAddress) -> Int {
    (0..<1024).count { SocketCalls.peerAddress($0) == address }
}
