// c-ares in the reactor: one channel, which asks one server. Only this file and AresSocket.swift know c-ares.
//
// c-ares builds the query, sends it, sends it again, matches what comes back (id, question, address) and repeats it over
// TCP when the answer is truncated. Everything above that is the toolkit's own: which server, when the next one,
// literals, hosts, cache, deadlines. `ares_getaddrinfo` is not used: it sends literals to the wire, reads /etc/hosts on
// every call and waits for both families.
//
// The rules that keep it safe, each paid for by somebody's crash:
// - A callback of c-ares may run inside the call that starts a query, and must not destroy or cancel (a double free in
//   1.18.1). So it does two things: it copies the packet, and puts its query among those that ended. Everything else
//   happens in the delivery phase, with no frame of c-ares on the stack: `deliver()` below.
// - A single query can't be cancelled. It is abandoned: nobody listens any more. When nobody listens to any query that
//   c-ares holds, all of them are cancelled.
// - Readiness is level-triggered, for c-ares reads a TCP answer in two steps; an error or hang-up is passed on as
//   readable, or an ICMP error makes the loop spin.
// - `ares_timeout` is linear in the queries and truncates to milliseconds: it is asked when the timer fires, never per
//   event, and rounded up. There is no tick.
// - Descriptors come and go inside these calls, and their numbers come back at once: the reactor's table tells old
//   events from new ones.

import BowlineReactor
import BowlineTransport
import CAres
import DequeModule
import Glibc

/// Asks one DNS server through c-ares, with sockets and timer in the reactor.
final class AresChannel: QueryServer {
    /// What c-ares may hold in flight, and so what the socket buffers must hold. More wait in a queue of ours.
    static let inFlightLimit = 100
    /// A query is sent at 0, 1 and 3 s, the same bytes from the same port: three sendings, the most that RFC 9520
    /// allows per server and transport. Given up at 7 s, or when its lookup's deadline comes first.
    private static let firstTimeout: CInt = 1_000
    private static let sendings: CInt = 3
    /// What is given up before this was asked over TCP: there c-ares sends once, and waits for one timeout only.
    private static let earlyTimeout: Duration = .seconds(3)
    /// Answers of 1,232 octets fit any path without fragments (DNS flag day 2020).
    private static let ednsPayload: CInt = 1_232
    /// Asked of the system for bursts of answers; it gives what net.core.rmem_max allows.
    private static let receiveBuffer: CInt = 1 << 20
    /// The library's own initialisation, once for the process.
    private static let libraryStatus = ares_library_init(ARES_LIB_INIT_ALL)

    let address: SocketAddress
    private unowned let reactor: Reactor

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var channel: ares_channel?
    @exclusivity(unchecked) private var sockets: [Int32: AresSocket] = [:]
    @exclusivity(unchecked) private var timer: DelayedCall?
    @exclusivity(unchecked) private var waiting: Deque<ServerQuery> = []
    /// Queries that c-ares holds, and how many of them somebody still wants.
    @exclusivity(unchecked) private(set) var inFlight = 0
    @exclusivity(unchecked) private var wanted = 0
    /// Queries that c-ares is done with, until the delivery phase.
    @exclusivity(unchecked) private var ended: [ServerQuery] = []
    @exclusivity(unchecked) private var isDeliveryQueued = false
    /// Whether c-ares is being called for a TCP socket: the answers that come out of it came over TCP.
    @exclusivity(unchecked) private var isReadingTCP = false

    /// Creates a channel that asks `server`. It opens no socket before the first query.
    init(asking server: SocketAddress, usesTCP: Bool = false, reactor: Reactor) throws(AresError) {
        address = server
        self.reactor = reactor
        try AresError.check(Self.libraryStatus)

        var options = ares_options()
        options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS
        if usesTCP { options.flags |= ARES_FLAG_USEVC }
        options.timeout = Self.firstTimeout
        options.tries = Self.sendings
        options.ednspsz = Self.ednsPayload
        options.sock_state_cb = { channel, descriptor, reads, writes in
            AresChannel.at(channel).socketChanged(descriptor, reads: reads != 0, writes: writes != 0)
        }
        // Unretained: the channel destroys its ares_channel, and with it every way back here, before it goes.
        let this = Unmanaged.passUnretained(self).toOpaque()
        options.sock_state_cb_data = this

        // With all of these given, even if empty, c-ares reads no configuration file.
        options.ndots = 1
        var placeholder = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let mask =
            ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB
            | ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_LOOKUPS
        let status = withUnsafeMutablePointer(to: &placeholder) { address in
            var lookups: [CChar] = [CChar(UInt8(ascii: "b")), 0]
            return lookups.withUnsafeMutableBufferPointer { lookups in
                options.servers = address
                options.nservers = 1
                options.lookups = lookups.baseAddress
                return ares_init_options(&channel, &options, mask)
            }
        }
        try AresError.check(status)
        ares_set_socket_functions(channel, AresSocketFunctions.table, this)
        try setServer()
    }

    deinit {
        close()
    }

    /// The channel that c-ares was given as its context.
    static func at(_ context: UnsafeMutableRawPointer?) -> AresChannel {
        guard let context else { preconditionFailure("c-ares lost its context") }
        return Unmanaged<AresChannel>.fromOpaque(context).takeUnretainedValue()
    }

    private func setServer() throws(AresError) {
        guard case .ip(let ip, let port) = address else { throw AresError(status: ARES_EBADSTR) }
        var node = ares_addr_port_node()
        node.udp_port = CInt(port)
        node.tcp_port = CInt(port)
        switch ip {
        case .v4(let address):
            node.family = AF_INET
            node.addr.addr4 = address.inAddr
        case .v6(let address):
            node.family = AF_INET6
            withUnsafeMutableBytes(of: &node.addr) { $0.storeBytes(of: address.in6Addr, as: in6_addr.self) }
        }
        try AresError.check(ares_set_servers_ports(channel, &node))
    }

    /// Destroys the c-ares channel; every query ends as cancelled. Called from the loop, never from inside c-ares.
    func close() {
        guard let channel else { return }
        self.channel = nil
        timer?.cancel()
        timer = nil
        ares_destroy(channel)
        for query in waiting { end(query, .failed(.cancelled)) }
        waiting = []
    }

    // MARK: queries

    /// Sends a query now, or when those before it leave room. Its owner is told of the reply in the delivery phase.
    func send(_ query: ServerQuery) {
        if channel == nil {
            end(query, .failed(.cancelled))
        } else if inFlight < Self.inFlightLimit {
            start(query)
        } else {
            waiting.append(query)
        }
    }

    /// Ends the interest in a query: its owner hears nothing more of it.
    func abandon(_ query: ServerQuery) {
        guard query.isWanted else { return }
        query.forgetOwner()
        guard query.channel === self else { return }
        wanted -= 1
        if wanted == 0 { queueDelivery() }
    }

    /// This server as its row of the inspection.
    func snapshot() -> ServerSnapshot {
        ServerSnapshot(
            address: address, state: .untried, window: Self.inFlightLimit, inFlight: inFlight, waiting: waiting.count)
    }

    private func start(_ query: ServerQuery) {
        query.begin(at: reactor.now)
        // c-ares must not outlive what it calls back: whoever else lets go, a query in flight keeps its channel.
        query.channel = self
        inFlight += 1
        wanted += 1
        // Retained for the one callback that c-ares makes for each query, whatever happens.
        let context = Unmanaged.passRetained(query).toOpaque()
        ares_query(
            channel, query.spelling, CInt(WireRecord.internet), CInt(query.type.rawValue),
            { context, status, _, packet, length in
                guard let context else { return }
                let query = Unmanaged<ServerQuery>.fromOpaque(context).takeRetainedValue()
                query.channel?.ares(ended: query, status, UnsafeRawBufferPointer(start: packet, count: Int(length)))
            }, context)
        if timer == nil, inFlight > 0 { arm(after: .milliseconds(Int64(Self.firstTimeout) + 1)) }
    }

    /// The callback of c-ares: copies, counts, queues; nothing else.
    private func ares(ended query: ServerQuery, _ status: CInt, _ packet: UnsafeRawBufferPointer) {
        inFlight -= 1
        if query.isWanted { wanted -= 1 }
        query.channel = nil
        if packet.isEmpty {
            end(query, .failed(ServerFailure(status: status)))
        } else {
            end(query, .packet([UInt8](packet), isTCP: isReadingTCP))
        }
    }

    private func end(_ query: ServerQuery, _ reply: ServerReply) {
        query.end(reply)
        ended.append(query)
        queueDelivery()
    }

    private func queueDelivery() {
        guard !isDeliveryQueued else { return }
        isDeliveryQueued = true
        reactor.deliverThisTurn(self)
    }

    private func startWaiting() {
        while inFlight < Self.inFlightLimit, channel != nil, let query = waiting.popFirst() {
            if query.isWanted { start(query) }
        }
    }

    /// Whether c-ares gave up what is worth another try at the same server.
    private func deservesAnother(_ query: ServerQuery) -> Bool {
        guard query.isWanted, channel != nil, query.sendings < Self.sendings else { return false }
        switch query.reply {
        case .packet(let packet, _):
            // A server that doesn't know EDNS says FORMERR without an OPT record (RFC 6891, 7). c-ares then asks again
            // without, and leaves EDNS off from there on; but what was in flight by then ends with that FORMERR.
            return query.sendings == 1 && packet.count >= 12 && packet[3] & 0x0F == 1 && packet[10] == 0
                && packet[11] == 0
        case .failed(.timeout):
            // A lost SYN alone takes the first timeout of TCP.
            return reactor.now - query.startTime < Self.earlyTimeout
        case .failed, nil:
            return false
        }
    }

    // MARK: sockets

    func openSocket(_ family: CInt, _ type: CInt) -> Int32 {
        let isTCP = type == CInt(SOCK_STREAM.rawValue)
        do {
            let descriptor = try SocketCalls.socket(family: family, type: isTCP ? SOCK_STREAM : SOCK_DGRAM)
            // Either is a wish; the socket serves without.
            if isTCP {
                try? SocketCalls.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            } else {
                try? SocketCalls.setOption(descriptor, SOL_SOCKET, SO_RCVBUF, Self.receiveBuffer)
            }
            sockets[descriptor] = AresSocket(descriptor, isTCP: isTCP, channel: self)
            return descriptor
        } catch {
            errno = error.code
            return -1
        }
    }

    func closeSocket(_ descriptor: Int32) -> CInt {
        sockets.removeValue(forKey: descriptor)?.close(in: reactor)
        return 0
    }

    func isTCP(_ descriptor: Int32) -> Bool {
        sockets[descriptor]?.isTCP == true
    }

    /// The socket-state callback: what c-ares waits for on a socket. Neither means that it is about to be closed.
    private func socketChanged(_ descriptor: Int32, reads: Bool, writes: Bool) {
        var interest: Interest = []
        if reads { interest.insert(.read) }
        if writes { interest.insert(.write) }
        if !interest.isEmpty { sockets[descriptor]?.setInterest(interest, in: reactor) }
    }

    func process(_ socket: AresSocket, _ readiness: Readiness) {
        guard let channel else { return }
        let troubled = !readiness.isDisjoint(with: [.error, .hangup])
        isReadingTCP = socket.isTCP
        ares_process_fd(
            channel,
            troubled || readiness.contains(.readable) ? socket.descriptor : ARES_SOCKET_BAD,
            readiness.contains(.writable) ? socket.descriptor : ARES_SOCKET_BAD)
        isReadingTCP = false
    }

    // MARK: time

    private func arm(after delay: Duration) {
        timer = reactor.callLater(delay) { [unowned self] in
            timer = nil
            guard let channel else { return }
            ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD)
            guard inFlight > 0 else { return }
            var remaining = timeval()
            guard ares_timeout(channel, nil, &remaining) != nil else { return }
            arm(after: .microseconds(Int64(remaining.tv_sec) * 1_000_000 + Int64(remaining.tv_usec) + 1_000))
        }
    }
}

@available(*, unavailable)
extension AresChannel: Sendable {}

extension AresChannel: TurnDelivery {
    /// What came of this turn's calls of c-ares. Here none of them is on the stack, so anything may be called.
    func deliver() {
        if wanted == 0, inFlight > 0, let channel { ares_cancel(channel) }
        isDeliveryQueued = false
        let ended = self.ended
        self.ended.removeAll(keepingCapacity: true)
        // Those that wait for room are sent before anybody reacts to those that left it.
        var told: [ServerQuery] = []
        for query in ended {
            if deservesAnother(query) { start(query) } else { told.append(query) }
        }
        startWaiting()
        if inFlight == 0 {
            timer?.cancel()
            timer = nil
        }
        for query in told { query.tellOwner() }
    }
}
