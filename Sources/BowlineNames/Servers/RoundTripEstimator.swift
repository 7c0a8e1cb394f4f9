// How long a server takes, learnt from its answers: after how much silence a question to it is as good as lost. A value
// without a clock; the server that owns it feeds it.

import BowlineReactor

/// Smooths round trips as TCP does (RFC 6298, 2), with limits that suit datagrams of DNS.
struct RoundTripEstimator {
    /// After how long a question to a server that has never answered is sent again. A second, as for TCP, would be what a
    /// lost first datagram costs a person who waits; a resolver that is still at work when the question comes again only
    /// notes that it has it already.
    static let initialResendTime: Int64 = 250_000_000
    /// A server on this machine answers in microseconds until the scheduler takes it away for some milliseconds.
    static let shortestResendTime: Int64 = 50_000_000
    static let longestResendTime: Int64 = 1_000_000_000

    /// In nanoseconds; below 0 while there is no sample.
    private(set) var smoothed: Int64 = -1
    private(set) var variation: Int64 = 0
    /// After how much silence, in nanoseconds, a question is sent again.
    private(set) var resendTime = initialResendTime

    var isMeasured: Bool { smoothed >= 0 }

    mutating func add(_ sample: Int64) {
        if smoothed < 0 {
            smoothed = sample
            variation = sample / 2
        } else {
            variation += (abs(smoothed - sample) - variation) / 4
            smoothed += (sample - smoothed) / 8
        }
        resendTime = min(max(smoothed + 4 * variation, Self.shortestResendTime), Self.longestResendTime)
    }
}
