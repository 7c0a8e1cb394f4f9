// What the connection tells of the exchange that is on it: the head says whether this is the response or leads on, its body
// goes to whoever wants it, and its end or failure ends the hop.

import BowlineConnect
import BowlineDeferred
import BowlineReactor

extension PageFetch: ExchangeOwner {
    func exchangeSent() {
        request.observer?(.requestSent)
    }

    func exchangeReceivedFirstByte() {
        report.firstByte = agent.clock.now
    }

    func exchangeReceived(
        _ head: HTTPResponseHead, _ framing: HTTPFraming.Body
    ) throws(HTTPParseError) -> Bool {
        report.head = head
        if let cookies = agent.cookies, let url = report.url {
            for value in head.fields.octets(of: "set-cookie") { cookies.store(value, from: url) }
        }
        // A server must not switch to what it wasn't asked for (RFC 9110, 7.8); nobody here would understand it.
        if head.status == 101, !request.asksForUpgrade { throw .unaskedUpgrade }
        isExpectationRefused = head.status == 417 && request.expectsContinue
        isFarewell = head.status == 408 && report.isConnectionReused && mayRetry
        redirection = request.maximumRedirects > 0 ? try Redirection(head) : nil
        request.observer?(.head(head))
        if redirection != nil || isExpectationRefused || isFarewell { return false }
        if request.decodesContent, framing != .none, framing != .length(0) {
            guard beginDecoding(head) else { return false }
        }
        if case .stream(let deferred) = result {
            if let connector { report.note(connector) }
            let stream = ResponseBody(self, report, agent.environment)
            self.stream = stream
            isStreamEmpty = framing == .none || framing == .length(0)
            result = .body
            deferred.callback(StreamedResponse(head: head, body: stream))
        } else if case .length(let length) = framing {
            if case .text = result { swap(&body, &agent.spareBody) }
            body.reserveCapacity(min(length, Self.mostReservedBytes))
        }
        return true
    }

    func exchangeReceived(_ bytes: RawSpan) {
        if let decoding { decoding.received(bytes) } else { take(bytes) }
    }

    func exchangeEnded(_ trailers: HTTPFieldSection?) {
        guard !isOver, report.head != nil else { return }
        connection = nil
        if let connector { report.note(connector) }
        connector = nil
        if isExpectationRefused {
            request.expectsContinue = false
            // The body was never asked for.
            hopHasSentBody = false
            resend()
        } else if isFarewell {
            retry()
        } else if let redirection {
            follow(redirection)
        } else {
            self.trailers = trailers
            if let decoding { decoding.inputEnded() } else { succeed() }
        }
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        guard !isOver else { return }
        connection = nil
        if failure.mayBeStale, mayRetry {
            retry()
        } else {
            fail(failure.reason, in: failure.phase)
        }
    }

    /// RFC 9110, 9.2.2: idempotent methods only, and never a retry of a retry.
    private var mayRetry: Bool { !report.isRetried && canBeSentAgain }

    /// Sends what a kept connection has lost once more, on one of its own.
    private func retry() {
        report.isRetried = true
        agent.pool.counters.retried += 1
        request.observer?(.retrying)
        resend()
    }
}
