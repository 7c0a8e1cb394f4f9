// One connection of the pool, and the exchange that is on it: writes the request, parses what arrives, tells whoever
// asked, and then serves the next one if the response left it fit for that. It knows no clock and no limits of the pool.
//
// It knows half-close, because the peer's end is the end of a response: what is still unsent then is of no use.

import BowlineReactor
import BowlineTransport
import Glibc

/// Told how an exchange goes. Each of the last two is called once, and one of them only; nothing after that.
protocol ExchangeOwner: AnyObject {
    /// The request's head is written.
    func exchangeSent()
    func exchangeReceivedFirstByte()
    /// Returns whether the body is wanted; throws if the head contradicts itself.
    func exchangeReceived(_ head: HTTPResponseHead, _ framing: HTTPFraming.Body) throws(HTTPParseError) -> Bool
    /// A part of the body that was wanted.
    func exchangeReceived(_ bytes: RawSpan)
    func exchangeEnded(_ trailers: HTTPFieldSection?)
    func exchangeFailed(_ failure: ExchangeFailure)
}

/// Why there is no response.
struct ExchangeFailure {
    var reason: PageError.Reason
    var phase: PageError.Phase
    /// Whether the connection had served before, and ended before a byte of this response came: it may have been closed
    /// just before the request was sent, so that sending it again is safe if its method is idempotent (RFC 9110, 9.2.2).
    var mayBeStale: Bool
}

/// What an exchange sends, besides its head.
struct ExchangeOptions {
    var kind = HTTPExchange.other
    var limits = HTTPLimits()
    var body: BodySender.Content?
    /// How long to wait for 100 before the body is sent all the same; nil if nobody was asked to wait.
    var continueDelay: Duration?
    /// Whether the connection may serve another exchange after this one.
    var keepsConnection = true
}

final class ClientConnection: HalfCloseableProtocol {
    /// The body of a response that nobody wants is read as far as it has come by then, and no further.
    private enum Reading {
        /// No exchange.
        case nothing
        case head
        case wantedBody
        case unwantedBody
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) var transport: (any Transport)?
    let pool: ConnectionPool
    let lane: PoolLane
    /// What its TLS handshake has agreed on; nil without TLS.
    let tls: TLSInfo?
    // What the pool notes of it: whether it counts it, whether it is idle, and where it stands among the idle or busy.
    @exclusivity(unchecked) var isCounted = true
    @exclusivity(unchecked) var isIdle = false
    @exclusivity(unchecked) var idlePlace = IdleList.Place()
    @exclusivity(unchecked) var busyPlace = 0
    /// When it was made, and when its last exchange ended.
    let made: ReactorInstant
    @exclusivity(unchecked) var idleSince = ReactorInstant(nanoseconds: 0)
    /// How many exchanges it has begun.
    @exclusivity(unchecked) private(set) var exchangeCount = 0
    /// Whom it serves first, once it is made.
    @exclusivity(unchecked) private var first: PoolTicket?

    @exclusivity(unchecked) private var parser = HTTPResponseParser()
    /// Nil when there is no exchange. Not weak, since every end of the owner lets go of its exchange, and a weak
    /// reference costs an allocation and makes each retain of the owner slow.
    @exclusivity(unchecked) private var owner: (any ExchangeOwner)?
    @exclusivity(unchecked) private var reading = Reading.nothing
    @exclusivity(unchecked) private var hasBytes = false
    @exclusivity(unchecked) private var keepsConnection = false
    @exclusivity(unchecked) private var isPaused = false
    /// The request's body, from the head on until the system has taken all of it.
    @exclusivity(unchecked) private var sender: BodySender?
    /// Runs while the body waits for 100 (Continue).
    @exclusivity(unchecked) private var continueTimer: DelayedCall?

    init(
        _ lane: PoolLane, in pool: ConnectionPool, for ticket: PoolTicket, tls: TLSInfo?, at now: ReactorInstant
    ) {
        self.lane = lane
        self.tls = tls
        self.pool = pool
        first = ticket
        made = now
    }

    /// The step that the exchange is in.
    var phase: PageError.Phase { sender == nil || hasBytes ? .receive : .send }

    /// Whether it surely stands, as far as this side can know: the server's end may have come, and not have been read yet.
    /// Costs a system call, so only those ask whose request can't be sent again.
    var isSurelyFree: Bool {
        guard let transport, transport.isConnected else { return false }
        return (transport as? any PeekableTransport)?.hasUnreadInput != true
    }

    // MARK: the request

    func connectionMade() {
        guard let ticket = first else { return }
        first = nil
        pool.made(self, for: ticket)
    }

    /// Sends a request. The connection must be free.
    ///
    /// - Parameter spare: a head that nobody needs any more: its memory is used for the response's.
    func begin(
        _ owner: any ExchangeOwner, head: [UInt8], _ options: ExchangeOptions, spare: inout HTTPResponseHead
    ) {
        self.owner = owner
        exchangeCount += 1
        hasBytes = false
        keepsConnection = options.keepsConnection
        reading = .head
        parser.begin(options.kind, limits: options.limits)
        parser.reuse(&spare)
        transport?.write(head)
        if let body = options.body, let transport {
            let sender = BodySender(body, transport) { [unowned self] problem in bodyEnded(problem) }
            self.sender = sender
            if let delay = options.continueDelay {
                continueTimer = pool.clock.callLater(delay) { [unowned self] in
                    continueTimer = nil
                    sender.start()
                }
            } else {
                sender.start()
            }
        }
        owner.exchangeSent()
    }

    /// 100 (Continue) came, or another interim response: only the first says that the body is wanted.
    private func interim(_ status: Int) {
        guard status == 100, let timer = continueTimer else { return }
        timer.cancel()
        continueTimer = nil
        sender?.start()
    }

    private func bodyEnded(_ problem: PageError.Reason?) {
        if let problem {
            fail(problem, in: .send)
        } else {
            sender = nil
        }
    }

    // MARK: the response

    func dataReceived(_ bytes: RawSpan) {
        guard owner != nil else {
            // Nobody asked for anything: the next response could not be told from these bytes.
            drop()
            transport?.abortConnection()
            return
        }
        if !hasBytes {
            hasBytes = true
            owner?.exchangeReceivedFirstByte()
        }
        do throws(HTTPParseError) {
            try parse(bytes)
        } catch {
            fail(.response(error), in: .of(error))
        }
    }

    private func parse(_ bytes: RawSpan) throws(HTTPParseError) {
        var position = 0
        while let owner {
            switch try parser.next(bytes, at: &position) {
            case .needsMore:
                // The rest of what isn't wanted would cost more than a new connection.
                if case .unwantedBody = reading { finish(isWhole: false) }
                return
            case .excess: return
            case .interim: interim(parser.head.status)
            case .head:
                let framing = parser.framing.body
                let isWanted = try owner.exchangeReceived(parser.takeHead(), framing)
                if self.owner != nil { reading = isWanted ? .wantedBody : .unwantedBody }
                if isWanted, parser.framing.isCompressed { fail(.encoding(.transferCoding), in: .http) }
            case .body(let range):
                if case .wantedBody = reading { owner.exchangeReceived(bytes.extracting(range)) }
            case .end:
                finish(isWhole: position == bytes.byteCount)
                return
            }
        }
    }

    func readConnectionLost() {
        guard owner != nil else {
            drop()
            transport?.loseConnection()
            return
        }
        inputEnded(isClean: true)
    }

    private func inputEnded(isClean: Bool) {
        guard owner != nil else { return }
        do throws(HTTPParseError) {
            if try parser.finish(isClean: isClean) { finish(isWhole: false) }
        } catch {
            fail(.response(error), in: .of(error))
        }
    }

    func writeConnectionLost() {}

    func connectionLost(_ reason: ConnectionEnd) {
        drop()
        switch reason {
        case .lost(let code):
            // EPIPE comes from sending only.
            fail(.lost(code), in: code == EPIPE ? .send : phase)
        case .stopped: fail(.stopped, in: phase)
        case .tls(let error): fail(.tls(error), in: .tls)
        case .truncated: inputEnded(isClean: false)
        case .done, .aborted, .timedOut: inputEnded(isClean: true)
        }
    }

    /// Stops reading, or goes on: the body comes faster than it is taken.
    func setPaused(_ isPaused: Bool) {
        self.isPaused = isPaused
        if isPaused { transport?.pauseReading() } else { transport?.resumeReading() }
    }

    // MARK: the end of an exchange

    /// The response is complete, or as much of it as is wanted. A server that answered before it had the whole request
    /// doesn't want the rest.
    ///
    /// - Parameter isWhole: whether it has come to its end, and nothing behind it.
    private func finish(isWhole: Bool) {
        let isSent = sender == nil
        let trailers = parser.framing.body == .chunked ? parser.trailers : HTTPFieldSection()
        guard let owner = leave() else { return }
        if isWhole, isSent, keepsConnection, parser.allowsReuse, transport?.isConnected == true {
            pool.release(self)
        } else {
            if isSent { transport?.loseConnection() } else { transport?.abortConnection() }
            gone()
        }
        owner.exchangeEnded(trailers.count == 0 ? nil : trailers)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        let mayBeStale = exchangeCount > 1 && !hasBytes && reason.isEndOfConnection
        guard let owner = leave() else { return }
        abort()
        owner.exchangeFailed(ExchangeFailure(reason: reason, phase: phase, mayBeStale: mayBeStale))
    }

    /// It was given to somebody who has no use for it any more.
    func abandonUnused() {
        guard owner == nil, isCounted else { return }
        close()
    }

    /// Gives the exchange up without telling anybody.
    func abandon() {
        guard leave() != nil else { return }
        abort()
    }

    private func leave() -> (any ExchangeOwner)? {
        guard let owner else { return nil }
        self.owner = nil
        reading = .nothing
        // The end of a body may come with what was too much of it. The next exchange is read again.
        if isPaused { setPaused(false) }
        continueTimer?.cancel()
        continueTimer = nil
        if let sender {
            self.sender = nil
            sender.stop()
        }
        return owner
    }

    // MARK: the end of the connection

    /// Closes a connection that serves nobody.
    func close() {
        transport?.loseConnection()
        gone()
    }

    private func abort() {
        transport?.abortConnection()
        gone()
    }

    /// The connection ended by itself.
    private func drop() {
        if isCounted, isIdle { pool.counters.dropped += 1 }
        gone()
    }

    /// The connection is of no more use: its place is free.
    private func gone() {
        guard isCounted else { return }
        pool.gone(self)
    }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}

extension PageError.Reason {
    /// Whether this is what a connection that the server had closed before looks like.
    fileprivate var isEndOfConnection: Bool {
        switch self {
        case .lost: true
        case .response(let error): error.code == .empty
        default: false
        }
    }
}

extension PageError.Phase {
    /// Where a fault of the response belongs: one that stops early is a matter of receiving.
    static func of(_ error: HTTPParseError) -> PageError.Phase {
        switch error.code {
        case .empty, .truncated: .receive
        case .malformed, .tooLarge: .http
        }
    }
}
