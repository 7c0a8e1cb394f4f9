// How a TLS connection ends. Each direction ends with a close_notify; a connection that ends without the peer's was cut
// off, by whomever (RFC 8446, 6.1).

import BowlineReactor
import COpenSSL

extension TLSConnection: PullProducer {
    // MARK: the end that this side asks for

    /// Closes once everything has left: then comes the close_notify.
    ///
    /// A client that has received nothing yet has not read the tickets that a server of TLS 1.3 sends behind the
    /// handshake. Closing now would make the system reset the connection, and the server lose what was sent: so this waits
    /// for the server's end.
    func beginClosing() {
        if isCloseNotifySent {
            transport?.loseConnection()
            return
        }
        isLingering = !context.isServer && !hasReceived && !isPeerDone && SSL_version(ssl) >= TLS1_3_VERSION
        if isLingering {
            if isReadPaused { transport?.resumeReading() }
            limitLingering()
        }
        if producer == nil { closeWhenSent() }
        if !isLingering { transport?.loseConnection() }
    }

    /// Has the transport below ask, at the end of the turn, for what comes last.
    func closeWhenSent() {
        guard !isCloser else { return }
        isCloser = true
        transport?.registerProducer(.pull(self))
    }

    /// Everything has left.
    package func resumeProducing() {
        guard isCloser else { return }
        isCloser = false
        sendCloseNotify()
        transport?.unregisterProducer()
        if isLingering { transport?.loseWriteConnection() }
    }

    package func stopProducing() {
        isCloser = false
    }

    /// Bounds the wait for the peer's end. The time counts from the last progress, as in any close.
    private func limitLingering() {
        guard let transport else { return }
        let before = takenBytes
        lingerTimer = context.clock.callLater(transport.closeTimeout) { [weak self] in
            guard let self, let transport = self.transport else { return }
            if transport.bufferedByteCount > 0, takenBytes == before {
                end = end ?? .timedOut
                phase = .over
                transport.abortConnection()
            } else if transport.bufferedByteCount == 0, isCloseNotifySent {
                transport.loseConnection()
            } else {
                // It goes on, or the producer takes its time.
                limitLingering()
            }
        }
    }

    /// How much of what was written the system has taken.
    private var takenBytes: Int { writtenBytes - (transport?.bufferedByteCount ?? 0) }

    func closeWritingIfIdle() {
        guard phase == .open, writeClose == .requested, producer == nil else { return }
        sendCloseNotify()
        transport?.loseWriteConnection()
    }

    private func sendCloseNotify() {
        guard phase == .open, !isCloseNotifySent else { return }
        isCloseNotifySent = true
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    func closeIfBothDirectionsAre() {
        guard isPeerDone, writeClose == .done, phase == .open else { return }
        isClosing = true
        transport?.loseConnection()
    }

    // MARK: the end that comes from below

    /// The transport's end. Without a close_notify before it, nobody knows whether that was all.
    package func readConnectionLost() {
        switch phase {
        case .handshaking:
            fail(TLSError(.closed, "the other end closed the connection during the TLS handshake"))
        case .open where isClosing || isPeerDone:
            // A peer that closed both directions takes nothing more; writing goes on until that shows.
            if isClosing { transport?.loseConnection() }
        case .open:
            end = .truncated
            phase = .over
            rest = []
            letProducerGo()
            transport?.loseConnection()
        case .over:
            transport?.loseConnection()
        }
    }

    package func writeConnectionLost() {
        guard !isLingering, phase == .open, writeClose == .requested else { return }
        writeClose = .done
        (upper as? any HalfCloseableProtocol)?.writeConnectionLost()
        closeIfBothDirectionsAre()
    }

    package func connectionLost(_ reason: ConnectionEnd) {
        handshakeTimer?.cancel()
        handshakeTimer = nil
        lingerTimer?.cancel()
        lingerTimer = nil
        let wasHandshaking = phase == .handshaking
        phase = .over
        let reason = end ?? reason
        finalEnd = reason
        early.removeAll()
        rest = []
        stopProducer()
        if wasHandshaking {
            let words = "the connection ended during the TLS handshake: \(reason)"
            _ = takeHandshakeCallback()?(.failure(TLSError(.closed, words)))
        }
        onHandshake = nil
        let (upper, onEnd) = (self.upper, self.onEnd)
        self.upper = nil
        self.onEnd = nil
        upper?.connectionLost(reason)
        onEnd?(reason)
    }

    // MARK: the producer

    /// Takes the producer from the transport below, which would wait for it. It is told with the end: this may be called
    /// from inside one of its writes.
    func letProducerGo() {
        guard producer != nil || isCloser else { return }
        isCloser = false
        transport?.unregisterProducer()
    }

    /// Stops the producer, which has nobody to write to any more.
    func stopProducer() {
        guard let stopped = producer else { return }
        letProducerGo()
        producer = nil
        stopped.stop()
    }
}
