// The handshake: what comes before the protocol is told of its connection.

import BowlineReactor
import COpenSSL

extension TLSConnection: HalfCloseableProtocol {
    package func makeConnection(_ transport: any Transport) {
        self.transport = transport
        if context.verifies, !context.isServer, !isNameSet {
            // Without a name the certificate of anybody who has one would do.
            fail(TLSError(.configuration, "there is no name that the server's certificate could be verified for"))
        } else {
            advanceHandshake()
        }
    }

    /// Bounds the handshake, where nobody else does.
    package func limitHandshake(to timeout: Duration) {
        guard phase == .handshaking else { return }
        handshakeTimer = context.clock.callLater(timeout) { [weak self] in
            self?.fail(TLSError(.timedOut, "the TLS handshake was not done within \(timeout.inWords)"))
        }
    }

    /// Gives the connection up before there is a protocol; nobody is told.
    package func abandon() {
        onHandshake = nil
        // One that failed still has its alert to send.
        if phase != .over { abortConnection() }
    }

    func advanceHandshake() {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            completeHandshake()
        } else if SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ {
            // The reason of our own alert says less than what was wrong with the certificate.
            var error = TLSError.fromQueue()
            if error.kind == .refused, lacksIdentity { error = .identityRequired }
            fail(problem.flatMap { context.verifies ? $0 : nil } ?? error)
        }
    }

    /// Whether the server has asked for a certificate, and none was there to be shown. Up to TLS 1.2 it says no more then
    /// than that the handshake fails.
    private var lacksIdentity: Bool {
        !context.isServer && SSL_get_certificate(ssl) == nil
            && SSL_ctrl(ssl, SSL_CTRL_GET_CLIENT_CERT_TYPES, 0, nil) > 0
    }

    /// Looks at the first two bytes of what the other end sends: a record of TLS begins with its type and a 3 (RFC 8446,
    /// 5.1). OpenSSL calls anything else a wrong version.
    func speaksTLS(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes.prefix(max(0, 2 - examined)) {
            guard examined == 0 ? (0x14...0x17).contains(byte) : byte == 3 else { return false }
            examined += 1
        }
        return true
    }

    private func completeHandshake() {
        handshakeTimer?.cancel()
        handshakeTimer = nil
        phase = .open
        let info = TLSInfo(ssl, verifies: context.verifies, problem: problem)
        self.info = info
        context.handshakes += 1
        if info.isResumed { context.resumptions += 1 }
        sendEarly()
        if isReadPaused, !isClosing { transport?.pauseReading() }
        if isClosing { beginClosing() } else { closeWritingIfIdle() }
        let made = takeHandshakeCallback()?(.success(info))
        guard phase == .open, upper == nil else { return }
        if let made { speak(made) } else { loseConnection() }
    }

    /// Gives the connection its protocol, from inside the call that tells of the handshake or after it.
    package func speak(_ protocol: any Protocol) {
        upper = `protocol`
        `protocol`.makeConnection(self)
    }

    /// Sends what was written before the handshake was over, and hands the producer on.
    private func sendEarly() {
        if !early.isEmpty { encrypt(early.unsent) }
        early.removeAll()
        guard phase == .open, let producer else { return }
        transport?.registerProducer(producer)
        if isProducerPaused, case .push(let producer) = producer, bufferedByteCount <= Self.highWaterMark {
            producer.resumeProducing()
        }
        isProducerPaused = false
    }

    func takeHandshakeCallback() -> ((Result<TLSInfo, TLSError>) -> (any Protocol)?)? {
        defer { onHandshake = nil }
        return onHandshake
    }

    /// Ends the connection because of TLS. OpenSSL has written its alert, which still leaves.
    func fail(_ error: TLSError) {
        guard phase != .over else { return }
        let callback = takeHandshakeCallback()
        phase = .over
        end = end ?? .tls(error)
        early.removeAll()
        rest = []
        handshakeTimer?.cancel()
        handshakeTimer = nil
        letProducerGo()
        transport?.loseConnection()
        _ = callback?(.failure(error))
    }
}
