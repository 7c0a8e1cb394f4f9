// The answer to "what would happen if I looked this name up now, and why".

public import BowlineTransport

/// What a resolver knows of one name: where the next lookup would get its answer, and all that the cache has on it.
///
/// ```swift
/// let explanation = reactor.resolver.explain("example.com")
/// print(explanation.source, explanation.entries.map(\.state), explanation.servers)
/// for entry in explanation.entries {
///     print(entry.data, entry.origin.server as Any, entry.remaining, entry.hits, entry.connects)
/// }
/// ```
public struct NameExplanation: Hashable, Sendable {
    /// The host as it was asked.
    public var host: String
    /// Its name; nil for the text of an address, and for what is no name.
    public var name: DomainName?
    /// Where the next lookup of its addresses would get them.
    public var source: AnswerSource
    /// What it would get without asking anybody; empty for `network`.
    public var addresses: [IPAddress] = []
    /// The cache's rows for the name, also those that no lookup uses any more.
    public var entries: [CacheEntry] = []
    /// What is being asked about it.
    public var inFlight: [QuestionSnapshot] = []
    /// The servers in the order in which they would be asked.
    public var servers: [SocketAddress] = []

    /// Creates an explanation; the rest is filled in by whoever knows it.
    public init(host: String, name: DomainName?, source: AnswerSource) {
        self.host = host
        self.name = name
        self.source = source
    }
}
