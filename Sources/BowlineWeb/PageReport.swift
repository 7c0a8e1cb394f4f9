// What a fetch did, step by step: the same record for a page and for a failure.

public import BowlineConnect
public import BowlineNames
public import BowlineReactor
public import BowlineTransport

/// Records a fetch: where it went, what was found on the way and when.
///
/// From `answers` to `firstByte`, all but `start` speaks of the last hop.
///
/// ```swift
/// reactor.fetch(PageRequest("http://example.com/")).addCallback { page in
///     let report = page.report
///     for attempt in report.attempts { print(attempt.address, attempt.outcome?.rawValue ?? "") }
///     if let end = report.end { print("done after", end - report.start) }
/// }
/// ```
public struct PageReport: Sendable {
    /// A redirect that was followed.
    public struct Redirect: Hashable, Sendable {
        /// The URL that redirected.
        public let url: HTTPURL
        /// Its status.
        public let status: Int
    }

    /// The URL that was fetched last; nil if the text was none.
    public internal(set) var url: HTTPURL?
    /// The redirects on the way there.
    public internal(set) var redirects: [Redirect] = []
    /// What the resolver answered for each family.
    public internal(set) var answers: [TypeAnswer] = []
    /// What was still being asked of the last hop's name when the deadline came.
    public internal(set) var unanswered: [QuestionSnapshot] = []
    /// Every attempt to connect.
    public internal(set) var attempts: [ConnectionAttempt] = []
    /// Whether the last hop went out on a connection that had served before. Then no name was looked up and nothing
    /// connected: there are no answers, no attempts, and no times of theirs.
    public internal(set) var isConnectionReused = false
    /// Whether the last hop's request was sent twice, because the connection that it was sent on first was being closed.
    public internal(set) var isRetried = false
    /// How long the last hop waited for a place among the agent's connections.
    public internal(set) var queueTime: Duration = .zero
    /// The other end of the connection.
    public internal(set) var peer: SocketAddress?
    /// The head of the response.
    public internal(set) var head: HTTPResponseHead?
    /// The codings that the content came in and that were undone, in the order in which they were applied.
    public internal(set) var codings: [ContentCoding] = []
    /// When the fetch began.
    public let start: ReactorInstant
    /// When the last hop began.
    public internal(set) var hopStart: ReactorInstant
    /// When it had its first address.
    public internal(set) var resolved: ReactorInstant?
    /// When its connection stood.
    public internal(set) var connected: ReactorInstant?
    /// When its TLS handshake was over; nil without TLS.
    public internal(set) var secured: ReactorInstant?
    /// What the TLS handshake has agreed on; nil without TLS.
    public internal(set) var tls: TLSInfo? {
        get { keptTLS.value }
        set { keptTLS.value = newValue }
    }
    private var keptTLS = OutOfLine<TLSInfo>()
    /// When its first byte arrived.
    public internal(set) var firstByte: ReactorInstant?
    /// When the fetch ended.
    public internal(set) var end: ReactorInstant?

    init(start: ReactorInstant) {
        self.start = start
        hopStart = start
    }

    /// Forgets what was learnt of the hop before.
    mutating func beginHop(to url: HTTPURL, at now: ReactorInstant) {
        self.url = url
        hopStart = now
        answers = []
        unanswered = []
        attempts = []
        peer = nil
        head = nil
        codings = []
        resolved = nil
        connected = nil
        secured = nil
        tls = nil
        firstByte = nil
        isConnectionReused = false
        isRetried = false
        queueTime = .zero
    }

    /// Takes over what a connector knows.
    mutating func note(_ connector: Connector) {
        answers = connector.answers
        attempts = connector.attempts
        resolved = connector.resolvedTime
        connected = connector.connectedTime
        secured = connector.securedTime
        tls = connector.tls
    }
}

/// A response, whatever its status, with the record of how it came.
///
/// ```swift
/// reactor.fetch(PageRequest("http://example.com/missing")).addCallback { page in
///     print(page.status, page.body.count, page.text.prefix(20))       // a 404 is a response, too
/// }
/// ```
public struct PageResponse: Sendable {
    /// One reference to all of it: a chain of callbacks copies the response at each link.
    private final class Contents: Sendable {
        let report: PageReport
        let head: HTTPResponseHead
        let body: [UInt8]

        init(_ report: PageReport, _ head: HTTPResponseHead, _ body: [UInt8]) {
            self.report = report
            self.head = head
            self.body = body
        }
    }

    private let contents: Contents

    init(report: PageReport, head: HTTPResponseHead, body: [UInt8]) {
        contents = Contents(report, head, body)
    }

    /// The record of the fetch.
    public var report: PageReport { contents.report }
    /// The head of the response.
    public var head: HTTPResponseHead { contents.head }
    /// The body, without its framing.
    public var body: [UInt8] { contents.body }

    /// The status code.
    public var status: Int { head.status }

    /// The URL that was fetched last.
    public var url: HTTPURL? { report.url }

    /// The body as text: by its byte order mark, its Content-Type, its `<meta>`, or as UTF-8; what is no text in that
    /// encoding becomes U+FFFD. O(n).
    public var text: String { TextDecoding.text(of: body, head.fields) }
}
