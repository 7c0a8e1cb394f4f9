// The datagrams of one UDP socket: those that wait for the end of the turn, and those that one system call brought and c-ares
// has not asked for yet. Used by the channel that owns the socket.

import BowlineReactor
import BowlineTransport
import Glibc

final class DatagramBatch {
    /// A name has 255 octets at most; with header, type, class and OPT a question has no more than 282.
    private static let questionSlot = 288
    /// Answers of 1,232 octets were asked for. A longer one is cut here, and its length alone makes c-ares turn to TCP.
    private static let answerSlot = 2_048

    let descriptor: Int32
    private let outgoing: UnsafeMutableRawBufferPointer
    private let lengths: UnsafeMutableBufferPointer<UInt32>
    /// In which order the slots leave; of a flush.
    private let order: UnsafeMutableBufferPointer<UInt8>
    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// Whose datagrams wait, in their order.
    @exclusivity(unchecked) private var queries: [ServerQuery?] = []
    /// Whether the kernel takes several datagrams of one length as one piece and cuts it: crossing the network stack is most
    /// of what a datagram costs. Some interfaces can't; the first refusal says so.
    @exclusivity(unchecked) private var cuts: Bool

    // What was received is lent by the reactor for one call of c-ares, in which nobody else uses that buffer.
    @exclusivity(unchecked) private var incoming = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private let incomingLengths: UnsafeMutableBufferPointer<UInt32>
    @exclusivity(unchecked) private var received = 0
    @exclusivity(unchecked) private var taken = 0
    @exclusivity(unchecked) private var isDrained = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        outgoing = .allocate(byteCount: Self.questionSlot * SocketCalls.slotBatch, alignment: 8)
        lengths = .allocate(capacity: SocketCalls.slotBatch)
        lengths.initialize(repeating: 0)
        order = .allocate(capacity: SocketCalls.slotBatch)
        order.initialize(repeating: 0)
        incomingLengths = .allocate(capacity: SocketCalls.slotBatch)
        incomingLengths.initialize(repeating: 0)
        queries.reserveCapacity(SocketCalls.slotBatch)
        cuts = SocketCalls.cutsDatagrams(descriptor)
    }

    deinit {
        outgoing.deallocate()
        lengths.deallocate()
        order.deallocate()
        incomingLengths.deallocate()
    }

    // MARK: sending

    var isFull: Bool { queries.count == SocketCalls.slotBatch }
    var isEmpty: Bool { queries.isEmpty }

    /// Puts a datagram behind those that wait. There must be room, and it must fit.
    /// - Returns: whether it fits.
    func append(_ bytes: UnsafeRawBufferPointer, of query: consuming ServerQuery?) -> Bool {
        guard bytes.count <= Self.questionSlot, !isFull else { return false }
        let slot = UnsafeMutableRawBufferPointer(rebasing: outgoing[(queries.count * Self.questionSlot)...])
        slot.copyMemory(from: bytes)
        lengths[queries.count] = UInt32(bytes.count)
        queries.append(query)
        return true
    }

    /// Sends what waits.
    /// - Parameter failed: called with each query whose datagram the system refused to send at all.
    func flush(failed: (ServerQuery) -> Void) {
        var sent = 0
        var refusals = 0
        putInOrder()
        loop: while sent < queries.count {
            let result = SocketCalls.sendSlots(
                descriptor, from: UnsafeRawBufferPointer(outgoing), slot: Self.questionSlot,
                lengths: UnsafeBufferPointer(lengths),
                order: UnsafeBufferPointer(rebasing: order[sent..<queries.count]), cuts: cuts)
            switch result {
            case .bytes(let count):
                sent += count
            case .failed(ECONNREFUSED) where refusals < 2:
                // An ICMP error belongs to an earlier datagram. Its own refusal follows, and is read: that fails all that
                // are in flight.
                refusals += 1
            case .wouldBlock, .failed(ENOBUFS):
                // As good as lost on the way, and sent again like any that is.
                break loop
            case .failed where cuts:
                cuts = false
            case .failed:
                if let query = queries[Int(order[sent])] { failed(query) }
                sent += 1
            }
        }
        queries.removeAll(keepingCapacity: true)
    }

    /// Puts the slots into the order of sending: those of one length side by side, to leave as one piece.
    private func putInOrder() {
        let count = queries.count
        for slot in 0..<count { order[slot] = UInt8(truncatingIfNeeded: slot) }
        guard cuts, lengths[..<count].contains(where: { $0 != lengths[0] }) else { return }
        // By counting: there are few lengths, and none beyond a slot's.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.questionSlot + 2) { places in
            places.initialize(repeating: 0)
            for slot in 0..<count { places[Int(lengths[slot]) + 1] += 1 }
            for length in 1..<places.count { places[length] += places[length - 1] }
            for slot in 0..<count {
                order[Int(places[Int(lengths[slot])])] = UInt8(truncatingIfNeeded: slot)
                places[Int(lengths[slot])] += 1
            }
        }
    }

    // MARK: receiving

    /// Begins to read with a buffer that stays until `endReading`.
    func beginReading(into buffer: UnsafeMutableRawBufferPointer) {
        incoming = buffer
        received = 0
        taken = 0
        isDrained = false
    }

    func endReading() {
        incoming = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        received = 0
        taken = 0
    }

    /// The next datagram.
    enum Incoming {
        case datagram(UnsafeRawBufferPointer)
        case nothing
        case failed(CInt)
    }

    func next() -> Incoming {
        if taken == received {
            guard !isDrained, incoming.count > 0 else { return .nothing }
            let room = min(incoming.count / Self.answerSlot, incomingLengths.count)
            switch SocketCalls.receiveSlots(
                descriptor, into: incoming, slot: Self.answerSlot, lengths: incomingLengths)
            {
            case .bytes(let count):
                received = count
                taken = 0
                // Fewer than there was room for: the socket is empty, and need not say so itself.
                isDrained = count < room
                if count == 0 { return .nothing }
            case .wouldBlock:
                isDrained = true
                return .nothing
            case .failed(let code):
                isDrained = true
                return .failed(code)
            }
        }
        let start = taken * Self.answerSlot
        let length = Int(incomingLengths[taken])
        taken += 1
        // To c-ares no octets are the end of the socket.
        if length == 0 { return next() }
        return .datagram(UnsafeRawBufferPointer(rebasing: incoming[start..<(start + length)]))
    }
}

@available(*, unavailable)
extension DatagramBatch: Sendable {}
