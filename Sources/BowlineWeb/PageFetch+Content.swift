// The content of the response: its codings are undone, and whoever takes a streamed body sets the pace.

extension PageFetch {
    /// Takes a part of the content.
    func take(_ bytes: RawSpan) {
        if case .body = result {
            (keptStream ?? stream)?.received(bytes)
        } else {
            bytes.withUnsafeBytes { body.append(contentsOf: $0) }
        }
    }

    // MARK: content codings

    /// Prepares to undo the codings of a body.
    ///
    /// - Returns: whether the fetch goes on.
    func beginDecoding(_ head: HTTPResponseHead) -> Bool {
        // A part of an encoded representation has no beginning to decode from (RFC 9110, 14.2).
        guard head.status != 206, head.fields.contains("content-encoding") else { return true }
        do throws(ContentDecodingError) {
            let codings = try ContentCoding.list(head.fields.values(of: "content-encoding"))
            report.codings = codings
            if !codings.isEmpty {
                decoding = BodyDecoding(codings, maximumBytes: request.limits.bodyBytes, for: self)
            }
            return true
        } catch {
            decodingFailed(error)
            return false
        }
    }

    func isDecoding(_ decoding: BodyDecoding) -> Bool { self.decoding === decoding }

    func setConnectionPaused(_ isPaused: Bool) { connection?.setPaused(isPaused) }

    func decodingEnded() { succeed() }

    func decodingFailed(_ error: ContentDecodingError) {
        // For its users it is the same limit.
        if case .tooLarge(let limit) = error {
            fail(.response(.tooLarge(.bodyBytes, limit: limit)), in: .http)
        } else {
            fail(.encoding(error), in: .http)
        }
    }

    // MARK: what the streamed body asks

    /// Keeps the body, which a consumer takes.
    func keep(_ stream: ResponseBody) { keptStream = stream }

    func pauseBody(_ isPaused: Bool) {
        if let decoding { decoding.setTakerPaused(isPaused) } else { setConnectionPaused(isPaused) }
    }

    /// Nobody wants the rest.
    func bodyAbandoned() {
        if !isOver, !isStreamEmpty { abandon() }
    }
}
