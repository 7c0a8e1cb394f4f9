// A row of the servers' inspection: a value, for the library's caller, the command, the page and the metrics alike.

public import BowlineReactor
public import BowlineTransport

/// What the resolver knows of one of its servers, at one instant.
///
/// ```swift
/// for server in reactor.resolver.servers() {
///     let roundTrip = server.smoothedRoundTrip.map { "\($0)" } ?? "not measured"
///     print(server.address, server.state, roundTrip, server.inFlight, "of", server.window)
/// }
/// ```
public struct ServerSnapshot: Hashable, Sendable {
    /// The standing of a server. The raw value is the word that commands print.
    public enum State: String, Hashable, Sendable {
        /// Not asked yet.
        case untried
        /// Its last answer was one.
        case good
        /// It failed; others are asked first until `nextProbe`.
        case failing
    }

    /// How long the answer to one question took.
    public struct RoundTrip: Hashable, Sendable {
        /// When the answer came.
        public var when: ReactorInstant
        /// The time from the question to its answer.
        public var duration: Duration

        /// Creates a sample.
        public init(when: ReactorInstant, duration: Duration) {
            self.when = when
            self.duration = duration
        }
    }

    /// Its address and port.
    public var address: SocketAddress
    /// Its standing.
    public var state: State
    /// When a server that fails is asked again, to see whether it has recovered.
    public var nextProbe: ReactorInstant?
    /// The smoothed time from a question to its answer; nil before the first.
    public var smoothedRoundTrip: Duration?
    /// How much that time varies.
    public var roundTripVariation: Duration?
    /// After how much silence a question is sent again.
    public var retransmissionTime: Duration?
    /// How many questions it may have in flight at present.
    public var window: Int
    /// How many it has.
    public var inFlight: Int
    /// How many wait for room.
    public var waiting: Int
    /// What has happened between it and the resolver.
    public var counts = ServerCounts()
    /// Whether it is offered EDNS (RFC 6891).
    public var usesEDNS = true
    /// Whether it repeats a question in the spelling that it was asked in.
    public var keepsCase = true
    /// How it failed last.
    public var lastFailure: LookupError.ServerReport?
    /// The latest round trips, the oldest first.
    public var recentRoundTrips: [RoundTrip] = []

    /// Creates a row; the rest is filled in by whoever knows it.
    public init(address: SocketAddress, state: State, window: Int, inFlight: Int, waiting: Int) {
        self.address = address
        self.state = state
        self.window = window
        self.inFlight = inFlight
        self.waiting = waiting
    }
}

/// What has happened between a server and the resolver since the resolver was made.
///
/// ```swift
/// let counts = reactor.resolver.servers().map(\.counts)
/// print("sent again:", counts.map(\.retransmissions).reduce(0, +))
/// ```
public struct ServerCounts: Hashable, Sendable {
    /// Questions that it was asked.
    public var questions = 0
    /// Datagrams that left for it: questions, and those sent again.
    public var datagrams = 0
    /// Datagrams that were sent again after silence.
    public var retransmissions = 0
    /// Questions that it answered, whatever the answer.
    public var answers = 0
    /// Of the answers, those that said SERVFAIL, REFUSED or another failure.
    public var failures = 0
    /// Questions that it stayed silent on.
    public var timeouts = 0
    /// Questions that were repeated over TCP.
    public var overTCP = 0
    /// Answers that were thrown away: to another question, in another spelling, unreadable.
    public var mismatches = 0

    /// Creates counters at 0.
    public init() {}
}
