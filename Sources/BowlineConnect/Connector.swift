// A connection to a host, from the name to the protocol: asks the resolver, lets the race decide which address is tried
// when, performs what it decides, and tells the factory the one outcome.
//
// All decisions are the race's; here is what it takes to carry them out. A connector tells its factory how it ended from
// one place, `deliver`, and never from inside a call to it: so any callback may connect again.

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
        /// The protocol has its connection.
        case connected
    }

    /// What it connects to.
    public let target: ConnectTarget
    /// Who makes its protocols and is told what happens.
    public let factory: ClientFactory
    /// How it goes about it.
    public let options: ConnectOptions
    /// How far it has come.
    public private(set) var state = State.disconnected
    /// The answers of the resolver for each family, as they arrive.
    public private(set) var answers: [TypeAnswer] = []
    /// When the present or last `connect()` began.
    public private(set) var startTime = ReactorInstant(nanoseconds: 0)
    /// When the first address was there.
    public private(set) var resolvedTime: ReactorInstant?
    /// When the connection stood.
    public private(set) var connectedTime: ReactorInstant?

    /// Told what the connector does, as it does it. Called from the loop; it must not call the connector back.
    public var observer: ((ConnectorEvent) -> Void)?

    private let environment: ConnectEnvironment
    private var race: Race?
    private var dials: [Race.AttemptID: any Dial] = [:]
    /// Connections that stand and that the race has not judged yet: one at most, for the length of a call.
    private var arrived: (id: Race.AttemptID, connection: any DialedConnection)?
    private var directAttempt: ConnectionAttempt?
    private var lookup: Deferred<Void>?
    private var raceTimer: DelayedCall?
    private var timeoutTimer: DelayedCall?
    private var transport: (any Transport)?
    private var isFactoryStarted = false
    private var isRegistered = false
    private var news: News?

    /// What is to be told in the delivery phase.
    private enum News {
        case begin
        case failed(ConnectError)
        case declined
    }

    package init(
        to target: ConnectTarget, factory: ClientFactory, options: ConnectOptions, environment: ConnectEnvironment
    ) {
        self.target = target
        self.factory = factory
        self.options = options
        self.environment = environment
    }

    /// The addresses that were found, in the order in which they arrived.
    public var addresses: [IPAddress] { answers.flatMap(\.addresses) }

    /// What was tried so far, in order.
    public var attempts: [ConnectionAttempt] { race?.attempts ?? directAttempt.map { [$0] } ?? [] }

    // MARK: what users ask

    /// Connects. Nothing has touched the network when this returns, and no outcome is told before.
    ///
    /// Call it again when the connector is disconnected, from any callback, to connect anew; it is a program error in
    /// any other state.
    public func connect() {
        precondition(state == .disconnected, "connect() was called while the connector is \(state)")
        state = .resolving
        answers = []
        race = nil
        directAttempt = nil
        resolvedTime = nil
        connectedTime = nil
        startTime = environment.clock.now
        if !isFactoryStarted {
            isFactoryStarted = true
            factory.begin()
        }
        environment.register(self)
        timeoutTimer = environment.clock.callLater(options.timeout) { [self] in timeOut() }
        tell(.begin)
        factory.startedConnecting(self)
    }

    /// Gives up resolving or connecting: every attempt is abandoned and `clientConnectionFailed` is told a
    /// cancellation. No effect when connected (use `disconnect()`) or disconnected.
    public func stopConnecting() {
        guard state == .resolving || state == .connecting else { return }
        lose(.cancelled)
    }

    /// Ends whatever there is: gives up, or closes the connection in order.
    public func disconnect() {
        stopConnecting()
        transport?.loseConnection()
    }

    /// The reactor stops.
    package func reactorStopped() {
        guard state == .resolving || state == .connecting else { return }
        lose(.stopped)
    }

    // MARK: the name

    private func begin() {
        switch target {
        case .unix(let path):
            dialDirectly(.unix(path: path))
        case .host(let host, let port):
            race = Race(port: port, families: options.families, order: environment.order(for: host))
            feed(.start)
            resolve(host, port)
        }
    }

    /// Asks the resolver. Addresses go into the race as they arrive; the end of the lookup, into whatever it waits for.
    private func resolve(_ host: String, _ port: UInt16) {
        let types = options.families.map { $0 == .ipv6 ? RecordType.aaaa : .a }
        let request = LookupRequest(
            host, types: types, port: port, timeout: min(options.nameTimeout, options.timeout))
        let lookup = environment.resolver.resolve(request) { [weak self] answer in self?.answered(answer) }
        // The lookup may have answered all from memory, and the race be over.
        guard race != nil, state == .resolving || state == .connecting else { return }
        self.lookup = lookup.addBoth { [weak self] result in
            self?.lookup = nil
            self?.lookupEnded(result)
        }
    }

    private func answered(_ answer: TypeAnswer) {
        answers.append(answer)
        observer?(.answered(answer))
        let addresses = answer.addresses
        if resolvedTime == nil, !addresses.isEmpty { resolvedTime = environment.clock.now }
        let family: AddressFamily = answer.type == .aaaa ? .ipv6 : .ipv4
        if let failure = answer.failure, failure.kind != .nodata {
            feed(.answered(family, .failed(failure)))
        } else {
            feed(.answered(family, addresses.isEmpty ? .noData : .addresses(addresses)))
        }
    }

    /// Whatever family is still waited for will not come: a literal has one only, a bad name has none.
    private func lookupEnded(_ result: Result<LookupAnswer, any Error>) {
        for family in race?.unanswered ?? [] {
            switch result {
            case .success: feed(.answered(family, .noData))
            case .failure(let error): feed(.answered(family, .failed(error)))
            }
        }
    }

    // MARK: the race

    private func feed(_ event: Race.Event) {
        guard let actions = race?.handle(event, at: environment.clock.now) else { return }
        if observer != nil { report(event, actions) }
        for action in actions { perform(action) }
    }

    private func perform(_ action: Race.Action) {
        switch action {
        case .armTimer(let instant):
            raceTimer?.cancel()
            raceTimer = environment.clock.callLater(instant - environment.clock.now) { [self] in feed(.timerFired) }
        case .disarmTimer:
            raceTimer?.cancel()
            raceTimer = nil
        case .start(let id, let address):
            state = .connecting
            let dial = environment.dialer.dial(address, from: options.bindAddress) { [weak self] result in
                self?.dialEnded(id, result)
            }
            if let race, race.attempts[id].outcome == nil { dials[id] = dial }
        case .abandon(let id):
            dials.removeValue(forKey: id)?.abandon()
        case .succeed(let id):
            if let arrived, arrived.id == id { establish(arrived.connection) }
        case .fail(let failure):
            lose(ConnectError.Reason(failure))
        }
    }

    /// Tells the observer what an event means for attempts.
    private func report(_ event: Race.Event, _ actions: [Race.Action]) {
        let attempts = self.attempts
        switch event {
        case .connected(let id), .failed(let id, _): observer?(.attemptEnded(attempts[id]))
        default: break
        }
        for action in actions {
            switch action {
            case .abandon(let id): observer?(.attemptEnded(attempts[id]))
            case .start(let id, _): observer?(.attemptStarted(attempts[id]))
            default: break
            }
        }
    }

    private func dialEnded(_ id: Race.AttemptID, _ result: Result<any DialedConnection, DialError>) {
        dials[id] = nil
        switch result {
        case .success(let connection):
            arrived = (id, connection)
            feed(.connected(id))
            // One that the race had no use for any more.
            if state != .connected { connection.close() }
            arrived = nil
        case .failure(let error):
            feed(.failed(id, errno: error.code))
        }
    }

    /// A UNIX socket has one address and needs no race.
    private func dialDirectly(_ address: SocketAddress) {
        state = .connecting
        resolvedTime = environment.clock.now
        directAttempt = ConnectionAttempt(address: address, start: environment.clock.now)
        var isOver = false
        let dial = environment.dialer.dial(address, from: nil) { [weak self] result in
            isOver = true
            self?.directDialEnded(result)
        }
        if !isOver { dials[0] = dial }
    }

    private func directDialEnded(_ result: Result<any DialedConnection, DialError>) {
        dials = [:]
        directAttempt?.end = environment.clock.now
        switch result {
        case .success(let connection):
            directAttempt?.outcome = .connected
            establish(connection)
        case .failure(let error):
            directAttempt?.outcome = ConnectionAttempt.Outcome(errno: error.code)
            directAttempt?.errno = error.code
            lose(.attemptsFailed)
        }
    }

    // MARK: outcomes

    private func establish(_ connection: any DialedConnection) {
        stopTrying()
        state = .connected
        connectedTime = environment.clock.now
        noteAttempts()
        guard let made = factory.buildProtocol(connection.peer) else {
            connection.close()
            tell(.declined)
            return
        }
        transport = connection.start(made) { [self] reason in connectionEnded(reason) }
    }

    private func connectionEnded(_ reason: ConnectionEnd) {
        transport = nil
        state = .disconnected
        environment.unregister(self)
        factory.clientConnectionLost(self, reason)
        endFactoryIfIdle()
    }

    private func timeOut() {
        timeoutTimer = nil
        lose(.timedOut)
    }

    /// Ends the connecting without a connection. The factory is told in the delivery phase.
    private func lose(_ reason: ConnectError.Reason) {
        guard state == .resolving || state == .connecting else { return }
        stopTrying(timedOut: reason == .timedOut)
        noteAttempts()
        tell(
            .failed(
                ConnectError(
                    reason, target: target, attempts: attempts, answers: answers,
                    elapsed: environment.clock.now - startTime)))
    }

    /// Leaves the lookup, which goes on for a moment for the cache, and every attempt.
    private func stopTrying(timedOut: Bool = false) {
        timeoutTimer?.cancel()
        timeoutTimer = nil
        // A race that is over already answers nothing.
        for action in race?.handle(timedOut ? .timedOut : .cancelled, at: environment.clock.now) ?? [] {
            if case .abandon(let id) = action { dials.removeValue(forKey: id)?.abandon() }
        }
        for dial in dials.values { dial.abandon() }
        dials = [:]
        raceTimer?.cancel()
        raceTimer = nil
        let lookup = self.lookup
        self.lookup = nil
        lookup?.cancel()
    }

    /// Tells the cache how connecting to each address went, for the order of the next time.
    private func noteAttempts() {
        guard case .host(let host, _) = target, !answers.isEmpty else { return }
        environment.noteAttempts(attempts, host)
    }

    private func tell(_ news: News) {
        // A `.begin` that has not been delivered is overtaken by the end of what it would have begun.
        let isQueued = self.news != nil
        self.news = news
        if !isQueued { environment.deliverLater(self) }
    }

    private func endFactoryIfIdle() {
        guard state == .disconnected, isFactoryStarted else { return }
        isFactoryStarted = false
        factory.end()
    }
}

@available(*, unavailable)
extension Connector: Sendable {}

extension Connector: TurnDelivery {
    package func deliver() {
        let news = self.news
        self.news = nil
        switch news {
        case .begin:
            begin()
        case .failed(let error):
            state = .disconnected
            environment.unregister(self)
            factory.clientConnectionFailed(self, error)
            endFactoryIfIdle()
        case .declined:
            connectionEnded(.done)
        case nil:
            break
        }
    }
}
