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
    /// One `start` until its `stop`. A class: a result that comes late must not be taken for one of the next loop's.
    private final class Loop {
        let interval: Duration
        let start: ReactorInstant
        let done = Deferred<Void>()
        var pause: Deferred<Void>?

        init(interval: Duration, start: ReactorInstant) {
            self.interval = interval
            self.start = start
        }
    }

    private let clock: any ReactorClock
    private let function: () throws -> Deferred<Void>
    private var loop: Loop?

    /// Creates a call that isn't started.
    /// - Parameters:
    ///   - clock: What tells the time; a reactor, or a test's manual clock.
    ///   - function: Is called each time, and has done what is to be done when it returns.
    public init(clock: any ReactorClock, _ function: @escaping () throws -> Void) {
        self.clock = clock
        self.function = {
            try function()
            return .succeeded(())
        }
    }

    /// Creates a call that isn't started.
    /// - Parameters:
    ///   - clock: What tells the time; a reactor, or a test's manual clock.
    ///   - function: Is called each time; the Deferred that it returns says when what is to be done is done.
    public init<Work: DeferredConvertible<Void>>(
        clock: any ReactorClock, waitingFor function: @escaping () throws -> Work
    ) {
        self.clock = clock
        self.function = { try function().deferred }
    }

    /// Whether it was started and has neither been stopped nor failed.
    public var isRunning: Bool { loop != nil }

    /// Starts to call every `interval`: first at once, or after one interval if `now` is false. It must not be running.
    /// - Parameters:
    ///   - interval: From one call to the next; zero calls in each turn of the reactor.
    ///   - now: Whether the first call is made before this returns.
    /// - Returns: A Deferred that fires when the call is stopped, and fails with what the function failed with, or with
    ///   `ReactorStopped`. It keeps the loop alive no longer than that.
    @discardableResult
    public func start(every interval: Duration, now: Bool = true) -> Deferred<Void> {
        if isRunning { fatalError("this LoopingCall was started already") }
        let loop = Loop(interval: max(interval, .zero), start: clock.now)
        self.loop = loop
        if now { call(loop) } else { plan(loop) }
        return loop.done
    }

    /// Stops; the Deferred that `start` returned fires. Does nothing if it isn't running.
    public func stop() {
        guard let loop else { return }
        finish(loop, .success(()))
        loop.pause?.cancel()
    }

    private func call(_ loop: Loop) {
        let outcome: Deferred<Void>
        do {
            outcome = try function()
        } catch {
            outcome = .failed(error)
        }
        outcome.addBoth { [self] (result: Result<Void, any Error>) in
            // After a stop, a late failure is nobody's but the reports'.
            guard self.loop === loop else { return try result.get() }
            switch result {
            case .success: plan(loop)
            case .failure: finish(loop, result)
            }
        }
    }

    private func plan(_ loop: Loop) {
        let pause = clock.deferLater(delay(loop)) {}
        loop.pause = pause
        pause.addCallbacks(
            { [self] in
                loop.pause = nil
                call(loop)
            },
            { [self] error in finish(loop, .failure(error)) })
    }

    /// The time to the next place on the grid.
    private func delay(_ loop: Loop) -> Duration {
        guard loop.interval > .zero else { return .zero }
        let step = max(1, loop.interval.saturatingNanoseconds)
        return .nanoseconds(step - (clock.now - loop.start).saturatingNanoseconds % step)
    }

    private func finish(_ loop: Loop, _ result: Result<Void, any Error>) {
        guard self.loop === loop else { return }
        self.loop = nil
        switch result {
        case .success: loop.done.callback(())
        case .failure(let error): loop.done.errback(error)
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension LoopingCall: Sendable {}
