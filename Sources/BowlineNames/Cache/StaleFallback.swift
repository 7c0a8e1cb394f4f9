// Serving what is stale (RFC 8767): what a lookup says of a name that was known once when no server answers, or none does in
// good time. Made by the desk for a question about a name whose records have expired; used by the lookup that waits for it.

import BowlineReactor

/// Records past their TTL, in reserve for one lookup and one question.
final class StaleFallback {
    let question: Question
    private let cached: CachedAnswer
    private unowned let desk: QuestionDesk
    private var timer: DelayedCall?

    init(_ cached: CachedAnswer, for question: Question, desk: QuestionDesk) {
        self.cached = cached
        self.question = question
        self.desk = desk
    }

    /// Calls `late` when the lookup has waited long enough. Who joins a question that is late already waits no longer.
    ///
    /// - Parameter patience: the most that the lookup waits.
    func arm(within patience: Duration, _ late: @escaping () -> Void) {
        let delay = desk.cache.policy.staleAnswerDelay - (desk.clock.now - question.startTime)
        timer = desk.clock.callLater(min(max(.zero, delay), patience)) { [self] in
            timer = nil
            late()
        }
    }

    func disarm() {
        timer?.cancel()
        timer = nil
    }

    /// What to say.
    func answer() -> TypeAnswer {
        desk.cache.noteStale(question.key.name, question.key.type, now: desk.clock.now)
        return desk.stale(cached, for: question.key.name, question.key.type, since: question.reportsSoFar)
    }

    /// Keeps the question going though nobody waits for it any more.
    func refresh() {
        desk.keepAsking(question)
    }
}

@available(*, unavailable)
extension StaleFallback: Sendable {}
