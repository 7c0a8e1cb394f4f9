// How what the resolver's cache remembers of earlier connections goes into the order of addresses.

package import BowlineNames
package import BowlineReactor
import BowlineTransport

extension AddressOrdering.History {
    /// How long a failure counts against an address: as long as the failure of a name may be kept (RFC 9520, 3.2).
    static let failureMemory: Duration = .seconds(300)
    /// How long a round trip speaks for an address: networks change, and another may have become the better one.
    static let successMemory: Duration = .seconds(3600)

    /// Judges by the last attempt, while that isn't too long ago. The time is taken as its power of two, so that equally good addresses stay equal and
    /// the server's rotation of them keeps its effect.
    package init(_ record: CacheEntry.ConnectRecord?, now: ReactorInstant) {
        guard let record else {
            self = .unknown
            return
        }
        let age = now - record.when
        guard record.outcome == ConnectionAttempt.Outcome.connected.rawValue else {
            self = age < Self.failureMemory ? .failed : .unknown
            return
        }
        guard age < Self.successMemory else {
            self = .unknown
            return
        }
        let milliseconds = max(1, Int((record.duration ?? .zero) / .milliseconds(1)))
        self = .connected(roundTrip: .milliseconds(1 << (Int.bitWidth - milliseconds.leadingZeroBitCount)))
    }
}
