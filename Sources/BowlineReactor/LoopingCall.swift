// Something that is to be done again and again.

public import BowlineDeferred

/// Calls a function every so often, until it is stopped or the function fails.
///
/// ```swift
/// let ticker = LoopingCall(clock: reactor) { print("tick") }
/// ticker.start(every: .seconds(1))
///     .addErrback { error in print("stopped:", error) }
/// ```
/// Calls keep to the grid of the start time: one that comes late doesn't shift the next, and those that were missed
/// altogether are left out. A function that returns a Deferred is waited for before the next call is planned.
public final class LoopingCall {
    private let clock: any ReactorClock
    private let function: () throws -> Deferred<Void>
    private var interval = Duration.zero
    private var startTime = ReactorInstant(nanoseconds: 0)
    private var call: DelayedCall?
    private var done: Deferred<Void>?

    /// Creates a call that isn't started; `function` returns when it is done.
    public convenience init(clock: any ReactorClock, _ function: @escaping () throws -> Void) {
        self.init(
            clock: clock,
            waitingFor: {
                try function()
                return .succeeded(())
            })
    }

    /// Creates a call that isn't started; the Deferred that `function` returns says when it is done.
    public init(clock: any ReactorClock, waitingFor function: @escaping () throws -> Deferred<Void>) {
        self.clock = clock
        self.function = function
    }

    /// Whether it was started and has neither been stopped nor failed.
    public var isRunning: Bool { done != nil }

    /// Starts to call every `interval`: first at once, or after one interval if `now` is false.
    /// - Returns: a Deferred that fires when the call is stopped, and fails with what the function failed with.
    @discardableResult
    public func start(every interval: Duration, now: Bool = true) -> Deferred<Void> {
        precondition(!isRunning, "this LoopingCall was started already")
        self.interval = max(interval, .zero)
        startTime = clock.now
        let done = Deferred<Void>()
        self.done = done
        if now { run() } else { plan() }
        return done
    }

    /// Stops; the Deferred that `start` returned fires. Does nothing if it isn't running.
    public func stop() {
        call?.cancel()
        call = nil
        finish(.success(()))
    }

    private func run() {
        call = nil
        let outcome: Deferred<Void>
        do {
            outcome = try function()
        } catch {
            outcome = .failed(error)
        }
        outcome.addBoth { [self] (result: Result<Void, any Error>) in
            guard isRunning else { return }
            switch result {
            case .success: plan()
            case .failure: finish(result)
            }
        }
    }

    private func plan() {
        var delay = interval
        if interval > .zero {
            let passed = (clock.now - startTime).saturatingNanoseconds
            let step = max(1, interval.saturatingNanoseconds)
            delay = .nanoseconds(step - passed % step)
        }
        call = clock.callLater(delay) { [self] in run() }
    }

    private func finish(_ result: Result<Void, any Error>) {
        guard let done else { return }
        self.done = nil
        switch result {
        case .success: done.callback(())
        case .failure(let error): done.errback(error)
        }
    }
}

@available(*, unavailable)
extension LoopingCall: Sendable {}
