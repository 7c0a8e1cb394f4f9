// A connection to a host, from the name to the protocol: asks the resolver, lets the race decide which address is tried
// when, performs what it decides, and tells the factory the one outcome.
//
// All decisions are the race's; how they are carried out is in Connector+Trying.swift. This file is the life of a
// connector: what its users ask, and where it ends. A factory is told that there is no connection from one place,
// `deliver`, and never from inside a call to the connector: so any callback may connect again.

import BowlineDeferred
public import BowlineNames
public import BowlineReactor
public import BowlineTransport

/// Connects to a host, and can be stopped, looked at, and used again.
///
/// Made by `connectTCP` and `connectUNIX`.
/// ```swift
/// let connector = reactor.connectTCP(host: "example.com", port: 79, factory: ClientFactory { Finger() })
/// print(connector.state)            // resolving
/// reactor.callLater(.seconds(1)) { print(connector.addresses, connector.attempts) }
/// ```
/// One timeout covers the name and every address. The factory is told one outcome for each `connect()`:
/// `clientConnectionFailed`, or, after the protocol has had its connection, `clientConnectionLost`.
public final class Connector {
    /// How far a connector has come.
    public enum State: Hashable, Sendable {
        /// It does nothing: it failed, was stopped, or its connection is over.
        case disconnected
        /// It waits for the first address.
        case resolving
        /// It tries addresses.
        case connecting
        /// The connection to the proxy stands, and the proxy is to connect to the target; after its TLS handshake, if that is
        /// spoken with the proxy.
        case tunneling
        /// The connection stands, and its TLS handshake is under way.
        case securing
        /// The protocol has its connection.
        case connected
    }

    enum Phase {
        case idle
        /// `connect()` was called: the next delivery phase begins with it.
        case begun
        /// Names are looked up, addresses are tried.
        case trying
        /// There is no connection: the next delivery phase tells the factory so, and then connects again if that was
        /// asked for meanwhile.
        case failing(ConnectError, connectsAgain: Bool)
        /// The connection to the proxy stands, and the TLS handshake with it is under way.
        case securingProxy(TLSConnection)
        /// The connection to the proxy stands, and it is spoken with.
        case tunneling(ProxyTunnel)
        /// The connection stands, and the TLS handshake is under way.
        case securing(TLSConnection)
        /// The protocol is being made and given its connection. Nobody has the transport yet: `disconnect()` is noted.
        case starting(isUnwanted: Bool)
        case connected(any Transport)
        /// The factory made no protocol: the next delivery phase tells it that the connection is over.
        case declined
    }

    /// What it connects to.
    public let target: ConnectTarget
    /// Who makes its protocols and is told what happens.
    public let factory: ClientFactory
    /// How it goes about it.
    public let options: ConnectOptions
    /// The answers of the resolver for each family, as they arrive.
    @exclusivity(unchecked) public internal(set) var answers: [TypeAnswer] = []
    /// When the present or last `connect()` began.
    @exclusivity(unchecked) public private(set) var startTime = ReactorInstant(nanoseconds: 0)
    /// When the first address was there.
    @exclusivity(unchecked) public internal(set) var resolvedTime: ReactorInstant?
    /// When the connection stood.
    @exclusivity(unchecked) public internal(set) var connectedTime: ReactorInstant?
    /// When the proxy had made its connection; nil without a proxy.
    @exclusivity(unchecked) public internal(set) var tunneledTime: ReactorInstant?
    /// When its TLS handshake was over; nil without TLS.
    @exclusivity(unchecked) public private(set) var securedTime: ReactorInstant?
    /// What the TLS handshake has agreed on.
    public private(set) var tls: TLSInfo? {
        get { keptTLS.value }
        set { keptTLS.value = newValue }
    }
    @exclusivity(unchecked) private var keptTLS = OutOfLine<TLSInfo>()

    /// Told what the connector does, as it does it. Called from the loop; it must not call the connector back.
    @exclusivity(unchecked) public var observer: ((ConnectorEvent) -> Void)?

    let environment: any ConnectEnvironment
    /// The clock that this connector goes by: also for those who connect again later.
    package let clock: any ReactorClock

    // The stored properties are @exclusivity(unchecked): no access lasts longer than its statement, and the only foreign
    // code that one of these statements reaches is `Resolver.cache`, while the race sorts addresses: a getter, which has
    // no connector to call. The dynamic checks were a tenth of the instructions of a connect().

    /// Where this stands in the list of those that are at work: the environment's.
    @exclusivity(unchecked) var place = 0
    @exclusivity(unchecked) var phase = Phase.idle
    @exclusivity(unchecked) private var isFactoryStarted = false
    @exclusivity(unchecked) private var isDeliveryQueued = false
    /// Nil when it has run: the time is over.
    @exclusivity(unchecked) private var timeoutTimer: DelayedCall?

    // What is under way while trying: see Connector+Trying.swift.
    @exclusivity(unchecked) var race: Race?
    @exclusivity(unchecked) var raceTimer: DelayedCall?
    /// The attempts of a race that is over, or of a target that needs none.
    @exclusivity(unchecked) var pastAttempts: [ConnectionAttempt] = []
    @exclusivity(unchecked) var dials: [(id: Race.AttemptID, dial: any Dial)] = []
    /// A connection that stands and that the race has not judged yet: for the length of a call.
    @exclusivity(unchecked) var arrived: (any DialedConnection)?
    @exclusivity(unchecked) var lookup: Deferred<Void>?
    /// The host that is looked up, if it is a name: what the cache knows it by. The search list may have completed it, so it is
    /// no name to verify a certificate for.
    @exclusivity(unchecked) var name: DomainName?
    /// What the proxy is asked to connect to.
    @exclusivity(unchecked) var proxiedTarget: ProxiedTarget?
    /// Made before anything touches the network, if TLS is wanted.
    @exclusivity(unchecked) var tlsContext: TLSContext?

    package init(
        to target: ConnectTarget, factory: ClientFactory, options: ConnectOptions, environment: any ConnectEnvironment
    ) {
        self.target = target
        self.factory = factory
        self.options = options
        self.environment = environment
        clock = environment.clock
    }

    /// How far it has come.
    public var state: State {
        switch phase {
        case .idle, .failing: .disconnected
        case .begun: .resolving
        case .trying: attempts.isEmpty ? .resolving : .connecting
        case .securingProxy, .tunneling: .tunneling
        case .securing: .securing
        case .starting, .connected, .declined: .connected
        }
    }

    /// The addresses that were found, in the order in which they arrived.
    public var addresses: [IPAddress] { answers.flatMap(\.addresses) }

    /// What was tried since the present or last `connect()`, in order.
    public var attempts: [ConnectionAttempt] { race?.attempts ?? pastAttempts }

    // MARK: what users ask

    /// Connects. Nothing has touched the network when this returns, and no outcome is told before.
    ///
    /// Call it again when the connector is disconnected, from any callback, to connect anew. After `stopConnecting()`
    /// that begins once the cancellation was told. It is a program error while the connector connects or is connected.
    public func connect() {
        switch phase {
        case .idle: break
        case .failing(let error, _):
            phase = .failing(error, connectsAgain: true)
            return
        case .begun, .trying, .securingProxy, .tunneling, .securing, .starting, .connected, .declined:
            // fatalError, since a precondition's message is lost in release builds.
            fatalError(
                "connect() was called while the connector to \(target) is \(state): wait until it is disconnected")
        }
        phase = .begun
        answers = []
        pastAttempts = []
        resolvedTime = nil
        connectedTime = nil
        tunneledTime = nil
        securedTime = nil
        tls = nil
        startTime = clock.now
        timeoutTimer = clock.callLater(options.timeout) { [self] in timeOut() }
        environment.remember(self)
        queueDelivery()
        if !isFactoryStarted {
            isFactoryStarted = true
            factory.begin()
        }
        factory.startedConnecting(self)
    }

    /// Gives up resolving or connecting: every attempt is abandoned and `clientConnectionFailed` is told a
    /// cancellation. No effect when connected (use `disconnect()`) or disconnected.
    public func stopConnecting() {
        if case .failing(let error, _) = phase { phase = .failing(error, connectsAgain: false) }
        lose(.cancelled)
    }

    /// Ends whatever there is: gives up, or closes the connection in order.
    public func disconnect() {
        switch phase {
        case .starting: phase = .starting(isUnwanted: true)
        case .connected(let transport):
            // TLS that was begun since then has its own last words, and what it still has to send.
            var top = transport
            while let secured = (top as? any SwitchableTransport)?.secured { top = secured }
            top.loseConnection()
        default: stopConnecting()
        }
    }

    /// The reactor stops.
    package func reactorStopped() {
        lose(.stopped)
    }

    // MARK: outcomes

    /// The connection is there: no other is wanted any more, and the factory's protocol gets it, after the proxy's
    /// answer and TLS if there are such.
    func establish(_ connection: any DialedConnection) {
        if let proxy {
            if proxy.kind == .https {
                secureProxy(connection, proxy)
                return
            }
            if let proxiedTarget {
                tunnel(connection, proxy, to: proxiedTarget)
                return
            }
        }
        if let tlsContext {
            secure(connection.peer, tlsContext) { securing, onEnd in
                abandonAll(.cancelled)
                connectedTime = clock.now
                connection.start(securing, onEnd: onEnd)
            }
            return
        }
        phase = .starting(isUnwanted: false)
        stopTrying(.cancelled)
        connectedTime = clock.now
        guard let made = factory.buildProtocol(connection.peer) else {
            connection.close()
            phase = .declined
            queueDelivery()
            return
        }
        hand(connection.start(made) { [self] reason in connectionEnded(reason) }, to: made)
    }

    /// Begins the TLS handshake, which goes on under the same timeout.
    ///
    /// - Parameter start: gives the connection to TLS, and says who is told of its end.
    func secure(
        _ peer: SocketAddress, _ context: TLSContext,
        start: (TLSConnection, @escaping (ConnectionEnd) -> Void) -> Void
    ) {
        let securing = TLSConnection(context, name: serverName) { [self] result in handshakeEnded(result, with: peer) }
        phase = .securing(securing)
        start(securing) { [self, unowned securing] reason in
            // Any other end was told as the outcome of the handshake; there may be a new connection since.
            guard case .connected(let transport) = phase, transport === securing else { return }
            connectionEnded(securing.finalEnd ?? reason)
        }
    }

    private func handshakeEnded(_ result: Result<TLSInfo, TLSError>, with peer: SocketAddress) -> (any Protocol)? {
        guard case .securing(let securing) = phase else { return nil }
        switch result {
        case .failure(let error):
            lose(securing.finalEnd == .stopped ? .stopped : .tls(error))
            return nil
        case .success(let info):
            phase = .starting(isUnwanted: false)
            stopTrying(.cancelled)
            securedTime = clock.now
            tls = info
            observer?(.secured(info))
            guard let made = factory.buildProtocol(peer) else {
                phase = .declined
                queueDelivery()
                return nil
            }
            // It has its transport before the factory is told, as everywhere.
            securing.speak(made)
            hand(securing, to: made)
            return nil
        }
    }

    /// The protocol has its transport.
    func hand(_ transport: any Transport, to made: any Protocol) {
        guard case .starting(let isUnwanted) = phase else { return }
        phase = .connected(transport)
        if isUnwanted { transport.loseConnection() }
        factory.clientConnectionMade(self, made)
    }

    func connectionEnded(_ reason: ConnectionEnd) {
        phase = .idle
        factory.clientConnectionLost(self, reason)
        endFactoryIfIdle()
    }

    /// Ends the trying without a connection. The factory is told in the delivery phase. No effect when nothing is tried.
    func lose(_ reason: ConnectError.Reason) {
        var unwanted: TLSConnection?
        var unwantedTunnel: ProxyTunnel?
        var proxyStage: ConnectError.ProxyStage?
        switch phase {
        case .begun, .trying: break
        case .tunneling(let connection):
            unwantedTunnel = connection
            proxyStage = .tunneling
        case .securingProxy(let connection):
            unwanted = connection
            proxyStage = .securing
        case .securing(let connection): unwanted = connection
        default: return
        }
        // What is left says its last words while it is left: they no longer count.
        phase = .idle
        unwantedTunnel?.abandon()
        unwanted?.abandon()
        // Before the lookup is left: afterwards nobody can tell.
        let isUnanswered = reason == .stopped && attempts.isEmpty
        var unanswered: [QuestionSnapshot] = []
        if isUnanswered, case .host(let host, _) = proxy?.target ?? target {
            unanswered = environment.resolver.inFlight(for: host)
        }
        stopTrying(reason == .timedOut ? .timedOut : .cancelled)
        var error = ConnectError(
            reason, target: target, proxy: proxy, proxyStage: proxyStage, attempts: pastAttempts,
            answers: answers, elapsed: clock.now - startTime)
        error.unanswered = unanswered
        phase = .failing(error, connectsAgain: false)
        queueDelivery()
    }

    /// The time is over. That is told in the delivery phase: the lookup's own time may be over in this very turn, and
    /// then its error says more, with every server that was asked.
    private func timeOut() {
        timeoutTimer = nil
        queueDelivery()
    }

    /// Leaves the lookup and every attempt, and keeps the record of what was tried.
    func stopTrying(_ end: Race.Event) {
        timeoutTimer?.cancel()
        timeoutTimer = nil
        environment.forget(self)
        if !hasConnected { abandonAll(end) }
        tlsContext = nil
    }

    /// Whether an attempt has succeeded: then the race and the lookup are over.
    private var hasConnected: Bool { connectedTime != nil }

    /// What the server's certificate must be for: the host as the caller gave it, whatever the search list, an alias or a
    /// proxy made of it (RFC 9110, 4.3.4; RFC 9525, 6.1). Whoever controls those must not choose whom to trust.
    private var serverName: String? {
        if let name = options.tlsServerName { return name }
        guard case .host(let host, _) = target else { return nil }
        // A certificate's names have no dot at the end, and are in ASCII.
        return IPAddress(host) == nil ? (try? DomainName(host))?.text : host
    }

    func queueDelivery() {
        guard !isDeliveryQueued else { return }
        isDeliveryQueued = true
        environment.deliverLater(self)
    }

    private func endFactoryIfIdle() {
        guard case .idle = phase, isFactoryStarted else { return }
        isFactoryStarted = false
        factory.end()
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension Connector: Sendable {}

extension Connector: TurnDelivery {
    package func deliver() {
        isDeliveryQueued = false
        switch phase {
        case .begun, .trying, .securingProxy, .tunneling, .securing:
            guard let timeoutTimer else {
                lose(.timedOut)
                return
            }
            // A reactor that stops takes all timers back. This one came too late to be told, and the reactor runs anew.
            guard timeoutTimer.isActive else {
                lose(.stopped)
                return
            }
            if case .begun = phase { begin() }
        case .failing(let error, let connectsAgain):
            phase = .idle
            factory.clientConnectionFailed(self, error)
            if connectsAgain, case .idle = phase { connect() }
            endFactoryIfIdle()
        case .declined:
            connectionEnded(.done)
        case .idle, .starting, .connected:
            // The time was over in the turn in which the connection stood.
            break
        }
    }
}
