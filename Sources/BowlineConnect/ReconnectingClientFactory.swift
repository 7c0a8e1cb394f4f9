// A factory whose connector comes back: after a failure or a loss it connects again, later each time.

public import BowlineReactor
public import BowlineTransport

/// Connects again when connecting fails and when a connection is lost, with a growing, jittered delay.
///
/// ```swift
/// let factory = ReconnectingClientFactory { Finger() }
/// factory.backoff.maximumDelay = .seconds(10)
/// reactor.connectTCP(host: "example.com", port: 79, factory: factory)
/// reactor.callLater(.seconds(3600)) { factory.stopTrying() }
/// ```
/// The delay begins anew after a connection that lasted ``stableTime``; one that is lost sooner counts as a failure, so
/// that a server which accepts and closes isn't stormed.
///
/// Some failures end it: a cancellation (`stopConnecting()` is a decision of this side), the stop of the reactor, and
/// a target that can't be right, such as port 0. `disconnect()` alone is followed by a new connection, as any
/// other loss; call ``stopTrying()`` before.
///
/// Use one such factory for each connector. A subclass that overrides `clientConnectionMade`, `clientConnectionFailed` or
/// `clientConnectionLost` calls `super`.
open class ReconnectingClientFactory: ClientFactory {
    /// How long to wait before each attempt. Changes apply to the next wait.
    public var backoff = Backoff()
    /// How many attempts in a row may fail after the first one; nil for any number.
    public var maximumRetries: Int?
    /// A connection that lasts so long makes the delay begin anew. 10 s.
    public var stableTime: Duration = .seconds(10)
    /// Where the jitter comes from: a seeded one makes a test repeatable.
    public var random: any RandomNumberGenerator = SystemRandomNumberGenerator()

    /// How many attempts in a row have failed, counting connections that did not last.
    public private(set) var failures = 0
    /// Whether the next failure or loss is followed by another attempt.
    public private(set) var isTrying = true
    /// The attempt that is waited for; nil while there is none.
    public private(set) var nextAttempt: DelayedCall?

    private var madeTime: ReactorInstant?
    private var waiting: Connector?

    /// Gives up: no attempt follows any more, and one that is under way is stopped. A connection that stands goes on.
    open func stopTrying() {
        isTrying = false
        nextAttempt?.cancel()
        nextAttempt = nil
        let connector = waiting
        waiting = nil
        connector?.stopConnecting()
    }

    /// Forgets the failures so far: the next delay is the first one. Also allows attempts again after `stopTrying()`.
    open func resetDelay() {
        failures = 0
        isTrying = true
    }

    /// There will be no further attempt: too many failed, or the last failure was of a kind that another attempt can't
    /// mend. Not called after `stopTrying()`. Does nothing by default.
    open func clientGaveUp(_ connector: Connector) {}

    open override func startedConnecting(_ connector: Connector) {
        // Somebody may have connected again without waiting.
        nextAttempt?.cancel()
        nextAttempt = nil
        waiting = connector
    }

    open override func clientConnectionMade(_ connector: Connector, _ protocol: any Protocol) {
        waiting = nil
        madeTime = connector.clock.now
    }

    open override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        waiting = nil
        if error.isFinal { giveUp(connector) } else { retry(connector) }
    }

    open override func clientConnectionLost(_ connector: Connector, _ reason: ConnectionEnd) {
        waiting = nil
        if let madeTime, connector.clock.now - madeTime >= stableTime { failures = 0 }
        madeTime = nil
        if reason == .stopped { giveUp(connector) } else { retry(connector) }
    }

    /// Connects again after the next delay, or gives up.
    private func retry(_ connector: Connector) {
        guard isTrying, nextAttempt?.isActive != true else { return }
        failures += 1
        if let maximumRetries, failures > maximumRetries {
            giveUp(connector)
            return
        }
        let delay = backoff.delay(afterFailures: failures, using: &random)
        nextAttempt = connector.clock.callLater(delay) { [weak self] in
            self?.nextAttempt = nil
            connector.connect()
        }
    }

    private func giveUp(_ connector: Connector) {
        guard isTrying else { return }
        isTrying = false
        clientGaveUp(connector)
    }
}

extension ConnectError {
    /// Whether another attempt would end the same way, or isn't wanted.
    var isFinal: Bool {
        switch reason {
        case .badTarget, .badName, .cancelled, .stopped: true
        case .tls(let error), .proxyTLS(let error): error.kind == .configuration
        case .proxy(let error): error.kind == .badProxy || error.kind == .authentication
        case .lookup, .resolver, .attemptsFailed, .timedOut, .declined: false
        }
    }
}
