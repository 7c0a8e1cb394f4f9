// Looking names up by script: which name has which addresses, which fails, and when, in virtual time.

public import Bowline

/// Answers lookups as a script says, and records them.
///
/// ```swift
/// let clock = ManualClock()
/// let resolver = ScriptedResolver(clock: clock, ["h.test": [.v4(.loopback)]])
/// resolver.plan("slow.test", .aaaa, .addresses([.v6(.loopback)], after: .milliseconds(49)))
/// resolver.plan("slow.test", .a, .never)
/// resolver.plan("flaky.test", .fails(.timeout, after: .seconds(5)), .addresses([.v4(.loopback)]))
/// ```
/// Outcomes of one name and type are used in order, and the last one again and again. An outcome that is planned for a
/// name without a type serves each type: of its addresses those of that type, or NODATA. Names without a script fail with
/// `otherwise`. The text of an address is its own answer, and a host that is no name fails with a `NameError`, as always.
/// A lookup ends after its request's timeout, if it hasn't before.
public final class ScriptedResolver: Resolver {
    /// What comes of asking for one type of a name.
    public struct Outcome {
        enum Kind {
            case records([ResourceRecord], [AliasStep])
            case addresses([IPAddress])
            case failure(LookupError.Kind)
            case never
        }

        let kind: Kind
        /// Nil: inside the call that asks.
        let delay: Duration?

        /// The addresses that are of the type asked for, or NODATA if none is.
        ///
        /// - Parameter delay: on the clock; nil gives the answer inside the call that asks, as a cache does.
        public static func addresses(_ addresses: [IPAddress], after delay: Duration? = nil) -> Outcome {
            Outcome(kind: .addresses(addresses), delay: delay)
        }

        /// These records, whatever is asked for.
        ///
        /// - Parameter delay: on the clock; nil gives the answer inside the call that asks, as a cache does.
        public static func records(
            _ records: [ResourceRecord], aliases: [AliasStep] = [], after delay: Duration? = nil
        ) -> Outcome {
            Outcome(kind: .records(records, aliases), delay: delay)
        }

        /// A failure; also NODATA and NXDOMAIN.
        ///
        /// - Parameter delay: on the clock; nil fails inside the call that asks.
        public static func fails(_ kind: LookupError.Kind, after delay: Duration? = nil) -> Outcome {
            Outcome(kind: .failure(kind), delay: delay)
        }

        /// No answer, until the lookup's own time is up.
        public static var never: Outcome { Outcome(kind: .never, delay: .zero) }
    }

    /// One lookup, as it went.
    public struct Record: Hashable, Sendable {
        /// How a lookup ended.
        public enum Ending: Hashable, Sendable {
            /// At least one type had records.
            case answered
            case failed(LookupError.Kind)
            /// Given up by who had asked.
            case cancelled
            /// The resolver was told that its reactor stops.
            case stopped
        }

        /// What was asked.
        public let request: LookupRequest
        /// When it began.
        public let started: ReactorInstant
        /// When it ended; nil while it is under way.
        public internal(set) var ended: ReactorInstant?
        /// How it ended; nil while it is under way.
        public internal(set) var ending: Ending?
    }

    /// Every lookup so far of a name, in order. Addresses and what is no name aren't looked up.
    public private(set) var lookups: [Record] = []
    /// What comes of a name for which nothing is planned.
    public var otherwise = Outcome.fails(.nxdomain)
    /// How often `reload` was called.
    public private(set) var reloadCount = 0
    /// A cache that is never asked; fill it where a test wants to look into one.
    public let cache = ResolverCache()

    private struct Key: Hashable {
        var host: String
        var type: RecordType?
    }

    private let clock: any ReactorClock
    private var plans: [Key: [Outcome]] = [:]
    private var pending: [ScriptedLookup] = []

    /// Creates a resolver that counts its delays on `clock`.
    ///
    /// - Parameter hosts: addresses of names, which are given inside the call that asks, as from a hosts file.
    public init(clock: any ReactorClock, _ hosts: [String: [IPAddress]] = [:]) {
        self.clock = clock
        for (host, addresses) in hosts { plan(host, .addresses(addresses)) }
    }

    /// Says what comes of asking for a name, whatever the type.
    public func plan(_ host: String, _ outcomes: Outcome...) {
        plans[Key(host: Self.canonical(host), type: nil)] = outcomes
    }

    /// Says what comes of asking for one type of a name.
    public func plan(_ host: String, _ type: RecordType, _ outcomes: Outcome...) {
        plans[Key(host: Self.canonical(host), type: type)] = outcomes
    }

    /// How many lookups are under way.
    public var pendingCount: Int { pending.count }

    /// Begins a lookup, which ends as the scripts of its name say.
    public func resolve(
        _ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        if let address = IPAddress(request.host) { return literal(address, request, onAnswer) }
        let name: DomainName
        do {
            name = try DomainName(request.host)
        } catch {
            return .failed(error)
        }
        lookups.append(Record(request: request, started: clock.now))
        let lookup = ScriptedLookup(name, request, index: lookups.count - 1, resolver: self, clock, onAnswer)
        pending.append(lookup)
        lookup.begin(takeOutcomes(for: name, request.types))
        return lookup.deferred
    }

    /// Counts that it was told to.
    public func reload() {
        reloadCount += 1
    }

    /// Fails every lookup under way with `ReactorStopped`.
    public func reactorStopped() {
        for lookup in pending { lookup.stop() }
    }

    private func literal(
        _ address: IPAddress, _ request: LookupRequest, _ onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        let record = ResourceRecord(name: .root, type: address.type, ttl: 0, data: .address(address))
        let answer = TypeAnswer(
            type: address.type, records: [record], origin: AnswerOrigin(source: .literal), time: clock.now)
        guard request.types.contains(address.type) else {
            return .failed(
                LookupError(
                    .nodata, name: DomainName(canonical: request.host), types: request.types, source: .literal))
        }
        onAnswer?(answer)
        return .succeeded(LookupAnswer(name: nil, questions: [answer], elapsed: .zero))
    }

    /// The next outcome of each type. What is planned for all types moves on once for a lookup.
    private func takeOutcomes(for name: DomainName, _ types: [RecordType]) -> [(RecordType, Outcome)] {
        var shared: Outcome?
        return types.map { type in
            if let own = takeOutcome(Key(host: name.text, type: type)) { return (type, own) }
            let outcome = shared ?? takeOutcome(Key(host: name.text, type: nil)) ?? otherwise
            shared = outcome
            return (type, outcome)
        }
    }

    private func takeOutcome(_ key: Key) -> Outcome? {
        guard let outcomes = plans[key], let first = outcomes.first else { return nil }
        if outcomes.count > 1 { plans[key]?.removeFirst() }
        return first
    }

    func note(_ ending: Record.Ending, of lookup: ScriptedLookup) {
        lookups[lookup.index].ended = clock.now
        lookups[lookup.index].ending = ending
        pending.removeAll { $0 === lookup }
    }

    private static func canonical(_ host: String) -> String {
        guard let name = try? DomainName(host) else { preconditionFailure("not a name: \(host)") }
        return name.text
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ScriptedResolver: Sendable {}

/// One scripted lookup under way.
final class ScriptedLookup {
    let index: Int
    private let name: DomainName
    private let request: LookupRequest
    /// Owns this lookup until it ends, and is alive for as long as anybody asks it.
    private let resolver: ScriptedResolver
    private let clock: any ReactorClock
    private let startTime: ReactorInstant
    private var onAnswer: ((TypeAnswer) -> Void)?
    private var answers: [TypeAnswer] = []
    private var waiting: [RecordType] = []
    private var calls: [DelayedCall] = []
    private(set) lazy var deferred = Deferred<LookupAnswer>(canceller: { [unowned self] in end(.cancelled) })

    init(
        _ name: DomainName, _ request: LookupRequest, index: Int, resolver: ScriptedResolver,
        _ clock: any ReactorClock, _ onAnswer: ((TypeAnswer) -> Void)?
    ) {
        self.name = name
        self.request = request
        self.index = index
        self.resolver = resolver
        self.clock = clock
        self.onAnswer = onAnswer
        startTime = clock.now
    }

    func begin(_ outcomes: [(RecordType, ScriptedResolver.Outcome)]) {
        waiting = request.types
        for (type, outcome) in outcomes {
            guard let delay = outcome.delay else {
                take(type, outcome.kind)
                continue
            }
            if case .never = outcome.kind { continue }
            calls.append(clock.callLater(delay) { [weak self] in self?.take(type, outcome.kind) })
        }
        if waiting.isEmpty {
            conclude()
        } else {
            calls.append(clock.callLater(request.timeout) { [weak self] in self?.timeOut() })
        }
    }

    func stop() {
        end(.stopped)
        if !deferred.isFired { deferred.errback(ReactorStopped()) }
    }

    private func timeOut() {
        for type in waiting { take(type, .failure(.timeout)) }
    }

    private func take(_ type: RecordType, _ kind: ScriptedResolver.Outcome.Kind) {
        guard let place = waiting.firstIndex(of: type) else { return }
        waiting.remove(at: place)
        let answer = makeAnswer(type, kind)
        answers.append(answer)
        onAnswer?(answer)
        // An answer inside the call that asks is no reason to fire before the others were asked for.
        if waiting.isEmpty, !calls.isEmpty, !deferred.isFired { conclude() }
    }

    private func makeAnswer(_ type: RecordType, _ kind: ScriptedResolver.Outcome.Kind) -> TypeAnswer {
        var answer = TypeAnswer(
            type: type, origin: AnswerOrigin(roundTrip: clock.now - startTime, attempts: 1), time: clock.now)
        switch kind {
        case .addresses(let addresses):
            answer.records = addresses.filter { $0.type == type }.map {
                ResourceRecord(name: name, type: type, ttl: 60, data: .address($0))
            }
            if answer.records.isEmpty { answer.failure = LookupError(.nodata, name: name, types: [type]) }
        case .records(let records, let aliases):
            answer.records = records
            answer.aliases = aliases
        case .failure(let failure):
            answer.failure = LookupError(
                failure, name: name, types: [type], attempts: 1, elapsed: clock.now - startTime)
        case .never:
            break
        }
        if answer.failure == nil { answer.ttl = answer.records.map(\.ttl).min() }
        return answer
    }

    private func conclude() {
        let elapsed = clock.now - startTime
        if answers.contains(where: { !$0.records.isEmpty }) {
            end(.answered)
            deferred.callback(LookupAnswer(name: name, questions: answers, elapsed: elapsed))
        } else {
            let error = LookupError(summing: answers, of: name, elapsed: elapsed)
            end(.failed(error.kind))
            deferred.errback(error)
        }
    }

    private func end(_ ending: ScriptedResolver.Record.Ending) {
        for call in calls { call.cancel() }
        calls = []
        waiting = []
        onAnswer = nil
        resolver.note(ending, of: self)
    }
}

@available(*, unavailable)
extension ScriptedLookup: Sendable {}
