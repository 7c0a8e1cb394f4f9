// Turns the bytes of a connection into responses (RFC 9112). Runs inside `dataReceived`, where the bytes are lent:
// it copies the head, hands the body on as ranges of the input, does no I/O and knows no clock.
//
// It is asked for events instead of calling back: between two events the caller may do anything, also drop the parser.

/// Parses the responses of one connection, one at a time.
package struct HTTPResponseParser {
    /// What the next bytes of the input are.
    package enum Event: Hashable, Sendable {
        /// All input is used up; the response isn't complete.
        case needsMore
        /// An interim response (1xx but 101) is in `head`, and will be overwritten by the next head.
        case interim
        /// The final response's head is in `head`, how its body ends in `framing`.
        case head
        /// These bytes of the input belong to the body.
        case body(Range<Int>)
        /// The response is complete; trailers, if any came, are in `trailers`.
        case end
        /// These bytes came after the end of the response. They are the upgraded protocol's after 101;
        /// else nobody asked for them, and the connection can't be used again.
        case excess(Range<Int>)
    }

    private enum State {
        case head
        case body
        case done
        case failed(HTTPParseError)
    }

    /// The head that was read last.
    package private(set) var head = HTTPResponseHead()
    /// How the body of the final response ends; set with `.head`.
    package private(set) var framing = HTTPFraming(body: .none, keepsConnection: false)
    /// The fields after a chunked body; set with `.end`. They are never mixed with those of the head.
    package var trailers: HTTPFieldSection { body.trailers }

    private var limits: HTTPLimits
    private var exchange = HTTPExchange.other
    private var state = State.head
    private var interims = 0
    private var hasExcess = false
    private var reader = HTTPSectionReader()
    private var body: HTTPBodyDecoder

    /// Creates a parser that expects the answer to one request.
    package init(to exchange: HTTPExchange = .other, limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        self.exchange = exchange
        body = HTTPBodyDecoder(limits: limits)
    }

    /// Expects the answer to another request, on the same connection or on a new one, within the same limits or within
    /// others. Keeps its memory.
    package mutating func begin(_ exchange: HTTPExchange, limits: HTTPLimits? = nil) {
        self.exchange = exchange
        if let limits {
            self.limits = limits
            body.limits = limits
        }
        state = .head
        interims = 0
        hasExcess = false
        reader.reset()
        head.removeAll()
    }

    /// Takes the memory of a head that nobody needs any more, for the next one.
    mutating func reuse(_ spare: inout HTTPResponseHead) { swap(&spare, &head) }

    /// Gives the head that was read last away: it is copied once, when it is read.
    mutating func takeHead() -> HTTPResponseHead {
        var taken = HTTPResponseHead()
        swap(&taken, &head)
        return taken
    }

    /// Whether the connection may carry another exchange now: the response is complete, nothing follows it,
    /// and the server leaves the connection open.
    package var allowsReuse: Bool {
        if case .done = state { framing.keepsConnection && !hasExcess } else { false }
    }

    /// Gives the next event of `input`, and moves `position` past what it covers.
    ///
    /// Call it until it returns `.needsMore`, or `.end` with `position` at the end of the input.
    ///
    /// - Parameters:
    ///   - input: The bytes received; the ranges in events are positions in it.
    ///   - position: Where to go on; 0 for new input.
    /// - Throws: What is wrong with the response; the same again on each further call.
    package mutating func next(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Event {
        switch state {
        case .head:
            do throws(HTTPParseError) {
                return try readHead(input, at: &position)
            } catch {
                throw fail(error)
            }
        case .body:
            switch try body.next(input, at: &position) {
            case .needsMore: return .needsMore
            case .body(let range): return .body(range)
            case .end:
                state = .done
                return .end
            }
        case .done:
            guard position < input.byteCount else { return .needsMore }
            hasExcess = true
            let range = position..<input.byteCount
            position = input.byteCount
            return .excess(range)
        case .failed(let error): throw error
        }
    }

    /// Tells that the connection has ended, and returns whether this completed the response just now.
    ///
    /// - Parameter isClean: False if the peer may not have meant to end here: a reset, or TLS without
    ///   close_notify. Then a body that ends with the connection isn't whole (RFC 9112, 9.8).
    /// - Throws: `.empty` before the first byte, `.truncatedHead` or `.truncatedBody` inside a response.
    package mutating func finish(isClean: Bool = true) throws(HTTPParseError) -> Bool {
        switch state {
        case .head:
            throw fail(head.fields.bytes.isEmpty && interims == 0 ? .empty : .truncatedHead)
        case .body:
            // A body of no bytes ends with its head, and `next` may not have been asked since.
            var position = 0
            if try body.next(RawSpan(), at: &position) != .end {
                guard body.endsWithConnection, isClean else { throw fail(body.truncation) }
            }
            state = .done
            return true
        case .done: return false
        case .failed(let error): throw error
        }
    }

    private mutating func fail(_ error: HTTPParseError) -> HTTPParseError {
        state = .failed(error)
        return error
    }

    private mutating func readHead(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Event {
        guard position < input.byteCount else { return .needsMore }
        if interims > 0, reader.isAtStart { head.removeAll() }
        let rules = HTTPSectionReader.Rules(
            maximumBytes: limits.headBytes, bytesLimit: .headBytes, maximumFields: limits.fieldCount,
            acceptsBareLineFeed: true)
        guard
            try reader.read(input, at: &position, rules: rules, into: &head.fields, line: &head.statusLine)
        else { return .needsMore }
        framing = try HTTPFraming.response(head, to: exchange)
        if head.status < 200, head.status != 101 {
            guard interims < limits.interimResponses else {
                throw .tooLarge(.interimResponses, limit: limits.interimResponses)
            }
            interims += 1
            reader.reset()
            return .interim
        }
        body.begin(framing.body)
        state = .body
        return .head
    }
}
