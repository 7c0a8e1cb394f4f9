// Between a lookup and the servers: what the cache has is answered here, and what it hasn't becomes a question, which all who
// want the same share. What comes of a question goes into the cache before anybody is told.
//
// The resolver has one. It knows the time from a clock and servers from whoever made it, so that all of it runs in a test's
// virtual time.

import BowlineReactor
import BowlineTransport

final class QuestionDesk: QuestionOwner {
    let cache: ResolverCache
    let clock: any ReactorClock
    /// Those to ask, at the time of asking. A new configuration has others.
    @exclusivity(unchecked) var servers: any ServerSource

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    private let questions = QuestionTable()
    /// Who waits for the cache's sake.
    @exclusivity(unchecked) private var background: [ObjectIdentifier: BackgroundWaiter] = [:]

    init(cache: ResolverCache, clock: any ReactorClock, servers: any ServerSource) {
        self.cache = cache
        self.clock = clock
        self.servers = servers
    }

    /// What is being asked.
    var inFlight: [Question] { questions.all }

    // MARK: what is known

    /// What the answer to a question is, as far as nobody has to be asked.
    enum Finding {
        case known(TypeAnswer)
        /// Ask; records past their TTL stand in if no server answers.
        case unknown(CachedAnswer?)
    }

    func find(_ name: DomainName, _ type: RecordType, at now: ReactorInstant) -> Finding {
        switch cache.lookup(name, type, now: now) {
        case .hit(let cached):
            return .known(TypeAnswer(cached, for: name, type, now: now))
        case .due(let cached):
            if !refresh(name, type, at: now) { cached.releaseRefresh() }
            return .known(TypeAnswer(cached, for: name, type, now: now))
        case .stale(let cached, let failed):
            return .known(stale(cached, for: name, type, since: failed.error.servers))
        case .failed(let failed):
            return .known(TypeAnswer(failed, type, now: now))
        case .expired(let cached):
            return .unknown(cached)
        case .miss:
            return .unknown(nil)
        }
    }

    /// The answer that records past their TTL make.
    /// - Parameter failures: why they have to do.
    func stale(
        _ cached: CachedAnswer, for name: DomainName, _ type: RecordType, since failures: [LookupError.ServerReport]
    ) -> TypeAnswer {
        var answer = TypeAnswer(stale: cached, for: name, type, ttl: cache.policy.staleTTL, now: clock.now)
        answer.failedServers = failures
        return answer
    }

    // MARK: asking

    /// Joins the question that is in flight for this name and type, or begins one.
    func ask(
        _ name: DomainName, _ type: RecordType, at now: ReactorInstant, for lookup: Lookup,
        inReserve stale: CachedAnswer?
    ) -> Question {
        let question: Question
        if let known = questions.find(name, type) {
            question = known
            question.join(lookup)
        } else {
            question = make(name, type, at: now)
            question.join(lookup)
            question.start()
        }
        if let stale { lookup.fallBack(on: StaleFallback(stale, for: question, desk: self)) }
        return question
    }

    private func make(_ name: DomainName, _ type: RecordType, at now: ReactorInstant) -> Question {
        let question = Question(
            Question.Key(name: name, type: type), order: servers.order(), at: now, owner: self)
        questions.insert(question)
        return question
    }

    /// Keeps what was learnt, whoever still waits for it.
    func conclude(_ question: Question, _ result: QuestionResult) {
        questions.remove(question)
        let name = question.key.name
        let type = question.key.type
        if let answer = result.answer {
            cache.store(answer.message, for: name, type, origin: result.origin, now: result.time)
        } else if result.failure != .cancelled {
            let failure = LookupError(result, for: question.key, elapsed: nil)
            cache.noteFailure(failure, for: name, type, now: result.time)
        }
    }

    // MARK: asking for the cache's sake

    /// Asks again for what is used much, ahead of its end; not while too much is asked for so.
    private func refresh(_ name: DomainName, _ type: RecordType, at now: ReactorInstant) -> Bool {
        guard questions.find(name, type) == nil, background.count < cache.policy.refreshLimit else { return false }
        let question = make(name, type, at: now)
        cache.noteRefresh()
        keepAsking(question)
        question.start()
        return true
    }

    /// Keeps a question going for a bounded time, whoever else waits for it. One that stays without an answer so long has
    /// failed, for servers that say nothing must not be asked again with every lookup (RFC 9520, 3.2). Once for each question:
    /// it is one failure, however many lookups were served something stale meanwhile.
    func keepAsking(_ question: Question) {
        guard !question.wasKeptGoing else { return }
        question.wasKeptGoing = true
        let waiter = BackgroundWaiter(question, timeout: cache.policy.refreshTimeout, clock: clock) { [unowned self] in
            let failure = LookupError(
                .timeout, name: question.key.name, types: [question.key.type],
                servers: question.reportsSoFar, attempts: question.tries)
            cache.noteFailure(failure, for: question.key.name, question.key.type, now: clock.now)
        } ended: { [unowned self] waiter in
            background[ObjectIdentifier(waiter)] = nil
        }
        background[ObjectIdentifier(waiter)] = waiter
    }

    /// Ends all questions without telling anybody.
    func abandonAll() {
        for waiter in background.values { waiter.cancel() }
        background = [:]
        let abandoned = questions.all
        questions.removeAll()
        for question in abandoned { question.abandon() }
    }
}

@available(*, unavailable)
extension QuestionDesk: Sendable {}
