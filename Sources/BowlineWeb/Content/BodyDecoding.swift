// Between the connection that gives an encoded body and the fetch that wants its content. A read of a few KiB may decode to
// any amount: so a turn makes its share and no more, and nothing is made that nobody takes; meanwhile the connection isn't
// read. The connection may be done, and serve somebody else, before all of the content is out.

import BowlineReactor

final class BodyDecoding {
    /// What is made in one turn: about a millisecond's work.
    private static let bytesPerTurn = 256 * 1024
    /// What all of several codings may take in and make in one turn.
    private static let workPerTurn = 4 * bytesPerTurn

    // The fetch lives longer: it lets go of this at its end, and this calls nobody then.
    private unowned let fetch: PageFetch
    private let decoder: ContentDecoder
    private var share = 0
    private var isTakerPaused = false
    private var isConnectionPaused = false
    private var hasEnded = false
    private var timer: DelayedCall?

    init(_ codings: [ContentCoding], maximumBytes: Int, for fetch: PageFetch) {
        decoder = ContentDecoder(codings, maximumBytes: maximumBytes, workPerCall: Self.workPerTurn)
        self.fetch = fetch
    }

    deinit { timer?.cancel() }

    func received(_ bytes: RawSpan) {
        // A consumer may end the fetch from inside.
        let fetch = self.fetch
        do throws(ContentDecodingError) {
            share = Self.bytesPerTurn
            try decoder.decode(bytes) { give($0, to: fetch) }
        } catch {
            fetch.decodingFailed(error)
        }
        proceed(fetch)
    }

    /// Nothing more comes from the connection.
    func inputEnded() {
        hasEnded = true
        proceed(fetch)
        // Of the connection, nobody will hear of the reactor's end any more.
        if fetch.isDecoding(self) { fetch.agent.keepDecoding(fetch) }
    }

    /// The taker has enough for now, or wants more.
    func setTakerPaused(_ isPaused: Bool) {
        isTakerPaused = isPaused
        if isPaused {
            setConnectionPaused(true)
        } else {
            // Not from inside of what the taker is doing.
            resumeNextTurn()
        }
    }

    private func give(_ piece: RawSpan, to fetch: PageFetch) -> Bool {
        share -= piece.byteCount
        fetch.take(piece)
        return share > 0 && !isTakerPaused && fetch.isDecoding(self)
    }

    /// Goes on, ends, or has more read.
    private func proceed(_ fetch: PageFetch) {
        guard fetch.isDecoding(self) else { return }
        if decoder.isPending {
            setConnectionPaused(true)
            if !isTakerPaused { resumeNextTurn() }
        } else if hasEnded {
            do throws(ContentDecodingError) {
                try decoder.finish()
                fetch.decodingEnded()
            } catch {
                fetch.decodingFailed(error)
            }
        } else if !isTakerPaused {
            setConnectionPaused(false)
        }
    }

    private func setConnectionPaused(_ isPaused: Bool) {
        guard isPaused != isConnectionPaused else { return }
        isConnectionPaused = isPaused
        fetch.setConnectionPaused(isPaused)
    }

    private func resumeNextTurn() {
        guard timer == nil else { return }
        timer = fetch.agent.clock.callLater(.zero) { [self] in
            timer = nil
            resume()
        }
    }

    private func resume() {
        let fetch = self.fetch
        do throws(ContentDecodingError) {
            share = Self.bytesPerTurn
            if decoder.isPending, !isTakerPaused { try decoder.resume { give($0, to: fetch) } }
        } catch {
            fetch.decodingFailed(error)
        }
        proceed(fetch)
    }

    /// Nobody wants the rest.
    func abandon() {
        timer?.cancel()
        timer = nil
    }
}

@available(*, unavailable)
extension BodyDecoding: Sendable {}
