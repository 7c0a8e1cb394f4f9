// Where an answer comes from, with what is known about how it came. The same words everywhere: in answers, errors, the
// cache's rows and the command's JSON.

public import BowlineTransport

/// The source of an answer. The raw value is the word that commands print.
///
/// ```swift
/// let answer = try await reactor.resolver.lookup("localhost").value
/// print(answer.questions.map(\.origin.source.rawValue))      // ["special", "special"]
/// ```
public enum AnswerSource: String, Hashable, Sendable, CaseIterable {
    /// A server answered just now.
    case network
    /// The cache had it.
    case cache
    /// The cache had it, past its TTL, while no server answers (RFC 8767).
    case stale
    /// The hosts file.
    case hosts
    /// The text was an address.
    case literal
    /// A name of special use, answered here (RFC 6761).
    case special
    /// An address that the user gave for the name.
    case pin
}

/// How an answer came: from which server, how fast, at which try.
///
/// ```swift
/// let origin = AnswerOrigin(server: .ip(.v4(.loopback), port: 53), roundTrip: .milliseconds(3), attempts: 1)
/// print(origin.source, origin.usedTCP)    // network false
/// ```
public struct AnswerOrigin: Hashable, Sendable {
    /// Where it comes from.
    public var source: AnswerSource
    /// The server that answered.
    public var server: SocketAddress?
    /// The time from the last question to its answer.
    public var roundTrip: Duration?
    /// How many questions were sent until there was an answer, to all servers.
    public var attempts: Int
    /// Whether the answer came over TCP; where there is none, whether it was last waited for there.
    public var usedTCP: Bool
    /// How many lookups waited for this one question, with the one that asked it.
    public var waiters: Int
    /// Whether it was learnt in an earlier run and came from where the cache was kept meanwhile.
    public var isRestored = false

    /// Creates an origin.
    public init(
        source: AnswerSource = .network, server: SocketAddress? = nil, roundTrip: Duration? = nil, attempts: Int = 0,
        usedTCP: Bool = false, waiters: Int = 1
    ) {
        self.source = source
        self.server = server
        self.roundTrip = roundTrip
        self.attempts = attempts
        self.usedTCP = usedTCP
        self.waiters = waiters
    }
}
