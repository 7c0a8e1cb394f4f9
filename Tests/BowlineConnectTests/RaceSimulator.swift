// Runs a race in virtual time: a script of answers and of what becomes of each address goes in, the exact trace of what the
// race did comes out. Does what a connector does, in its order, also when a start ends inside of the call.

import Bowline

struct RaceSimulator {
    /// What becomes of an attempt.
    enum Fate: Sendable {
        case connects(after: Int)
        case fails(Int32, after: Int)
        /// Fails or connects before the call that starts it returns.
        case failsInside(Int32)
        case connectsInside
        case silent
    }

    /// What happens within one millisecond: attempts before the timer before names, as in a turn of the reactor, or names
    /// before the timer, which the race must take as well.
    enum Turn: Sendable { case timerFirst, namesFirst }

    private enum Input {
        case event(Race.Event)
        case timer(generation: Int)
    }

    private(set) var race: Race
    var fates: [IPAddress: Fate] = [:]
    private let turn: Turn
    /// Delivers timers that were disarmed or set anew, and what abandoned attempts came to: a race must not mind.
    private let isSloppy: Bool

    private(set) var trace: [String] = []
    private(set) var failure: RaceFailure?
    private(set) var starts: [(at: Int, address: IPAddress)] = []
    private(set) var abandoned: Set<Int> = []
    private(set) var winners: [Int] = []
    private(set) var outcomes = 0

    private var queue: [(at: Int, rank: Int, serial: Int, input: Input)] = []
    private var serial = 0
    private var timerGeneration = 0

    init(race: Race, turn: Turn, isSloppy: Bool) {
        self.race = race
        self.turn = turn
        self.isSloppy = isSloppy
    }

    mutating func schedule(_ event: Race.Event, at time: Int) {
        let rank =
            switch event {
            case .connected, .failed: 0
            case .answered: turn == .timerFirst ? 2 : 1
            default: 3
            }
        enqueue(.event(event), rank: rank, at: time)
    }

    /// Feeds everything that is scheduled, in the order of time; gives up on a race that never comes to rest.
    mutating func run() {
        feed(.start, at: 0)
        var turns = 0
        while let next = queue.indices.min(by: { Self.isEarlier(queue[$0], queue[$1]) }) {
            let (at, _, _, input) = queue.remove(at: next)
            turns += 1
            guard turns < 1_000 else {
                trace.append("endless")
                return
            }
            switch input {
            case .timer(let generation):
                if isSloppy || generation == timerGeneration { feed(.timerFired, at: at) }
            case .event(.connected(let id)) where abandoned.contains(id) && !isSloppy: break
            case .event(.failed(let id, _)) where abandoned.contains(id) && !isSloppy: break
            case .event(let event): feed(event, at: at)
            }
        }
    }

    private mutating func feed(_ event: Race.Event, at now: Int) {
        let actions = race.handle(event, at: instant(now))
        for action in actions { perform(action, at: now) }
    }

    private mutating func perform(_ action: Race.Action, at now: Int) {
        switch action {
        case .armTimer(let at):
            let milliseconds = Int((at - instant(0)) / .milliseconds(1))
            trace.append("\(now) timer \(milliseconds)")
            timerGeneration += 1
            enqueue(.timer(generation: timerGeneration), rank: turn == .timerFirst ? 1 : 2, at: milliseconds)
        case .disarmTimer:
            trace.append("\(now) timer off")
            timerGeneration += 1
        case .abandon(let id):
            trace.append("\(now) abandon \(name(id))")
            abandoned.insert(id)
        case .succeed(let id):
            trace.append("\(now) won by \(name(id))")
            winners.append(id)
            outcomes += 1
        case .fail(let failure):
            trace.append("\(now) lost: \(failure.reason)")
            self.failure = failure
            outcomes += 1
        case .start(let id, let address):
            trace.append("\(now) start \(name(id))")
            guard let address = address.ipAddress else { return }
            starts.append((now, address))
            switch fates[address] ?? .silent {
            case .connects(let delay): schedule(.connected(id), at: now + delay)
            case .fails(let errno, let delay): schedule(.failed(id, errno: errno), at: now + delay)
            case .failsInside(let errno): feed(.failed(id, errno: errno), at: now)
            case .connectsInside: feed(.connected(id), at: now)
            case .silent: break
            }
        }
    }

    private func name(_ id: Int) -> String { race.attempts[id].address.ipAddress?.description ?? "?" }

    private func instant(_ milliseconds: Int) -> ReactorInstant {
        ReactorInstant(nanoseconds: 5_000_000_000) + .milliseconds(milliseconds)
    }

    private mutating func enqueue(_ input: Input, rank: Int, at time: Int) {
        queue.append((time, rank, serial, input))
        serial += 1
    }

    private static func isEarlier(
        _ left: (at: Int, rank: Int, serial: Int, input: Input),
        _ right: (at: Int, rank: Int, serial: Int, input: Input)
    ) -> Bool {
        (left.at, left.rank, left.serial) < (right.at, right.rank, right.serial)
    }
}

/// SplitMix64: the same seed gives the same run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
