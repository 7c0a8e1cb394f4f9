// What the client's pool is tested in: virtual time, scripted names and connections in memory, with an agent of its own.

import Bowline
import BowlineTesting
import Testing

/// An agent without a reactor. Every name is an address, and at every address `responder` answers, unless a test plans
/// something else.
final class WebWorld: ConnectEnvironment {
    let time = ManualClock(now: ReactorInstant(nanoseconds: 7_000_000_000))
    let names: ScriptedResolver
    let addresses: ScriptedDialer
    let responder: HTTPResponder
    private(set) lazy var agent = Agent(self)
    /// What became of each request, in the order in which they ended: `name outcome`.
    private(set) var log: [String] = []
    private(set) var pages: [String: PageResponse] = [:]
    private(set) var errors: [String: PageError] = [:]

    private var active: [Connector] = []
    private var deliveries: [any TurnDelivery] = []

    init(limits: (inout PoolLimits) -> Void = { _ in }) {
        names = ScriptedResolver(clock: time)
        addresses = ScriptedDialer(clock: time)
        responder = HTTPResponder(clock: time) { _ in .respond(.init("hello")) }
        names.otherwise = .addresses([.v4(.loopback)])
        addresses.otherwise = .connects(to: { [unowned self] in server() })
        limits(&agent.limits)
    }

    private func server() -> any Protocol {
        responder.buildProtocol(.ip(.v4(.loopback), port: 50_000)) ?? Silence()
    }

    var clock: any ReactorClock { time }
    var resolver: any Resolver { names }
    var dialer: any Dialer { addresses }

    func sourceAddress(toward destination: IPAddress) -> IPAddress? { destination }
    func noteUnreachable(_ destination: IPAddress) {}
    func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext {
        try TLSContext(client: configuration, clock: time)
    }

    func deliverLater(_ work: any TurnDelivery) {
        deliveries.append(work)
        guard deliveries.count == 1 else { return }
        time.callLater(.zero) { [self] in
            let batch = deliveries
            deliveries = []
            for work in batch { work.deliver() }
        }
    }

    func remember(_ connector: Connector) { active.append(connector) }
    func forget(_ connector: Connector) { active.removeAll { $0 === connector } }

    /// Begins a fetch whose end is logged under a name: the URL's last path component.
    @discardableResult
    func fetch(
        _ url: String, _ name: String? = nil, _ change: (inout PageRequest) -> Void = { _ in }
    ) -> Deferred<PageResponse> {
        var request = PageRequest("http://\(url)")
        change(&request)
        let name = name ?? String(url.split(separator: "/").last ?? "")
        let page = agent.fetch(request)
        page.addBoth { [unowned self] result in
            switch result {
            case .success(let page):
                pages[name] = page
                log.append("\(name) \(page.status)")
            case .failure(let error):
                errors[name] = error as? PageError
                log.append("\(name) \(words(error))")
            }
        }
        return page
    }

    func advance(_ milliseconds: Int = 0) { time.advance(by: .milliseconds(milliseconds)) }

    /// The connections that stand.
    var open: [ScriptedConnection] {
        addresses.connections.filter { connection in
            if case .ended = connection.transport.state { false } else { !connection.isClosedUnused }
        }
    }

    /// On which connection each request came, counted from 1.
    var arrivals: [String] { responder.requests.map { "\($0.target.dropFirst()) on \($0.connection)" } }

    var counters: PoolSnapshot.Counters { agent.snapshot().counters }
}

/// A server that says nothing.
final class Silence: Protocol {
    var transport: (any Transport)?
    func dataReceived(_ bytes: RawSpan) {}
}

/// A server that does what a closure says with each piece that arrives.
final class Server: Protocol {
    var transport: (any Transport)?
    private(set) var received: [UInt8] = []
    private let serve: (Server) -> Void

    init(_ serve: @escaping (Server) -> Void) { self.serve = serve }

    var text: String { String(decoding: received, as: UTF8.self) }

    func dataReceived(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { received.append(contentsOf: $0) }
        serve(self)
    }
}
