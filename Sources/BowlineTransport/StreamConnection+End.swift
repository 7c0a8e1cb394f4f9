// The end of a connection: the descriptor is closed at once, and the protocol told in the delivery phase, so that no
// call of the protocol is interrupted by its own `connectionLost`.

import BowlineReactor

extension StreamConnection: TurnDelivery {
    /// Closes the descriptor now and has everybody told soon. Only the first reason counts.
    func close(_ reason: ConnectionEnd) {
        guard !isClosed else { return }
        phase = .closed(reason)
        closeTimer?.cancel()
        closeTimer = nil
        gathering?.timer?.cancel()
        gathering = nil
        output.removeAll()
        forgetHangUp()
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        reactor.deliverThisTurn(self)
    }

    /// Ends a connection whose descriptor was closed before it began: its protocol is told all the same.
    func endUnopened(_ reason: ConnectionEnd) {
        phase = .closed(reason)
        reactor.deliverThisTurn(self)
    }

    /// The one place where an ending is told.
    func deliver() {
        guard case .closed(let reason) = phase else { return }
        phase = .finished
        stopProducer()
        let (`protocol`, onEnd) = (self.protocol, self.onEnd)
        // The protocol holds its transport and the transport its protocol: this is where that ends.
        self.protocol = nil
        self.onEnd = nil
        `protocol`?.connectionLost(reason)
        onEnd?(reason)
    }
}
