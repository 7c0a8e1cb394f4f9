// What a connection writes, and how it learns that the client takes it.

import BowlineTransport

extension HTTPServerConnection: PushProducer {
    func answered(_ result: Result<HTTPServerResponse, any Error>) {
        guard case .answering = phase else {
            // The client has gone, and who made the answer is told where it writes.
            if case .success(let response) = result { response.loseStream() }
            return
        }
        pendingAnswer = nil
        switch result {
        case .success(let response): respond(response)
        // What went wrong is the program's business, not the client's.
        case .failure: respond(.status(500))
        }
    }

    private func respond(_ response: HTTPServerResponse) {
        var response = response
        if let fault = response.fault {
            response.loseStream()
            response = HTTPServerResponse("500 Internal Server Error: \(fault)\n", status: 500)
        }
        isLast = !parser.keepsConnection || response.closesConnection || server?.isStopping != false
        let isHead = parser.head.method == "HEAD"
        let framing = write(response, isHead: isHead)
        guard case .stream(let stream) = response.body else { return endResponse() }
        if isHead || framing == .none {
            stream.end(isLoss: true)
            return endResponse()
        }
        isChunked = framing == .chunked
        phase = .streaming(stream)
        stream.isWritable = !isOutputFull
        stream.begin(self)
    }

    /// Writes the head, and the body if it is all there.
    @discardableResult
    func write(_ response: HTTPServerResponse, isHead: Bool) -> HTTPResponseFrame.Body {
        var frame = HTTPResponseFrame()
        frame.isHead = isHead
        frame.minorVersion = target == nil ? 1 : parser.head.minorVersion
        frame.time = server?.wallClock() ?? 0
        let framing = response.framing(frame)
        if framing == .untilClose { isLast = true }
        frame.keepsConnection = !isLast
        var bytes = response.head(frame)
        if case .bytes(let body) = response.body, framing == .length, !isHead { bytes += body }
        transport?.write(bytes)
        return framing
    }

    /// Writes a piece of the response that is being streamed.
    func send(piece: [UInt8]) {
        guard isChunked else { return transport?.write(piece) ?? () }
        transport?.write(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
    }

    func finishStream() {
        if isChunked { transport?.write("0\r\n\r\n") }
        endResponse()
    }

    func pauseProducing() {
        isOutputFull = true
        if case .streaming(let stream) = phase { stream.isWritable = false }
        wait(for: .send)
    }

    func resumeProducing() {
        isOutputFull = false
        wait(for: .none)
        switch phase {
        case .streaming(let stream):
            stream.isWritable = true
            stream.onWritable?()
        case .reading:
            wait(for: .idle)
            proceed()
        case .answering, .lingering: break
        }
    }

    /// The connection has gone, which `connectionLost` tells.
    func stopProducing() {}
}

extension HTTPServerResponse {
    /// Tells whoever writes the body, if it is streamed, that nobody gets it.
    fileprivate func loseStream() {
        if case .stream(let stream) = body { stream.end(isLoss: true) }
    }
}
