// Connecting by script: which address connects, which fails, and when, in virtual time.

public import Bowline

/// Answers dials as a script says, and records them.
///
/// ```swift
/// import Glibc    // ECONNREFUSED
///
/// let clock = ManualClock()
/// let dialer = ScriptedDialer(clock: clock)
/// dialer.plan("2001:db8::1", .never)
/// dialer.plan("192.0.2.1", .fails(ECONNREFUSED, after: .milliseconds(10)), .connects(after: .milliseconds(20)))
/// ```
/// Outcomes of one address are used in order, and the last one again and again. What has no script never ends.
public final class ScriptedDialer: Dialer {
    /// What comes of an attempt.
    public struct Outcome {
        enum Kind {
            case connects((() -> any Protocol)?)
            case fails(CInt)
            case never
        }

        let kind: Kind
        /// Nil: inside the call that begins the attempt.
        let delay: Duration?

        /// The attempt succeeds after a delay. With `server`, a protocol of the test's speaks on the other end; without
        /// one, the test does, through the `transport` of the connection.
        public static func connects(after delay: Duration = .zero, to server: (() -> any Protocol)? = nil) -> Outcome {
            Outcome(kind: .connects(server), delay: delay)
        }

        /// The attempt fails with an errno value after a delay.
        public static func fails(_ code: CInt, after delay: Duration = .zero) -> Outcome {
            Outcome(kind: .fails(code), delay: delay)
        }

        /// The attempt has succeeded before `dial` returns, as on a UNIX socket.
        public static func connectsAtOnce(to server: (() -> any Protocol)? = nil) -> Outcome {
            Outcome(kind: .connects(server), delay: nil)
        }

        /// The attempt has failed before `dial` returns, as without a route.
        public static func failsAtOnce(_ code: CInt) -> Outcome {
            Outcome(kind: .fails(code), delay: nil)
        }

        /// Nothing is heard of the attempt.
        public static var never: Outcome { Outcome(kind: .never, delay: .zero) }
    }

    /// One dial, as it went.
    public struct Attempt: Hashable, Sendable {
        /// How an attempt ended.
        public enum Ending: Hashable, Sendable {
            case connected
            case failed(CInt)
            /// Given up by who had begun it.
            case abandoned
        }

        /// Where it went.
        public let address: SocketAddress
        /// Where it was to come from; nil for anywhere.
        public let local: SocketAddress?
        /// When it began.
        public let started: ReactorInstant
        /// When it ended; nil while it is under way.
        public internal(set) var ended: ReactorInstant?
        /// How it ended; nil while it is under way.
        public internal(set) var ending: Ending?
    }

    /// Every attempt so far, in the order in which they began.
    public private(set) var attempts: [Attempt] = []
    /// Every connection that was made, in order, whether it was used or closed unused.
    public private(set) var connections: [ScriptedConnection] = []
    /// What comes of an attempt for which nothing is planned.
    public var otherwise = Outcome.never
    /// How many attempts were under way at once, at most.
    public private(set) var peakConcurrency = 0

    private let clock: any ReactorClock
    private var plans: [SocketAddress: [Outcome]] = [:]
    private var plansOfHosts: [IPAddress: [Outcome]] = [:]

    /// Creates a dialer that counts its delays on `clock`.
    public init(clock: any ReactorClock) {
        self.clock = clock
    }

    /// Says what comes of the attempts at one address and port.
    public func plan(_ address: SocketAddress, _ outcomes: Outcome...) {
        plans[address] = outcomes
    }

    /// Says what comes of the attempts at one IP address, whatever the port. A program error if the text isn't one.
    public func plan(_ address: String, _ outcomes: Outcome...) {
        guard let parsed = IPAddress(address) else { preconditionFailure("not an IP address: \(address)") }
        plansOfHosts[parsed] = outcomes
    }

    /// Begins an attempt, which ends as its address' script says.
    public func dial(
        _ address: SocketAddress, from local: SocketAddress?,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) -> any Dial {
        attempts.append(Attempt(address: address, local: local, started: clock.now))
        peakConcurrency = max(peakConcurrency, attempts.count { $0.ending == nil })
        let dial = ScriptedDial(self, index: attempts.count - 1, completion)
        let outcome = takeOutcome(for: address)
        if let delay = outcome.delay {
            if case .never = outcome.kind { return dial }
            dial.timer = clock.callLater(delay) { dial.complete(outcome.kind) }
        } else {
            dial.complete(outcome.kind)
        }
        return dial
    }

    private func takeOutcome(for address: SocketAddress) -> Outcome {
        if let outcomes = plans[address], let first = outcomes.first {
            if outcomes.count > 1 { plans[address]?.removeFirst() }
            return first
        }
        if let host = address.ipAddress, let outcomes = plansOfHosts[host], let first = outcomes.first {
            if outcomes.count > 1 { plansOfHosts[host]?.removeFirst() }
            return first
        }
        return otherwise
    }

    func note(_ ending: Attempt.Ending, of index: Int) {
        attempts[index].ended = clock.now
        attempts[index].ending = ending
    }

    func makeConnection(of index: Int, _ server: (() -> any Protocol)?) -> ScriptedConnection {
        let connection = ScriptedConnection(
            to: attempts[index].address, from: attempts[index].local, server: server, clock: clock)
        connections.append(connection)
        return connection
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ScriptedDialer: Sendable {}

/// One scripted attempt under way.
private final class ScriptedDial: Dial {
    private let dialer: ScriptedDialer
    private let index: Int
    private var completion: ((Result<any DialedConnection, DialError>) -> Void)?
    var timer: DelayedCall?

    init(
        _ dialer: ScriptedDialer, index: Int,
        _ completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) {
        self.dialer = dialer
        self.index = index
        self.completion = completion
    }

    func complete(_ kind: ScriptedDialer.Outcome.Kind) {
        guard let completion else { return }
        self.completion = nil
        timer = nil
        switch kind {
        case .connects(let server):
            dialer.note(.connected, of: index)
            completion(.success(dialer.makeConnection(of: index, server)))
        case .fails(let code):
            dialer.note(.failed(code), of: index)
            completion(.failure(DialError(code)))
        case .never:
            break
        }
    }

    func abandon() {
        guard completion != nil else { return }
        completion = nil
        timer?.cancel()
        timer = nil
        dialer.note(.abandoned, of: index)
    }
}

@available(*, unavailable)
extension ScriptedDial: Sendable {}

/// A connection that a scripted dialer made.
///
/// ```swift
/// let dialer = ScriptedDialer(clock: ManualClock())
/// dialer.otherwise = .connectsAtOnce()
/// _ = dialer.dial(.ip(.v4(.loopback), port: 80), from: nil) { _ in }
/// for connection in dialer.connections { print(connection.peer, connection.isStarted) }
/// ```
public final class ScriptedConnection: DialedConnection {
    /// The connection's end on the side of who dialed.
    public let transport: MemoryTransport
    /// Whether it was closed without being used.
    public private(set) var isClosedUnused = false
    /// Whether it was given to a protocol.
    public private(set) var isStarted = false

    private let server: (() -> any Protocol)?
    private let clock: any ReactorClock
    /// Carries between the two ends where the other end has a protocol.
    private var pump: MemoryPump?

    init(
        to peer: SocketAddress, from local: SocketAddress?, server: (() -> any Protocol)?, clock: any ReactorClock
    ) {
        self.server = server
        self.clock = clock
        let host = local ?? .ip(.v4(.loopback), port: 49152)
        transport = MemoryTransport(peer: peer, host: host, clock: clock)
    }

    /// The address that was dialed.
    public var peer: SocketAddress { transport.peer }

    /// Gives the connection to `protocol`, and the other end to a protocol if one was planned. Once only.
    @discardableResult
    public func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) -> any Transport {
        precondition(!isStarted && !isClosedUnused, "this connection was started or closed already")
        isStarted = true
        if let server {
            let pump = MemoryPump(
                transport, MemoryTransport(peer: transport.host, host: transport.peer, clock: clock), clock: clock)
            self.pump = pump
            pump.server.start(server())
        }
        transport.start(`protocol`, onEnd: onEnd)
        return transport
    }

    /// Closes it, and notes that if it was not started.
    public func close() {
        if !isStarted { isClosedUnused = true }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ScriptedConnection: Sendable {}
