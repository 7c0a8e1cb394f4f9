// Requests by the thousand, while something is done to the server that answers them.

import Bowline
import Testing

/// Many requests, some at once, while something happens to the server.
struct Load {
    static let width = 8

    struct Outcome: Sendable {
        var pages = 0
        var failures: [String] = []
        /// Connections that were made.
        var fresh = 0
    }

    /// How many, at least.
    let requests: Int
    /// How often something happens to the server meanwhile.
    let reloads: Int

    func run(_ url: String, _ reload: () -> Void) async throws -> Outcome {
        // What happens to the server happens here, told by the loop over there.
        let (signals, signal) = AsyncStream<Void>.makeStream()
        let (requests, reloads) = (self.requests, self.reloads)
        async let outcome = onReactor { reactor in
            defer { signal.finish() }
            var outcome = Outcome()
            var (begun, ended) = (0, 0)
            let done = Deferred<Void>()
            func next() {
                // On until the old connections have been ended: else nothing would be shown.
                guard begun < requests || reactor.agent.snapshot().counters.fresh <= Self.width else { return }
                begun += 1
                if begun < requests, begun % (requests / (reloads + 1)) == 0 { signal.yield() }
                reactor.getPage(url).addBoth { result in
                    switch result {
                    case .success("hello"): outcome.pages += 1
                    case .success(let text): outcome.failures.append(text)
                    case .failure(let error): outcome.failures.append("\(error)")
                    }
                    ended += 1
                    next()
                    if ended == begun { done.callback() }
                }
            }
            for _ in 0..<Self.width { next() }
            try await done.value
            outcome.fresh = reactor.agent.snapshot().counters.fresh
            return outcome
        }
        for await _ in signals { reload() }
        return try await outcome
    }
}
