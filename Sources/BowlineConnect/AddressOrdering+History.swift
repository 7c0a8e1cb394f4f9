// How what the resolver's cache remembers of earlier connections goes into the order of addresses.

import BowlineNames
import BowlineTransport

extension AddressOrdering.History {
    /// Judges by the last attempt. The time is taken as its power of two, so that equally good addresses stay equal and
    /// the server's rotation of them keeps its effect.
    init(_ record: CacheEntry.ConnectRecord?) {
        guard let record else {
            self = .unknown
            return
        }
        guard record.outcome == ConnectionAttempt.Outcome.connected.rawValue else {
            self = .failed
            return
        }
        let milliseconds = max(1, Int((record.duration ?? .zero) / .milliseconds(1)))
        self = .connected(roundTrip: .milliseconds(1 << (Int.bitWidth - milliseconds.leadingZeroBitCount)))
    }
}
