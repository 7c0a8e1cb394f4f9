// Sends the body of one request, a piece whenever the system has taken the last one. Made by the connection for requests
// that have a body; it tells that the body has left, or why it can't be sent, and nothing after `stop`.

import BowlineDeferred
import BowlineTransport

final class BodySender: PullProducer {
    enum Content {
        case bytes([UInt8])
        /// Without a length it goes out in chunks.
        case source(any BodySource, length: Int?)
    }

    /// Bytes are handed to the transport in pieces of this size, so that no second copy of a large body is made.
    private static let pieceBytes = 64 * 1024

    private let content: Content
    private unowned let transport: any Transport
    /// Called once, with nil when the system has taken all of it. Nil once called, or stopped.
    private var ended: ((PageError.Reason?) -> Void)?
    private var written = 0
    private var hasEnd = false
    private var pending: Deferred<Void>?

    init(_ content: Content, _ transport: any Transport, _ ended: @escaping (PageError.Reason?) -> Void) {
        self.content = content
        self.transport = transport
        self.ended = ended
    }

    /// Writes the first piece.
    func start() {
        if case .bytes = content { writeBytes() }
        // Asks for the next one as soon as what is written has left.
        transport.registerProducer(.pull(self))
    }

    /// Nothing more is wanted.
    func stop() {
        guard ended != nil else { return }
        ended = nil
        let pending = self.pending
        self.pending = nil
        pending?.cancel()
    }

    // MARK: the transport asks

    func resumeProducing() {
        guard ended != nil else { return }
        if hasEnd { return finish(nil) }
        switch content {
        case .bytes: writeBytes()
        case .source(let source, _): ask(source)
        }
    }

    func stopProducing() {}

    private func writeBytes() {
        guard case .bytes(let bytes) = content else { return }
        let end = min(written + Self.pieceBytes, bytes.count)
        bytes.withUnsafeBytes { transport.write(UnsafeRawBufferPointer(rebasing: $0[written..<end]).bytes) }
        written = end
        hasEnd = written == bytes.count
    }

    private func ask(_ source: any BodySource) {
        guard pending == nil else { return }
        var isAnswered = false
        let asked = source.nextPiece().addBoth { [self] result in
            isAnswered = true
            pending = nil
            take(result)
        }
        if !isAnswered { pending = asked }
    }

    private func take(_ result: Result<[UInt8]?, any Error>) {
        guard ended != nil, case .source(_, let length) = content else { return }
        switch result {
        case .failure(let error): finish(.source(error))
        case .success(let piece?):
            guard length.map({ piece.count <= $0 - written }) ?? true else {
                return finish(.request(.wrongBodyLength))
            }
            written += piece.count
            // A chunk of no bytes would be the last one (RFC 9112, 7.1).
            if piece.isEmpty { return resumeLater() }
            if length == nil { transport.write("\(String(piece.count, radix: 16))\r\n") }
            transport.write(piece)
            if length == nil { transport.write("\r\n") }
        case .success(nil):
            guard length.map({ $0 == written }) ?? true else { return finish(.request(.wrongBodyLength)) }
            hasEnd = true
            if length == nil { transport.write("0\r\n\r\n") } else { resumeLater() }
        }
    }

    /// Has the transport ask again, though nothing was written: it does when there is nothing to send.
    private func resumeLater() {
        transport.unregisterProducer()
        transport.registerProducer(.pull(self))
    }

    private func finish(_ problem: PageError.Reason?) {
        let ended = self.ended
        stop()
        transport.unregisterProducer()
        ended?(problem)
    }
}

@available(*, unavailable)
extension BodySender: Sendable {}
