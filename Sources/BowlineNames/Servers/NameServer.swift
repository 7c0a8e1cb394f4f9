// One server, and all that is known of it. Questions hand their queries to it; it decides when each leaves, over which of its
// channels, when it is sent again and when it is given up, and learns from what comes back: the round trip, the window, EDNS,
// whether it keeps a question's spelling, and whether it is worth asking.
//
// A query's way: `ask` → the line that waits for room → `start`, on a channel of c-ares → in flight, in the window → an
// answer (`channelEnded`), or silence: it leaves the window, for whatever the server is doing about it holds nobody else up,
// and is sent again, and once more, and given up. Those who asked are told in the delivery phase.

import BowlineReactor
import BowlineTransport
import DequeModule

final class NameServer: QueryServer {
    static let maximumSendings = 3
    /// The last sending waits for so long: an outage of a moment must not take all three.
    private static let lastResend: Duration = .seconds(1)
    /// No less than that lies between two bursts of what is sent again.
    private static let shortestPause: Duration = .milliseconds(1)
    /// How long a TCP connection has for an answer before another is tried.
    private static let streamPatience: Duration = .seconds(1)

    let address: SocketAddress
    let options: Options
    private unowned let reactor: Reactor
    let clock: any ReactorClock

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// What it is known for.
    @exclusivity(unchecked) var record = ServerRecord()
    @exclusivity(unchecked) var window = PacedWindow()
    @exclusivity(unchecked) private var bits = RandomBits()
    @exclusivity(unchecked) private var isClosed = false

    /// Who waits for room in the window.
    @exclusivity(unchecked) var line = QueryLine()
    @exclusivity(unchecked) private var inWindow = 0
    /// How many are on their way and wanted, in the window or not.
    @exclusivity(unchecked) private var live = 0
    /// Its last sign of life, or when it was first asked after a rest.
    @exclusivity(unchecked) var lastSign = ReactorInstant(nanoseconds: 0)
    /// Whether it has answered nothing for a while, though others wait.
    @exclusivity(unchecked) var isSilent = false
    @exclusivity(unchecked) private var resends = ResendSchedule()
    @exclusivity(unchecked) private var timer: DelayedCall?
    @exclusivity(unchecked) private var timerDue = ReactorInstant.distantFuture
    /// Makes room for those that wait, whatever the server does.
    @exclusivity(unchecked) private var roomTimer: DelayedCall?

    private let pool: ChannelPool

    /// Queries that ended, until the delivery phase.
    @exclusivity(unchecked) private var ended: Deque<ServerQuery> = []
    @exclusivity(unchecked) private var isDeliveryQueued = false
    @exclusivity(unchecked) private var isIdleCheckQueued = false

    init(_ address: SocketAddress, options: Options = Options(), reactor: Reactor, clock: any ReactorClock) {
        self.address = address
        self.options = options
        self.reactor = reactor
        self.clock = clock
        pool = ChannelPool(to: address, reactor: reactor)
    }

    deinit {
        timer?.cancel()
        roomTimer?.cancel()
    }

    /// Destroys the c-ares channels; every query ends as cancelled. Called from the loop, never from inside c-ares.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        timer = nil
        roomTimer?.cancel()
        roomTimer = nil
        for query in line.allAgain { end(query, .failed(.cancelled)) }
        for owner in line.allOwners { end(begin(owner), .failed(.cancelled)) }
        line.removeAll()
        pool.close()
    }

    // MARK: asking

    /// After how much silence the next server is to be asked, too.
    var hedgeDelay: Duration {
        record.roundTrips.isMeasured
            ? min(.nanoseconds(record.roundTrips.resendTime), Question.silence) : Question.silence
    }

    var silentSince: ReactorInstant? { live > 0 ? lastSign : nil }

    /// One question may be hard for a server; when it says nothing at all to several, others are asked first.
    func noteSilence() {
        guard let silentSince, clock.now - silentSince >= Question.silence else { return }
        noteFailure(.timeout, at: clock.now)
    }

    /// Sends a query now, or when those before it leave room. Its owner is told of the reply in the delivery phase.
    func ask(for owner: Question) {
        record.counts.questions += 1
        if options.asksOneByOne, !line.takesTurn(owner) { return }
        enter(owner)
    }

    private func enter(_ owner: Question) {
        if isClosed {
            end(begin(owner), .failed(.cancelled))
        } else if inWindow < room, line.isEmpty {
            start(begin(owner))
        } else {
            line.append(owner)
            awaitRoom()
        }
    }

    private func begin(_ owner: Question) -> ServerQuery {
        let query = ServerQuery(for: owner, options.usesTCPOnly ? .overTCP : [])
        owner.queryBegan(query, at: self)
        return query
    }

    /// Ends the interest in a query: its owner hears nothing more of it.
    func abandon(_ query: ServerQuery) {
        guard !query.isOver else { return query.forgetOwner() }
        query.channel?.release(query)
        query.forgetOwner()
        leave(query)
        queueDelivery()
    }

    private func start(_ query: ServerQuery) {
        let now = clock.now
        let letterCase = record.keepsCase(at: now) ? LetterCase(bits: bits.next()) : .small
        let isRepeated = query.sendings(in: query.manner) > 0
        query.noteStart(at: now, id: bits.nextID(), letterCase)
        query.isInWindow = true
        inWindow += 1
        query.isLive = true
        if live == 0 { lastSign = now }
        live += 1
        // Where a connection broke or was silent, each question that was on it gets one of its own: some servers close theirs
        // after the first answer.
        let transport: ChannelPool.Transport = !query.usesTCP ? .datagrams : isRepeated ? .ownStream : .stream
        query.offersEDNS = !query.manner.contains(.plain) && record.knowsEDNS(at: now)
        guard let channel = pool.channel(for: self, transport, usesEDNS: query.offersEDNS, &bits) else {
            return end(query, .failed(.unreachable))
        }
        if !query.usesTCP { record.counts.datagrams += 1 }
        channel.start(query)
        resends.append(query)
        arm(for: query)
    }

    // MARK: time

    /// Sees to it that a query is looked after in time. The timer is for the first that is due, and isn't moved for others.
    private func arm(for query: ServerQuery) {
        guard !query.isOver else { return }
        let due = query.lastTime + .nanoseconds(record.roundTrips.resendTime)
        if timer == nil || due < timerDue { arm(at: due) }
    }

    private func arm(at due: ReactorInstant) {
        timer?.cancel()
        timerDue = due
        timer = clock.callLater(due - clock.now) { [unowned self] in
            timer = nil
            lookAfter()
        }
    }

    /// The time in which the server is done with what was just sent.
    private var pause: Duration {
        max(.nanoseconds(record.roundTrips.smoothed), Self.shortestPause)
    }

    /// Sends again, or gives up, what has stayed without an answer for long enough.
    private func lookAfter() {
        let now = clock.now
        let silence = Duration.nanoseconds(record.roundTrips.resendTime)
        while let query = resends.popLate(.first, before: now, after: { $0.lastTime + silence }) {
            if query.isInWindow {
                leaveWindow(query)
                window.noteLoss(at: now, isFull: !line.isEmpty)
            }
            resends.append(query, to: .late)
        }
        // What was lost together would be lost together again.
        var room = window.size / 2
        while room > 0, let query = resends.popLate(.late, before: now, after: { _ in now }) {
            sendAgain(query, at: now)
            resends.append(query, to: .second)
            room -= 1
        }
        let last = max(Self.lastResend, silence * 4)
        while room > 0, let query = resends.popLate(.second, before: now, after: { $0.startTime + last }) {
            sendAgain(query, at: now)
            resends.append(query, to: .last)
            room -= 1
        }
        while let query = resends.popLate(.last, before: now, after: { [options] in $0.startTime + options.patience }) {
            end(query, .failed(.timeout))
        }
        startWaiting()
        let next = room > 0 ? now : now + pause
        let dues = [
            resends.first(.first).map { $0.lastTime + silence }, resends.first(.late).map { _ in next },
            resends.first(.second).map { max($0.startTime + last, next) },
            resends.first(.last).map { $0.startTime + options.patience },
        ]
        if let due = dues.compactMap({ $0 }).min(), timer == nil || due < timerDue { arm(at: due) }
    }

    private func sendAgain(_ query: ServerQuery, at now: ReactorInstant) {
        if query.usesTCP {
            // TCP sends again by itself, as long as there is a connection. One that says nothing is given up for another.
            if now >= query.lastTime + Self.streamPatience { _ = askAnew(query, in: query.manner.union(.overTCP)) }
        } else if query.sendings(in: query.manner) < options.sendings, query.channel?.sendAgain(query) == true {
            query.noteSending(at: now)
            record.counts.datagrams += 1
            record.counts.retransmissions += 1
        }
    }

    // MARK: what comes of it

    private func end(_ query: ServerQuery, _ reply: ServerReply) {
        guard !query.isOver else { return }
        query.channel?.release(query)
        query.end(reply)
        ended.append(query)
        queueDelivery()
    }

    private func queueDelivery() {
        guard !isDeliveryQueued else { return }
        isDeliveryQueued = true
        reactor.deliverThisTurn(self)
    }

    /// Takes a query that is over out of all accounts.
    private func leave(_ query: ServerQuery) {
        leaveFlight(query)
        if options.asksOneByOne { passTurn(of: query.name) }
    }

    /// Lets the next question about a name into the line.
    private func passTurn(of name: DomainName) {
        if let next = line.passTurn(of: name) { enter(next) }
    }

    private func leaveFlight(_ query: ServerQuery) {
        if query.isLive {
            query.isLive = false
            live -= 1
        }
        leaveWindow(query)
    }

    private func leaveWindow(_ query: ServerQuery) {
        guard query.isInWindow else { return }
        query.isInWindow = false
        inWindow -= 1
    }

    /// How many may be in the window now.
    private var room: Int { isSilent ? max(window.size, PacedWindow.silentSize) : window.size }

    /// Makes room for those that wait when a server answers nothing. One that answers makes room by that.
    private func awaitRoom() {
        guard roomTimer == nil, !isClosed else { return }
        roomTimer = clock.callLater(PacedWindow.longestStay) { [unowned self] in
            roomTimer = nil
            let past = clock.now - PacedWindow.longestStay
            isSilent = lastSign <= past
            if isSilent {
                // Of one whose pace isn't known, what left a while ago counts as taken out of its buffer.
                if !record.roundTrips.isMeasured {
                    resends.forEachFirst(while: { $0.startTime <= past }, leaveWindow)
                }
                startWaiting()
            }
            if !line.isEmpty { awaitRoom() }
        }
    }

    private func startWaiting() {
        while inWindow < room, !isClosed {
            if let query = line.popAgain() {
                if query.isWanted { start(query) }
            } else if let owner = line.popFirst() {
                if !owner.isOver { start(begin(owner)) } else if options.asksOneByOne { passTurn(of: owner.key.name) }
            } else {
                return
            }
        }
    }

    /// Asks the same in another manner, for the same owner, before all that wait: they came later.
    ///
    /// - Returns: false if nobody wants it any more, or if it was sent over that transport as often as it may be.
    func askAnew(_ query: ServerQuery, in manner: ServerQuery.Manner) -> Bool {
        guard !isClosed, query.sendings(in: manner) < options.sendings else { return false }
        if !query.isOver { query.channel?.release(query) }
        guard let successor = query.successor(in: manner) else { return false }
        leaveFlight(query)
        if inWindow < room {
            start(successor)
        } else {
            line.appendAgain(successor)
            awaitRoom()
        }
        return true
    }

    // MARK: inspection

    /// This server as its row of the inspection.
    func snapshot() -> ServerSnapshot {
        var row = ServerSnapshot(
            address: address, state: record.state, window: window.size, inFlight: live, waiting: line.count)
        record.complete(&row, at: clock.now)
        return row
    }

    /// Whether it is to be asked besides another, to see whether it has recovered.
    func takeProbe() -> Bool { record.health.takeProbe(at: clock.now) }
}

@available(*, unavailable)
extension NameServer: Sendable {}

extension NameServer: AresChannelOwner {
    func channelEnded(_ query: consuming ServerQuery, _ reply: consuming ServerReply) {
        guard !query.isOver else { return }
        query.end(reply)
        ended.append(query)
        queueDelivery()
    }

    func channelCouldNotSend(_ query: ServerQuery) {
        end(query, .failed(.unreachable))
    }

    func channelIntercepts(_ packet: UnsafeRawBufferPointer, on channel: AresChannel) -> Bool {
        let id = UInt16(packet[0]) << 8 | UInt16(packet[1])
        guard let query = resends.find(id, on: channel) else { return false }
        var answer = DNSAnswer(reading: packet.bytes, name: query.name, type: query.type, letterCase: query.letterCase)
        // A header has no spelling; its id, and the connected socket that it came through, are all there is.
        if packet.count == DNSHeader.octets { answer.spellingMatches = true }
        guard answer.spellingMatches else { return false }
        // Told in the delivery phase like everything else: here c-ares is on the stack.
        end(query, .answer(ServerAnswer(answer, isTCP: false)))
        return true
    }
}

extension NameServer: TurnDelivery {
    /// What came of this turn's calls of c-ares. Here none of them is on the stack, so anything may be called.
    func deliver() {
        isDeliveryQueued = false
        // What is told may end others, for the next delivery.
        let count = ended.count
        for index in 0..<count {
            let query = ended[index]
            guard let reply = query.reply else { continue }
            if query.isWanted, learn(from: query, reply) { continue }
            leave(query)
        }
        pool.tidy()
        // Those that wait for room are sent before anybody reacts to those that left it.
        startWaiting()
        if live == 0 {
            timer?.cancel()
            timer = nil
            resends.removeAll()
            if !isIdleCheckQueued {
                isIdleCheckQueued = true
                reactor.flushThisTurn(self)
            }
        }
        // One that is asked anew has handed over its owner.
        for _ in 0..<count { ended.popFirst()?.tellOwner() }
    }
}

extension NameServer: TurnFlush {
    /// The end of a turn in which no query was left.
    func flush() {
        isIdleCheckQueued = false
        if live == 0 { pool.closeIdle() }
    }
}
