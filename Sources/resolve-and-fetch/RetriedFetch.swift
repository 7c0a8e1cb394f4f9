// A target that is fetched again when it failed in a way that may pass: after a while that grows, within the one budget of the
// target, and only if asking twice means the same as asking once.

import Bowline

struct RetriedFetch {
    private static let safeMethods: Set = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
    /// What a server says that is too busy now, or that waits for another (as curl has it).
    private static let passingStatuses: Set = [408, 429, 500, 502, 503, 504]

    /// How often it is tried again at most.
    var retries = 0
    /// How long everything may take.
    var budget: Duration
    var method = "GET"
    /// Its jitter only makes a delay longer: a failed lookup is remembered for as long (RFC 9520, 3.2), and before that a try
    /// would ask nobody.
    var backoff = Backoff()

    /// Fetches, and again.
    ///
    /// - Parameters:
    ///   - fetch: fetches once, within the time that is left; calls what it is given once.
    ///   - noteRetry: told before each wait.
    ///   - done: called once, with what became of the last try.
    func run(
        on clock: any ReactorClock, fetch: @escaping (_ timeLeft: Duration, @escaping (FetchOutcome) -> Void) -> Void,
        noteRetry: @escaping (_ delay: Duration, Failure) -> Void, _ done: @escaping (FetchOutcome) -> Void
    ) {
        let start = clock.now
        func begin(_ count: Int) {
            fetch(budget - (clock.now - start)) { outcome in
                var outcome = outcome
                outcome.start = start
                outcome.retryCount = count
                guard let failure = outcome.failure, count < retries, let delay = delay(after: count + 1, outcome),
                    clock.now - start + delay < budget
                else { return done(outcome) }
                noteRetry(delay, failure)
                clock.deferLater(delay) {}.addBoth { result in
                    // The reactor stops: this is how far it came.
                    if case .failure = result { done(outcome) } else { begin(count + 1) }
                }
            }
        }
        begin(0)
    }

    /// How long to wait before the next try; nil if none is worth it.
    private func delay(after count: Int, _ outcome: FetchOutcome) -> Duration? {
        guard let failure = outcome.failure, mayPass(failure, status: outcome.report?.head?.status) else { return nil }
        var generator = SystemRandomNumberGenerator()
        var steady = backoff
        steady.jitter = 0
        let delay =
            steady.delay(afterFailures: count, using: &generator)
            * Double.random(in: 1.01...(1.01 + backoff.jitter), using: &generator)
        // RFC 9110, 10.2.3; in seconds. A date is as good as any other time.
        let wish = outcome.report?.head?.fields["retry-after"].flatMap { Int64($0) } ?? 0
        return max(delay, .seconds(min(max(wish, 0), Int64(Int32.max))))
    }

    private func mayPass(_ failure: Failure, status: Int?) -> Bool {
        switch (failure.phase, failure.code) {
        case (_, "deadline"), (_, "cancelled"): false
        // Nothing was sent yet.
        case (.dns, "servfail"), (.dns, "timeout"), (.dns, "no-server"): true
        case (.connect, "denied"): false
        case (.connect, _), (.tls, "timeout"): true
        case (.send, _), (.receive, _): Self.safeMethods.contains(method)
        case (.http, "status"):
            Self.safeMethods.contains(method) && status.map(Self.passingStatuses.contains) == true
        default: false
        }
    }
}
