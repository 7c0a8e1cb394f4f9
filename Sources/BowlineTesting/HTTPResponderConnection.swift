// One connection of a responder: reads requests, and carries out what was decided for each, one after the other, in the
// order in which they came.

import Bowline

final class HTTPResponderConnection: Protocol {
    var transport: (any Transport)?
    let number: Int
    let client: SocketAddress
    private var responder: HTTPResponder?
    private var parser: HTTPRequestParser
    private var body: [UInt8] = []
    private var waiting: [HTTPResponder.Request] = []
    private var steps: ArraySlice<HTTPResponder.Step> = []
    private var timer: DelayedCall?
    private var isBusy = false
    private var isRefusing = false

    init(_ responder: HTTPResponder, number: Int, client: SocketAddress) {
        self.responder = responder
        self.number = number
        self.client = client
        parser = HTTPRequestParser(limits: responder.limits)
    }

    func dataReceived(_ bytes: RawSpan) {
        guard !isRefusing else { return }
        do throws(HTTPParseError) {
            try parse(bytes)
        } catch {
            isRefusing = true
            responder?.refused(error)
        }
        proceed()
    }

    private func parse(_ bytes: RawSpan) throws(HTTPParseError) {
        var position = 0
        while let responder {
            switch try parser.next(bytes, at: &position) {
            case .needsMore:
                return
            case .head:
                if parser.head.fields["expect"]?.lowercased() == "100-continue" {
                    transport?.write("HTTP/1.1 100 Continue\r\n\r\n")
                }
            case .body(let range):
                bytes.extracting(range).withUnsafeBytes { body.append(contentsOf: $0) }
            case .end:
                waiting.append(responder.received(parser.head, body, parser.keepsConnection, self))
                body = []
                parser.begin()
            }
        }
    }

    func connectionLost(_ reason: ConnectionEnd) {
        timer?.cancel()
        timer = nil
        steps = []
        waiting = []
        responder?.ended(self)
        responder = nil
    }

    /// Carries out steps until one has to wait, or nothing is left to do.
    private func proceed() {
        guard timer == nil else { return }
        while let responder {
            if let step = steps.popFirst() {
                guard perform(step, responder) else { return }
            } else if isBusy {
                isBusy = false
                waiting.removeFirst()
            } else if let request = waiting.first {
                isBusy = true
                steps = HTTPResponder.Step.steps(of: responder.answers(request), to: request)[...]
            } else {
                if isRefusing { refuse() }
                return
            }
        }
    }

    /// Whether to go on with the next step at once.
    private func perform(_ step: HTTPResponder.Step, _ responder: HTTPResponder) -> Bool {
        switch step {
        case .write(let bytes):
            transport?.write(bytes)
            return true
        case .wait(let delay):
            timer = responder.clock.callLater(delay) { [weak self] in
                self?.timer = nil
                self?.proceed()
            }
            return false
        case .close:
            transport?.loseConnection()
        case .reset:
            // What was written before leaves with the end of this turn, and a reset would overtake it.
            timer = responder.clock.callLater(HTTPResponder.Step.resetDelay) { [weak self] in
                self?.transport?.abortConnection()
            }
        case .stall:
            break
        }
        steps = [.stall]
        return false
    }

    private func refuse() {
        transport?.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        transport?.loseConnection()
    }
}

@available(*, unavailable)
extension HTTPResponderConnection: Sendable {}
