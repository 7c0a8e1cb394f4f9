// What arrives: records from the transport below, plain text for the protocol above.

import COpenSSL

extension TLSConnection {
    package func dataReceived(_ bytes: RawSpan) {
        guard phase != .over, !isClosing || phase == .handshaking else { return }
        if rest.isEmpty {
            bytes.withUnsafeBytes { take($0) }
        } else {
            bytes.withUnsafeBytes { rest.append(contentsOf: $0) }
        }
    }

    /// Gives OpenSSL its part of what has arrived.
    func takeIncoming(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, incoming.count)
        guard count > 0 else { return 0 }
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: incoming[..<count]))
        incoming = UnsafeRawBufferPointer(rebasing: incoming[count...])
        return count
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        incoming = bytes
        if phase == .handshaking {
            if speaksTLS(bytes) { advanceHandshake() } else { fail(Self.notTLS(bytes)) }
        }
        if phase == .open { read() }
        if phase == .open, !isClosing, !isPeerDone { rest.append(contentsOf: incoming) }
        incoming = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Goes on after `resumeReading`, from the loop.
    func readRest() {
        guard phase == .open, !isClosing, !isReadPaused else { return }
        let bytes = rest
        rest = []
        bytes.withUnsafeBytes { take($0) }
        if phase == .open, !isClosing, !isReadPaused, rest.isEmpty { transport?.resumeReading() }
    }

    private func read() {
        let buffer = context.takeBuffer()
        defer { context.giveBack(buffer) }
        while phase == .open, !isReadPaused, !isClosing, !isPeerDone {
            ERR_clear_error()
            let count = SSL_read(ssl, buffer.baseAddress, CInt(buffer.count))
            if count > 0 {
                hasReceived = true
                upper?.dataReceived(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]).bytes)
                continue
            }
            switch SSL_get_error(ssl, count) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN: peerIsDone()
            default: fail(TLSError.fromQueue())
            }
        }
    }

    /// The peer's close_notify: it has sent everything.
    private func peerIsDone() {
        isPeerDone = true
        if let halfCloseable = upper as? any HalfCloseableProtocol {
            halfCloseable.readConnectionLost()
            closeIfBothDirectionsAre()
        } else {
            stopProducer()
            loseConnection()
        }
    }

    private static func notTLS(_ bytes: UnsafeRawBufferPointer) -> TLSError {
        let line = bytes.prefix(40).prefix { $0 != 10 && $0 != 13 }
        guard !line.isEmpty, line.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            return TLSError(.notTLS, "the other end doesn't speak TLS")
        }
        return TLSError(
            .notTLS, "the other end doesn't speak TLS: it says \"\(String(decoding: line, as: UTF8.self))\"")
    }
}
