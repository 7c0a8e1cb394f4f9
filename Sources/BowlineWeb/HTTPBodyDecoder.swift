// Takes one body apart: by length, by chunks, or up to the end of the connection (RFC 9112, 6 and 7).
// Driven by the response and the request parser; it never copies a byte of the body.

/// The state of one body on its way in.
struct HTTPBodyDecoder {
    /// What the next bytes are.
    enum Event: Hashable {
        /// All input is used up.
        case needsMore
        /// These bytes of the input belong to the body.
        case body(Range<Int>)
        /// The body is complete.
        case end
    }

    private enum State {
        case length(left: Int)
        case untilClose
        case chunkSize(digits: Int)
        case chunkBlank
        case chunkExtension
        case chunkSizeLineFeed
        case chunk(left: Int)
        case chunkCarriageReturn
        case chunkLineFeed
        case trailers
        case done
        case failed(HTTPParseError)
    }

    private(set) var trailers = HTTPFieldSection()
    private var state = State.done
    var limits: HTTPLimits
    /// What was delivered, and with Content-Length what will be.
    private var received = 0
    private var expected: Int?
    private var chunkSize = 0
    /// The bytes of the present chunk's first line, and of all of them beyond what the chunks are worth.
    private var lineBytes = 0
    private var overhead = 0
    private var trailerReader = HTTPSectionReader()

    init(limits: HTTPLimits) { self.limits = limits }

    /// Begins with another body. One that says it is too large fails at the first `next`, after the head was seen.
    mutating func begin(_ body: HTTPFraming.Body) {
        received = 0
        expected = nil
        overhead = 0
        if trailers.count > 0 || !trailers.bytes.isEmpty { trailers.removeAll() }
        switch body {
        case .none: state = .done
        case .untilClose: state = .untilClose
        case .chunked: beginChunk()
        case .length(let length):
            expected = length
            state = length > limits.bodyBytes ? .failed(tooLarge) : .length(left: length)
        }
    }

    /// Whether the end of the connection is the end of this body.
    var endsWithConnection: Bool {
        if case .untilClose = state { true } else { false }
    }

    /// What the end of the connection means inside this body.
    var truncation: HTTPParseError { .truncatedBody(received: received, expected: expected) }

    private var tooLarge: HTTPParseError { .tooLarge(.bodyBytes, limit: limits.bodyBytes) }

    /// Reads on in `input`, and moves `position` past what it took.
    mutating func next(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Event {
        while true {
            switch state {
            case .done: return .end
            case .failed(let error): throw error
            case .length(let left):
                guard left > 0 else {
                    state = .done
                    return .end
                }
                guard let range = take(left, of: input, at: &position) else { return .needsMore }
                state = .length(left: left - range.count)
                return .body(range)
            case .untilClose:
                guard position < input.byteCount else { return .needsMore }
                guard received < limits.bodyBytes else { throw fail(tooLarge) }
                guard let range = take(limits.bodyBytes - received, of: input, at: &position) else { return .needsMore }
                return .body(range)
            case .chunk(let left):
                guard left > 0 else {
                    state = .chunkCarriageReturn
                    continue
                }
                guard let range = take(left, of: input, at: &position) else { return .needsMore }
                state = .chunk(left: left - range.count)
                return .body(range)
            case .trailers:
                guard try readTrailers(input, at: &position) else { return .needsMore }
                state = .done
            default:
                guard position < input.byteCount else { return .needsMore }
                let octet = input.unsafeLoad(fromByteOffset: position, as: UInt8.self)
                position += 1
                do throws(HTTPParseError) { try read(octet) } catch { throw fail(error) }
            }
        }
    }

    private mutating func take(_ most: Int, of input: RawSpan, at position: inout Int) -> Range<Int>? {
        let count = min(most, input.byteCount - position)
        guard count > 0 else { return nil }
        defer { position += count }
        received += count
        return position..<position + count
    }

    private mutating func fail(_ error: HTTPParseError) -> HTTPParseError {
        state = .failed(error)
        return error
    }

    private mutating func beginChunk() {
        chunkSize = 0
        lineBytes = 0
        state = .chunkSize(digits: 0)
    }

    /// Takes one octet of chunk framing. CR LF only: a lenient reader here is how requests are smuggled.
    private mutating func read(_ octet: UInt8) throws(HTTPParseError) {
        switch state {
        case .chunkSize(let digits):
            try countLineByte()
            if let digit = Self.hexDigit(octet) {
                guard chunkSize <= Int.max >> 4 else { throw tooLarge }
                chunkSize = chunkSize << 4 | digit
                state = .chunkSize(digits: digits + 1)
                return
            }
            guard digits > 0 else { throw .badChunkSize }
            switch octet {
            case HTTPOctets.carriageReturn: state = .chunkSizeLineFeed
            case UInt8(ascii: ";"): state = .chunkExtension
            case HTTPOctets.space, HTTPOctets.tab: state = .chunkBlank
            default: throw .badChunkSize
            }
        case .chunkBlank:
            // Blanks are allowed before an extension only (7.1.1); padding of the size isn't in the grammar.
            try countLineByte()
            if octet == UInt8(ascii: ";") {
                state = .chunkExtension
            } else if !HTTPOctets.isBlank(octet) {
                throw .badChunkSize
            }
        case .chunkExtension:
            try countLineByte()
            if octet == HTTPOctets.carriageReturn {
                state = .chunkSizeLineFeed
            } else if !HTTPOctets.isFieldContent(octet) {
                throw octet == HTTPOctets.lineFeed ? .bareLineFeed : .badChunkSize
            }
        case .chunkSizeLineFeed:
            guard octet == HTTPOctets.lineFeed else { throw .badChunkSize }
            try endChunkLine()
        case .chunkCarriageReturn:
            guard octet == HTTPOctets.carriageReturn else { throw .badChunkEnd }
            state = .chunkLineFeed
        case .chunkLineFeed:
            guard octet == HTTPOctets.lineFeed else { throw .badChunkEnd }
            beginChunk()
        default: break
        }
    }

    private mutating func endChunkLine() throws(HTTPParseError) {
        guard chunkSize > 0 else {
            trailerReader.reset()
            state = .trailers
            return
        }
        guard chunkSize <= limits.bodyBytes - received else { throw tooLarge }
        // Go's measure: what a chunk carries pays for its line, so that signed chunks pass and padding doesn't.
        let worth = 16 + (chunkSize > Int.max / 4 ? Int.max / 2 : chunkSize * 2)
        overhead = max(0, overhead + lineBytes - worth)
        guard overhead <= limits.chunkOverheadBytes else { throw overheadError }
        state = .chunk(left: chunkSize)
    }

    private mutating func countLineByte() throws(HTTPParseError) {
        lineBytes += 1
        if lineBytes > limits.chunkOverheadBytes { throw overheadError }
    }

    private var overheadError: HTTPParseError {
        .tooLarge(.chunkOverheadBytes, limit: limits.chunkOverheadBytes)
    }

    private mutating func readTrailers(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Bool {
        let rules = HTTPSectionReader.Rules(
            maximumBytes: limits.trailerBytes, bytesLimit: .trailerBytes, maximumFields: limits.fieldCount,
            acceptsBareLineFeed: false)
        var none = HTTPNoStartLine()
        do throws(HTTPParseError) {
            return try trailerReader.read(input, at: &position, rules: rules, into: &trailers, line: &none)
        } catch {
            throw fail(error)
        }
    }

    private static func hexDigit(_ octet: UInt8) -> Int? {
        switch octet {
        case 0x30...0x39: Int(octet) - 0x30
        case 0x41...0x46: Int(octet) - 0x41 + 10
        case 0x61...0x66: Int(octet) - 0x61 + 10
        default: nil
        }
    }
}
