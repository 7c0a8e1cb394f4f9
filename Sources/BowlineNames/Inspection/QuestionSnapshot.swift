// A row of what is in flight.

import BowlineReactor
public import BowlineTransport

/// A question that waits for its answer, at one instant.
///
/// ```swift
/// for question in reactor.resolver.inFlight() {
///     print(question.name, question.type, question.age, "asked of", question.servers, "for", question.waiters)
/// }
/// ```
public struct QuestionSnapshot: Hashable, Sendable {
    /// The name asked.
    public var name: DomainName
    /// The type asked.
    public var type: RecordType
    /// The time since it was first wanted.
    public var age: Duration
    /// The servers that have been asked and have not answered yet, the last one last.
    public var servers: [SocketAddress]
    /// How many datagrams were sent for it so far.
    public var tries: Int
    /// How many lookups wait for it. 0 for one that goes on for the cache alone.
    public var waiters: Int

    /// Creates a row.
    public init(
        name: DomainName, type: RecordType, age: Duration, servers: [SocketAddress], tries: Int, waiters: Int
    ) {
        self.name = name
        self.type = type
        self.age = age
        self.servers = servers
        self.tries = tries
        self.waiters = waiters
    }
}
