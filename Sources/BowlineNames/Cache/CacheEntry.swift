// A row of the cache's inspection: a value, so that the library's caller, the command, a page and the metrics all look at
// the same thing and none holds on to the cache.

public import BowlineReactor
public import BowlineTransport

/// What the cache knows of a name and a type, at one instant.
///
/// ```swift
/// for entry in cache.snapshot(now: reactor.now) {
///     print(entry.name, entry.type?.description ?? "any type", entry.state, entry.data, entry.remaining)
/// }
/// ```
public struct CacheEntry: Hashable, Sendable {
    /// The condition of an entry. The raw value is the word that commands print.
    public enum State: String, Hashable, Sendable {
        /// Records that the next lookup will use.
        case fresh
        /// Past its TTL; the next lookup asks again, and is served this if no server answers.
        case stale
        /// NODATA or NXDOMAIN; the next lookup will fail with it.
        case negative
        /// The last lookup failed; the next one will fail with that, until it expires.
        case failed
        /// Given by the user, never expires.
        case pinned
    }

    /// The last attempt to connect to one of the entry's addresses.
    public struct ConnectRecord: Hashable, Sendable {
        /// The address.
        public var address: IPAddress
        /// How it ended, as the connector names it: "connected", "refused", "unreachable", "timeout", …
        public var outcome: String
        /// How long connecting took; nil if it wasn't measured.
        public var duration: Duration?
        /// When it ended.
        public var when: ReactorInstant

        /// Creates a record.
        public init(address: IPAddress, outcome: String, duration: Duration?, when: ReactorInstant) {
            self.address = address
            self.outcome = outcome
            self.duration = duration
            self.when = when
        }
    }

    /// The name asked.
    public var name: DomainName
    /// The type asked; nil for NXDOMAIN, which holds for every type (RFC 2308, 5).
    public var type: RecordType?
    /// Its condition.
    public var state: State
    /// What the records say.
    public var data: [RecordData] = []
    /// The steps from the name to the name that has the records.
    public var aliases: [AliasStep] = []
    /// The TTL of the records themselves, in seconds.
    public var recordTTL: UInt32 = 0
    /// How long the server allows it to be kept: the smallest TTL on the way; nil for failures.
    public var originalTTL: Duration?
    /// How long it is kept, after the policy's limits.
    public var lifetime: Duration = .zero
    /// What is left of that; negative once it has expired.
    public var remaining: Duration = .zero
    /// From when on the next lookup also asks again, ahead of the entry's end; nil if it isn't used enough for that.
    public var nextRefresh: ReactorInstant?
    /// How it came: server, round trip, attempts, TCP, how many lookups waited for it.
    public var origin = AnswerOrigin()
    /// The response code; nil if there was no answer.
    public var responseCode: ResponseCode?
    /// What the server explained.
    public var extendedErrors: [ExtendedError] = []
    /// How the last lookup failed, while that is kept.
    public var failure: LookupError?
    /// How many lookups it has answered.
    public var hits = 0
    /// The time since it came.
    public var age: Duration = .zero
    /// The time since a lookup used it.
    public var idle: Duration = .zero
    /// The last attempt to connect to each address that was tried.
    public var connects: [ConnectRecord] = []

    /// How often its addresses changed while it was here.
    public var changeCount = 0
    /// The addresses before the last change.
    public var previousData: [RecordData] = []
    /// The time since its addresses changed last; nil if they never did.
    public var sinceChange: Duration?
    /// The port that a pin is for; nil for what was learnt.
    public var port: UInt16?

    /// Creates a row; the rest is filled in by whoever knows it.
    public init(name: DomainName, type: RecordType?, state: State) {
        self.name = name
        self.type = type
        self.state = state
    }
}

/// What a cache has done since it was made.
///
/// ```swift
/// let counts = cache.statistics
/// print("hit rate", Double(counts.hits) / Double(max(1, counts.lookups)))
/// ```
public struct CacheStatistics: Hashable, Sendable {
    /// Lookups answered with records.
    public var positiveHits = 0
    /// Lookups answered with NODATA or NXDOMAIN.
    public var negativeHits = 0
    /// Lookups answered with a failure that is kept.
    public var failureHits = 0
    /// Lookups answered with records past their TTL, because servers failed just before (RFC 8767).
    public var staleHits = 0
    /// Those of the misses that were served records past their TTL in the end, because no server answered (RFC 8767).
    public var staleAnswers = 0
    /// Questions asked ahead of an answer's end.
    public var refreshes = 0
    /// Lookups that found nothing to use.
    public var misses = 0
    /// Those of the misses that found an entry past its TTL.
    public var expiredMisses = 0
    /// Answers that were put in.
    public var inserts = 0
    /// Answers that may not be kept: a TTL of 0, or a negative answer without SOA.
    public var uncacheable = 0
    /// Failures that were put in.
    public var failures = 0
    /// Entries that made room for others.
    public var evictions = 0
    /// Entries that were flushed.
    public var flushed = 0

    /// Creates counters at 0.
    public init() {}

    /// Lookups that were answered from the cache.
    public var hits: Int { positiveHits + negativeHits + failureHits + staleHits }
    /// All lookups.
    public var lookups: Int { hits + misses }
}
