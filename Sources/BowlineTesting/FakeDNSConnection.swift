// One TCP connection of a fake DNS server: takes questions out of the stream, and sends answers whole, in pieces, by
// half or several at once.

import Bowline

/// How an answer is put on its way.
enum FakeDNSDelivery {
    case whole
    /// In pieces of so many octets, each in a turn of its own.
    case pieces(Int)
    /// Its first half, then something else.
    case half(FakeDNSServer.Ending)
    /// Kept until so many answers are there, then all in one segment.
    case together(Int)
}

final class FakeDNSConnection: Protocol {
    var transport: (any Transport)?
    /// Each keeps the other until the connection is lost.
    private let server: FakeDNSServer
    private var received: [UInt8] = []
    private var kept: [UInt8] = []
    private var keptCount = 0
    /// What is being sent in pieces, in order, and the call that sends the next one.
    private var pieces: ArraySlice<UInt8> = []
    private var pieceCall: DelayedCall?

    init(_ server: FakeDNSServer) {
        self.server = server
    }

    func connectionMade() {
        server.connected(self)
    }

    func dataReceived(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { received += $0 }
        while received.count >= 2 {
            let length = Int(received[0]) << 8 | Int(received[1])
            guard received.count >= 2 + length else { return }
            let packet = Array(received[2..<(2 + length)])
            received.removeFirst(2 + length)
            server.received(packet.span.bytes, from: transport?.peer ?? server.address, over: self)
        }
    }

    func connectionLost(_ reason: ConnectionEnd) {
        pieceCall?.cancel()
        server.disconnected(self)
    }

    func send(_ packet: [UInt8], _ delivery: FakeDNSDelivery, clock: any ReactorClock) {
        let framed = [UInt8(truncatingIfNeeded: packet.count >> 8), UInt8(truncatingIfNeeded: packet.count)] + packet
        switch delivery {
        case .whole:
            transport?.write(framed)
        case .pieces(let size):
            pieces += framed
            if pieceCall == nil { sendPiece(size, clock) }
        case .half(let ending):
            // At least one octet of the packet, if it has any: less would be half a length.
            transport?.write(Array(framed.prefix(2 + packet.count / 2)))
            switch ending {
            case .silence: break
            case .close: transport?.loseConnection()
            // After the half has left, which it does at the end of this turn.
            case .reset: clock.callLater(.milliseconds(10)) { [weak self] in self?.transport?.abortConnection() }
            }
        case .together(let count):
            kept += framed
            keptCount += 1
            guard keptCount >= count else { return }
            transport?.write(kept)
            kept = []
            keptCount = 0
        }
    }

    private func sendPiece(_ size: Int, _ clock: any ReactorClock) {
        pieceCall = nil
        transport?.write(Array(pieces.prefix(size)))
        pieces = pieces.dropFirst(size)
        guard !pieces.isEmpty else { return }
        pieceCall = clock.callLater(.zero) { [weak self] in self?.sendPiece(size, clock) }
    }
}

@available(*, unavailable)
extension FakeDNSConnection: Sendable {}
