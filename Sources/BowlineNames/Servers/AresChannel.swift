// c-ares in the reactor: one channel, which asks one server. Only this file, AresSocket.swift and AresError.swift know c-ares.
//
// c-ares is given the octets of a query (`ares_send`), hands them to be sent, and matches what comes back (id, question,
// address), over UDP or TCP. Everything else is the toolkit's own: which server, how many at once, when a question is sent again,
// or over TCP since its answer was cut short (NameServer), when the next server is asked (Question), literals, hosts, cache,
// deadlines.
// `ares_getaddrinfo` is not used: it sends literals to the wire, reads /etc/hosts on every call and waits for both families.
// Nor is `ares_query`: it would write each name a second time, and its ids come from a generator that is weaker than ours.
//
// The rules that keep it safe, each paid for by somebody's crash:
// - A callback of c-ares may run inside the call that starts a query, and must not destroy or cancel (a double free in
//   1.18.1). So it does two things: it reads the packet into a value, and tells the server that its query ended, which puts
//   it on a list. Everything else happens in the delivery phase, with no frame of c-ares on the stack.
// - A single query can't be cancelled. It is released: nobody listens any more. When nobody listens to any query that
//   c-ares holds, all of them are cancelled.
// - Readiness is level-triggered, for c-ares reads a TCP answer in two steps; an error or hang-up is passed on as
//   readable, or an ICMP error makes the loop spin.
// - c-ares takes a failed send for the end of the server, so datagrams are queued here and c-ares is told that they left.
//   It tries once; a datagram that stays without an answer is sent again below it, the same bytes from the same port.
// - Its own timeout is beyond everybody's patience: `ares_timeout`, which is linear in the queries and truncates to
//   milliseconds, is never asked, and there is no timer and no tick.
// - A channel has either datagrams or TCP. In one that has both, a server that closes its TCP connection ends every query that
//   waits for a datagram, too: so c-ares doesn't repeat over TCP itself (ARES_FLAG_IGNTC).
// - It drops an error that comes as a header alone, and forgets EDNS for all queries once one of them met a server without:
//   both are taken out before c-ares sees them (`channelIntercepts`).
// - Descriptors come and go inside these calls, and their numbers come back at once: the reactor's table tells old
//   events from new ones.

import BowlineReactor
import BowlineTransport
import CAres
import CLinux
import Glibc

/// Told by its channels what came of the queries, and what came that c-ares must not see.
protocol AresChannelOwner: AnyObject {
    /// A query ended; called from inside c-ares, so only to take note of it.
    func channelEnded(_ query: consuming ServerQuery, _ reply: consuming ServerReply)
    /// A query's datagram could not be sent at all.
    func channelCouldNotSend(_ query: ServerQuery)
    /// A packet came whose code is an error and that c-ares would misread. True if it was dealt with.
    func channelIntercepts(_ packet: UnsafeRawBufferPointer, on channel: AresChannel) -> Bool
}

/// Asks one DNS server through c-ares, with sockets in the reactor.
final class AresChannel {
    /// No less than the patience of anybody who waits, in milliseconds.
    private static let timeout: CInt = 600_000
    /// Answers of 1,232 octets fit any path without fragments (DNS flag day 2020).
    static let ednsPayload: CInt = 1_232
    /// The longest answer over UDP without EDNS (RFC 1035, 2.3.4).
    private static let plainPayload = 512
    /// Asked of the system for bursts of answers; it gives what net.core.rmem_max allows.
    private static let receiveBuffer: CInt = 1 << 20
    /// The library's own initialisation, once for the process.
    private static let libraryStatus = ares_library_init(ARES_LIB_INIT_ALL)

    let address: SocketAddress
    /// The same as the system writes it.
    let rawAddress: [UInt8]
    /// Whether it asks over TCP from the start.
    private let isStream: Bool
    /// Whether it offers EDNS.
    let usesEDNS: Bool
    private unowned let owner: any AresChannelOwner
    private unowned let reactor: Reactor

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var channel: ares_channel?
    @exclusivity(unchecked) private var streams: [AresSocket] = []
    /// c-ares opens one UDP socket for a server, and closes it when no query is left.
    @exclusivity(unchecked) private var socket: AresSocket?
    @exclusivity(unchecked) private var batch: DatagramBatch?
    /// Why the last socket couldn't be had; nil if it could.
    @exclusivity(unchecked) private var socketError: SystemError?
    /// Whether datagrams wait for the end of the turn.
    @exclusivity(unchecked) private(set) var isFlushQueued = false
    /// Queries that c-ares holds, and how many of them somebody still wants.
    @exclusivity(unchecked) private(set) var held = 0
    @exclusivity(unchecked) private(set) var wanted = 0
    /// Whom it tells, held as long as c-ares holds anything: whatever c-ares calls tells this one.
    @exclusivity(unchecked) private var keeper: (any AresChannelOwner)?
    /// How many it was given so far.
    @exclusivity(unchecked) private(set) var started = 0
    /// The query that c-ares is being given: what it sends meanwhile is its datagram. Set within `start` only, whose caller
    /// holds it.
    @exclusivity(unchecked) private var starting: Unmanaged<ServerQuery>?

    /// Creates a channel that asks `server`. It opens no socket before the first query.
    init(
        asking server: SocketAddress, overTCP: Bool, usesEDNS: Bool, owner: any AresChannelOwner, reactor: Reactor
    ) throws(AresError) {
        address = server
        rawAddress = server.withSockaddr { Array(UnsafeRawBufferPointer(start: $0, count: Int($1))) }
        isStream = overTCP
        self.usesEDNS = usesEDNS
        self.owner = owner
        self.reactor = reactor
        try AresError.check(Self.libraryStatus)

        var options = ares_options()
        options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES
        if usesEDNS { options.flags |= ARES_FLAG_EDNS }
        // One that lives on datagrams keeps its socket when no query is left, until the turn ends so: see `closeIdle`. A TCP
        // connection that was given up for its silence must go at once.
        options.flags |= overTCP ? ARES_FLAG_USEVC : ARES_FLAG_IGNTC | ARES_FLAG_STAYOPEN
        options.timeout = Self.timeout
        options.tries = 1
        options.ednspsz = Self.ednsPayload
        options.sock_state_cb = { context, descriptor, reads, writes in
            AresChannel.with(context) { $0.socketChanged(descriptor, reads: reads != 0, writes: writes != 0) }
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

    /// Lends the channel that c-ares was given as its context. c-ares calls from inside a call of the channel only, which
    /// keeps it alive.
    @inline(__always)
    static func with<Result>(_ context: UnsafeMutableRawPointer?, _ body: (AresChannel) -> Result) -> Result {
        guard let context else { preconditionFailure("c-ares lost its context") }
        return Unmanaged<AresChannel>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
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
        ares_destroy(channel)
    }

    // MARK: queries

    /// Gives a query, which has its id and its spelling, to c-ares.
    func start(_ query: ServerQuery) {
        guard let channel else { return owner.channelEnded(query, .failed(.cancelled)) }
        // c-ares must not outlive what it calls back: whoever else lets go, a query in flight keeps its channel, and the
        // channel whom it tells.
        query.channel = self
        if held == 0 { keeper = owner }
        held += 1
        wanted += 1
        started += 1
        starting = Unmanaged.passUnretained(query)
        // Retained for the one callback that c-ares makes for each query, whatever happens.
        let context = Unmanaged.passRetained(query).toOpaque()
        withOctets(of: query) { octets in
            ares_send(
                channel, octets.assumingMemoryBound(to: UInt8.self).baseAddress, CInt(octets.count),
                { context, status, _, packet, length in
                    guard let context else { return }
                    let query = Unmanaged<ServerQuery>.fromOpaque(context).takeRetainedValue()
                    query.channel.take()?.ares(
                        ended: query, status, UnsafeRawBufferPointer(start: packet, count: Int(length)))
                }, context)
        }
        starting = nil
    }

    /// Lends what leaves, or has left, for a query.
    private func withOctets(of query: ServerQuery, _ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: ServerQuery.maximumOctets, alignment: 8) { buffer in
            let count = query.write(payload: usesEDNS ? UInt16(Self.ednsPayload) : nil, into: buffer)
            body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Why a query ended without a packet. c-ares calls it a refused connection if there was no socket.
    private func failure(_ status: CInt) -> ServerFailure {
        if status == ARES_ECONNREFUSED, let socketError { return .lacking(socketError) }
        return ServerFailure(status: status)
    }

    /// The callback of c-ares: reads, counts, takes note; nothing else.
    private func ares(ended query: consuming ServerQuery, _ status: CInt, _ packet: UnsafeRawBufferPointer) {
        held -= 1
        // The last references may be these, so they go last.
        guard let keeper else { return }
        if held == 0 { self.keeper = nil }
        // Released: what comes of it is nobody's affair.
        if query.isOver { return }
        wanted -= 1
        if packet.isEmpty {
            keeper.channelEnded(query, .failed(failure(status)))
        } else {
            let answer = ServerAnswer(reading: packet.bytes, for: query, isTCP: isStream)
            keeper.channelEnded(query, .answer(answer))
        }
    }

    /// Notes that nobody wants a query any more that c-ares still holds. Before it is over.
    func release(_ query: ServerQuery) {
        guard query.channel === self else { return }
        wanted -= 1
    }

    /// Ends what c-ares holds for nobody, and closes its sockets. Called in the delivery phase only.
    func cancelUnwanted() {
        guard wanted == 0, held > 0, let channel else { return }
        ares_cancel(channel)
        closeIdle()
    }

    /// Closes the sockets that no query needs. Between two turns none stays open for nothing, and who asks now and then asks
    /// from a new port each time; but within a turn the last query may end and another begin, and six system calls more for
    /// each such turn would cost what a dozen questions do. Called when no frame of c-ares is on the stack.
    func closeIdle() {
        guard held == 0, !isStream, socket != nil else { return }
        // Being told its server, c-ares closes all sockets to those that it knew. It can't fail: it has worked before.
        try? setServer()
    }

    /// Sends a query's datagram again, the same octets from the same port; false if that port is closed.
    func sendAgain(_ query: ServerQuery) -> Bool {
        guard let batch, batch.descriptor == query.descriptor, query.channel === self else { return false }
        withOctets(of: query) { enqueue($0, of: query, in: batch) }
        return true
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer, of query: consuming ServerQuery?, in batch: DatagramBatch) {
        if batch.isFull { flush(batch) }
        // What doesn't fit is no question of ours.
        guard batch.append(bytes, of: query), !isFlushQueued else { return }
        isFlushQueued = true
        reactor.flushThisTurn(self)
    }

    private func flush(_ batch: DatagramBatch) {
        batch.flush { query in keeper?.channelCouldNotSend(query) }
    }

    // MARK: sockets

    func openSocket(_ family: CInt, _ type: CInt) -> Int32 {
        let isTCP = type == CInt(SOCK_STREAM.rawValue)
        do {
            let descriptor = try SocketCalls.socket(family: family, type: isTCP ? SOCK_STREAM : SOCK_DGRAM)
            let made = AresSocket(descriptor, isTCP: isTCP, channel: self)
            // Either is a wish; the socket serves without.
            if isTCP {
                try? SocketCalls.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
                streams.append(made)
            } else {
                try? SocketCalls.setOption(descriptor, SOL_SOCKET, SO_RCVBUF, Self.receiveBuffer)
                socket = made
                batch = DatagramBatch(descriptor)
            }
            socketError = nil
            return descriptor
        } catch {
            socketError = error
            errno = error.code
            return -1
        }
    }

    func closeSocket(_ descriptor: Int32) -> CInt {
        if let socket, socket.descriptor == descriptor {
            socket.close(in: reactor)
            self.socket = nil
            batch = nil
        } else if let place = streams.firstIndex(where: { $0.descriptor == descriptor }) {
            streams.remove(at: place).close(in: reactor)
        }
        return 0
    }

    private func socket(_ descriptor: Int32) -> AresSocket? {
        if let socket, socket.descriptor == descriptor { return socket }
        return streams.first { $0.descriptor == descriptor }
    }

    /// The socket-state callback: what c-ares waits for on a socket. Neither means that it is about to be closed.
    private func socketChanged(_ descriptor: Int32, reads: Bool, writes: Bool) {
        var interest: Interest = []
        if reads { interest.insert(.read) }
        if writes { interest.insert(.write) }
        if !interest.isEmpty { socket(descriptor)?.setInterest(interest, in: reactor) }
    }

    func process(_ socket: AresSocket, _ readiness: Readiness) {
        guard let channel else { return }
        let batch = socket.isTCP ? nil : batch
        batch?.beginReading(into: reactor.receiveBuffer)
        ares_process_fd(
            channel,
            readiness.isTroubled || readiness.isReadable ? socket.descriptor : ARES_SOCKET_BAD,
            readiness.isWritable ? socket.descriptor : ARES_SOCKET_BAD)
        batch?.endReading()
    }

    // MARK: what c-ares calls for the system

    func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let batch, batch.descriptor == descriptor else {
            return AresSocketFunctions.receiveStream(descriptor, buffer)
        }
        while true {
            switch batch.next() {
            case .datagram(let packet):
                if isTroublesome(packet), keeper?.channelIntercepts(packet, on: self) == true { continue }
                let count = min(packet.count, buffer.count)
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: packet[..<count]))
                // One that is longer than it may be is cut short by c-ares, which doesn't say so.
                if count > payload { buffer[2] |= 0x02 }
                return count
            case .nothing:
                errno = EAGAIN
                return -1
            case .failed(let code):
                errno = code
                return -1
            }
        }
    }

    /// Whether c-ares would misread a packet: an error without a question, or one that tells of EDNS.
    private func isTroublesome(_ packet: UnsafeRawBufferPointer) -> Bool {
        guard packet.count >= DNSHeader.octets, packet[2] & 0x80 != 0, packet[3] & 0x0F != 0 else { return false }
        if packet.count == DNSHeader.octets { return true }
        let code = packet[3] & 0x0F
        let hasNoOPT = packet[10] == 0 && packet[11] == 0
        return usesEDNS && hasNoOPT && (code == 1 || code == 4)
    }

    /// The longest answer that c-ares takes.
    private var payload: Int { usesEDNS ? Int(Self.ednsPayload) : Self.plainPayload }

    func send(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) -> Int {
        guard let batch, batch.descriptor == descriptor else {
            return AresSocketFunctions.sendStream(descriptor, vectors)
        }
        guard let vector = vectors.first, vectors.count == 1 else {
            errno = EMSGSIZE
            return -1
        }
        let bytes = UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
        starting?._withUnsafeGuaranteedRef { $0.descriptor = descriptor }
        enqueue(bytes, of: starting?.takeUnretainedValue(), in: batch)
        return bytes.count
    }
}

@available(*, unavailable)
extension AresChannel: Sendable {}

extension AresChannel: TurnFlush {
    func flush() {
        isFlushQueued = false
        if let batch { flush(batch) }
    }
}
