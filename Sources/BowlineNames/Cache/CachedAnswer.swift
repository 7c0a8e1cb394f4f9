// What the cache hands out. Boxes that never change: a hit costs one retain, however many addresses there are, and a box
// may go to another thread.

package import BowlineReactor
import Synchronization

/// An answer with its origin and the time until which it may be used.
package final class CachedAnswer: Sendable {
    /// The answer: records, NODATA or NXDOMAIN.
    package let answer: DNSAnswer
    /// How it came.
    package let origin: AnswerOrigin
    /// When it came.
    package let stored: ReactorInstant
    /// When it expires: at this instant it isn't used any more. Equal to `stored` for what may not be cached.
    package let expires: ReactorInstant
    /// From when on a use of it asks for it again, ahead of its end; `expires` if none does.
    package let refreshes: ReactorInstant
    /// Until when somebody asks for it again, in nanoseconds: of the reactors that share a box, one. Guards nothing else.
    private let claimedUntil = Atomic<Int64>(.min)

    /// - Parameter share: the part of its lifetime that is left when it is asked for again; 0 for none.
    init(
        _ answer: DNSAnswer, _ origin: AnswerOrigin, stored: ReactorInstant, expires: ReactorInstant, share: Double = 0
    ) {
        self.answer = answer
        self.origin = origin
        self.stored = stored
        self.expires = expires
        let left = Double(expires.nanoseconds - stored.nanoseconds) * share
        refreshes = ReactorInstant(nanoseconds: expires.nanoseconds - Int64(left))
    }

    /// Whether it may still be used.
    package func isFresh(at now: ReactorInstant) -> Bool { now < expires }

    /// Takes it on oneself to ask for it again; false if another does already.
    func claimRefresh(until end: ReactorInstant, now: ReactorInstant) -> Bool {
        let known = claimedUntil.load(ordering: .relaxed)
        guard known <= now.nanoseconds else { return false }
        return claimedUntil.compareExchange(expected: known, desired: end.nanoseconds, ordering: .relaxed).exchanged
    }

    /// Asking again came to nothing: another may.
    func releaseRefresh() {
        claimedUntil.store(.min, ordering: .relaxed)
    }

    /// What is left of its TTL; zero or less once it has expired.
    package func remaining(at now: ReactorInstant) -> Duration { expires - now }

    /// How long it was to be kept, after the policy's limits.
    package var lifetime: Duration { expires - stored }
}

/// A lookup's failure, kept for a short while so that a name that fails isn't asked again and again (RFC 9520).
package final class CachedFailure: Sendable {
    /// What failed.
    package let error: LookupError
    /// When it failed.
    package let stored: ReactorInstant
    /// When the name may be asked again.
    package let expires: ReactorInstant
    /// Which failure in a row this is, from 1.
    package let count: Int

    init(_ error: LookupError, stored: ReactorInstant, expires: ReactorInstant, count: Int) {
        self.error = error
        self.stored = stored
        self.expires = expires
        self.count = count
    }
}
