// A fetch, from the URL to the body: a hop for the URL and one for each redirect, each on a connection of the agent's
// pool, all under one deadline. What comes of it is a whole page, or a response with its body still to come.
//
// Who keeps it alive: the deadline's timer, the pool while it looks for a connection, the connection, and the Deferred's
// canceller. The fetch keeps its part of them in turn, until `settle`, through which every end goes, and the Deferred
// lets go of its canceller when it fires. Nothing is told to anybody after that.

import BowlineConnect
import BowlineDeferred
import BowlineNames
import BowlineReactor
import BowlineTransport

final class PageFetch {
    /// What is wanted.
    enum Result {
        /// The page, whole.
        case page(Deferred<PageResponse>)
        /// The text of a page, and a failure for any status but 2xx.
        case text(Deferred<String>)
        /// The response as soon as its head is there.
        case stream(Deferred<StreamedResponse>)
        /// The response has been given, and its body is to come.
        case body
        /// Nothing any more.
        case nothing
    }

    /// Why a request doesn't leave.
    private struct Unsendable: Error {
        let reason: PageError.Reason
        init(_ reason: PageError.Reason) { self.reason = reason }
    }

    /// What is reserved for a body at most, before any of it has come: servers promise more than they send.
    private static let mostReservedBytes = 1 << 20
    private static let idempotentMethods: Set = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]

    /// Kept, since its buffer and its pool are used until the end.
    let agent: Agent

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// What the present hop asks for: redirects change it.
    @exclusivity(unchecked) var request: PageRequest
    /// Of the request, which redirects don't change.
    let mayUseProxy: Bool
    @exclusivity(unchecked) private var result = Result.nothing
    @exclusivity(unchecked) var report: PageReport
    @exclusivity(unchecked) private var deadlineTimer: DelayedCall?
    @exclusivity(unchecked) private var isOver = false

    // The present hop.
    @exclusivity(unchecked) private var ticket: PoolTicket?
    @exclusivity(unchecked) private var connector: Connector?
    @exclusivity(unchecked) private var connection: ClientConnection?
    /// Written, and waiting for a connection.
    @exclusivity(unchecked) private var head: [UInt8] = []
    @exclusivity(unchecked) private var content: BodySender.Content?
    @exclusivity(unchecked) private var redirection: Redirection?
    /// The response is 417: the expectation can't be met, and the request is sent again without it.
    @exclusivity(unchecked) private var isExpectationRefused = false
    @exclusivity(unchecked) private var hopHasSentBody = false

    /// The page's body, as far as it has come.
    @exclusivity(unchecked) private var body: [UInt8] = []
    @exclusivity(unchecked) private var trailers: HTTPFieldSection?
    /// Undoes the codings of the body, if it has any.
    @exclusivity(unchecked) private var decoding: BodyDecoding?
    /// The streamed body. Whoever was given it keeps it; when nobody does, the fetch is over.
    private weak var stream: ResponseBody?
    /// The same, while a consumer has it, which may have nothing else.
    @exclusivity(unchecked) private var keptStream: ResponseBody?
    /// Whether the streamed body is nothing: then its end is at hand, whether somebody has it or not.
    @exclusivity(unchecked) private var isStreamEmpty = false

    init(_ request: consuming PageRequest, agent: Agent) {
        mayUseProxy = request.mayUseProxy
        self.request = consume request
        self.agent = agent
        report = PageReport(start: agent.clock.now)
    }

    /// Begins. A URL or request that can't be sent fails at once; nothing has touched the network when this returns.
    func start(_ result: Result) {
        self.result = result
        do throws(HTTPURLError) {
            let url = try agent.url(request.url)
            report.url = url
            guard addAuthorization() else { return }
            deadlineTimer = agent.clock.callLater(request.deadline) { [self] in pastDeadline() }
            hop(to: url)
        } catch {
            fail(.url(error), in: .target)
        }
    }

    /// Says who asks, in a field: it goes the way of all fields then.
    private func addAuthorization() -> Bool {
        guard let authorization = request.authorization else { return true }
        do throws(HTTPRequestError) {
            request.fields.append(("Authorization", try authorization.fieldValue()))
            return true
        } catch {
            fail(.request(error), in: .target)
            return false
        }
    }

    private func pastDeadline() {
        deadlineTimer = nil
        if phase == .dns { noteUnanswered() }
        fail(.deadline(request.deadline), in: phase)
    }

    /// Takes down whom the name was asked of, which nobody can tell once the lookup is given up.
    private func noteUnanswered() {
        guard case .name(let name)? = report.url?.host else { return }
        let typed = "\(name)"
        report.unanswered = agent.environment.resolver.inFlight().filter { question in
            let asked = "\(question.name)"
            return asked == typed || asked.hasPrefix("\(typed).")
        }
    }

    // MARK: a hop

    /// Formats the request and asks for a connection.
    private func hop(to url: HTTPURL) {
        guard prepare(url) else { return }
        // The first hop's record is new.
        if !report.redirects.isEmpty { report.beginHop(to: url, at: agent.clock.now) }
        send(to: url, mustBeFresh: !request.reusesConnections)
    }

    /// Formats the request. Whatever can't be sent fails here, while the report still tells where it came from.
    private func prepare(_ url: HTTPURL) -> Bool {
        do throws(Unsendable) {
            content = try makeContent()
            try writeHead(url)
            return true
        } catch {
            fail(error.reason, in: .target)
            return false
        }
    }

    private func send(to url: HTTPURL, mustBeFresh: Bool) {
        let lane = agent.pool.lane(url, for: self)
        if !mustBeFresh, let idle = agent.pool.takeIdle(lane) {
            begin(on: idle)
            return
        }
        head = agent.headBuffer
        let ticket = agent.pool.ask(
            self, lane, request.connectOptions(for: url), mustBeFresh: mustBeFresh)
        if case .over = ticket.state { return }
        self.ticket = ticket
    }

    /// Writes the head into the agent's buffer.
    private func writeHead(_ url: HTTPURL) throws(Unsendable) {
        guard request.body == nil || request.stream == nil else { throw Unsendable(.request(.twoBodies)) }
        let isChunked = request.stream.map { $0.length == nil } ?? false
        let head = HTTPRequestHead(
            method: request.method, url: url, fields: request.fields,
            bodyLength: request.body?.count ?? request.stream?.length, isChunked: isChunked,
            acceptsCodings: request.decodesContent, cookies: agent.cookies?.field(for: url),
            proxy: mayUseProxy ? request.forwardingProxy(for: url) : nil,
            expectsContinue: request.expectsContinue && content != nil,
            keepsConnection: request.reusesConnections)
        agent.headBuffer.removeAll(keepingCapacity: true)
        do throws(HTTPRequestError) {
            try head.append(to: &agent.headBuffer)
        } catch {
            throw Unsendable(.request(error))
        }
    }

    /// A source of the body, which is made for each sending.
    private func makeContent() throws(Unsendable) -> BodySender.Content? {
        if let stream = request.stream {
            guard stream.isReplayable || !hopHasSentBody else { throw Unsendable(.request(.bodyNotReplayable)) }
            do {
                return .source(try stream.makeSource(), length: stream.length)
            } catch {
                throw Unsendable(.source(error))
            }
        }
        return request.body.flatMap { $0.isEmpty ? nil : .bytes($0) }
    }

    private func begin(on connection: ClientConnection) {
        guard let peer = connection.transport?.peer else { return }
        self.connection = connection
        report.peer = peer
        if connection.exchangeCount > 0 {
            report.isConnectionReused = true
            if connection.tls != nil { report.tls = connection.tls }
            request.observer?(.reusing(peer))
            // The observer only watches; but what it calls may have ended this.
            guard !isOver else {
                connection.abandonUnused()
                return
            }
        }
        let content = self.content
        self.content = nil
        if content != nil { hopHasSentBody = true }
        connection.begin(
            self, head: agent.headBuffer,
            ExchangeOptions(
                kind: HTTPExchange(method: request.method), limits: request.limits, body: content,
                continueDelay: request.expectsContinue && content != nil ? request.continueDelay : nil,
                keepsConnection: request.reusesConnections),
            spare: &agent.spareHead)
    }

    /// The step that the fetch is in.
    private var phase: PageError.Phase {
        if let connection { return connection.phase }
        if decoding != nil { return .receive }
        guard let connector else { return ticket == nil ? .target : .connect }
        if connector.state == .securing { return .tls }
        return connector.attempts.isEmpty ? .dns : .connect
    }

    // MARK: the end

    private func succeed() {
        report.end = agent.clock.now
        let (result, stream, trailers) = (self.result, self.keptStream ?? self.stream, self.trailers)
        settle()
        switch result {
        case .page(let deferred):
            guard let head = report.head else { return }
            deferred.callback(PageResponse(report: report, head: head, body: body))
        case .text(let deferred): giveText(to: deferred)
        case .body: stream?.ended(nil, report, trailers)
        case .stream, .nothing: break
        }
    }

    /// Makes text of the page; what held its bytes serves the next one.
    private func giveText(to deferred: Deferred<String>) {
        guard let head = report.head else { return }
        guard (200..<300).contains(head.status) else {
            let response = PageResponse(report: report, head: head, body: body)
            deferred.errback(PageError(phase: .http, reason: .status(response), report: report))
            return
        }
        let text = TextDecoding.text(of: body, head.fields)
        recycle()
        deferred.callback(text)
    }

    private func recycle() {
        guard var head = report.head else { return }
        report.head = nil
        head.removeAll()
        swap(&head, &agent.spareHead)
        guard body.capacity <= Agent.largestSpareBody else { return }
        body.removeAll(keepingCapacity: true)
        swap(&body, &agent.spareBody)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        guard !isOver else { return }
        let (result, connector, stream) = (self.result, self.connector, self.keptStream ?? self.stream)
        abandon()
        // Only now have the attempts that were under way an outcome.
        if let connector { report.note(connector) }
        report.end = agent.clock.now
        let error = PageError(phase: phase, reason: reason, report: report)
        switch result {
        case .page(let deferred): deferred.errback(error)
        case .text(let deferred): deferred.errback(error)
        case .stream(let deferred): deferred.errback(error)
        case .body: stream?.ended(error, report, nil)
        case .nothing: break
        }
    }

    /// Ends it without telling: whatever is under way is given up, and its descriptors are closed before this returns.
    func abandon() {
        let (connection, ticket) = (self.connection, self.ticket)
        settle()
        if let ticket { agent.pool.cancel(ticket) }
        connection?.abandon()
    }

    /// Lets go of everything.
    private func settle() {
        isOver = true
        result = .nothing
        deadlineTimer?.cancel()
        deadlineTimer = nil
        request.observer = nil
        request.stream = nil
        content = nil
        ticket = nil
        connection = nil
        connector = nil
        keptStream = nil
        decoding?.abandon()
        decoding = nil
    }
}

extension PageFetch: PoolClient {
    func poolConnects(_ connector: Connector) {
        report.queueTime = agent.clock.now - report.hopStart
        self.connector = connector
        request.observer?(.connecting(connector.target))
        if let observer = request.observer { connector.observer = { observer(.connector($0)) } }
    }

    func poolGave(_ connection: ClientConnection) {
        ticket = nil
        guard !isOver else { return connection.abandonUnused() }
        if connection.exchangeCount > 0 { report.queueTime = agent.clock.now - report.hopStart }
        swap(&agent.headBuffer, &head)
        head = []
        begin(on: connection)
    }

    func poolFailed(_ error: ConnectError) {
        ticket = nil
        fail(error.reason == .stopped ? .stopped : .connect(error), in: PageError.Phase(error.phase))
    }

    func poolStopped() {
        ticket = nil
        fail(.stopped, in: .connect)
    }
}

extension PageFetch: ExchangeOwner {
    func exchangeSent() {
        request.observer?(.requestSent)
    }

    func exchangeReceivedFirstByte() {
        report.firstByte = agent.clock.now
    }

    func exchangeReceived(
        _ head: HTTPResponseHead, _ framing: HTTPFraming.Body
    ) throws(HTTPParseError) -> Bool {
        report.head = head
        if let cookies = agent.cookies, let url = report.url {
            for value in head.fields.values(of: "set-cookie") { cookies.store(value, from: url) }
        }
        isExpectationRefused = head.status == 417 && request.expectsContinue
        redirection = request.maximumRedirects > 0 ? try Redirection(head) : nil
        request.observer?(.head(head))
        if redirection != nil || isExpectationRefused { return false }
        if request.decodesContent, framing != .none, framing != .length(0) {
            guard beginDecoding(head) else { return false }
        }
        if case .stream(let deferred) = result {
            if let connector { report.note(connector) }
            let stream = ResponseBody(self, report, agent.environment)
            self.stream = stream
            isStreamEmpty = framing == .none || framing == .length(0)
            result = .body
            deferred.callback(StreamedResponse(head: head, body: stream))
        } else if case .length(let length) = framing {
            if case .text = result { swap(&body, &agent.spareBody) }
            body.reserveCapacity(min(length, Self.mostReservedBytes))
        }
        return true
    }

    func exchangeReceived(_ bytes: RawSpan) {
        if let decoding { decoding.received(bytes) } else { take(bytes) }
    }

    /// Takes a part of the content.
    func take(_ bytes: RawSpan) {
        if case .body = result {
            (keptStream ?? stream)?.received(bytes)
        } else {
            bytes.withUnsafeBytes { body.append(contentsOf: $0) }
        }
    }

    func exchangeEnded(_ trailers: HTTPFieldSection?) {
        guard !isOver, report.head != nil else { return }
        connection = nil
        if let connector { report.note(connector) }
        connector = nil
        if isExpectationRefused {
            request.expectsContinue = false
            // The body was never asked for.
            hopHasSentBody = false
            resend()
        } else if let redirection {
            follow(redirection)
        } else {
            self.trailers = trailers
            if let decoding { decoding.inputEnded() } else { succeed() }
        }
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        guard !isOver else { return }
        connection = nil
        // RFC 9110, 9.2.2: idempotent methods only, and never a retry of a retry.
        if failure.mayBeStale, !report.isRetried, Self.idempotentMethods.contains(request.method),
            request.stream?.isReplayable ?? true
        {
            report.isRetried = true
            agent.pool.counters.retried += 1
            request.observer?(.retrying)
            resend()
            return
        }
        fail(failure.reason, in: failure.phase)
    }

    /// Sends the hop's request again, on a new connection.
    private func resend() {
        guard !isOver, let url = report.url else { return }
        guard prepare(url) else { return }
        report.isConnectionReused = false
        report.head = nil
        report.firstByte = nil
        report.peer = nil
        send(to: url, mustBeFresh: true)
    }

    /// Goes on to where a response redirects.
    private func follow(_ redirection: Redirection) {
        guard let url = report.url else { return }
        guard report.redirects.count < request.maximumRedirects else {
            fail(.redirects(limit: request.maximumRedirects), in: .http)
            return
        }
        do throws(HTTPURLError) {
            let target = try url.redirected(to: redirection.location)
            guard Redirection.isAllowed(from: url, to: target, request) else {
                fail(.insecureRedirect(target), in: .target)
                return
            }
            redirection.adapt(&request, from: url, to: target)
            report.redirects.append(PageReport.Redirect(url: url, status: redirection.status))
            request.observer?(.redirect(target))
            if !isOver { hop(to: target) }
        } catch {
            fail(.url(error), in: .target)
        }
    }
}

extension PageFetch {
    // MARK: content codings

    /// Prepares to undo the codings of a body.
    ///
    /// - Returns: whether the fetch goes on.
    private func beginDecoding(_ head: HTTPResponseHead) -> Bool {
        // A part of an encoded representation has no beginning to decode from (RFC 9110, 14.2).
        guard head.status != 206, head.fields.contains("content-encoding") else { return true }
        do throws(ContentDecodingError) {
            let codings = try ContentCoding.list(head.fields.values(of: "content-encoding"))
            report.codings = codings
            if !codings.isEmpty {
                decoding = BodyDecoding(codings, maximumBytes: request.limits.bodyBytes, for: self)
            }
            return true
        } catch {
            decodingFailed(error)
            return false
        }
    }

    func isDecoding(_ decoding: BodyDecoding) -> Bool { self.decoding === decoding }

    func setConnectionPaused(_ isPaused: Bool) { connection?.setPaused(isPaused) }

    func decodingEnded() { succeed() }

    func decodingFailed(_ error: ContentDecodingError) {
        // For its users it is the same limit.
        if case .tooLarge(let limit) = error {
            fail(.response(.tooLarge(.bodyBytes, limit: limit)), in: .http)
        } else {
            fail(.encoding(error), in: .http)
        }
    }
}

extension PageFetch {
    // MARK: what the streamed body asks

    /// Keeps the body, which a consumer takes.
    func keep(_ stream: ResponseBody) { keptStream = stream }

    func pauseBody(_ isPaused: Bool) {
        if let decoding { decoding.setTakerPaused(isPaused) } else { setConnectionPaused(isPaused) }
    }

    /// Nobody wants the rest.
    func bodyAbandoned() {
        if !isOver, !isStreamEmpty { abandon() }
    }
}

@available(*, unavailable)
extension PageFetch: Sendable {}

extension PageError.Phase {
    init(_ phase: ConnectError.Phase) {
        switch phase {
        case .target: self = .target
        case .name: self = .dns
        case .connect, .proxy: self = .connect
        case .tls: self = .tls
        }
    }
}
