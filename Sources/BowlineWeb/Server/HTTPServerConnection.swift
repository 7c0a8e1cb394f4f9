// One connection of a server: cuts what arrives into requests and answers one at a time, so that answers keep the order of
// the requests whenever they come. Reading, refusing and ending are here; what is written is in +Answering, deadlines are
// in +Deadlines. It must never hold more than a request, one piece of what follows it, and what the client hasn't taken.

import BowlineDeferred
import BowlineReactor
import BowlineTransport

final class HTTPServerConnection: HalfCloseableProtocol {
    /// What the connection is doing.
    enum Phase {
        /// Reading a request, or waiting for one.
        case reading
        /// The answer is being made; what arrives is kept.
        case answering
        /// The answer's body is written bit by bit; what arrives is kept.
        case streaming(HTTPBodyStream)
        /// The last response is written. What arrives is thrown away, so that no reset overtakes it (RFC 9112, 9.6).
        case lingering
    }

    /// Beyond so many bytes that wait for their turn, the client is made to wait.
    private static let heldLimit = 64 * 1024
    /// So much is thrown away of what a client sends after the last response.
    private static let discardLimit = 1 << 20

    var transport: (any Transport)?
    var phase = Phase.reading
    /// Nil once the connection has ended.
    private(set) var server: HTTPServer?
    /// TLS below, where the server has put it there: before the handshake is over there is no transport.
    private weak var secure: TLSConnection?
    var parser: HTTPRequestParser
    /// What was sent for the request that is read; nil before its head is complete.
    var target: HTTPRequestTarget?
    private var body: [UInt8] = []
    /// What arrived and has not been looked at.
    private var held: [UInt8] = []
    private var discardedCount = 0
    private var isInsideRead = false
    /// The client waits for a word before it sends the body (RFC 9110, 10.1.1).
    private var owesContinue = false
    var hasServed = false
    var isReadClosed = false
    /// The client takes too little of what was written: nothing more is begun.
    var isOutputFull = false
    var pendingAnswer: Deferred<HTTPServerResponse>?
    /// How the response in hand is framed, and whether it is the last.
    var isChunked = false
    var isLast = false
    var wait = Wait.none
    var waitCall: DelayedCall?
    var lastBuffered = 0

    init(_ server: HTTPServer) {
        self.server = server
        parser = HTTPRequestParser(limits: server.options.limits)
    }

    /// Puts TLS below, which has its turn first. The connection ends with it, also when it never begins to speak.
    func secured(by context: TLSContext, onFailure: @escaping () -> Void) -> any Protocol {
        let secure = TLSConnection(context, name: nil) { [self] result in
            switch result {
            case .success:
                guard let server, !server.isStopping else { return nil }
                return self
            case .failure:
                onFailure()
                return nil
            }
        }
        secure.onEnd = { [self] _ in ended() }
        secure.limitHandshake(to: context.handshakeTimeout)
        self.secure = secure
        return secure
    }

    private func ended() {
        let server = self.server
        self.server = nil
        server?.ended(self)
    }

    /// Ends it at once, however far it has come.
    func abort() {
        if let transport { transport.abortConnection() } else { secure?.abortConnection() }
    }

    func connectionMade() {
        transport?.registerProducer(.push(self))
        wait(for: .head)
    }

    func dataReceived(_ bytes: RawSpan) {
        switch phase {
        case .lingering:
            discardedCount += bytes.byteCount
            if discardedCount > Self.discardLimit { transport?.abortConnection() }
        case .reading where held.isEmpty && !isOutputFull: read(bytes)
        default: hold(bytes)
        }
    }

    func connectionLost(_ reason: ConnectionEnd) {
        wait(for: .none)
        held = []
        let pending = pendingAnswer
        pendingAnswer = nil
        if case .streaming(let stream) = phase {
            phase = .lingering
            stream.end(isLoss: true)
        }
        phase = .lingering
        // Whoever makes the answer is told that nobody wants it; the failure that this causes is nobody's news.
        pending?.cancel()
        ended()
    }

    // MARK: reading

    /// Goes on with what was held back, now that its turn has come.
    func proceed() {
        guard !isInsideRead, case .reading = phase, !isOutputFull else { return }
        let bytes = held
        held = []
        if !bytes.isEmpty { read(bytes.span.bytes) }
        guard case .reading = phase else { return }
        if held.count < Self.heldLimit { transport?.resumeReading() }
        if held.isEmpty, isReadClosed { endOfInput() }
    }

    private func read(_ bytes: RawSpan) {
        isInsideRead = true
        defer { isInsideRead = false }
        var position = 0
        do throws(HTTPParseError) {
            while case .reading = phase, !isOutputFull {
                switch try parser.next(bytes, at: &position) {
                case .needsMore: return askForMore()
                case .head: takeHead()
                case .body(let range):
                    owesContinue = false
                    bytes.extracting(range).withUnsafeBytes { body.append(contentsOf: $0) }
                case .end: takeRequest()
                }
            }
        } catch {
            return refuse(error.responseStatus, "\(error)")
        }
        if case .lingering = phase { return }
        hold(bytes.extracting(position...))
    }

    private func hold(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { held.append(contentsOf: $0) }
        if held.count >= Self.heldLimit { transport?.pauseReading() }
    }

    private func askForMore() {
        if owesContinue {
            owesContinue = false
            transport?.write("HTTP/1.1 100 Continue\r\n\r\n")
        }
        wait(for: target != nil ? .body : parser.hasBegun || !hasServed ? .head : .idle)
    }

    /// Looks at a head before its body is asked for.
    private func takeHead() {
        let head = parser.head
        guard let target = HTTPRequestTarget(head.target, method: head.method, host: head.fields["host"]) else {
            return refuse(400, "the request's target or its Host is malformed")
        }
        self.target = target
        if head.method == "CONNECT" { return refuse(501, "this server opens no tunnels") }
        if parser.isCompressed {
            return refuse(501, "this server undoes no transfer coding but chunked (RFC 9112, 6.1)")
        }
        // RFC 9110, 10.1.1: from a client of HTTP/1.0 it is ignored.
        for expectation in head.fields.values(of: "expect") where head.minorVersion > 0 {
            guard expectation.lowercased() == "100-continue" else {
                return refuse(417, "this server knows of no other expectation than 100-continue")
            }
            owesContinue = true
        }
    }

    private func takeRequest() {
        guard let server, let target, let transport else { return }
        let request = HTTPServerRequest(parser.head, target, body: body, over: transport)
        body = []
        owesContinue = false
        phase = .answering
        wait(for: .none)
        let answer = server.answer(request)
        pendingAnswer = answer
        answer.addBoth { [weak self] result in self?.answered(result) }
    }

    /// The response has been written: the next request, if there may be one.
    func endResponse() {
        if isLast { return closeInOrder() }
        phase = .reading
        parser.begin()
        target = nil
        hasServed = true
        guard !isOutputFull else { return }
        if server?.isStopping == true { return closeInOrder() }
        wait(for: .idle)
        proceed()
    }

    // MARK: refusing and ending

    /// Answers what is no request, and ends the connection.
    func refuse(_ status: Int, _ why: String) {
        server?.refused()
        isLast = true
        write(
            HTTPServerResponse("\(status) \(HTTPServerResponse.reason(of: status)): \(why)\n", status: status),
            isHead: target != nil && parser.head.method == "HEAD")
        closeInOrder()
    }

    func readConnectionLost() {
        isReadClosed = true
        switch phase {
        case .lingering: transport?.loseConnection()
        case .reading where held.isEmpty && !isOutputFull: endOfInput()
        default: break
        }
    }

    func writeConnectionLost() {
        if !isReadClosed { wait(for: .linger) }
    }

    /// The client has sent its last byte, and everything is answered.
    private func endOfInput() {
        do throws(HTTPParseError) { try parser.finish() } catch { server?.refused() }
        closeInOrder()
    }

    /// Sends what was written, then the end, and waits a moment for the client's own end.
    func closeInOrder() {
        phase = .lingering
        held = []
        guard let transport else { return }
        transport.unregisterProducer()
        if isReadClosed { return transport.loseConnection() }
        transport.loseWriteConnection()
        transport.resumeReading()
        wait(for: .send)
    }

    /// The server stops: what was begun goes on.
    func serverStops() {
        // Who hasn't agreed on TLS yet has begun nothing.
        if transport == nil, let secure { return secure.abandon() }
        if case .reading = phase, target == nil, !parser.hasBegun, held.isEmpty { closeInOrder() }
    }
}

@available(*, unavailable)
extension HTTPServerConnection: Sendable {}

extension HTTPParseError {
    /// The status that tells a client of this.
    fileprivate var responseStatus: Int {
        switch self {
        case .unsupportedVersion: 505
        case .tooLarge(.startLineBytes, _): 414
        case .tooLarge(.bodyBytes, _), .tooLarge(.chunkOverheadBytes, _): 413
        case .tooLarge: 431
        default: 400
        }
    }
}
