// What connectors are tested in: a world of virtual time, scripted names and scripted addresses, and a factory that keeps
// a log with the millisecond of each thing that happens.

import Bowline
import BowlineTesting
import Testing

/// A connector's environment without a reactor.
final class VirtualWorld: ConnectEnvironment {
    let time = ManualClock(now: ReactorInstant(nanoseconds: 7_000_000_000))
    let names: ScriptedResolver
    let addresses: ScriptedDialer
    /// Addresses without a way to them, for the order of destinations.
    var unroutable: Set<IPAddress> = []
    /// Those to which a connect found none.
    private(set) var unreachable: [IPAddress] = []

    /// The connectors that are at work.
    private(set) var active: [Connector] = []
    private var deliveries: [any TurnDelivery] = []
    private let start: ReactorInstant

    init() {
        names = ScriptedResolver(clock: time)
        addresses = ScriptedDialer(clock: time)
        start = time.now
    }

    var clock: any ReactorClock { time }
    var resolver: any Resolver { names }
    var dialer: any Dialer { addresses }

    func sourceAddress(toward destination: IPAddress) -> IPAddress? {
        unroutable.contains(destination) ? nil : destination
    }

    func noteUnreachable(_ destination: IPAddress) { unreachable.append(destination) }

    /// As in a turn of the reactor, what is due at the same instant comes first.
    func deliverLater(_ work: any TurnDelivery) {
        deliveries.append(work)
        guard deliveries.count == 1 else { return }
        time.callLater(.zero) { [self] in
            let batch = deliveries
            deliveries = []
            for work in batch { work.deliver() }
        }
    }

    private var tlsContexts: [TLSClientConfiguration: TLSContext] = [:]

    func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext {
        if let context = tlsContexts[configuration] { return context }
        let context = try TLSContext(client: configuration, clock: time)
        tlsContexts[configuration] = context
        return context
    }

    func remember(_ connector: Connector) { active.append(connector) }
    func forget(_ connector: Connector) {
        guard let place = active.firstIndex(where: { $0 === connector }) else {
            Issue.record("a connector was forgotten that wasn't remembered")
            return
        }
        active.remove(at: place)
    }

    func stop() {
        names.reactorStopped()
        for connector in active { connector.reactorStopped() }
    }

    /// Milliseconds since the beginning.
    var milliseconds: Int { Int((time.now - start) / .milliseconds(1)) }

    func connector(_ target: ConnectTarget, _ factory: ClientFactory, _ options: ConnectOptions = .init()) -> Connector
    {
        Connector(to: target, factory: factory, options: options, environment: self)
    }

    func connect(
        _ factory: ClientFactory, to host: String = "h.test", port: UInt16 = 80, _ options: ConnectOptions = .init()
    ) -> Connector {
        let connector = connector(.host(host, port: port), factory, options)
        connector.connect()
        return connector
    }
}

/// Logs everything that a factory and its protocols are told, and does what a test wants done at each step.
final class LoggingFactory: ClientFactory {
    let log = ConnectLog()
    private let now: () -> Int
    /// Called at each step, after it was logged.
    var onStep: ((Step, Connector) -> Void)?
    /// Whether `buildProtocol` declines.
    var declines = false
    private(set) var errors: [ConnectError] = []
    private(set) var protocols: [LoggingProtocol] = []
    private(set) weak var connector: Connector?

    enum Step: CaseIterable { case started, building, made, failed, lost }

    init(_ world: VirtualWorld) {
        now = { world.milliseconds }
        super.init()
    }

    /// A factory for a real reactor: its log has no times.
    override init() {
        now = { -1 }
        super.init()
    }

    private func note(_ text: String) {
        log.lines.append(now() < 0 ? text : "\(now()) \(text)")
    }

    override func startFactory() { note("factory on") }
    override func stopFactory() { note("factory off") }

    override func startedConnecting(_ connector: Connector) {
        self.connector = connector
        note("started")
        onStep?(.started, connector)
    }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        note("build \(address)")
        if let connector { onStep?(.building, connector) }
        guard !declines else { return nil }
        let made = LoggingProtocol { [unowned self] event in
            note(event)
            if event == "made", let connector { onStep?(.made, connector) }
        }
        protocols.append(made)
        return made
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        errors.append(error)
        note("failed \(error.shortReason)")
        onStep?(.failed, connector)
    }

    override func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) {
        note("lost \(reason)")
        onStep?(.lost, connector)
    }
}

final class ConnectLog {
    var lines: [String] = []
}

final class LoggingProtocol: Protocol {
    var transport: (any Transport)?
    private let note: (String) -> Void

    init(_ note: @escaping (String) -> Void) { self.note = note }

    func connectionMade() { note("made") }
    func dataReceived(_ bytes: RawSpan) { note("data \(bytes.byteCount)") }
    func connectionLost(_ reason: ConnectionEnd) { note("ended \(reason)") }
}

extension ConnectError {
    /// The reason as one word or two.
    var shortReason: String {
        switch reason {
        case .badTarget(let problem): "target: \(problem)"
        case .badName: "bad name"
        case .lookup(let error): "\(error.kind.rawValue)"
        case .resolver(let words): "resolver: \(words)"
        case .attemptsFailed: attempts.map { $0.outcome?.rawValue ?? "pending" }.joined(separator: " ")
        case .proxy(let error): "proxy \(error.kind)"
        case .tls(let error): "tls \(error.kind)"
        case .proxyTLS(let error): "proxy tls \(error.kind)"
        case .timedOut: "timed out"
        case .cancelled: "cancelled"
        case .stopped: "stopped"
        case .declined: "declined"
        }
    }
}

/// Reads addresses of tests.
func addresses(_ text: String) -> [IPAddress] {
    text.split(separator: " ").map { word in
        guard let address = IPAddress(String(word)) else { preconditionFailure("\(word) in a test") }
        return address
    }
}
