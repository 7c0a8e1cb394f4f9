// What the loop reports of a connection's descriptor, and the reading direction.

import BowlineReactor
import Glibc

extension StreamConnection: DescriptorHandler {
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

    /// Makes one read, and then others get their turn: where there is more, the poller says so again.
    private func readReady() {
        switch receive() {
        case .bytes(0): readEnd()
        case .bytes(let count): if count >= ReceiveGathering.largeRead || gathering != nil { watchFlow(count) }
        case .wouldBlock: break
        case .failed(let code): close(.lost(code))
        }
    }

    /// Has the system gather what arrives while it arrives in a flood.
    private func watchFlow(_ count: Int) {
        guard isTCP, !isClosed else { return }
        let gathering = self.gathering ?? ReceiveGathering()
        self.gathering = gathering
        guard gathering.received(count, at: reactor.now) else { return }
        setReceiveMark(ReceiveGathering.mark)
        lookAtFlowLater(gathering)
    }

    private func lookAtFlowLater(_ gathering: ReceiveGathering) {
        gathering.timer = reactor.callLater(ReceiveGathering.patience) { [unowned self] in
            if gathering.isStill() { setReceiveMark(1) } else { lookAtFlowLater(gathering) }
        }
    }

    /// How many bytes make the socket readable; so does its end, or an error. What is there already counts at once.
    private func setReceiveMark(_ count: Int) {
        // Without it, there are only more events.
        try? SocketCalls.setOption(descriptor, SOL_SOCKET, SO_RCVLOWAT, CInt(count))
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
