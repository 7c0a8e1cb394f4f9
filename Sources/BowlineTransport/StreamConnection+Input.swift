// What the loop reports of a connection's descriptor, and the reading direction.

import BowlineReactor
import Glibc

extension StreamConnection: DescriptorHandler {
    /// So many reads that fill the whole buffer are made for one event before others get their turn.
    private static let readsPerEvent = 4

    /// Reading comes first: where the peer answered and then closed, its answer must not be lost to the error that
    /// writing meets.
    func descriptorReady(_ readiness: Readiness) {
        let isTroubled = readiness.isTroubled
        if isReading {
            if isTroubled || readiness.isReadable { readReady() }
        } else if isTroubled, !isBlocked {
            troubleWhileNotReading()
        }
        if isBlocked, !isClosed, isTroubled || readiness.isWritable { send() }
    }

    func reactorStopped() {
        close(.stopped)
    }

    private func readReady() {
        for _ in 0..<Self.readsPerEvent {
            switch receive() {
            case .bytes(0):
                readEnd()
                return
            case .bytes(let count):
                // Less than there was room for: nothing more has arrived, and asking would only say so.
                if count < reactor.receiveBuffer.count || !isReading { return }
            case .wouldBlock:
                return
            case .failed(let code):
                close(.lost(code))
                return
            }
        }
    }

    /// Makes one read and lends what came to the protocol.
    private func receive() -> TransferResult {
        let buffer = reactor.receiveBuffer
        let result = SocketCalls.receive(descriptor, into: buffer)
        if case .bytes(let count) = result, count > 0 {
            `protocol`?.dataReceived(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
        }
        return result
    }

    /// Reads what arrived before the connection broke. The peer is gone, so it ends; the bound is for a peer that is
    /// not (an error that a test made).
    func readRemainder() {
        for _ in 0..<64 where isReading {
            guard case .bytes(let count) = receive(), count > 0 else { return }
        }
    }

    /// The peer has sent everything. A protocol that knows half-close goes on; any other has nothing to do but to get
    /// rid of what it has written.
    private func readEnd() {
        if let halfCloseable = `protocol` as? any HalfCloseableProtocol {
            isReadClosed = true
            updateInterest()
            halfCloseable.readConnectionLost()
            closeIfBothDirectionsAre()
        } else {
            stopProducer()
            if isClosed { return }
            if output.isEmpty { close(.done) } else { beginClosing() }
        }
    }

    /// An error ends the connection even when nobody reads. A mere hang-up waits for `resumeReading`, since there may
    /// be bytes left to read; until then the descriptor is not watched, because level-triggered polling would report
    /// the hang-up without end.
    private func troubleWhileNotReading() {
        let code = SocketCalls.takeError(descriptor)
        if code != 0 {
            close(.lost(code))
        } else if isReadPaused, !isReadClosed, case .open = phase {
            reactor.deregister(descriptor)
            hangUpObserver = reactor.whenStopped {
                self.hangUpObserver = nil
                self.close(.stopped)
            }
        } else {
            // Nothing more can be sent. That matters only to a producer that hasn't finished.
            close(producer == nil ? .done : .lost(EPIPE))
        }
    }
}
