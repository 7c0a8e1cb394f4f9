// A fetch, from the URL to the body: a hop for the URL and one for each redirect, each with a connection of its own, all
// under one deadline. It is its connectors' factory; its Deferred is what `getPage` and `fetch` return.
//
// Who keeps it alive: the deadline's timer, the connector, which keeps its factory, the exchange and the Deferred's
// canceller. The fetch keeps all of them in turn, until `settle`, through which every end goes, and the Deferred lets go of
// its canceller when it fires. Nothing is told to anybody after that.

import BowlineConnect
import BowlineDeferred
import BowlineReactor
import BowlineTransport

final class PageFetch: ClientFactory {
    private unowned let reactor: Reactor

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// What the present hop asks for: redirects change it.
    @exclusivity(unchecked) private var request: PageRequest
    private(set) lazy var deferred = Deferred<PageResponse>(canceller: { [self] in abandon() })
    @exclusivity(unchecked) private var report: PageReport
    @exclusivity(unchecked) private var connector: Connector?
    @exclusivity(unchecked) private var exchange: PageProtocol?
    @exclusivity(unchecked) private var redirection: Redirection?
    @exclusivity(unchecked) private var deadlineTimer: DelayedCall?
    @exclusivity(unchecked) private var isOver = false

    init(_ request: PageRequest, reactor: Reactor) {
        self.request = request
        self.reactor = reactor
        report = PageReport(start: reactor.now)
        super.init()
    }

    /// Begins. A URL or request that can't be sent fails at once; nothing has touched the network when this returns.
    func start() {
        do throws(HTTPURLError) {
            let url = try HTTPURL(request.url)
            report.url = url
            deadlineTimer = reactor.callLater(request.deadline) { [self] in
                deadlineTimer = nil
                fail(.deadline(request.deadline), in: phase)
            }
            hop(to: url)
        } catch {
            fail(.url(error), in: .target)
        }
    }

    /// Formats the request and asks for a connection.
    private func hop(to url: HTTPURL) {
        let head = HTTPRequestHead(
            method: request.method, url: url, fields: request.fields, bodyLength: request.body?.count)
        do throws(HTTPRequestError) {
            exchange = PageProtocol(
                sending: try head.bytes(), body: request.body ?? [], exchange: HTTPExchange(method: request.method),
                limits: request.limits, owner: self)
        } catch {
            fail(.request(error), in: .target)
            return
        }
        report.beginHop(to: url, at: reactor.now)
        let host = url.host.connectable
        request.observer?(.connecting(.host(host, port: url.port)))
        let connector = reactor.connectTCP(
            host: host, port: url.port, factory: self, options: request.connectOptions(for: url))
        if let observer = request.observer { connector.observer = { observer(.connector($0)) } }
        self.connector = connector
    }

    /// The step that the fetch is in.
    private var phase: PageError.Phase {
        guard let connector else { return .target }
        if report.peer != nil { return exchange?.phase ?? .receive }
        if connector.state == .securing { return .tls }
        return connector.attempts.isEmpty ? .dns : .connect
    }

    // MARK: the factory's part

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        report.peer = address
        return exchange
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        guard connector === self.connector else { return }
        fail(error.reason == .stopped ? .stopped : .connect(error), in: PageError.Phase(error.phase))
    }

    // MARK: the end

    private func succeed(_ response: PageResponse) {
        settle()
        deferred.callback(response)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        guard !isOver else { return }
        let connector = self.connector
        abandon()
        // Only now have the attempts that were under way an outcome.
        if let connector { report.note(connector) }
        report.end = reactor.now
        deferred.errback(PageError(phase: phase, reason: reason, report: report))
    }

    /// Ends it without telling: whatever is under way is given up, and its descriptors are closed before this returns.
    private func abandon() {
        let exchange = self.exchange
        let connector = self.connector
        settle()
        exchange?.abandon()
        connector?.observer = nil
        connector?.stopConnecting()
    }

    /// Lets go of everything.
    private func settle() {
        isOver = true
        deadlineTimer?.cancel()
        deadlineTimer = nil
        request.observer = nil
        exchange = nil
        connector = nil
    }
}

extension PageFetch: PageProtocolOwner {
    func exchangeSent() {
        request.observer?(.requestSent)
    }

    func exchangeReceivedFirstByte() {
        report.firstByte = reactor.now
    }

    func exchangeReceived(_ head: HTTPResponseHead) throws(HTTPParseError) -> Bool {
        report.head = head
        redirection = request.maximumRedirects > 0 ? try Redirection(head) : nil
        request.observer?(.head(head))
        return redirection == nil
    }

    func exchangeEnded(body: [UInt8]) {
        guard !isOver, let head = report.head else { return }
        if let connector { report.note(connector) }
        if let redirection {
            follow(redirection)
            return
        }
        report.end = reactor.now
        succeed(PageResponse(report: report, head: head, body: body))
    }

    /// Goes on to where a response redirects.
    private func follow(_ redirection: Redirection) {
        guard let url = report.url else { return }
        exchange = nil
        connector = nil
        guard report.redirects.count < request.maximumRedirects else {
            fail(.redirects(limit: request.maximumRedirects), in: .http)
            return
        }
        do throws(HTTPURLError) {
            let target = try url.redirected(to: redirection.location)
            redirection.adapt(&request, from: url, to: target)
            report.redirects.append(PageReport.Redirect(url: url, status: redirection.status))
            request.observer?(.redirect(target))
            if !isOver { hop(to: target) }
        } catch {
            fail(.url(error), in: .target)
        }
    }

    func exchangeFailed(_ reason: PageError.Reason, in phase: PageError.Phase) {
        fail(reason, in: phase)
    }
}

extension PageError.Phase {
    init(_ phase: ConnectError.Phase) {
        switch phase {
        case .target: self = .target
        case .name: self = .dns
        case .connect: self = .connect
        case .tls: self = .tls
        }
    }
}
