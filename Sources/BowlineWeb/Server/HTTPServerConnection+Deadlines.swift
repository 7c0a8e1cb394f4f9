// How long a client may take for each thing. One timer per connection: there is one thing at a time to wait for.

import BowlineReactor
import BowlineTransport

extension HTTPServerConnection {
    /// What is waited for.
    enum Wait {
        /// Nothing that the client could delay.
        case none
        /// The rest of a head, or the first byte of the first one.
        case head
        case body
        /// The first byte of another request.
        case idle
        /// The client takes what was written.
        case send
        /// The client's end, after the last response.
        case linger
    }

    /// Waits for something else. A deadline that runs for the same thing already isn't put off: bytes that trickle in buy
    /// no time.
    func wait(for next: Wait) {
        guard next != wait else { return }
        wait = next
        startTimer()
    }

    private func startTimer() {
        waitCall?.cancel()
        waitCall = nil
        guard let server, let delay = delay(server.options) else { return }
        lastBuffered = transport?.bufferedByteCount ?? 0
        waitCall = server.clock.callLater(delay) { [weak self] in
            self?.waitCall = nil
            self?.expire()
        }
    }

    private func delay(_ options: HTTPServerOptions) -> Duration? {
        switch wait {
        case .none: nil
        case .head: options.headTimeout
        case .body: options.bodyTimeout
        case .idle: options.idleTimeout
        case .send: options.sendTimeout
        case .linger: options.lingerTimeout
        }
    }

    private func expire() {
        switch wait {
        case .none: break
        case .head where !parser.hasBegun, .idle: closeInOrder()
        case .head, .body: refuse(408, "the request took too long")
        case .linger: transport?.loseConnection()
        case .send:
            // A slow client is none that stands still.
            guard let left = transport?.bufferedByteCount, left < lastBuffered else {
                transport?.abortConnection()
                return
            }
            startTimer()
        }
    }
}
