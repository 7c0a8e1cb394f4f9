// How long and how much the cache keeps, with where each number comes from.

/// The limits of a resolver's cache.
///
/// ```swift
/// var policy = CachePolicy()
/// policy.capacity = 100_000
/// let cache = ResolverCache(policy: policy)
/// ```
public struct CachePolicy: Hashable, Sendable {
    /// How many entries at most; the one that was used least recently goes. 0 keeps nothing.
    public var capacity = 16_384
    /// The longest that an answer is kept: a day, as unbound has it. RFC 8767, 4 advises a cap of at most seven.
    public var maximumTTL: Duration = .seconds(86_400)
    /// The longest that NXDOMAIN and NODATA are kept: three hours (RFC 2308, 5).
    public var maximumNegativeTTL: Duration = .seconds(10_800)
    /// How long the first failure of a lookup is kept (RFC 9520, 3.2: at least a second). It doubles with each that follows.
    public var firstFailureTTL: Duration = .seconds(1)
    /// The longest that a failure is kept (RFC 9520, 3.2: at most five minutes). One that is that old is forgotten.
    public var maximumFailureTTL: Duration = .seconds(300)

    /// How long after its end an answer with records may still be served while no server gives one (RFC 8767, 5: one to three
    /// days). 0 serves nothing stale.
    public var maximumStaleAge: Duration = .seconds(86_400)
    /// How long a lookup waits for servers before it is served what is stale: the client response timer of RFC 8767, 5.
    public var staleAnswerDelay: Duration = .milliseconds(1_800)
    /// The TTL of what is served stale (RFC 8767, 4).
    public var staleTTL: Duration = .seconds(30)
    /// How long after servers failed they aren't asked again for what can be served stale: the failure recheck timer of
    /// RFC 8767, 5.
    public var staleRecheck: Duration = .seconds(30)
    /// How often an answer must have been used to be asked for again ahead of its end; 0 asks ahead for none.
    public var refreshHits = 2
    /// The part of an answer's lifetime that is left when it is asked for again: a tenth, as unbound has it.
    public var refreshShare = 0.1
    /// How many answers are asked for ahead of their end at once.
    public var refreshLimit = 32
    /// How long asking goes on behind a lookup that was served what is stale, or ahead of an answer's end.
    public var refreshTimeout: Duration = .seconds(10)

    /// Creates the policy that the standards advise.
    public init() {}
}
