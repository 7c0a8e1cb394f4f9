// Who fetches: the door to the client, and the owner of the connections that are kept between requests.

package import BowlineConnect
public import BowlineDeferred
public import BowlineReactor

/// Fetches over HTTP/1.1, and keeps connections for the next request.
///
/// Each reactor has one; make another to keep its connections, and its limits, apart.
/// ```swift
/// reactor.agent.limits.connectionsPerHost = 2
/// let page = reactor.agent.getPage("http://example.com/")
/// reactor.agent.request(PageRequest("http://example.com/large")).addCallback { response in
///     print(response.status)
///     response.body.cancel()
/// }
/// page.onSuccess { text in print(text.count, reactor.agent.snapshot().counters.fresh) }
/// ```
public final class Agent {
    /// The bodies of pages that are larger than this give their memory back.
    static let largestSpareBody = 64 * 1024

    /// Its cookies: what servers set goes with the requests that follow, redirects included. Nil, as it is unless set, for
    /// none. A request whose fields have a Cookie sends that instead.
    public var cookies: CookieJar?

    let pool: ConnectionPool
    let environment: any ConnectEnvironment
    /// Not held: it is the reactor, which holds its agent.
    unowned let clock: any ReactorClock
    /// The head of the request that is written now: one for all, since only one is written at a time.
    @exclusivity(unchecked) var writtenHead = WrittenHead()
    /// The memory of a response that became text, for the next one.
    @exclusivity(unchecked) var spareHead = HTTPResponseHead()
    @exclusivity(unchecked) var spareBody: [UInt8] = []
    /// The URL that was read last: who polls asks for the same again and again.
    @exclusivity(unchecked) private var lastURL: HTTPURL?
    @exclusivity(unchecked) private var lastURLText = ""
    /// Which of the URLs that were read it is: grows with each other one.
    @exclusivity(unchecked) private(set) var urlNumber = 0

    /// Creates an agent that connects through `reactor`.
    public convenience init(_ reactor: Reactor, limits: PoolLimits = PoolLimits()) {
        self.init(reactor.connectEnvironment, limits: limits)
    }

    package init(_ environment: any ConnectEnvironment, limits: PoolLimits = PoolLimits()) {
        self.environment = environment
        clock = environment.clock
        pool = ConnectionPool(environment, limits: limits)
    }

    deinit { pool.close() }

    /// How many connections there may be, and how long they are kept. Requests that wait get what is raised at once; what is
    /// lowered counts for what comes.
    public var limits: PoolLimits {
        get { pool.limits }
        set { pool.limits = newValue }
    }

    /// The connections, and who waits for one, at this moment. O(n).
    public func snapshot() -> PoolSnapshot { pool.snapshot() }

    /// Those who wait are told that nothing comes.
    package func reactorStopped() {
        pool.reactorStopped()
        for fetch in decoding.values { fetch.fail(.stopped, in: .receive) }
    }

    /// Fetches whose bodies have come, and are being decoded still. Their connections serve others.
    private var decoding: [ObjectIdentifier: PageFetch] = [:]

    func keepDecoding(_ fetch: PageFetch) { decoding[ObjectIdentifier(fetch)] = fetch }

    func forgetDecoding(_ fetch: PageFetch) { decoding[ObjectIdentifier(fetch)] = nil }

    /// Reads a URL.
    func url(_ text: String) throws(HTTPURLError) -> HTTPURL {
        // By its bytes: texts that are equal to Swift, since Unicode holds them for the same, are different URLs.
        if HTTPOctets.areIdentical(lastURLText, text), let lastURL { return lastURL }
        let url = try HTTPURL(text)
        lastURLText = text
        lastURL = url
        urlNumber += 1
        return url
    }

    /// Closes the connections that serve nobody now.
    public func closeIdleConnections() { pool.closeIdle() }

    /// Sends a request and gives the response as soon as its head is there; the body comes as it is taken.
    ///
    /// Redirects are followed up to the request's limit. The deadline covers everything, the body included.
    /// - Returns: fires with the response, whatever its status is, or fails with a `PageError`. `cancel()` closes the
    ///   connection at once; afterwards `body.cancel()` does.
    public func request(_ request: PageRequest) -> Deferred<StreamedResponse> {
        let fetch = PageFetch(request, agent: self)
        let deferred = Deferred<StreamedResponse>(canceller: { fetch.abandon() })
        fetch.start(.stream(deferred))
        return deferred
    }

    /// Fetches a page by GET, and gives the response as soon as its head is there.
    ///
    /// - Returns: as `request(_:)` of a request.
    public func request(_ url: String) -> Deferred<StreamedResponse> { request(PageRequest(url)) }

    /// Fetches what `request` asks for, and gives the response whatever its status is, with the record of how it came.
    ///
    /// Redirects are followed up to the request's limit; credentials and cookies don't cross origins. One deadline
    /// covers all of it.
    /// - Returns: fires with the response, or fails with a `PageError`. `cancel()` closes the connection at once.
    public func fetch(_ request: PageRequest) -> Deferred<PageResponse> {
        let fetch = PageFetch(request, agent: self)
        let deferred = Deferred<PageResponse>(canceller: { fetch.abandon() })
        fetch.start(.page(deferred))
        return deferred
    }

    /// Fetches a page by GET, and gives the response whatever its status is.
    ///
    /// - Returns: as `fetch(_:)` of a request.
    public func fetch(_ url: String) -> Deferred<PageResponse> { fetch(PageRequest(url)) }

    /// Fetches a page as `request` says, and gives its text.
    ///
    /// - Returns: fires with the body as text (see `PageResponse.text`), or fails with a `PageError`; a status outside
    ///   2xx is a failure with the response inside.
    public func getPage(_ request: PageRequest) -> Deferred<String> { text(of: request) }

    /// Fetches a page and gives its text.
    public func getPage(_ url: String) -> Deferred<String> { text(of: PageRequest(url)) }

    /// Owns the request, which is large: a small page would notice a copy.
    private func text(of request: consuming PageRequest) -> Deferred<String> {
        let fetch = PageFetch(consume request, agent: self)
        let deferred = Deferred<String>(canceller: { fetch.abandon() })
        fetch.start(.text(deferred))
        return deferred
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension Agent: Sendable {}

/// Where a reactor keeps its agent.
enum AgentSlot: ReactorSlot {
    static func makeDefault(for reactor: Reactor) -> Agent { Agent(reactor) }
    static func reactorStopped(_ value: Agent) { value.reactorStopped() }
}

extension Reactor {
    /// Who fetches pages for this reactor. Replace it to have other limits; what the one before has begun, it ends.
    public var agent: Agent {
        get { self[AgentSlot.self] }
        set { self[AgentSlot.self] = newValue }
    }
}
