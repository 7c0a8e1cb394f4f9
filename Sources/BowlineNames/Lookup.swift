// One caller's lookup: collects the answers of the types it asked for, has a deadline of its own, and leaves without
// harming the others who wait for the same questions.

import BowlineDeferred
import BowlineReactor

final class Lookup: QuestionWaiter {
    private let name: DomainName
    private let line: LookupLine
    private let startTime: ReactorInstant
    let deadline: ReactorInstant

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var onAnswer: ((TypeAnswer) -> Void)?
    @exclusivity(unchecked) private var answers: [TypeAnswer] = []
    @exclusivity(unchecked) private var pending = ShortList<Question>()
    // The line's own: whether it stands there, and where. Not owned: only neighbours point at each other, and the line, which
    // owns all of them, mends both directions when one leaves.
    @exclusivity(unchecked) var isWaiting = false
    @exclusivity(unchecked) var isImpatient = false
    @exclusivity(unchecked) var previous: Unmanaged<Lookup>?
    @exclusivity(unchecked) var next: Unmanaged<Lookup>?
    /// What to say where a question fails or takes too long; only of names that were known once.
    @exclusivity(unchecked) private var fallbacks: [StaleFallback] = []
    /// What is fired at the end; nil before it has begun and when it has ended.
    @exclusivity(unchecked) private var deferred: Deferred<LookupAnswer>?

    /// - Parameter line: where it stands while it waits for something.
    init(
        _ name: DomainName, _ request: LookupRequest, at now: ReactorInstant, in line: LookupLine,
        onAnswer: ((TypeAnswer) -> Void)?
    ) {
        self.name = name
        self.line = line
        self.onAnswer = onAnswer
        startTime = now
        deadline = startTime + request.timeout
    }

    private var now: ReactorInstant { line.clock.now }

    /// Takes the answer of one type.
    func take(_ answer: consuming TypeAnswer) {
        let onAnswer = onAnswer
        if let onAnswer {
            answers.append(copy answer)
            onAnswer(answer)
        } else if answers.isEmpty {
            // As large as it has to be.
            answers = [answer]
        } else {
            answers.append(answer)
        }
    }

    /// Keeps what to say of a question that fails, or that isn't answered in good time.
    func fallBack(on fallback: StaleFallback) {
        fallbacks.append(fallback)
        // Whoever waits for less time than servers are usually given needs what is left of it to connect.
        fallback.arm(within: (deadline - startTime) / 2) { [self] in serveStale(fallback) }
    }

    /// Takes what is stale in place of an answer that is late. The question goes on for the cache.
    private func serveStale(_ fallback: StaleFallback) {
        guard pending.removeFirst(where: { $0 === fallback.question }) != nil else { return }
        fallback.refresh()
        fallback.question.leave(self)
        take(fallback.answer())
        finishIfComplete(at: now)
    }

    private func dropFallbacks() {
        if fallbacks.isEmpty { return }
        for fallback in fallbacks { fallback.disarm() }
        fallbacks = []
    }

    /// Notes that the answer to a question is wanted.
    func await(_ question: Question) {
        pending.append(question)
    }

    /// Begins to wait; if there is nothing to wait for, that was it.
    func begin() -> Deferred<LookupAnswer> {
        // It lets go of this when it fires, as every lookup ends.
        let deferred = Deferred<LookupAnswer>(canceller: { [self] in stop() })
        self.deferred = deferred
        if pending.isEmpty {
            conclude(at: now)
        } else {
            line.enter(self)
        }
        return deferred
    }

    func waits(for question: Question) -> Bool { pending.contains { $0 === question } }

    func questionEnded(_ question: Question, _ result: QuestionResult) {
        guard pending.removeFirst(where: { $0 === question }) != nil else { return }
        if result.answer == nil, let fallback = fallbacks.first(where: { $0.question === question }) {
            take(fallback.answer())
        } else {
            take(TypeAnswer(result, for: question.key, elapsed: result.time - startTime))
        }
        finishIfComplete(at: result.time)
    }

    /// The deadline has come.
    func timeOut() {
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
                        servers: question.reportsSoFar,
                        attempts: question.tries, elapsed: now - startTime),
                    origin: question.failureOrigin, time: now))
        }
        finishIfComplete(at: now)
    }

    /// Ends the lookup from outside, when it stands in no line any more.
    func fail(_ error: any Error) {
        _ = leavePending()
        dropFallbacks()
        onAnswer = nil
        deferred.take()?.errback(error)
    }

    /// The canceller: leaves; the Deferred fails by itself.
    private func stop() {
        _ = leavePending()
        dropFallbacks()
        onAnswer = nil
        deferred = nil
        line.leave(self)
    }

    private func leavePending() -> ShortList<Question> {
        let left = pending
        pending = ShortList()
        for question in left { question.leave(self) }
        for fallback in fallbacks { fallback.disarm() }
        return left
    }

    private func finishIfComplete(at now: ReactorInstant) {
        // Whoever was told may have given up.
        guard pending.isEmpty, deferred != nil else { return }
        dropFallbacks()
        line.leave(self)
        conclude(at: now)
    }

    private func conclude(at now: ReactorInstant) {
        onAnswer = nil
        guard let deferred = deferred.take() else { return }
        // Taken, not copied: of one answer nearly all is in there.
        var answers: [TypeAnswer] = []
        swap(&answers, &self.answers)
        let elapsed = now - startTime
        if answers.indices.contains(where: { !answers[$0].records.isEmpty }) {
            deferred.callback(LookupAnswer(name: name, questions: consume answers, elapsed: elapsed))
        } else {
            deferred.errback(LookupError(summing: answers, of: name, elapsed: elapsed))
        }
    }
}

@available(*, unavailable)
extension Lookup: Sendable {}
