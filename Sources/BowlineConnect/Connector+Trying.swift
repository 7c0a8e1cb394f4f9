// The middle of a connector's life: a name is looked up, its addresses go into the race, and what the race decides is
// performed. Nothing in here calls the factory: it ends in `establish` or in `lose`.

import BowlineDeferred
import BowlineNames
import BowlineReactor
import BowlineTransport
import Glibc

extension Connector {
    /// Begins to try, in the delivery phase after `connect()`.
    func begin() {
        if let problem = TargetProblem(target, literal: Self.literal(target), options) {
            lose(.badTarget(problem))
            return
        }
        if let proxy {
            guard prepareProxying() else { return }
            // What is wrong with its files is told before anything touches the network.
            if proxy.kind == .https, proxyContext(proxy) == nil { return }
        }
        if let configuration = options.tls {
            do throws(TLSError) {
                tlsContext = try environment.tlsContext(for: configuration)
            } catch {
                lose(.tls(error))
                return
            }
        }
        phase = .trying
        let dialled = proxy?.target ?? target
        let literal = Self.literal(dialled)
        switch dialled {
        case .unix(let path):
            dialDirectly(.unix(path: path))
        case .host(let host, let port):
            let families = options.usableFamilies
            race = Race(
                port: port, families: families, addresses: literal.map { [$0] }, policy: options.addressPolicy
            ) { [self] in ordered($0) }
            // The text of an address is its own answer, whatever any resolver says.
            if let literal { note(TypeAnswer(literal: literal, at: clock.now)) }
            feed(.start)
            if literal == nil {
                name = try? DomainName(host)
                resolve(host, port, families)
            }
        }
    }

    private static func literal(_ target: ConnectTarget) -> IPAddress? {
        if case .host(let host, _) = target { IPAddress(host) } else { nil }
    }

    // MARK: the name

    /// Asks the resolver. Addresses go into the race as they arrive; the end of the lookup, into whatever it waits for.
    private func resolve(_ host: String, _ port: UInt16, _ families: [AddressFamily]) {
        let timeLeft = options.timeout - (clock.now - startTime)
        let request = LookupRequest(
            host, types: families.map(\.recordType), port: port, timeout: min(options.nameTimeout, timeLeft))
        let found = environment.resolver.resolve(request) { [self] answer in answered(answer) }
        let lookup = found.addBoth { [self] result in
            self.lookup = nil
            lookupEnded(result)
        }
        guard !lookup.isFired else { return }
        // What was known already came from inside these calls, and may have ended everything.
        if case .trying = phase { self.lookup = lookup } else { lookup.cancel() }
    }

    private func answered(_ answer: TypeAnswer) {
        // A resolver may bring what nobody asked for, or the same twice: that isn't tried, so it must not count.
        guard case .trying = phase, let family = AddressFamily(answer.type), isAwaited(answer.type) else { return }
        // A short name is completed by the search list. Other resolvers may not tell.
        if let asked = answer.askedName, let typed = name, asked.text.hasPrefix("\(typed.text).") { name = asked }
        note(answer)
        let addresses = answer.addresses
        if !addresses.isEmpty {
            feed(.answered(family, .addresses(addresses)))
        } else if let failure = answer.failure, failure.kind != .nodata {
            feed(.answered(family, .failed(failure)))
        } else {
            feed(.answered(family, .noData))
        }
    }

    private func note(_ answer: TypeAnswer) {
        if answers.isEmpty { answers.reserveCapacity(options.families.count) }
        answers.append(answer)
        observer?(.answered(answer))
        if resolvedTime == nil, answer.hasAddress { resolvedTime = clock.now }
    }

    /// The lookup is over: families that are still waited for will not come. Where no address came at all, this says
    /// why.
    private func lookupEnded(_ result: Result<LookupAnswer, any Error>) {
        guard case .trying = phase else { return }
        switch result {
        case .success(let answer):
            // A resolver may give everything at the end only. Usually nothing is awaited any more.
            if race?.unanswered.isEmpty == false {
                for question in answer.questions { answered(question) }
                for family in race?.unanswered ?? [] { feed(.answered(family, .noData)) }
            }
            if resolvedTime == nil { lose(.lookup(noData)) }
        case .failure(let error):
            if resolvedTime == nil || error is ReactorStopped {
                lose(ConnectError.Reason(lookup: error))
                return
            }
            for family in race?.unanswered ?? [] { feed(.answered(family, .failed(error))) }
        }
    }

    private func isAwaited(_ type: RecordType) -> Bool {
        AddressFamily(type).map { race?.unanswered.contains($0) ?? false } ?? false
    }

    private var noData: LookupError {
        LookupError(
            .nodata, name: name ?? .root, types: options.usableFamilies.map(\.recordType),
            source: answers.first?.origin.source ?? .network)
    }

    // MARK: the race

    private func feed(_ event: Race.Event) {
        let known = observer == nil ? 0 : attempts.count
        guard let actions = race?.handle(event, at: clock.now) else { return }
        if observer != nil { report(event, actions, knowing: known) }
        for action in actions { perform(action) }
    }

    private func perform(_ action: Race.Action) {
        switch action {
        case .armTimer(let instant):
            raceTimer?.cancel()
            raceTimer = clock.callLater(instant - clock.now) { [self] in feed(.timerFired) }
        case .disarmTimer:
            raceTimer?.cancel()
            raceTimer = nil
        case .start(let id, let address):
            let dial = environment.dialer.dial(address, from: options.bindAddress) { [self] result in
                dialEnded(id, result)
            }
            // It may have ended inside the call, and the race with it.
            if isRunning(id) { dials.append((id, dial)) }
        case .abandon(let id):
            forgetDial(id)?.abandon()
        case .succeed:
            guard let connection = arrived else { return }
            arrived = nil
            establish(connection)
        case .fail(let failure):
            // Why there is no address at all, the end of the lookup says best; it comes next.
            if failure.reason == .allAttemptsFailed { lose(.attemptsFailed) }
        }
    }

    private func dialEnded(_ id: Race.AttemptID, _ result: Result<any DialedConnection, DialError>) {
        forgetDial(id)
        guard isRunning(id) else {
            // A dialer that speaks after it was told to abandon.
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            arrived = connection
            feed(.connected(id))
            // One that the race had no use for any more.
            arrived?.close()
            arrived = nil
        case .failure(let error) where error.isReactorStopping:
            lose(.stopped)
        case .failure(let error):
            if error.isUnreachable, let address = attempts[id].address.ipAddress {
                environment.noteUnreachable(address)
            }
            feed(.failed(id, errno: error.code))
        }
    }

    private func isRunning(_ id: Race.AttemptID) -> Bool {
        // Without a copy of the race, as unwrapping it would make.
        guard let count = race?.attempts.count, id < count else { return false }
        return race?.attempts[id].outcome == nil
    }

    @discardableResult
    private func forgetDial(_ id: Race.AttemptID) -> (any Dial)? {
        dials.firstIndex { $0.id == id }.map { dials.remove(at: $0).dial }
    }

    /// Tells the observer what an event means for attempts.
    private func report(_ event: Race.Event, _ actions: [Race.Action], knowing known: Int) {
        let attempts = self.attempts
        switch event {
        case .connected(let id), .failed(let id, _): observer?(.attemptEnded(attempts[id]))
        default: break
        }
        for attempt in attempts[known...] where attempt.refusal != nil { observer?(.attemptEnded(attempt)) }
        for action in actions {
            switch action {
            case .abandon(let id): observer?(.attemptEnded(attempts[id]))
            case .start(let id, _): observer?(.attemptStarted(attempts[id]))
            default: break
            }
        }
    }

    // MARK: a single address

    /// A UNIX socket has one address and needs no race.
    private func dialDirectly(_ address: SocketAddress) {
        resolvedTime = clock.now
        pastAttempts = [ConnectionAttempt(address: address, start: clock.now)]
        observer?(.attemptStarted(pastAttempts[0]))
        let dial = environment.dialer.dial(address, from: nil) { [self] result in directDialEnded(result) }
        if pastAttempts[0].outcome == nil { dials.append((0, dial)) }
    }

    private func directDialEnded(_ result: Result<any DialedConnection, DialError>) {
        dials = []
        switch result {
        case .success(let connection):
            endDirectAttempt(.connected)
            establish(connection)
        case .failure(let error):
            endDirectAttempt(ConnectionAttempt.Outcome(errno: error.code), errno: error.code)
            lose(error.isReactorStopping ? .stopped : .attemptsFailed)
        }
    }

    private func endDirectAttempt(_ outcome: ConnectionAttempt.Outcome, errno: Int32? = nil) {
        pastAttempts[0].end = clock.now
        pastAttempts[0].outcome = outcome
        pastAttempts[0].errno = errno
        observer?(.attemptEnded(pastAttempts[0]))
    }

    // MARK: the end

    /// Leaves whatever is under way. The lookup goes on for a moment without this, for the cache.
    /// - Parameter end: `.timedOut` or `.cancelled`, which the attempts that still run end with.
    func abandonAll(_ end: Race.Event) {
        // A race that is over already has nothing to say.
        feed(end)
        if race == nil, let attempt = pastAttempts.first, attempt.outcome == nil {
            endDirectAttempt(end.isTimeout ? .timeout : .cancelled)
        }
        for (_, dial) in dials { dial.abandon() }
        dials = []
        if race != nil { pastAttempts = attempts }
        // Also ends the cycle between the race and its connector, who orders its addresses.
        race = nil
        raceTimer?.cancel()
        raceTimer = nil
        let lookup = self.lookup
        self.lookup = nil
        lookup?.cancel()
        rememberConnects()
    }

    // MARK: what is remembered

    /// Tells the cache how connecting to each address went, if they are from there or have just gone there.
    private func rememberConnects() {
        // By index, since an element would be copied.
        guard let name, answers.indices.contains(where: { answers[$0].origin.source.isCached }) else { return }
        for attempt in pastAttempts {
            guard let address = attempt.address.ipAddress, let end = attempt.end, let outcome = attempt.outcome,
                outcome != .cancelled, attempt.refusal == nil
            else { continue }
            environment.resolver.cache.noteConnect(
                name, address, outcome: outcome.rawValue,
                duration: outcome == .connected ? end - attempt.start : nil, now: end)
        }
    }

    /// The order in which to try addresses: RFC 6724, with what is remembered of them.
    private func ordered(_ addresses: [IPAddress]) -> [IPAddress] {
        let cache = environment.resolver.cache
        let connects = name.map { cache.connects($0, .aaaa) + cache.connects($0, .a) } ?? []
        return AddressOrdering.sorted(
            addresses.map { address in
                AddressOrdering.Candidate(
                    address, source: environment.sourceAddress(toward: address),
                    history: .init(connects.first { $0.address == address }, now: clock.now))
            })
    }
}

extension AddressFamily {
    /// The type of record that has its addresses.
    fileprivate var recordType: RecordType { self == .ipv6 ? .aaaa : .a }

    fileprivate init?(_ type: RecordType) {
        switch type {
        case .aaaa: self = .ipv6
        case .a: self = .ipv4
        default: return nil
        }
    }
}

extension AnswerSource {
    fileprivate var isCached: Bool { self == .network || self == .cache || self == .stale }
}

extension DialError {
    /// What a dial ends with when its reactor stops; connect(2) has no such error.
    fileprivate var isReactorStopping: Bool { code == ECANCELED }

    /// There is no way there, or no longer an address here to send from.
    fileprivate var isUnreachable: Bool {
        [ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL].contains(code)
    }
}

extension Race.Event {
    fileprivate var isTimeout: Bool { if case .timedOut = self { true } else { false } }
}

extension TypeAnswer {
    /// The answer that the text of an address is to itself.
    fileprivate init(literal address: IPAddress, at now: ReactorInstant) {
        let type = address.family.recordType
        self.init(
            type: type, records: [ResourceRecord(name: .root, type: type, ttl: 0, data: .address(address))],
            origin: AnswerOrigin(source: .literal), time: now)
    }
}
