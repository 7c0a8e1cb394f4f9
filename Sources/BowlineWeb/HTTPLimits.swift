// How much of a message a peer may make us hold: read by both parsers, set by their users.

/// Bounds what one HTTP message may cost its reader; a peer that goes beyond them is refused.
///
/// ```swift
/// var limits = HTTPLimits()
/// limits.headBytes = 16 * 1024
/// limits.bodyBytes = 1 << 20
/// ```
public struct HTTPLimits: Hashable, Sendable {
    /// The largest head in bytes, its empty last line included: 64 KiB (browsers take 256 KiB, servers send 8).
    public static let defaultHeadBytes = 64 * 1024
    /// The most fields in a head or a trailer section: 512.
    public static let defaultFieldCount = 512
    /// The most interim (1xx) responses before the final one: 32.
    public static let defaultInterimResponses = 32
    /// The most that chunk sizes and extensions may take beyond what the chunks carry: 16 KiB, as in Go's `net/http`.
    public static let defaultChunkOverheadBytes = 16 * 1024
    /// The largest trailer section in bytes: 16 KiB.
    public static let defaultTrailerBytes = 16 * 1024

    /// The largest head in bytes, from the start line to the empty line.
    public var headBytes = HTTPLimits.defaultHeadBytes
    /// The most field lines in a head or in a trailer section.
    public var fieldCount = HTTPLimits.defaultFieldCount
    /// The most 1xx responses that may come before the final one.
    public var interimResponses = HTTPLimits.defaultInterimResponses
    /// The longest request line in bytes; as long as the head may be, unless set. Only requests have one.
    public var requestLineBytes = Int.max
    /// The most bytes of chunk framing beyond 16 per chunk and twice what the chunks carry.
    public var chunkOverheadBytes = HTTPLimits.defaultChunkOverheadBytes
    /// The largest trailer section in bytes.
    public var trailerBytes = HTTPLimits.defaultTrailerBytes
    /// The largest body in bytes, as it comes over the wire and also when it is decoded; unlimited unless set.
    public var bodyBytes = Int.max

    /// Creates the default limits.
    public init() {}
}
