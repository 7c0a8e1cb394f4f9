// One server, and all that is known of it. Questions hand their queries to it; it decides when each leaves, over which of its
// channels, when it is sent again and when it is given up, and learns from what comes back: the round trip, the window, EDNS,
// whether it keeps a question's spelling, and whether it is worth asking.
//
// A query's way: `send` → the line that waits for room → `start`, on a channel of c-ares → in flight, in the window → an
// answer (`channelEnded`), or silence: it leaves the window, for whatever the server is doing about it holds nobody else up,
// and is sent again, and once more, and given up. Those who asked are told in the delivery phase.

import BowlineReactor
import BowlineTransport
import DequeModule

final class NameServer: QueryServer {
    /// How it is asked.
    struct Options {
        var usesTCPOnly = false
        /// How often a question is sent over each transport; RFC 9520, 3.1 allows three.
        var sendings = NameServer.maximumSendings
        /// How long an answer is waited for. A resolver that has to ask others takes seconds for some names.
        var patience: Duration = .seconds(5)
        /// Whether a server has to answer one question about a name before it gets the next (`single-request`).
        var asksOneByOne = false
    }

    static let maximumSendings = 3
    /// The last sending waits for so long: an outage of a moment must not take all three.
    private static let lastResend: Duration = .seconds(1)
    /// How long a TCP connection has for an answer before another is tried.
    private static let streamPatience: Duration = .seconds(1)
    /// What a server turned out not to know is tried again after so long; RFC 6891 wants it remembered briefly.
    private static let memory: Duration = .seconds(600)
    /// The sockets, and so the ports, that share the questions in flight (RFC 5452, 9.2).
    private static let portCount = 4
    /// A port is used for so many questions, then another takes its place.
    private static let questionsPerPort = 20_000
    /// So many queries that nobody wants may c-ares hold beside others, then a new channel takes its place.
    private static let unwantedLimit = 1_000
    /// One round trip in so much time is remembered for the curve.
    private static let curveStep: Duration = .milliseconds(250)
    private static let curveLength = 120

    let address: SocketAddress
    private let options: Options
    private unowned let reactor: Reactor
    private let clock: any ReactorClock

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private(set) var roundTrips = RoundTripEstimator()
    @exclusivity(unchecked) private var window = PacedWindow()
    @exclusivity(unchecked) private(set) var health = ServerHealth()
    @exclusivity(unchecked) private(set) var counts = ServerCounts()
    @exclusivity(unchecked) private var lastFailure: LookupError.ServerReport?
    @exclusivity(unchecked) private var curve: [ServerSnapshot.RoundTrip] = []
    @exclusivity(unchecked) private var plainUntil: ReactorInstant?
    @exclusivity(unchecked) private var lowerCaseUntil: ReactorInstant?
    @exclusivity(unchecked) private var bits = RandomBits()
    @exclusivity(unchecked) private var isClosed = false

    @exclusivity(unchecked) private var waiting: Deque<ServerQuery> = []
    /// Those that wait for another question about the same name, where the server wants it so.
    @exclusivity(unchecked) private var busyNames: [DomainName: Deque<ServerQuery>] = [:]
    @exclusivity(unchecked) private var inWindow = 0
    /// How many are on their way and wanted, in the window or not.
    @exclusivity(unchecked) private var live = 0
    @exclusivity(unchecked) private var resends = ResendSchedule()
    @exclusivity(unchecked) private var timer: DelayedCall?
    @exclusivity(unchecked) private var timerDue = ReactorInstant.distantFuture

    @exclusivity(unchecked) private var channels: [AresChannel] = []
    @exclusivity(unchecked) private var streamChannel: AresChannel?
    /// Channels that get no new queries and go when theirs have ended.
    @exclusivity(unchecked) private var retired: [AresChannel] = []
    /// The channel of this turn: what leaves in one turn leaves from one port, in one system call.
    @exclusivity(unchecked) private var turnChannel = 0
    @exclusivity(unchecked) private var lastTurn = -1

    /// Queries that ended, until the delivery phase.
    @exclusivity(unchecked) private var ended: [ServerQuery] = []
    @exclusivity(unchecked) private var isDeliveryQueued = false

    init(_ address: SocketAddress, options: Options = Options(), reactor: Reactor, clock: any ReactorClock) {
        self.address = address
        self.options = options
        self.reactor = reactor
        self.clock = clock
    }

    deinit {
        timer?.cancel()
    }

    /// Destroys the c-ares channels; every query ends as cancelled. Called from the loop, never from inside c-ares.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        timer?.cancel()
        timer = nil
        for query in waiting { end(query, .failed(.cancelled)) }
        for query in busyNames.values.joined() { end(query, .failed(.cancelled)) }
        waiting = []
        busyNames = [:]
        for channel in allChannels { channel.close() }
        channels = []
        streamChannel = nil
        retired = []
    }

    private var allChannels: [AresChannel] { channels + retired + (streamChannel.map { [$0] } ?? []) }

    // MARK: asking

    /// After how much silence the next server is to be asked, too.
    var hedgeDelay: Duration {
        roundTrips.isMeasured ? min(.nanoseconds(roundTrips.resendTime), Question.silence) : Question.silence
    }

    /// Sends a query now, or when those before it leave room. Its owner is told of the reply in the delivery phase.
    func send(_ query: ServerQuery) {
        counts.questions += 1
        if options.asksOneByOne, busyNames[query.name] != nil {
            busyNames[query.name]?.append(query)
        } else {
            if options.asksOneByOne { busyNames[query.name] = [] }
            enter(query)
        }
    }

    private func enter(_ query: ServerQuery) {
        if isClosed {
            end(query, .failed(.cancelled))
        } else if inWindow < window.size, waiting.isEmpty {
            start(query)
        } else {
            waiting.append(query)
        }
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
        query.noteStart(at: clock.now)
        query.isInWindow = true
        inWindow += 1
        query.isLive = true
        live += 1
        guard let channel = channel(for: query) else { return end(query, .failed(.unreachable)) }
        if !query.manner.contains(.overTCP) { counts.datagrams += 1 }
        withSpelling(of: query) { channel.start(query, spelling: $0) }
        resends.append(query)
        arm(for: query)
    }

    /// The name with the case of its letters thrown like dice (0x20): an answer that doesn't repeat it wasn't made by
    /// somebody who saw the question.
    private func withSpelling(of query: ServerQuery, _ body: (UnsafePointer<CChar>) -> Void) {
        let keepsLower = isWithin(&lowerCaseUntil)
        var dice = keepsLower ? 0 : bits.next()
        var text = query.name.text
        text.withUTF8 { octets in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: octets.count + 1) { spelling in
                for index in octets.indices {
                    var octet = octets[index]
                    if octet &- 0x61 < 26 {
                        octet &= ~UInt8(truncatingIfNeeded: (dice & 1) << 5)
                        dice = dice >> 1 | dice << 63
                    }
                    spelling[index] = CChar(bitPattern: octet)
                }
                spelling[octets.count] = 0
                if let start = spelling.baseAddress { body(UnsafePointer(start)) }
            }
        }
    }

    private func isWithin(_ end: inout ReactorInstant?) -> Bool {
        guard let instant = end else { return false }
        if clock.now < instant { return true }
        end = nil
        return false
    }

    // MARK: channels

    private func channel(for query: ServerQuery) -> AresChannel? {
        if options.usesTCPOnly || query.manner.contains(.overTCP) {
            if streamChannel == nil { streamChannel = makeChannel(overTCP: true) }
            return streamChannel
        }
        if reactor.turnCount != lastTurn {
            lastTurn = reactor.turnCount
            turnChannel = Int(bits.next() % UInt64(Self.portCount))
        }
        // Made one after the other: who asks little needs no more than one.
        let wantsEDNS = !isWithin(&plainUntil)
        if turnChannel >= channels.count {
            turnChannel = channels.count
            guard let made = makeChannel(overTCP: false) else { return nil }
            channels.append(made)
        }
        let channel = channels[turnChannel]
        let isWorn =
            channel.started >= Self.questionsPerPort || channel.held - channel.wanted > Self.unwantedLimit
            || channel.usesEDNS != wantsEDNS
        guard isWorn, let made = makeChannel(overTCP: false) else { return channel }
        retired.append(channel)
        channels[turnChannel] = made
        return made
    }

    private func makeChannel(overTCP: Bool) -> AresChannel? {
        try? AresChannel(
            asking: address, overTCP: overTCP, usesEDNS: !isWithin(&plainUntil), owner: self, reactor: reactor)
    }

    /// Lets go of what holds nothing that anybody wants.
    private func tidy() {
        for channel in channels { channel.cancelUnwanted() }
        streamChannel?.cancelUnwanted()
        guard !retired.isEmpty else { return }
        for channel in retired { channel.cancelUnwanted() }
        retired.removeAll { $0.held == 0 }
    }

    // MARK: time

    /// Sees to it that a query is looked after in time. The timer is for the first that is due, and isn't moved for others.
    private func arm(for query: ServerQuery) {
        guard !query.isOver else { return }
        let due = query.lastTime + .nanoseconds(roundTrips.resendTime)
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

    /// Sends again, or gives up, what has stayed without an answer for long enough.
    private func lookAfter() {
        let now = clock.now
        let silence = Duration.nanoseconds(roundTrips.resendTime)
        while let query = resends.popLate(.first, before: now, after: { $0.lastTime + silence }) {
            if query.isInWindow {
                leaveWindow(query)
                window.noteLoss(at: now, isFull: !waiting.isEmpty)
            }
            sendAgain(query, at: now)
            resends.append(query, to: .second)
        }
        let last = max(Self.lastResend, silence * 4)
        while let query = resends.popLate(.second, before: now, after: { $0.startTime + last }) {
            sendAgain(query, at: now)
            resends.append(query, to: .last)
        }
        while let query = resends.popLate(.last, before: now, after: { [options] in $0.startTime + options.patience }) {
            end(query, .failed(.timeout))
        }
        startWaiting()
        let dues = [
            resends.first(.first).map { $0.lastTime + silence }, resends.first(.second).map { $0.startTime + last },
            resends.first(.last).map { $0.startTime + options.patience },
        ]
        if let due = dues.compactMap({ $0 }).min(), timer == nil { arm(at: due) }
    }

    private func sendAgain(_ query: ServerQuery, at now: ReactorInstant) {
        guard query.sendings < options.sendings else { return }
        if query.usesTCP {
            // TCP sends again by itself, as long as there is a connection. One that says nothing is given up for another.
            guard now >= query.lastTime + Self.streamPatience else { return }
            askAnew(query, in: query.manner.union(.overTCP))
        } else if query.channel?.sendAgain(query) == true {
            query.noteSending(at: now)
            counts.datagrams += 1
            counts.retransmissions += 1
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
        if query.isLive {
            query.isLive = false
            live -= 1
        }
        leaveWindow(query)
        guard options.asksOneByOne, var others = busyNames.removeValue(forKey: query.name) else { return }
        while let next = others.popFirst() {
            guard next.isWanted else { continue }
            busyNames[query.name] = others
            enter(next)
            return
        }
    }

    private func leaveWindow(_ query: ServerQuery) {
        guard query.isInWindow else { return }
        query.isInWindow = false
        inWindow -= 1
    }

    private func startWaiting() {
        while inWindow < window.size, !isClosed, let query = waiting.popFirst() {
            if query.isWanted { start(query) }
        }
    }

    /// Asks the same in another manner, for the same owner.
    private func askAnew(_ query: ServerQuery, in manner: ServerQuery.Manner) {
        if !query.isOver { query.channel?.release(query) }
        let successor = query.successor(in: manner)
        leave(query)
        if let successor { start(successor) }
    }

    /// Learns from a reply; true if the query is asked anew instead of being told.
    private func learn(from query: ServerQuery, _ reply: ServerReply) -> Bool {
        let now = clock.now
        switch reply {
        case .answer(let answer, let isTCP):
            counts.answers += 1
            noteRoundTrip(of: query, isTCP, at: now)
            if !answer.spellingMatches, distrusts(query, isTCP, at: now) { return true }
            if !answer.hasEDNS, answer.responseCode == .formErr || answer.responseCode == .notImp,
                !query.manner.contains(.plain), query.isWanted, !isClosed
            {
                // A server that doesn't know EDNS says so without an OPT record (RFC 6891, 7).
                plainUntil = now + Self.memory
                askAnew(query, in: query.manner.union(.plain))
                return true
            }
            if let report = LookupError.ServerReport(of: address, failing: answer) {
                counts.failures += 1
                lastFailure = report
                health.noteFailure(isGone: false, at: now)
            } else {
                health.noteAnswer()
            }
        case .failed(.timeout):
            counts.timeouts += 1
            noteFailure(.timeout, at: now)
        case .failed(.unreachable):
            if query.usesTCP, query.sendings < options.sendings, query.isWanted, !isClosed {
                // A connection that broke; one more is tried. That nobody listens shows at once, and costs nothing.
                askAnew(query, in: query.manner.union(.overTCP))
                return true
            }
            noteFailure(.unreachable, at: now)
        case .failed(.malformed), .failed(.local):
            if case .failed(let failure) = reply { noteFailure(failure, at: now) }
        case .failed(.cancelled):
            break
        }
        return false
    }

    private func noteFailure(_ failure: ServerFailure, at now: ReactorInstant) {
        lastFailure = LookupError.ServerReport(of: address, failing: failure)
        health.noteFailure(isGone: failure == .unreachable, at: now)
    }

    private func noteRoundTrip(of query: ServerQuery, _ isTCP: Bool, at now: ReactorInstant) {
        // An answer to a question that was sent more than once may be to any of them (Karn).
        let isClear = query.sendings == 1 && !isTCP && !query.isRepeatedOverTCP
        let roundTrip = isClear ? (now - query.startTime).saturatingNanoseconds : nil
        window.noteAnswer(roundTrip: roundTrip, at: now, isFull: !waiting.isEmpty)
        guard let roundTrip else { return }
        roundTrips.add(roundTrip)
        guard curve.last.map({ now - $0.when >= Self.curveStep }) ?? true else { return }
        if curve.count == Self.curveLength { curve.removeFirst() }
        curve.append(ServerSnapshot.RoundTrip(when: now, duration: .nanoseconds(roundTrip)))
    }

    /// What to do about an answer to another spelling: ask once more, then over TCP, where nobody forges. What comes there
    /// says whether the server can't keep the case or somebody else has answered.
    private func distrusts(_ query: ServerQuery, _ isTCP: Bool, at now: ReactorInstant) -> Bool {
        if isTCP {
            lowerCaseUntil = now + Self.memory
            return false
        }
        counts.mismatches += 1
        guard query.isWanted, !isClosed else { return false }
        let manner = query.manner.contains(.misspelt) ? query.manner.union(.overTCP) : query.manner.union(.misspelt)
        askAnew(query, in: manner)
        return true
    }

    // MARK: inspection

    /// This server as its row of the inspection.
    func snapshot() -> ServerSnapshot {
        var row = ServerSnapshot(
            address: address, state: health.isFailing ? .failing : counts.answers > 0 ? .good : .untried,
            window: window.size, inFlight: live, waiting: waiting.count)
        row.nextProbe = health.retryTime
        if roundTrips.isMeasured {
            row.smoothedRoundTrip = .nanoseconds(roundTrips.smoothed)
            row.roundTripVariation = .nanoseconds(roundTrips.variation)
        }
        row.retransmissionTime = .nanoseconds(roundTrips.resendTime)
        row.counts = counts
        row.usesEDNS = plainUntil.map { clock.now >= $0 } ?? true
        row.keepsCase = lowerCaseUntil.map { clock.now >= $0 } ?? true
        row.lastFailure = lastFailure
        row.recentRoundTrips = curve
        return row
    }

    /// Whether it is to be asked besides another, to see whether it has recovered.
    func takeProbe() -> Bool { health.takeProbe(at: clock.now) }
}

@available(*, unavailable)
extension NameServer: Sendable {}

extension NameServer.Options {
    /// What a configuration says of all servers.
    init(_ configuration: ResolverConfiguration) {
        usesTCPOnly = configuration.usesTCPOnly
        if let attempts = configuration.attempts { sendings = min(attempts, NameServer.maximumSendings) }
        if let timeout = configuration.timeout { patience = timeout }
        asksOneByOne = configuration.singleRequest
    }
}

extension NameServer: AresChannelOwner {
    func channelEnded(_ query: ServerQuery, _ reply: ServerReply) {
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
        let isHeader = packet.count == DNSHeader.octets
        guard isHeader || query.isSpelt(in: packet) else { return false }
        // Told in the delivery phase like everything else: here c-ares is on the stack.
        channelEndsEarly(query, DNSAnswer(reading: packet.bytes, name: query.name, type: query.type))
        return true
    }

    private func channelEndsEarly(_ query: ServerQuery, _ answer: DNSAnswer) {
        var answer = answer
        // A header has no spelling.
        answer.spellingMatches = true
        end(query, .answer(answer, isTCP: false))
    }

    func channelRepeatsOverTCP(_ id: UInt16, on channel: AresChannel) {
        guard let query = resends.find(id, on: channel), !query.isRepeatedOverTCP else { return }
        query.isRepeatedOverTCP = true
        counts.overTCP += 1
    }
}

extension NameServer: TurnDelivery {
    /// What came of this turn's calls of c-ares. Here none of them is on the stack, so anything may be called.
    func deliver() {
        isDeliveryQueued = false
        let ended = self.ended
        self.ended.removeAll(keepingCapacity: true)
        var told: [ServerQuery] = []
        told.reserveCapacity(ended.count)
        for query in ended {
            guard let reply = query.reply else { continue }
            if query.isWanted, learn(from: query, reply) { continue }
            leave(query)
            told.append(query)
        }
        tidy()
        // Those that wait for room are sent before anybody reacts to those that left it.
        startWaiting()
        if live == 0 {
            timer?.cancel()
            timer = nil
            resends.removeAll()
        }
        for query in told { query.tellOwner() }
    }
}
