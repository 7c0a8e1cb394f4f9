// A connection that is kept: whoever needs it asks for it, and the service sees to it that there is one. What the
// reconnecting factory is for a connector, this is for any endpoint.

public import BowlineDeferred
public import BowlineReactor
public import BowlineTransport

/// Keeps a connection to an endpoint: connects, and connects again when that fails or the connection is lost, with a growing,
/// jittered delay.
///
/// ```swift
/// let endpoint = TCPClientEndpoint(reactor, host: "example.com", port: 79)
/// let service = ClientService(reactor, endpoint, factory: Factory { Finger() })
/// service.startService()
/// service.whenConnected()
///     .addCallback { finger in finger.transport?.write("root\r\n") }
///     .addErrback { error in print(error) }
/// reactor.callLater(.seconds(3600)) { service.stopService() }
/// ```
/// The delay begins anew after a connection that lasted ``stableTime``. What another attempt can't mend, such as a port of 0,
/// ends the service.
public final class ClientService {
    private enum State {
        case stopped
        case connecting(Deferred<any Protocol>)
        case waiting(DelayedCall)
        case connected(ServiceProtocol)
        /// The connection is being closed.
        case stopping(startsAgain: Bool)
    }

    private struct Waiter {
        let deferred: Deferred<any Protocol>
        let number: Int
        /// After so many further failures it has waited in vain.
        var failuresLeft: Int?
    }

    /// How long to wait before each attempt. Changes apply to the next wait.
    public var backoff = Backoff()
    /// A connection that lasts so long makes the delay begin anew. 10 s.
    public var stableTime: Duration = .seconds(10)
    /// Where the jitter comes from: a seeded one makes a test repeatable.
    public var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
    /// How many attempts in a row have failed, counting connections that did not last.
    public private(set) var failures = 0

    private let endpoint: any ClientEndpoint
    private let factory: Factory
    private let clock: any ReactorClock
    private weak var reactor: Reactor?
    private var trigger: SystemEventTrigger?
    private var state = State.stopped
    private var waiters: [Waiter] = []
    private var lastNumber = 0
    private var stopWaiters: [Deferred<Void>] = []
    private var madeTime = ReactorInstant(nanoseconds: 0)

    /// Creates a service, which is not started.
    ///
    /// - Parameter factory: makes the protocol of each connection.
    public init(_ reactor: Reactor, _ endpoint: any ClientEndpoint, factory: Factory) {
        clock = reactor
        self.reactor = reactor
        self.endpoint = endpoint
        self.factory = factory
    }

    package init(_ clock: any ReactorClock, _ endpoint: any ClientEndpoint, factory: Factory) {
        self.clock = clock
        self.endpoint = endpoint
        self.factory = factory
    }

    /// Whether it keeps a connection, or tries to have one.
    public var isRunning: Bool {
        switch state {
        case .stopped, .stopping(startsAgain: false): false
        default: true
        }
    }

    // MARK: what users ask

    /// Begins to connect. No effect if it has begun. While a connection is still being closed, that is waited for.
    public func startService() {
        switch state {
        case .stopped:
            failures = 0
            trigger = reactor?.addSystemEventTrigger(.before, .shutdown) { [weak self] in self?.reactorStopped() }
            connect()
        case .stopping: state = .stopping(startsAgain: true)
        default: break
        }
    }

    /// Gives up what is under way, or closes the connection in order; who waits for one is told `CancelledError`.
    ///
    /// - Returns: fires when there is no connection any more.
    @discardableResult
    public func stopService() -> Deferred<Void> {
        let before = state
        switch before {
        case .stopped: return .succeeded(())
        case .connecting, .waiting: end(CancelledError())
        case .connected, .stopping: state = .stopping(startsAgain: false)
        }
        switch before {
        case .connecting(let attempt): attempt.cancel()
        case .waiting(let call): call.cancel()
        case .connected(let connection):
            forgetTrigger()
            failWaiters(CancelledError())
            connection.transport?.loseConnection()
        case .stopping: failWaiters(CancelledError())
        case .stopped: break
        }
        guard case .stopping = state else { return .succeeded(()) }
        let stopped = Deferred<Void>()
        stopWaiters.append(stopped)
        return stopped
    }

    /// Waits for the connection.
    ///
    /// - Parameter failures: after so many attempts that fail from now on, this fails with the last one's error; nil for
    ///   waiting as long as it takes.
    /// - Returns: fires with the protocol, at once if there is one that is connected. Fails with `CancelledError` when the
    ///   service is stopped, or isn't started; cancelling it leaves the service as it is.
    public func whenConnected(failingAfter failures: Int? = nil) -> Deferred<any Protocol> {
        if case .connected(let connection) = state { return .succeeded(connection.speaker) }
        guard isRunning else { return .failed(CancelledError()) }
        lastNumber += 1
        let number = lastNumber
        let deferred = Deferred<any Protocol>(canceller: { [weak self] in
            self?.waiters.removeAll { $0.number == number }
        })
        waiters.append(Waiter(deferred: deferred, number: number, failuresLeft: failures))
        return deferred
    }

    // MARK: connecting

    private func connect() {
        let attempt = endpoint.connect(ServiceFactory(factory))
        state = .connecting(attempt)
        attempt.addBoth { [self] result in
            // One that was given up has nothing to say.
            guard case .connecting(let current) = state, current === attempt else { return }
            switch result {
            case .success(let made): connected(made)
            case .failure(let error): failed(error)
            }
        }
    }

    private func connected(_ made: any Protocol) {
        guard let connection = made as? ServiceProtocol else {
            preconditionFailure("an endpoint fires with the protocol that its factory has made")
        }
        state = .connected(connection)
        madeTime = clock.now
        connection.onLost = { [self] reason in lost(reason) }
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters { waiter.deferred.callback(connection.speaker) }
    }

    private func failed(_ error: any Error) {
        if let error = error as? ConnectError, error.isFinal {
            end(error)
            return
        }
        retry()
        var unlucky: [Waiter] = []
        waiters = waiters.compactMap { waiter in
            guard let left = waiter.failuresLeft else { return waiter }
            var waiter = waiter
            waiter.failuresLeft = left - 1
            guard left <= 1 else { return waiter }
            unlucky.append(waiter)
            return nil
        }
        for waiter in unlucky { waiter.deferred.errback(error) }
    }

    private func lost(_ reason: ConnectionEnd) {
        switch state {
        case .connected where reason == .stopped: end(ReactorStopped())
        case .connected:
            if clock.now - madeTime >= stableTime { failures = 0 }
            retry()
        case .stopping(let startsAgain):
            state = .stopped
            let waiting = stopWaiters
            stopWaiters = []
            if startsAgain { startService() }
            for waiter in waiting { waiter.callback(()) }
        default: break
        }
    }

    private func retry() {
        failures += 1
        let delay = backoff.delay(afterFailures: failures, using: &random)
        state = .waiting(
            clock.callLater(delay) { [self] in
                guard case .waiting = state else { return }
                connect()
            })
    }

    // MARK: the end

    /// The reactor stops, and takes its timers back.
    package func reactorStopped() {
        trigger = nil
        guard case .waiting(let call) = state else { return }
        call.cancel()
        end(ReactorStopped())
    }

    private func end(_ error: any Error) {
        state = .stopped
        forgetTrigger()
        failWaiters(error)
    }

    private func failWaiters(_ error: any Error) {
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters { waiter.deferred.errback(error) }
    }

    private func forgetTrigger() {
        if let trigger { reactor?.removeSystemEventTrigger(trigger) }
        trigger = nil
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ClientService: Sendable {}
