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

    /// Creates the policy that the standards advise.
    public init() {}
}
