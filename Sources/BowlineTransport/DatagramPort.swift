// A UDP socket: receives and sends in batches, one system call for up to 64 datagrams. Used by whatever speaks in
// datagrams; the resolver's own sockets belong to c-ares and do not come here.

public import BowlineReactor
import CLinux
import Glibc

/// Sends and receives datagrams on an address until it is stopped.
///
/// Made by `listenUDP`, and kept alive by its reactor. What is written in a turn leaves at its end.
/// ```swift
/// final class Answers: DatagramProtocol {
///     var port: DatagramPort?
///     func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress) { print(bytes.byteCount, "from", sender) }
/// }
/// let port = try reactor.listenUDP(port: 0, protocol: Answers())
/// port.write("hello", to: .ip(.v4(.loopback), port: 7))
/// port.stopListening()
/// ```
public final class DatagramPort {
    /// At most so many datagrams wait, and at most so many bytes of them; what is written beyond is dropped.
    private static let queueLimit = (datagrams: 4096, bytes: 4 * 1024 * 1024)
    /// So many batches are received for one event before others get their turn.
    private static let batchesPerEvent = 4

    /// Where it listens; the port is the real one where 0 was asked for.
    public let address: SocketAddress
    /// The largest datagram that is received, in bytes; larger ones are dropped.
    public let maxPacketSize: Int
    /// Where it is connected to, if it is.
    public private(set) var peer: SocketAddress?
    /// How many datagrams were lost here: too large to receive, written to a full queue, or refused by the system.
    public private(set) var droppedCount = 0

    /// Not weak, which would slow down every use of the reactor by anybody. A port that is listening is never without
    /// its reactor, unless that was dropped without having been run.
    private unowned let reactor: Reactor
    private var `protocol`: (any DatagramProtocol)?
    private var descriptor: Int32
    private var queue = DatagramQueue()
    private var isFlushQueued = false
    private var isBlocked = false
    /// ICMP has said that nobody listens, and the protocol wasn't told yet.
    private var isRefused = false
    /// Scratch space of both directions: sending begins inside the delivery of a batch only to stop the port, and then
    /// the rest of that batch is not delivered.
    private let batch: UnsafeMutableBufferPointer<bowline_datagram>

    /// Whether it still receives.
    public var isListening: Bool { descriptor >= 0 }

    init(
        at address: SocketAddress, maxPacketSize: Int, protocol: any DatagramProtocol, reactor: Reactor
    ) throws(SystemError) {
        precondition((1...65_535).contains(maxPacketSize), "a datagram has between 1 and 65535 bytes")
        let descriptor = try SocketCalls.socket(family: address.domain, type: SOCK_DGRAM)
        do {
            if address.domain == AF_INET6 {
                try SocketCalls.setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
            }
            try SocketCalls.bind(descriptor, address)
            self.address = SocketCalls.localAddress(descriptor) ?? address
            self.maxPacketSize = maxPacketSize
            self.protocol = `protocol`
            self.reactor = reactor
            self.descriptor = descriptor
            batch = .allocate(capacity: Int(BOWLINE_BATCH))
            batch.initialize(repeating: bowline_datagram())
        } catch {
            SocketCalls.close(descriptor)
            throw error
        }
    }

    deinit {
        // Open only when the port could not be registered, or its reactor went away without having been stopped.
        if isListening { SocketCalls.close(descriptor) }
        batch.deallocate()
    }

    /// Begins to receive. Where that fails, letting go of the port closes its socket: `init` would have closed it, too.
    func start() throws(SystemError) {
        try reactor.register(descriptor, .read, self)
        `protocol`?.port = self
        `protocol`?.startProtocol()
    }

    // MARK: what users ask

    /// Queues a datagram; it leaves at the end of the turn.
    ///
    /// - Parameter address: where to; not needed on a connected port.
    /// - Returns: false if it was dropped, because too much waits already or the port is stopped.
    @discardableResult
    public func write(_ bytes: RawSpan, to address: SocketAddress? = nil) -> Bool {
        guard isListening else { return false }
        precondition(address ?? peer != nil, "a datagram of a port that isn't connected needs an address")
        guard queue.count < Self.queueLimit.datagrams, queue.byteCount + bytes.byteCount <= Self.queueLimit.bytes else {
            droppedCount += 1
            return false
        }
        queue.append(bytes, to: address)
        if !isFlushQueued, !isBlocked {
            isFlushQueued = true
            reactor.flushThisTurn(self)
        }
        return true
    }

    /// Queues a datagram, as `write(_:to:)` of a span does.
    @discardableResult
    public func write(_ bytes: [UInt8], to address: SocketAddress? = nil) -> Bool {
        write(bytes.span.bytes, to: address)
    }

    /// Queues the UTF-8 of a text as a datagram.
    @discardableResult
    public func write(_ text: String, to address: SocketAddress? = nil) -> Bool {
        write(text.utf8Span.span.bytes, to: address)
    }

    /// Binds the other end: datagrams of others are no longer received, `write` needs no address, and refusals are
    /// heard of. Once in a port's life.
    /// - Throws: the `SystemError` of connect.
    public func connect(to address: SocketAddress) throws(SystemError) {
        precondition(isListening, "the port is stopped")
        precondition(peer == nil, "the port is connected already")
        _ = try SocketCalls.connect(descriptor, address)
        peer = address
    }

    /// Sends what waits, as far as there is room, and frees the port. `stopProtocol` follows from the loop. Stopping
    /// twice is once.
    public func stopListening() {
        guard isListening else { return }
        send()
        closeSocket()
    }

    private func closeSocket() {
        guard isListening else { return }
        queue.removeAll()
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        descriptor = -1
        reactor.deliverThisTurn(self)
    }

    // MARK: sending

    /// Sends everything, or as much as the socket takes.
    private func send() {
        while isListening, !queue.isEmpty {
            let count = queue.fill(batch)
            switch SocketCalls.sendBatch(descriptor, UnsafeBufferPointer(rebasing: batch[..<count])) {
            case .bytes(let sent):
                queue.removeFirst(sent)
            case .wouldBlock:
                setBlocked(true)
                return
            case .failed(ECONNREFUSED):
                // An earlier datagram was refused; this one is still to be sent, and the error is gone.
                noteRefusal()
            case .failed:
                // Too large for the network, no route, filtered: the fault of this datagram.
                droppedCount += 1
                queue.removeFirst(1)
            }
        }
        setBlocked(false)
    }

    /// Refusals may be found inside `stopListening`, from where the protocol must not be called.
    private func noteRefusal() {
        guard !isRefused else { return }
        isRefused = true
        reactor.deliverThisTurn(self)
    }

    private func setBlocked(_ isBlocked: Bool) {
        guard isListening, isBlocked != self.isBlocked else { return }
        self.isBlocked = isBlocked
        reactor.setInterest(isBlocked ? [.read, .write] : .read, of: descriptor)
    }

    // MARK: receiving

    private func receive(into buffer: UnsafeMutableRawBufferPointer) {
        let capacity = min(batch.count, buffer.count / maxPacketSize)
        for _ in 0..<Self.batchesPerEvent {
            guard isListening else { return }
            for index in 0..<capacity {
                let slot = UnsafeMutableRawBufferPointer(rebasing: buffer[(index * maxPacketSize)...])
                batch[index].bytes = slot.baseAddress?.assumingMemoryBound(to: UInt8.self)
                batch[index].length = UInt32(maxPacketSize)
            }
            switch SocketCalls.receiveBatch(descriptor, UnsafeMutableBufferPointer(rebasing: batch[..<capacity])) {
            case .bytes(let count):
                deliver(count, from: buffer)
                if count < capacity { return }
            case .failed(ECONNREFUSED):
                noteRefusal()
            case .failed, .wouldBlock:
                return
            }
        }
    }

    private func deliver(_ count: Int, from buffer: UnsafeMutableRawBufferPointer) {
        for index in 0..<count {
            guard isListening else { return }
            guard batch[index].truncated == 0,
                let sender = SocketAddress(&batch[index].address, length: batch[index].address_length)
            else {
                droppedCount += 1
                continue
            }
            let start = index * maxPacketSize
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + Int(batch[index].length))])
            `protocol`?.datagramReceived(bytes.bytes, from: sender)
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DatagramPort: Sendable {}

extension DatagramPort: DescriptorHandler {
    package func descriptorReady(_ readiness: Readiness) {
        if readiness.isReadable || readiness.isTroubled { receive(into: reactor.receiveBuffer) }
        if isBlocked, readiness.isWritable { send() }
    }

    package func reactorStopped() {
        closeSocket()
    }
}

extension DatagramPort: TurnFlush {
    package func flush() {
        isFlushQueued = false
        if !isBlocked { send() }
    }
}

extension DatagramPort: TurnDelivery {
    package func deliver() {
        if isRefused {
            isRefused = false
            `protocol`?.connectionRefused()
        }
        if isListening { return }
        let stopped = self.protocol
        self.protocol = nil
        stopped?.stopProtocol()
        stopped?.port = nil
    }
}

extension Reactor {
    /// Receives and sends datagrams on a UDP port.
    ///
    /// - Parameters:
    ///   - port: 0 lets the system choose; the returned port's `address` tells.
    ///   - interface: the local address to listen on; all IPv4 addresses if nil.
    ///   - maxPacketSize: the largest datagram to be received, 1 to 65535 bytes.
    ///   - protocol: who is told of datagrams; its `startProtocol` is called from here.
    /// - Throws: the `SystemError` of socket or bind (EADDRINUSE, EACCES).
    @discardableResult
    public func listenUDP(
        port: UInt16, interface: IPAddress? = nil, maxPacketSize: Int = 8192, protocol: any DatagramProtocol
    ) throws(SystemError) -> DatagramPort {
        let port = try DatagramPort(
            at: .ip(interface ?? .v4(.any), port: port), maxPacketSize: maxPacketSize, protocol: `protocol`,
            reactor: self)
        try port.start()
        return port
    }
}
