// Why a race has no winner, with all its parts. The connector makes the user's error from it.

package import BowlineTransport

/// Keeps what every lookup and every attempt of a lost race came to, in the order in which they happened.
package struct RaceFailure: Error, Sendable {
    package enum Reason: Hashable, Sendable {
        /// The lookups ended without any address.
        case noAddress
        /// Every address was tried, and none took the connection.
        case allAttemptsFailed
        /// The overall timeout came first.
        case timedOut
        /// Nobody wants the connection any more.
        case cancelled
    }

    /// A lookup that ended without an address.
    package struct Lookup: Sendable {
        package let family: AddressFamily
        /// The lookup's error, nil if the name exists without addresses of this family.
        package let error: (any Error)?
    }

    package let reason: Reason
    /// The lookups that ended without an address.
    package let lookups: [Lookup]
    /// The lookups that were still going on.
    package let unanswered: [AddressFamily]
    package let attempts: [ConnectionAttempt]
}
