// c-ares in the reactor: one channel, which asks one server. This is the only file that calls c-ares.
//
// c-ares builds the query, sends it, matches what comes back (id, question, address) and repeats it over TCP when the
// answer is truncated. Everything above that is the toolkit's own: which server, when the next one, literals, hosts,
// cache, deadlines. `ares_getaddrinfo` is not used: it sends literals to the wire, reads /etc/hosts on every call and
// waits for both families.
//
// The rules that keep it safe, each paid for by somebody's crash:
// - A callback of c-ares may run inside the call that starts a query, and must not destroy or cancel (a double free in
//   1.18.1). So it does two things: it copies the packet, and queues its query for the delivery phase. What anybody
//   does with an answer happens there, with no frame of c-ares on the stack.
// - A single query can't be cancelled. It is abandoned: nobody listens any more. Only when nobody listens to any query
//   of the channel is everything cancelled, from the delivery phase.
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
    /// Answers of 1,232 octets fit any path without fragments (DNS flag day 2020).
    private static let ednsPayload: CInt = 1_232
    /// Asked of the system for bursts of answers; it gives what net.core.rmem_max allows.
    private static let receiveBuffer: CInt = 1 << 20

    let address: SocketAddress
    private unowned let reactor: Reactor
    private var channel: ares_channel?
    private var sockets: [Int32: AresSocket] = [:]
    private var timer: DelayedCall?
    private var waiting: Deque<ServerQuery> = []
    /// Queries that c-ares holds, and those among them that somebody still wants.
    private(set) var inFlight = 0
    private var wanted = 0
    private var isCancelQueued = false
    /// Whether c-ares is being called for a TCP socket: the answers that come out of it came over TCP.
    private var isReadingTCP = false

    /// Creates a channel that asks `server`. It opens no socket before the first query.
    init(asking server: SocketAddress, usesTCP: Bool = false, reactor: Reactor) throws(AresError) {
        address = server
        self.reactor = reactor
        try AresError.check(ares_library_init(ARES_LIB_INIT_ALL))

        var options = ares_options()
        options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS
        if usesTCP { options.flags |= ARES_FLAG_USEVC }
        options.timeout = Self.firstTimeout
        options.tries = Self.sendings
        options.ednspsz = Self.ednsPayload
        options.socket_receive_buffer_size = Self.receiveBuffer
        options.sock_state_cb = { channel, descriptor, reads, writes in
            guard let channel else { return }
            Unmanaged<AresChannel>.fromOpaque(channel).takeUnretainedValue()
                .socketChanged(descriptor, reads: reads != 0, writes: writes != 0)
        }
        // Unretained: the channel destroys its ares_channel, and with it every way back here, before it goes.
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()

        // With all of these given, even if empty, c-ares reads no configuration file.
        options.ndots = 1
        var placeholder = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let mask =
            ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_RCVBUF
            | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST
            | ARES_OPT_LOOKUPS
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
        try setServer()
    }

    deinit {
        close()
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

    /// Destroys the c-ares channel; every query that it holds ends as cancelled. Called from the loop, never from
    /// inside c-ares.
    func close() {
        guard let channel else { return }
        self.channel = nil
        timer?.cancel()
        timer = nil
        ares_destroy(channel)
        for query in waiting {
            query.end(.failed(.cancelled))
            reactor.deliverThisTurn(query)
        }
        waiting = []
    }

    // MARK: queries

    /// Sends a query now, or when those before it leave room. Its reply is delivered in the delivery phase.
    func send(_ query: ServerQuery) {
        guard channel != nil else {
            query.end(.failed(.cancelled))
            reactor.deliverThisTurn(query)
            return
        }
        if inFlight < Self.inFlightLimit { start(query) } else { waiting.append(query) }
    }

    /// Ends the interest in a query: its owner hears nothing more of it.
    func abandon(_ query: ServerQuery) {
        guard query.isWanted else { return }
        query.isWanted = false
        guard query.state == .inFlight else { return }
        wanted -= 1
        cancelIfUnwanted()
    }

    private func start(_ query: ServerQuery) {
        query.begin(on: self, at: reactor.now)
        inFlight += 1
        wanted += 1
        // Retained for the one callback that c-ares makes for each query, whatever happens.
        let context = Unmanaged.passRetained(query).toOpaque()
        ares_query(
            channel, query.spelling, CInt(1), CInt(query.type.rawValue),
            { context, status, _, packet, length in
                guard let context else { return }
                let query = Unmanaged<ServerQuery>.fromOpaque(context).takeRetainedValue()
                query.channel?.queryEnded(query, status, UnsafeRawBufferPointer(start: packet, count: Int(length)))
            }, context)
        if timer == nil, inFlight > 0 { arm(after: .milliseconds(Int64(Self.firstTimeout) + 1)) }
    }

    /// The callback of c-ares: copies, counts, queues; nothing else.
    private func queryEnded(_ query: ServerQuery, _ status: CInt, _ packet: UnsafeRawBufferPointer) {
        inFlight -= 1
        if query.isWanted { wanted -= 1 }
        if packet.count > 0 {
            query.end(.packet([UInt8](packet), isTCP: isReadingTCP))
        } else {
            query.end(.failed(ServerFailure(status: status)))
        }
        reactor.deliverThisTurn(query)
    }

    /// Fills the room that ended queries have left. Called from the delivery phase.
    func startWaiting() {
        while inFlight < Self.inFlightLimit, channel != nil, let query = waiting.popFirst() {
            if query.isWanted { start(query) }
        }
        if inFlight == 0 {
            timer?.cancel()
            timer = nil
        }
    }

    private func cancelIfUnwanted() {
        guard wanted == 0, inFlight > 0, !isCancelQueued else { return }
        isCancelQueued = true
        reactor.deliverThisTurn(self)
    }

    // MARK: sockets

    /// The socket-state callback: a socket was opened (its first interest), changed, or is about to be closed (none).
    private func socketChanged(_ descriptor: Int32, reads: Bool, writes: Bool) {
        var interest: Interest = []
        if reads { interest.insert(.read) }
        if writes { interest.insert(.write) }
        if interest.isEmpty {
            if sockets.removeValue(forKey: descriptor) != nil { reactor.deregisterBeforeClose(descriptor) }
        } else if sockets[descriptor] != nil {
            reactor.setInterest(interest, of: descriptor)
        } else {
            let socket = AresSocket(descriptor, channel: self)
            do {
                try reactor.register(descriptor, interest, socket)
                sockets[descriptor] = socket
            } catch {
                // Unheard, its queries end by their timeout; nothing better can be done inside c-ares.
            }
        }
    }

    fileprivate func process(_ socket: AresSocket, _ readiness: Readiness) {
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
    /// Cancels everything, since nobody listens: here no callback of c-ares is on the stack.
    func deliver() {
        isCancelQueued = false
        guard let channel, wanted == 0, inFlight > 0 else { return }
        ares_cancel(channel)
    }
}

/// A socket of c-ares in the reactor's table.
private final class AresSocket: DescriptorHandler {
    let descriptor: Int32
    let isTCP: Bool
    private unowned let channel: AresChannel

    init(_ descriptor: Int32, channel: AresChannel) {
        self.descriptor = descriptor
        self.channel = channel
        isTCP = SocketCalls.option(descriptor, SOL_SOCKET, SO_TYPE) == CInt(SOCK_STREAM.rawValue)
    }

    func descriptorReady(_ readiness: Readiness) {
        channel.process(self, readiness)
    }

    // The resolver is told that the reactor stops, and closes its channels.
    func reactorStopped() {}
}

/// A status of c-ares that is no answer of a server: no memory, a bad server address.
struct AresError: Error, CustomStringConvertible {
    let status: CInt

    static func check(_ status: CInt) throws(AresError) {
        guard status == ARES_SUCCESS else { throw AresError(status: status) }
    }

    var description: String { "c-ares: \(String(cString: ares_strerror(status)))" }
}

extension ServerFailure {
    /// Reads a status of c-ares that came without a packet.
    fileprivate init(status: CInt) {
        switch status {
        case ARES_ETIMEOUT: self = .timeout
        case ARES_ECONNREFUSED: self = .unreachable
        case ARES_EBADRESP: self = .malformed
        case ARES_ECANCELLED, ARES_EDESTRUCTION: self = .cancelled
        default: self = .local(status)
        }
    }
}
