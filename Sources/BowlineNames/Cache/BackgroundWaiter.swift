// Who waits for a question when no lookup does: behind a lookup that was served something stale, and ahead of the end of an
// answer that is used much. It only keeps the question going; what comes of it, the desk puts into the cache.

import BowlineReactor

/// Waits for a question for a bounded time.
final class BackgroundWaiter: QuestionWaiter {
    private var timer: DelayedCall?
    private let ended: (BackgroundWaiter) -> Void

    var isBackground: Bool { true }

    /// Joins the question.
    /// - Parameters:
    ///   - late: called if the question hasn't ended after `timeout`, when this has left it.
    ///   - ended: called when this waits no longer, in either case.
    init(
        _ question: Question, timeout: Duration, clock: any ReactorClock, late: @escaping () -> Void,
        ended: @escaping (BackgroundWaiter) -> Void
    ) {
        self.ended = ended
        question.join(self)
        timer = clock.callLater(timeout) { [self] in
            timer = nil
            question.leave(self)
            late()
            ended(self)
        }
    }

    func waits(for question: Question) -> Bool { timer != nil }

    func questionEnded(_ question: Question, _ result: QuestionResult) {
        guard timer != nil else { return }
        cancel()
        ended(self)
    }

    /// Ends the timer; the question is over anyway.
    func cancel() {
        timer?.cancel()
        timer = nil
    }
}

@available(*, unavailable)
extension BackgroundWaiter: Sendable {}
