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
    static let mostReservedBytes = 1 << 20
    private static let idempotentMethods: Set = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]

    /// Kept, since its buffer and its pool are used until the end.
    let agent: Agent

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// What the present hop asks for: redirects change it.
    @exclusivity(unchecked) var request: PageRequest
    /// Of the request, which redirects don't change.
    let mayUseProxy: Bool
    @exclusivity(unchecked) var result = Result.nothing
    @exclusivity(unchecked) var report: PageReport
    @exclusivity(unchecked) var deadlineTimer: DelayedCall?
    @exclusivity(unchecked) var isOver = false

    // The present hop.
    @exclusivity(unchecked) var ticket: PoolTicket?
    @exclusivity(unchecked) var connector: Connector?
    @exclusivity(unchecked) var connection: ClientConnection?
    /// Written, and waiting for a connection.
    @exclusivity(unchecked) var head: [UInt8] = []
    @exclusivity(unchecked) var content: BodySender.Content?
    @exclusivity(unchecked) var redirection: Redirection?
    /// The response is 417: the expectation can't be met, and the request is sent again without it.
    @exclusivity(unchecked) var isExpectationRefused = false
    /// Whether the response is a 408 that a server sends when it tires of a kept connection, whoever it reaches
    /// (RFC 9110, 15.5.9).
    @exclusivity(unchecked) var isFarewell = false
    @exclusivity(unchecked) var hopHasSentBody = false

    /// The page's body, as far as it has come.
    @exclusivity(unchecked) var body: [UInt8] = []
    @exclusivity(unchecked) var trailers: HTTPFieldSection?
    /// Undoes the codings of the body, if it has any.
    @exclusivity(unchecked) var decoding: BodyDecoding?
    /// The streamed body. Whoever was given it keeps it; when nobody does, the fetch is over.
    weak var stream: ResponseBody?
    /// The same, while a consumer has it, which may have nothing else.
    @exclusivity(unchecked) var keptStream: ResponseBody?
    /// Whether the streamed body is nothing: then its end is at hand, whether somebody has it or not.
    @exclusivity(unchecked) var isStreamEmpty = false

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
            if prepare(url, number: agent.urlNumber) { send(to: url, mustBeFresh: !request.reusesConnections) }
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
        guard case .name(let name, let isAbsolute)? = report.url?.host else { return }
        report.unanswered = agent.environment.resolver.inFlight(for: isAbsolute ? "\(name.text)." : name.text)
    }

    // MARK: a hop

    /// Formats the request. Whatever can't be sent fails here, while the report still tells where it came from.
    ///
    /// - Parameter number: the agent's number of the URL, if it is the one that was read last.
    private func prepare(_ url: HTTPURL, number: Int? = nil) -> Bool {
        do throws(Unsendable) {
            content = try makeContent()
            try writeHead(url, number)
            return true
        } catch {
            fail(error.reason, in: .target)
            return false
        }
    }

    func send(to url: HTTPURL, mustBeFresh: Bool) {
        let lane = agent.pool.lane(url, for: self)
        if !mustBeFresh, let idle = agent.pool.takeIdle(lane, surely: !canBeSentAgain) {
            begin(on: idle, head: agent.writtenHead.bytes)
            return
        }
        head = agent.writtenHead.copy
        ask(for: url, lane, mustBeFresh: mustBeFresh)
    }

    /// Waits for a connection, with the head at hand.
    func ask(for url: HTTPURL, _ lane: PoolLane, mustBeFresh: Bool) {
        let ticket = agent.pool.ask(self, lane, connectOptions(for: url), mustBeFresh: mustBeFresh)
        if case .over = ticket.state { return }
        self.ticket = ticket
    }

    /// How to connect for a hop. Copies of the request what it needs, and not all.
    private func connectOptions(for url: HTTPURL) -> ConnectOptions {
        var options = request.connect
        options.tls = url.scheme == .https ? request.tls : nil
        // A name that was meant for one hop must not vouch for another.
        options.tlsServerName = nil
        options.proxy = mayUseProxy ? request.proxy(for: url) : nil
        options.isForwarding = mayUseProxy && request.forwardingProxy(for: url) != nil
        return options
    }

    /// Writes the head where the agent has room for it.
    private func writeHead(_ url: HTTPURL, _ number: Int?) throws(Unsendable) {
        guard request.body == nil || request.stream == nil else { throw Unsendable(.request(.twoBodies)) }
        do throws(HTTPRequestError) {
            if let number, isPlain {
                try agent.writtenHead.writePlain(
                    url, number: number, acceptsCodings: request.decodesContent,
                    keepsConnection: request.reusesConnections)
            } else {
                try agent.writtenHead.write(makeHead(url))
            }
        } catch {
            throw Unsendable(.request(error))
        }
    }

    /// Whether the head says nothing but what every head of its URL says: see `WrittenHead`.
    private var isPlain: Bool {
        request.fields.isEmpty && request.omittedFields.isEmpty && request.body == nil && request.stream == nil
            && !mayUseProxy && agent.cookies == nil && request.method == "GET"
    }

    private func makeHead(_ url: HTTPURL) -> HTTPRequestHead {
        HTTPRequestHead(
            method: request.method, url: url, fields: request.fields, omittedFields: request.omittedFields,
            bodyLength: request.body?.count ?? request.stream?.length,
            isChunked: request.stream.map { $0.length == nil } ?? false,
            acceptsCodings: request.decodesContent, cookies: agent.cookies?.octets(for: url),
            proxy: mayUseProxy ? request.forwardingProxy(for: url) : nil,
            expectsContinue: request.expectsContinue && content != nil,
            keepsConnection: request.reusesConnections)
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

    /// Whether a request that a kept connection has lost may be sent once more (RFC 9110, 9.2.2).
    var canBeSentAgain: Bool {
        // What nearly all are costs no hashing.
        (request.method == "GET" || Self.idempotentMethods.contains(request.method))
            && request.stream?.isReplayable ?? true
    }

    /// Tells the observer, which may begin another fetch: that writes its head where this one's is.
    private func tell(_ event: PageEvent) {
        guard let observer = request.observer else { return }
        let head = agent.writtenHead
        observer(event)
        agent.writtenHead = head
    }

    func begin(on connection: ClientConnection, head: [UInt8]) {
        guard let peer = connection.transport?.peer else { return }
        self.connection = connection
        report.peer = peer
        if connection.exchangeCount > 0 {
            report.isConnectionReused = true
            if connection.tls != nil { report.tls = connection.tls }
            tell(.reusing(peer))
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
            self, head: head,
            ExchangeOptions(
                kind: HTTPExchange(method: request.method), limits: request.limits, body: content,
                continueDelay: request.expectsContinue && content != nil ? request.continueDelay : nil,
                keepsConnection: request.reusesConnections),
            spare: &agent.spareHead)
    }

    /// The step that the fetch is in.
    var phase: PageError.Phase {
        if let connection { return connection.phase }
        if decoding != nil { return .receive }
        guard let connector else { return ticket == nil ? .target : .connect }
        if connector.state == .securing { return .tls }
        return connector.attempts.isEmpty ? .dns : .connect
    }

    /// Sends the hop's request again, on a new connection.
    func resend() {
        guard !isOver, let url = report.url else { return }
        guard prepare(url) else { return }
        report.isConnectionReused = false
        report.head = nil
        report.firstByte = nil
        report.peer = nil
        send(to: url, mustBeFresh: true)
    }

    /// Goes on to where a response redirects.
    func follow(_ redirection: Redirection) {
        guard let url = report.url else { return }
        guard report.redirects.count < request.maximumRedirects else {
            fail(.redirects(limit: request.maximumRedirects), in: .http)
            return
        }
        do throws(HTTPURLError) {
            let target = try url.redirected(to: redirection.location)
            guard Redirection.isAllowed(from: url, to: target, request) else {
                fail(.insecureRedirect(target), in: .http)
                return
            }
            redirection.adapt(&request, from: url, to: target)
            // A hop that can't be taken has not been taken: until here the report speaks of who redirected.
            guard prepare(target) else { return }
            report.redirects.append(PageReport.Redirect(url: url, status: redirection.status))
            tell(.redirect(target))
            guard !isOver else { return }
            report.beginHop(to: target, at: agent.clock.now)
            send(to: target, mustBeFresh: !request.reusesConnections)
        } catch {
            fail(.url(error), in: .target)
        }
    }
}

@available(*, unavailable)
extension PageFetch: Sendable {}
