// The race for a connection: Happy Eyeballs version 2 (RFC 8305) as one pure state machine.
//
// A name has addresses of two families; some may not work, and which ones shows only when they are tried. The race tries
// them one after the other, a quarter of a second apart, and the first connection wins. It begins before all lookups have
// ended, and takes in what they bring later.
//
//     idle ──▶ resolving ── the first family's addresses; another's, when it has none ──▶ racing ──▶ finished
//                  └── another's ──▶ holding ── the first family answers, or 50 ms ──────▲
//
// It is a value: an event and the time go in, actions come out. The connector looks up the families in the order given,
// performs the actions in theirs, and feeds back what happens. Nothing here reads a clock, opens a socket or calls a user.
// In each list of actions the timer comes first, and a start, of which there is one at most, last: so the connector may feed
// the outcome of a start from inside of it.

package import BowlineReactor
package import BowlineTransport

package struct Race {
    // MARK: Policy

    /// How long the other family's addresses wait for those of the first (RFC 8305, 3: Resolution Delay).
    static let resolutionDelay: Duration = .milliseconds(50)
    /// The time from one start to the next while nothing happens (RFC 8305, 5: Connection Attempt Delay).
    static let attemptDelay: Duration = .milliseconds(250)
    /// The time from one start to the next at the least, whatever happens (RFC 8305, 5: "MUST NOT be started within 10 ms").
    /// That a failure ends the attempt delay is our rule: the RFC leaves it open.
    static let minimumDelay: Duration = .milliseconds(10)

    // MARK: What goes in and what comes out

    /// The position of an attempt in `attempts`.
    package typealias AttemptID = Int

    package enum Answer: Sendable {
        case addresses([IPAddress])
        /// The name exists, and has no address of this family.
        case noData
        case failed(any Error)
    }

    package enum Event: Sendable {
        case start
        /// The lookup of a family has ended.
        case answered(AddressFamily, Answer)
        case connected(AttemptID)
        case failed(AttemptID, errno: Int32)
        /// The timer that was armed last is due.
        case timerFired
        /// The overall timeout, names included, is over.
        case timedOut
        case cancelled
    }

    package enum Action: Sendable {
        /// Sets the race's only timer, in place of what it was set to.
        case armTimer(ReactorInstant)
        case disarmTimer
        /// Closes the attempt's socket; its outcome is of no interest any more.
        case abandon(AttemptID)
        case start(AttemptID, SocketAddress)
        /// The race is over, and this attempt's socket is the connection.
        case succeed(AttemptID)
        /// The race is over without a connection.
        case fail(RaceFailure)
    }

    // MARK: State

    private enum State {
        case idle
        /// No address has come yet.
        case resolving
        /// There are addresses, but those of the first family are awaited until then.
        case holding(until: ReactorInstant)
        /// An attempt was started, and the next may be after the delay. Perhaps no address is left to try, and the race
        /// waits for the attempts that run, or, when all have failed, for a lookup.
        case racing(lastStart: ReactorInstant, delay: Duration)
        case finished
    }

    private var state = State.idle
    private let port: UInt16
    private let order: ([IPAddress]) -> [IPAddress]
    private let policy: AddressPolicy

    /// The families whose lookups go on; before the start, those to look up, in this order.
    package private(set) var unanswered: [AddressFamily]
    /// The family whose addresses the others' wait for.
    private let firstFamily: AddressFamily?
    /// The lookups that brought nothing.
    private var failedLookups: [RaceFailure.Lookup] = []

    /// The addresses still to try, best first, the families interleaved.
    private var untried: [IPAddress] = []
    /// What was tried, in order.
    package private(set) var attempts: [ConnectionAttempt] = []
    /// What the timer is set to.
    private var armed: ReactorInstant?

    /// Makes a race that begins with the event `start`.
    /// - Parameters:
    ///   - port: The port of every address.
    ///   - families: Those to use, in the order in which to look them up; RFC 8305, 3 wants IPv6 first.
    ///   - addresses: Those to try where no lookup is needed; nil for the addresses of a name.
    ///   - policy: Which addresses may be tried.
    ///   - order: Sorts addresses, best first (RFC 6724); the race then interleaves the families.
    package init(
        port: UInt16,
        families: [AddressFamily] = [.ipv6, .ipv4],
        addresses: [IPAddress]? = nil,
        policy: AddressPolicy = .unrestricted,
        order: @escaping ([IPAddress]) -> [IPAddress]
    ) {
        self.port = port
        self.order = order
        self.policy = policy
        unanswered = addresses == nil ? families : []
        firstFamily = families.first
        if let addresses { join(addresses.filter { families.contains($0.family) }) }
    }

    // MARK: The machine

    /// Takes in what happened, and says what to do, in the order in which to do it.
    package mutating func handle(_ event: Event, at now: ReactorInstant) -> [Action] {
        switch (state, event) {
        case (.idle, .start):
            state = .resolving
            return proceed(at: now)

        case (.resolving, .answered(let family, let answer)),
            (.holding, .answered(let family, let answer)),
            (.racing, .answered(let family, let answer)):
            take(answer, of: family)
            return proceed(at: now)

        case (.holding, .timerFired), (.racing, .timerFired):
            armed = nil
            return proceed(at: now)

        case (.racing, .connected(let id)) where isRunning(id):
            end(id, as: .connected, at: now)
            var actions = finish(runningEnd: .cancelled, at: now)
            actions.append(.succeed(id))
            return actions

        case (.racing(let lastStart, _), .failed(let id, let errno)) where isRunning(id):
            end(id, as: .init(errno: errno), errno: errno, at: now)
            state = .racing(lastStart: lastStart, delay: Self.minimumDelay)
            return proceed(at: now)

        case (.idle, .timedOut), (.resolving, .timedOut), (.holding, .timedOut), (.racing, .timedOut):
            return lose(.timedOut, at: now)

        case (.idle, .cancelled), (.resolving, .cancelled), (.holding, .cancelled), (.racing, .cancelled):
            return lose(.cancelled, at: now)

        case (.finished, _), (.resolving, .timerFired), (.racing, .connected), (.racing, .failed):
            // It was on its way when the race, the wait or the attempt ended, and comes too late to matter.
            return []

        case (.idle, _), (.resolving, _), (.holding, _), (.racing, _):
            preconditionFailure("a race that is \(state) was fed \(event)")
        }
    }

    /// Does what can be done now: waits, starts an attempt, or gives up.
    private mutating func proceed(at now: ReactorInstant) -> [Action] {
        if policy != .unrestricted { refuse(at: now) }
        guard !untried.isEmpty else {
            if !unanswered.isEmpty || attempts.indices.contains(where: isRunning) { return setTimer(nil) }
            return lose(attempts.isEmpty ? .noAddress : .allAttemptsFailed, at: now)
        }
        switch state {
        case .resolving where awaitsFirstFamily:
            state = .holding(until: now + Self.resolutionDelay)
            return setTimer(now + Self.resolutionDelay)
        case .holding(let until) where awaitsFirstFamily && now < until:
            return setTimer(until)
        case .racing(let lastStart, let delay) where now < lastStart + delay:
            return setTimer(lastStart + delay)
        default:
            return startNext(at: now)
        }
    }

    /// Notes the addresses that the policy refuses as attempts that ended before they began. Here, where no other address
    /// can take their place before they are dialled.
    private mutating func refuse(at now: ReactorInstant) {
        for address in untried {
            guard let refusal = policy.refusal(of: address) else { continue }
            attempts.append(ConnectionAttempt(address: .ip(address, port: port), start: now))
            end(attempts.count - 1, as: .denied, at: now)
            attempts[attempts.count - 1].refusal = refusal
        }
        untried.removeAll { policy.refusal(of: $0) != nil }
    }

    private mutating func startNext(at now: ReactorInstant) -> [Action] {
        let address = SocketAddress.ip(untried.removeFirst(), port: port)
        attempts.append(ConnectionAttempt(address: address, start: now))
        state = .racing(lastStart: now, delay: Self.attemptDelay)
        var actions = setTimer(untried.isEmpty ? nil : now + Self.attemptDelay)
        actions.append(.start(attempts.count - 1, address))
        return actions
    }

    private mutating func lose(_ reason: RaceFailure.Reason, at now: ReactorInstant) -> [Action] {
        var actions = finish(runningEnd: reason == .timedOut ? .timeout : .cancelled, at: now)
        actions.append(
            .fail(
                RaceFailure(reason: reason, lookups: failedLookups, unanswered: unanswered, attempts: attempts)))
        return actions
    }

    private mutating func finish(runningEnd outcome: ConnectionAttempt.Outcome, at now: ReactorInstant) -> [Action] {
        state = .finished
        var actions = setTimer(nil)
        for id in attempts.indices where isRunning(id) {
            end(id, as: outcome, at: now)
            actions.append(.abandon(id))
        }
        return actions
    }

    // MARK: Names

    private var awaitsFirstFamily: Bool { unanswered.first == firstFamily }

    private mutating func take(_ answer: Answer, of family: AddressFamily) {
        // A resolver may bring more than was asked for: a hosts file has both families in one line.
        guard let index = unanswered.firstIndex(of: family) else { return }
        unanswered.remove(at: index)
        switch answer {
        case .addresses(let addresses) where !addresses.isEmpty: join(addresses)
        case .addresses, .noData: failedLookups.append(.init(family: family, error: nil))
        case .failed(let error): failedLookups.append(.init(family: family, error: error))
        }
    }

    /// Adds addresses to those still to try. What was tried last counts as the beginning of the alternation, so a late
    /// family comes next.
    private mutating func join(_ addresses: [IPAddress]) {
        if untried.isEmpty, attempts.isEmpty, addresses.count < 2 {
            untried = addresses
            return
        }
        // None is tried twice.
        var known = Set(untried).union(attempts.compactMap(\.address.ipAddress))
        untried += addresses.filter { known.insert($0).inserted }
        guard untried.count > 1 else { return }
        let last = attempts.last { $0.refusal == nil }
        untried = AddressOrdering.interleaved(order(untried), after: last?.address.ipAddress?.family)
    }

    // MARK: Attempts

    private func isRunning(_ id: AttemptID) -> Bool { attempts[id].outcome == nil }

    private mutating func end(
        _ id: AttemptID, as outcome: ConnectionAttempt.Outcome, errno: Int32? = nil, at now: ReactorInstant
    ) {
        attempts[id].end = now
        attempts[id].outcome = outcome
        attempts[id].errno = errno
    }

    // MARK: The timer

    /// The action that sets the timer, if it isn't set so already.
    private mutating func setTimer(_ instant: ReactorInstant?) -> [Action] {
        guard instant != armed else { return [] }
        armed = instant
        return instant.map { [.armTimer($0)] } ?? [.disarmTimer]
    }
}
