// One exchange on one connection: writes the request when the connection is made, parses what arrives, and tells the
// fetch. The end of the story that `getPage` begins.
//
// It knows half-close, because the peer's end is the end of the response: what is still unsent then is of no use.

import BowlineTransport
import Glibc

/// Told how an exchange goes. Each of the last two is called once, and one of them only.
protocol PageProtocolOwner: AnyObject {
    func exchangeSent()
    func exchangeReceivedFirstByte()
    /// Returns whether the body is wanted; throws if the head contradicts itself.
    func exchangeReceived(_ head: HTTPResponseHead) throws(HTTPParseError) -> Bool
    func exchangeEnded(body: [UInt8])
    func exchangeFailed(_ reason: PageError.Reason, in phase: PageError.Phase)
}

final class PageProtocol: HalfCloseableProtocol {
    /// A body is handed to the transport in pieces of this size, so that no second copy of a large one is made.
    private static let pieceBytes = 64 * 1024
    /// What is reserved for a body at most, before any of it has come: servers promise more than they send.
    private static let mostReservedBytes = 1 << 20

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) var transport: (any Transport)?
    private let head: [UInt8]
    private let requestBody: [UInt8]
    /// How much of the request's body the transport has been given.
    @exclusivity(unchecked) private var written = 0
    /// Whether the system has taken the whole request. A head without a body fits into any socket's buffer.
    @exclusivity(unchecked) private var isSent: Bool
    @exclusivity(unchecked) private var parser: HTTPResponseParser
    @exclusivity(unchecked) private var body: [UInt8] = []
    @exclusivity(unchecked) private var hasBytes = false
    /// Nil when the exchange is over: nothing is told any more. Not weak, since every end of the owner lets go of its
    /// exchange, and a weak reference costs an allocation and makes each retain of the owner slow.
    @exclusivity(unchecked) private var owner: (any PageProtocolOwner)?

    init(
        sending head: [UInt8], body: [UInt8], exchange: HTTPExchange, limits: HTTPLimits, owner: any PageProtocolOwner
    ) {
        self.head = head
        requestBody = body
        isSent = body.isEmpty
        parser = HTTPResponseParser(to: exchange, limits: limits)
        self.owner = owner
    }

    /// The step that the exchange is in.
    var phase: PageError.Phase { isSent || hasBytes ? .receive : .send }

    // MARK: the request

    func connectionMade() {
        transport?.write(head)
        if !isSent {
            writePiece()
            transport?.registerProducer(.pull(self))
        }
        owner?.exchangeSent()
    }

    private func writePiece() {
        let end = min(written + Self.pieceBytes, requestBody.count)
        requestBody.withUnsafeBytes { transport?.write(UnsafeRawBufferPointer(rebasing: $0[written..<end]).bytes) }
        written = end
    }

    // MARK: the response

    func dataReceived(_ bytes: RawSpan) {
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
            case .needsMore, .excess: return
            case .interim: break
            case .head:
                let wantsBody = try owner.exchangeReceived(parser.head)
                guard wantsBody else { return finish() }
                if case .length(let length) = parser.framing.body {
                    body.reserveCapacity(min(length, Self.mostReservedBytes))
                }
            case .body(let range): bytes.extracting(range).withUnsafeBytes { body.append(contentsOf: $0) }
            case .end: finish()
            }
        }
    }

    func readConnectionLost() { inputEnded(isClean: true) }

    private func inputEnded(isClean: Bool) {
        do throws(HTTPParseError) {
            if try parser.finish(isClean: isClean) { finish() }
        } catch {
            fail(.response(error), in: .of(error))
        }
    }

    func writeConnectionLost() {}

    func connectionLost(_ reason: ConnectionEnd) {
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

    // MARK: the end

    /// The exchange is complete: the connection has served. A server that answered before it had the whole request
    /// doesn't want the rest.
    private func finish() {
        guard let owner = leave() else { return }
        if isSent { transport?.loseConnection() } else { transport?.abortConnection() }
        owner.exchangeEnded(body: body)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        guard let owner = leave() else { return }
        transport?.abortConnection()
        owner.exchangeFailed(reason, in: phase)
    }

    /// Gives the exchange up without telling anybody.
    func abandon() {
        guard leave() != nil else { return }
        transport?.abortConnection()
    }

    private func leave() -> (any PageProtocolOwner)? {
        defer { owner = nil }
        return owner
    }
}

@available(*, unavailable)
extension PageProtocol: Sendable {}

extension PageProtocol: PullProducer {
    /// The system has taken what was written.
    func resumeProducing() {
        if written < requestBody.count {
            writePiece()
        } else {
            isSent = true
            transport?.unregisterProducer()
        }
    }

    func stopProducing() {}
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
