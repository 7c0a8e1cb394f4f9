// What a Deferred needs of a clock.

public import BowlineDeferred

extension Deferred {
    /// Returns a Deferred that fires like this one, or fails with `TimeoutError` when `duration` passes first.
    ///
    /// When the time is up this link is cancelled: the operation ends if nobody else waits for it, and a canceller's own
    /// outcome is kept. A cancellation by anybody else stays `CancelledError`. The timer ends with the outcome.
    /// ```swift
    /// reactor.getPage("http://example.com/")
    ///     .timeout(.seconds(5), clock: reactor)
    ///     .addErrback { error in "gave up: \(error)" }
    ///     .addCallback { text in print(text) }
    /// ```
    @discardableResult
    public func timeout(_ duration: Duration, clock: any ReactorClock) -> Deferred<Value> {
        var timedOut = false
        var timer: DelayedCall?
        let operation = onResult { _ in timer?.cancel() }
        if !operation.isFired {
            timer = clock.callLater(duration) {
                timedOut = true
                operation.cancel()
            }
        }
        return operation.addErrback { (error: any Error) throws -> Value in
            throw timedOut && error is CancelledError ? TimeoutError(after: duration) : error
        }
    }
}

extension ReactorClock {
    /// Returns a Deferred that fires after `delay` with what `body` returns or throws.
    ///
    /// Cancelling it takes the call back. If the clock is a reactor and stops first, it fails with `ReactorStopped`.
    public func deferLater<Value>(
        _ delay: Duration, _ body: @escaping () throws -> Value
    ) -> Deferred<Value> {
        let reactor = self as? Reactor
        var call: DelayedCall?
        var observer: UInt64?
        let end = {
            call?.cancel()
            if let observer { reactor?.forgetStopObserver(observer) }
        }
        let deferred = Deferred<Value>(canceller: end)
        call = callLater(delay) {
            end()
            do {
                deferred.callback(try body())
            } catch {
                deferred.errback(error)
            }
        }
        observer = reactor?.whenStopped {
            call?.cancel()
            deferred.errback(ReactorStopped())
        }
        return deferred
    }
}
