// The writing direction of a connection: one send at the end of a turn, producers, and the close that waits for both.

import BowlineReactor

extension StreamConnection: TurnFlush {
    func flush() {
        isFlushQueued = false
        guard !isClosed, !isBlocked else { return }
        send()
    }

    func queueFlush() {
        guard !isFlushQueued, !isBlocked else { return }
        isFlushQueued = true
        reactor.flushThisTurn(self)
    }

    /// Sends what there is, and then does what waited for that.
    func send() {
        if !output.isEmpty {
            switch SocketCalls.send(descriptor, output.unsent) {
            case .bytes(let count):
                output.consume(count)
                closeTimer?.reset(closeTimeout)
            case .wouldBlock:
                break
            case .failed(let code):
                output.removeAll()
                readRemainder()
                close(.lost(code))
                return
            }
        }
        // A part taken means that there was no room for the rest.
        let isBlocked = !output.isEmpty
        if isBlocked != self.isBlocked {
            self.isBlocked = isBlocked
            updateInterest()
        }
        if isBlocked { startCloseTimer() } else { outputDrained() }
    }

    private func outputDrained() {
        closeTimer?.cancel()
        closeTimer = nil
        resumeProducer()
        guard output.isEmpty, producer == nil, !isClosed else {
            guard case .closing = phase else { return }
            // A producer's last words leave with this flush: there may be no other, if the reactor stops.
            if producer == nil, !isClosed { send() } else { updateInterest() }
            return
        }
        if case .closing = phase {
            close(.done)
        } else if writeClose == .requested {
            writeClose = .done
            SocketCalls.shutdownWriting(descriptor)
            (`protocol` as? any HalfCloseableProtocol)?.writeConnectionLost()
            closeIfBothDirectionsAre()
        }
    }

    func closeIfBothDirectionsAre() {
        if isReadClosed, writeClose == .done, !isClosed { close(.done) }
    }

    /// Stops reading, and closes once everything was sent and the producer is done.
    func beginClosing() {
        phase = .closing
        if isBlocked {
            updateInterest()
            startCloseTimer()
        } else {
            // The flush closes, or finds what to wait for: nothing is read until then, whatever the poller watches.
            queueFlush()
        }
    }

    /// Bounds a close whose peer doesn't take what was written: the time counts from the last progress.
    private func startCloseTimer() {
        guard case .closing = phase, closeTimer == nil else { return }
        closeTimer = reactor.callLater(closeTimeout) { [unowned self] in
            SocketCalls.resetOnClose(descriptor)
            close(.timedOut)
        }
    }

    // MARK: producers

    func pauseProducer() {
        guard case .push(let producer) = producer, !isProducerPaused else { return }
        isProducerPaused = true
        producer.pauseProducing()
    }

    /// The buffer is empty: a paused push producer goes on, a pull producer writes its next piece.
    private func resumeProducer() {
        switch producer {
        case .push(let producer) where isProducerPaused:
            isProducerPaused = false
            producer.resumeProducing()
        case .pull(let producer):
            producer.resumeProducing()
        default:
            break
        }
    }

    func stopProducer() {
        let stopped = producer
        producer = nil
        stopped?.stop()
    }
}
