// One caller's lookup: collects the answers of the types it asked for, has a deadline of its own, and leaves without
// harming the others who wait for the same questions.

import BowlineDeferred
import BowlineReactor

final class Lookup: QuestionWaiter {
    private let name: DomainName
    private let request: LookupRequest
    private let clock: any ReactorClock
    private let startTime: ReactorInstant

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var onAnswer: ((TypeAnswer) -> Void)?
    private let ended: (Lookup) -> Void
    @exclusivity(unchecked) private var answers: [TypeAnswer] = []
    @exclusivity(unchecked) private var pending: [Question] = []
    @exclusivity(unchecked) private var timer: DelayedCall?
    /// What to say where a question fails or takes too long; only of names that were known once.
    @exclusivity(unchecked) private var fallbacks: [StaleFallback] = []
    private(set) lazy var deferred = Deferred<LookupAnswer>(canceller: { [unowned self] in stop() })

    /// - Parameter ended: called once when nothing is waited for any more; not if nothing ever was.
    init(
        _ name: DomainName, _ request: LookupRequest, clock: any ReactorClock, onAnswer: ((TypeAnswer) -> Void)?,
        ended: @escaping (Lookup) -> Void
    ) {
        self.name = name
        self.request = request
        self.clock = clock
        self.onAnswer = onAnswer
        self.ended = ended
        startTime = clock.now
    }

    /// Takes the answer of one type.
    func take(_ answer: TypeAnswer) {
        answers.append(answer)
        onAnswer?(answer)
    }

    /// Keeps what to say of a question that fails, or that isn't answered in good time.
    func fallBack(on fallback: StaleFallback) {
        fallbacks.append(fallback)
        fallback.arm { [self] in serveStale(fallback) }
    }

    /// Takes what is stale in place of an answer that is late. The question goes on for the cache.
    private func serveStale(_ fallback: StaleFallback) {
        guard let place = pending.firstIndex(where: { $0 === fallback.question }) else { return }
        pending.remove(at: place)
        fallback.refresh()
        fallback.question.leave(self)
        take(fallback.answer())
        if pending.isEmpty, !deferred.isFired { finish() }
    }

    private func dropFallbacks() {
        for fallback in fallbacks { fallback.disarm() }
        fallbacks = []
    }

    /// Begins to wait; if there is nothing to wait for, that was it.
    func begin(waitingFor questions: [Question]) {
        pending = questions
        if questions.isEmpty {
            conclude()
        } else {
            timer = clock.callLater(request.timeout) { [self] in timeOut() }
        }
    }

    func questionEnded(_ question: Question, _ result: QuestionResult) {
        guard let place = pending.firstIndex(where: { $0 === question }) else { return }
        pending.remove(at: place)
        let stale = result.answer == nil ? fallbacks.first { $0.question === question }?.answer() : nil
        take(stale ?? TypeAnswer(result, for: question.key, elapsed: clock.now - startTime, time: clock.now))
        if pending.isEmpty, !deferred.isFired { finish() }
    }

    private func timeOut() {
        timer = nil
        for question in leavePending() {
            if let fallback = fallbacks.first(where: { $0.question === question }) {
                fallback.refresh()
                take(fallback.answer())
                continue
            }
            take(
                TypeAnswer(
                    type: question.key.type,
                    failure: LookupError(
                        .timeout, name: name, types: [question.key.type],
                        servers: question.reports + question.silenceReports,
                        attempts: question.tries, elapsed: clock.now - startTime),
                    origin: AnswerOrigin(attempts: question.tries, waiters: question.mostWaiters), time: clock.now))
        }
        // Whoever was told may have given up.
        if !deferred.isFired { finish() }
    }

    /// Ends the lookup from outside.
    func fail(_ error: any Error) {
        _ = leavePending()
        timer?.cancel()
        dropFallbacks()
        onAnswer = nil
        if !deferred.isFired { deferred.errback(error) }
    }

    /// The canceller: leaves; the Deferred fails by itself.
    private func stop() {
        _ = leavePending()
        timer?.cancel()
        dropFallbacks()
        onAnswer = nil
        ended(self)
    }

    private func leavePending() -> [Question] {
        let left = pending
        pending = []
        for question in left { question.leave(self) }
        for fallback in fallbacks { fallback.disarm() }
        return left
    }

    private func finish() {
        timer?.cancel()
        timer = nil
        dropFallbacks()
        onAnswer = nil
        ended(self)
        conclude()
    }

    private func conclude() {
        onAnswer = nil
        if answers.contains(where: { !$0.records.isEmpty }) {
            deferred.callback(LookupAnswer(name: name, questions: answers, elapsed: clock.now - startTime))
        } else {
            deferred.errback(LookupError(summing: answers, of: name, elapsed: clock.now - startTime))
        }
    }
}

@available(*, unavailable)
extension Lookup: Sendable {}
