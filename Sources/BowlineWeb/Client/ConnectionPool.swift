// The connections of an agent: who gets which, when another one is made, and when one is closed. The only place that
// knows the limits.
//
// A request takes an idle connection to its host, or makes one if the limits allow, or waits. Who came first is served
// first: a connection that becomes free goes to the one that has waited longest of those it can serve, and where the
// limit of the total is reached, to a host that has waited longer, for which it is closed. So nobody waits for ever
// behind a busy host. At most one request is on a connection: pipelining never.

import BowlineConnect
import BowlineDeferred
import BowlineReactor
import BowlineTransport
import HeapModule

final class ConnectionPool {
    let environment: any ConnectEnvironment
    /// Kept, since asking the environment for it costs a call each time, but not held: it is the reactor, which holds its agent.
    unowned let clock: any ReactorClock
    var limits: PoolLimits {
        didSet { limitsChanged() }
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var lanes: [PoolRoute: PoolLane] = [:]
    /// The one that was used last: usually the one that is asked for.
    @exclusivity(unchecked) private var lastLane: PoolLane?
    @exclusivity(unchecked) private var idle = IdleList()
    /// Lanes with somebody waiting and room within their own limit, by who has waited longest. Some entries are of the past:
    /// they are passed when they come first.
    @exclusivity(unchecked) private var line = Heap<PlaceInLine>()
    @exclusivity(unchecked) private var count = 0
    @exclusivity(unchecked) private var nextSequence = 0
    @exclusivity(unchecked) private var expiryTimer: DelayedCall?
    @exclusivity(unchecked) private var isClosed = false
    @exclusivity(unchecked) private var isServing = false
    @exclusivity(unchecked) var counters = PoolSnapshot.Counters()

    init(_ environment: any ConnectEnvironment, limits: PoolLimits) {
        self.environment = environment
        clock = environment.clock
        self.limits = limits
    }

    // MARK: what clients ask

    /// Gives an idle connection, if there is one: what nearly always happens. It must be used at once.
    ///
    /// - Parameter surely: whether the request can't be sent again: then those that the server has closed or written to are
    ///   passed over, and closed.
    func takeIdle(_ lane: PoolLane, surely: Bool) -> ClientConnection? {
        guard lane.waiting.isEmpty else { return nil }
        if surely {
            while let last = lane.idle.last, !last.isSurelyFree {
                counters.dropped += 1
                last.close()
            }
        }
        guard let connection = lane.idle.popLast() else { return nil }
        idle.remove(connection)
        connection.isIdle = false
        lane.addBusy(connection)
        counters.reused += 1
        return connection
    }

    /// Takes a wish for a connection, which is made now or waited for.
    func ask(
        _ client: any PoolClient, _ lane: PoolLane, _ options: ConnectOptions, mustBeFresh: Bool
    ) -> PoolTicket {
        let ticket = PoolTicket(client, lane, options, sequence: nextSequence, mustBeFresh: mustBeFresh)
        nextSequence += 1
        if lane.waiting.isEmpty, hasRoom(lane, makingRoom: mustBeFresh) {
            connect(ticket, in: lane)
        } else {
            counters.queued += 1
            ticket.state = .waiting(number: lane.waiting.nextTicket)
            lane.waiting.append(ticket)
            lineUp(lane)
        }
        return ticket
    }

    /// The client doesn't want a connection any more.
    func cancel(_ ticket: PoolTicket) {
        let state = ticket.state
        ticket.state = .over
        switch state {
        case .waiting(let number):
            let lane = ticket.lane
            lane.waiting.remove(number)
            lineUp(lane)
            forgetIfUnused(lane)
        case .connecting(let pending):
            pending.stop()
            remove(pending)
        case .over: break
        }
    }

    // MARK: what connections tell

    /// A connection stands, and serves whom it was made for.
    func made(_ connection: ClientConnection, for ticket: PoolTicket) {
        guard case .connecting(let pending) = ticket.state else {
            connection.isCounted = false
            connection.close()
            return
        }
        ticket.state = .over
        forget(pending)
        pending.leave()
        pending.lane.addBusy(connection)
        counters.fresh += 1
        ticket.client.poolGave(connection)
    }

    func failed(_ pending: PendingConnection, _ ticket: PoolTicket, _ error: ConnectError) {
        ticket.state = .over
        remove(pending)
        ticket.client.poolFailed(error)
    }

    /// A connection has served, and is fit for more.
    func release(_ connection: ClientConnection) {
        let lane = connection.lane
        if !isClosed, limits.idleTimeout > .zero, lane.count <= connectionsPerHost {
            let mine = lane.waiting.isEmpty ? nil : lane.waiting.first
            let others = count >= connectionsInTotal ? firstInLine : nil
            switch (mine, others) {
            case (nil, nil): return keep(connection)
            case (let mine?, let others) where !mine.mustBeFresh && mine.sequence <= others?.sequence ?? .max:
                _ = lane.waiting.popFirst()
                mine.state = .over
                lineUp(lane)
                counters.reused += 1
                mine.client.poolGave(connection)
                return
            case (_, _?): counters.evicted += 1
            default: break
            }
        }
        connection.close()
    }

    /// A connection is of no more use: its place is free.
    func gone(_ connection: ClientConnection) {
        connection.isCounted = false
        let lane = connection.lane
        if connection.isIdle {
            connection.isIdle = false
            idle.remove(connection)
            lane.removeIdle(connection)
        } else {
            lane.removeBusy(connection)
        }
        count -= 1
        freed(lane)
        if count == 0 {
            expiryTimer?.cancel()
            expiryTimer = nil
        }
    }

    // MARK: the agent

    /// Closes the connections that serve nobody.
    func closeIdle() {
        while let connection = idle.first { connection.close() }
    }

    /// Nobody asks any more: what is idle is closed, and what is busy when it has served.
    func close() {
        isClosed = true
        closeIdle()
        expiryTimer?.cancel()
        expiryTimer = nil
    }

    /// The reactor stops: those who wait are told. Connections, and those who connect, learn it by themselves.
    func reactorStopped() {
        // Those who wait now. Who is told may ask again, and is told when everybody is told the next time.
        var waiting: [PoolTicket] = []
        for lane in lanes.values {
            while let ticket = lane.waiting.popFirst() {
                ticket.state = .over
                waiting.append(ticket)
            }
        }
        for ticket in waiting { ticket.client.poolStopped() }
        expiryTimer?.cancel()
        expiryTimer = nil
    }

    func snapshot() -> PoolSnapshot {
        let now = clock.now
        let hosts = lanes.values.filter { !$0.isUnused }.map { lane in
            PoolSnapshot.Host(
                origin: lane.route.origin,
                connections: (lane.busy + lane.idle).map { connection in
                    PoolSnapshot.Connection(
                        peer: connection.transport?.peer ?? .unspecified, isBusy: !connection.isIdle,
                        exchanges: connection.exchangeCount, age: now - connection.made,
                        idleTime: connection.isIdle ? now - connection.idleSince : nil)
                },
                connecting: lane.connecting.count, waiting: lane.waiting.count)
        }
        return PoolSnapshot(hosts: hosts, counters: counters)
    }

    // MARK: places

    // With less than one nobody would ever be served.
    private var connectionsPerHost: Int { max(1, limits.connectionsPerHost) }
    private var connectionsInTotal: Int { max(1, limits.connectionsInTotal) }

    /// Where what a fetch requests belongs.
    func lane(_ url: HTTPURL, for fetch: PageFetch) -> PoolLane {
        if let lastLane, lastLane.takes(url, for: fetch) { return lastLane }
        // One search, whether it is there or is made.
        func take(_ lane: inout PoolLane) -> PoolLane { lane }
        let route = PoolRoute(url, for: fetch)
        let lane = take(&lanes[route, default: PoolLane(route)])
        let before = lastLane
        lastLane = lane
        if let before { forgetIfUnused(before) }
        return lane
    }

    private func forgetIfUnused(_ lane: PoolLane) {
        guard lane.isUnused, lane !== lastLane else { return }
        lanes[lane.route] = nil
    }

    /// Whether a connection of this lane may be made; if only idle ones are in the way, one of them is closed.
    ///
    /// - Parameter makingRoom: whether one of the lane's own may be closed.
    private func hasRoom(_ lane: PoolLane, makingRoom: Bool) -> Bool {
        if lane.count >= connectionsPerHost {
            guard makingRoom, let oldest = lane.idle.first else { return false }
            evict(oldest)
        }
        if count >= connectionsInTotal {
            guard let oldest = idle.first else { return false }
            evict(oldest)
        }
        return lane.count < connectionsPerHost && count < connectionsInTotal
    }

    private func evict(_ connection: ClientConnection) {
        counters.evicted += 1
        connection.close()
    }

    private func connect(_ ticket: PoolTicket, in lane: PoolLane) {
        let pending = PendingConnection(lane, for: ticket, in: self)
        ticket.state = .connecting(pending)
        lane.connecting.append(pending)
        count += 1
        pending.connect()
    }

    /// Frees the place of a connection that isn't being made any more.
    private func remove(_ pending: PendingConnection) {
        forget(pending)
        count -= 1
        freed(pending.lane)
    }

    private func forget(_ pending: PendingConnection) {
        pending.lane.connecting.removeAll { $0 === pending }
    }

    // MARK: those who wait

    /// Who waits may have a place now.
    private func limitsChanged() {
        for lane in Array(lanes.values) { lineUp(lane) }
        serveLine()
    }

    /// A place has become free: whoever may have it now gets it.
    private func freed(_ lane: PoolLane) {
        lineUp(lane)
        serveLine()
        forgetIfUnused(lane)
    }

    private func lineUp(_ lane: PoolLane) {
        guard lane.count < connectionsPerHost, let ticket = lane.waiting.first,
            lane.sequenceInLine != ticket.sequence
        else { return }
        lane.sequenceInLine = ticket.sequence
        line.insert(PlaceInLine(sequence: ticket.sequence, lane: lane))
    }

    /// Who has waited longest of those for whom there is only no place in the total.
    private var firstInLine: PlaceInLine? {
        while let place = line.min {
            let lane = place.lane
            if lane.waiting.first?.sequence == place.sequence, lane.count < connectionsPerHost { return place }
            line.removeMin()
            if lane.sequenceInLine == place.sequence { lane.sequenceInLine = nil }
        }
        return nil
    }

    private func serveLine() {
        // Making room closes a connection, whose place is served by the loop that made it.
        guard !isServing else { return }
        isServing = true
        defer { isServing = false }
        while let lane = firstInLine?.lane, hasRoom(lane, makingRoom: false), let ticket = lane.waiting.popFirst() {
            connect(ticket, in: lane)
            lineUp(lane)
        }
    }

    // MARK: idle connections

    private func keep(_ connection: ClientConnection) {
        let lane = connection.lane
        lane.removeBusy(connection)
        connection.isIdle = true
        connection.idleSince = clock.now
        lane.idle.append(connection)
        idle.append(connection)
        // Armed once for all of them; it is set anew when it is due.
        if expiryTimer == nil { armExpiry(limits.idleTimeout) }
    }

    private func armExpiry(_ delay: Duration) {
        expiryTimer = clock.callLater(delay) { [unowned self] in
            expiryTimer = nil
            expire()
        }
    }

    private func expire() {
        let now = clock.now
        while let connection = idle.first {
            let left = limits.idleTimeout - (now - connection.idleSince)
            guard left <= .zero else { return armExpiry(left) }
            counters.expired += 1
            connection.close()
        }
    }

    deinit { expiryTimer?.cancel() }
}

/// A lane's turn.
private struct PlaceInLine: Comparable {
    let sequence: Int
    let lane: PoolLane

    static func < (left: PlaceInLine, right: PlaceInLine) -> Bool { left.sequence < right.sequence }
    static func == (left: PlaceInLine, right: PlaceInLine) -> Bool { left.sequence == right.sequence }
}

@available(*, unavailable)
extension ConnectionPool: Sendable {}
