// One exchange on one connection: writes the request when the connection is made, parses what arrives, and tells the
// fetch. The end of the story that `getPage` begins.

import BowlineTransport

/// Told how an exchange goes. Each of the last two is called once, and one of them only.
protocol PageProtocolOwner: AnyObject {
    func exchangeSent()
    func exchangeReceivedFirstByte()
    /// Returns whether the body is wanted.
    func exchangeReceived(_ head: HTTPResponseHead) -> Bool
    func exchangeEnded(body: [UInt8])
    func exchangeFailed(_ reason: PageError.Reason, in phase: PageError.Phase)
}

final class PageProtocol: Protocol {
    var transport: (any Transport)?
    private let request: [UInt8]
    private var parser: HTTPResponseParser
    private var body: [UInt8] = []
    private var hasBytes = false
    /// Nil when the exchange is over: nothing is told any more.
    private weak var owner: (any PageProtocolOwner)?

    init(sending request: [UInt8], exchange: HTTPExchange, limits: HTTPLimits, owner: any PageProtocolOwner) {
        self.request = request
        parser = HTTPResponseParser(to: exchange, limits: limits)
        self.owner = owner
    }

    func connectionMade() {
        transport?.write(request)
        owner?.exchangeSent()
    }

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
            case .head: if !owner.exchangeReceived(parser.head) { finish() }
            case .body(let range): bytes.extracting(range).withUnsafeBytes { body.append(contentsOf: $0) }
            case .end: finish()
            }
        }
    }

    func connectionLost(_ reason: ConnectionEnd) {
        guard owner != nil else { return }
        switch reason {
        case .lost(let code) where !hasBytes:
            // What the system did not take was being sent; what it did, was being answered.
            fail(.lost(code), in: (transport?.bufferedByteCount ?? 0) > 0 ? .send : .receive)
        case .lost(let code):
            fail(.lost(code), in: .receive)
        case .stopped, .aborted, .timedOut:
            fail(.stopped, in: .receive)
        case .done:
            do throws(HTTPParseError) {
                if try parser.finish() { finish() }
            } catch {
                fail(.response(error), in: .of(error))
            }
        }
    }

    /// The exchange is complete: the connection has served.
    private func finish() {
        let owner = leave()
        transport?.loseConnection()
        owner?.exchangeEnded(body: body)
    }

    private func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        let owner = leave()
        transport?.abortConnection()
        owner?.exchangeFailed(reason, in: phase)
    }

    /// Gives the exchange up without telling anybody.
    func abandon() {
        _ = leave()
        transport?.abortConnection()
    }

    private func leave() -> (any PageProtocolOwner)? {
        defer { owner = nil }
        return owner
    }
}

@available(*, unavailable)
extension PageProtocol: Sendable {}

extension PageError.Phase {
    /// Where a fault of the response belongs: one that stops early is a matter of receiving.
    static func of(_ error: HTTPParseError) -> PageError.Phase {
        switch error.code {
        case .empty, .truncated: .receive
        case .malformed, .tooLarge: .http
        }
    }
}
