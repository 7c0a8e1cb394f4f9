// A fetch, from the URL to the body: a hop for the URL and one for each redirect, each with a connection of its own, all
// under one deadline. It is its connectors' factory; its Deferred is what `getPage` and `fetch` return.

import BowlineConnect
import BowlineDeferred
import BowlineReactor
import BowlineTransport

final class PageFetch: ClientFactory {
    private let reactor: Reactor
    private var request: PageRequest
    private(set) lazy var deferred = Deferred<PageResponse>(canceller: { [weak self] in self?.abandon() })
    private var report: PageReport
    private var connector: Connector?
    private var exchange: PageProtocol?
    private var redirectTarget: String?
    private var deadlineTimer: DelayedCall?
    private var isOver = false

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
        report.url = url
        report.hopStart = reactor.now
        report.head = nil
        report.firstByte = nil
        report.peer = nil
        guard url.scheme == .http else {
            fail(.url(.unsupportedScheme(url.scheme.rawValue)), in: .target)
            return
        }
        let head = HTTPRequestHead(
            method: request.method, url: url, fields: request.fields, bodyLength: request.body?.count)
        do throws(HTTPRequestError) {
            let bytes = try head.bytes() + (request.body ?? [])
            exchange = PageProtocol(
                sending: bytes, exchange: HTTPExchange(method: request.method), limits: request.limits, owner: self)
        } catch {
            fail(.request(error), in: .target)
            return
        }
        request.observer?(.connecting(.host(url.host.connectable, port: url.port)))
        let connector = reactor.connectTCP(
            host: url.host.connectable, port: url.port, factory: self, options: request.connect)
        if let observer = request.observer { connector.observer = { observer(.connector($0)) } }
        self.connector = connector
    }

    /// The step that the fetch is in.
    private var phase: PageError.Phase {
        switch connector?.state {
        case nil: .target
        case .resolving: .dns
        case .connecting: .connect
        case .connected, .disconnected: .receive
        }
    }

    // MARK: the factory's part

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        report.peer = address
        return exchange
    }

    override func clientConnectionFailed(_ connector: Connector, _ error: ConnectError) {
        fail(.connect(error), in: PageError.Phase(error.phase))
    }

    // MARK: the end

    private func succeed(_ response: PageResponse) {
        settle()
        deferred.callback(response)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        guard !isOver else { return }
        if let connector { report.note(connector) }
        abandon()
        report.end = reactor.now
        deferred.errback(PageError(phase: phase, reason: reason, report: report))
    }

    /// Ends it: whatever is under way is given up and its descriptors are closed.
    private func abandon() {
        let exchange = self.exchange
        let connector = self.connector
        settle()
        exchange?.abandon()
        connector?.stopConnecting()
    }

    /// Lets go of everything: a connector holds its factory, and this is one.
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

    func exchangeReceived(_ head: HTTPResponseHead) -> Bool {
        report.head = head
        request.observer?(.head(head))
        redirectTarget = request.maximumRedirects > 0 ? Redirection.location(in: head) : nil
        return redirectTarget == nil
    }

    func exchangeEnded(body: [UInt8]) {
        guard !isOver, let url = report.url, let head = report.head else { return }
        if let location = redirectTarget {
            redirect(from: url, to: location, head.status)
            return
        }
        if let connector { report.note(connector) }
        report.end = reactor.now
        succeed(PageResponse(report: report, head: head, body: body))
    }

    private func redirect(from url: HTTPURL, to location: String, _ status: Int) {
        redirectTarget = nil
        do throws(HTTPURLError) {
            let target = try url.redirected(to: location)
            guard report.redirects.count < request.maximumRedirects else {
                fail(.redirects(limit: request.maximumRedirects), in: .http)
                return
            }
            report.redirects.append(PageReport.Redirect(url: url, status: status))
            Redirection.adapt(&request, from: url, to: target, status)
            request.observer?(.redirect(target))
            hop(to: target)
        } catch {
            fail(.url(error), in: .target)
        }
    }

    func exchangeFailed(_ reason: PageError.Reason, in phase: PageError.Phase) {
        if let connector, connector.state == .connected { report.note(connector) }
        fail(reason, in: phase)
    }
}

extension PageError.Phase {
    init(_ phase: ConnectError.Phase) {
        switch phase {
        case .target: self = .target
        case .name: self = .dns
        case .connect: self = .connect
        }
    }
}
