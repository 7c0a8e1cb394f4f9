// Turns the bytes of a connection into requests, for the test kit's responder and for servers. Shares lines, fields,
// framing and bodies with the response parser, and is stricter: CR LF only, no folded fields, one Host, one way to read each request.

/// The request line and fields of one request.
package struct HTTPReceivedRequest: Hashable, Sendable {
    var line = HTTPRequestLine()

    /// The fields in their order.
    package internal(set) var fields = HTTPFieldSection()

    /// The method; case matters.
    package var method: String { fields.text(line.method) }
    /// The request target as it came: printable ASCII without spaces.
    package var target: String { fields.text(line.target) }
    /// The minor version of HTTP/1: 0, or 1 and up.
    package var minorVersion: Int { line.minorVersion }

    mutating func removeAll() {
        line = HTTPRequestLine()
        fields.removeAll()
    }
}

/// `GET / HTTP/1.1` (RFC 9112, 3).
struct HTTPRequestLine: HTTPStartLine, Hashable, Sendable {
    var method = 0..<0
    var target = 0..<0
    var minorVersion = 0

    static var isPresent: Bool { true }
    static var skipsEmptyLines: Bool { true }
    static func checkBeginning(_ line: UnsafeRawBufferPointer) {}

    mutating func read(_ line: UnsafeRawBufferPointer, at offset: Int) throws(HTTPParseError) {
        if let octet = HTTPOctets.firstForbidden(in: line, 0..<line.count) { throw HTTPSectionReader.error(octet) }
        var methodEnd = 0
        while methodEnd < line.count, HTTPOctets.isToken(line[methodEnd]) { methodEnd += 1 }
        guard methodEnd > 0, methodEnd < line.count, line[methodEnd] == HTTPOctets.space else { throw .badRequestLine }
        var targetEnd = methodEnd + 1
        while targetEnd < line.count, line[targetEnd] > 0x20, line[targetEnd] < 0x7F { targetEnd += 1 }
        guard targetEnd > methodEnd + 1, targetEnd + 1 + HTTPVersion.length == line.count,
            line[targetEnd] == HTTPOctets.space,
            HTTPVersion.couldBegin(UnsafeRawBufferPointer(rebasing: line[(targetEnd + 1)...]))
        else { throw .badRequestLine }
        minorVersion = try HTTPVersion.minor(of: line, at: targetEnd + 1)
        method = offset..<offset + methodEnd
        target = offset + methodEnd + 1..<offset + targetEnd
    }
}

/// Parses the requests of one connection, one at a time.
package struct HTTPRequestParser {
    /// What the next bytes of the input are.
    package enum Event: Hashable, Sendable {
        /// All input is used up; the request isn't complete.
        case needsMore
        /// The head is in `head`.
        case head
        /// These bytes of the input belong to the body.
        case body(Range<Int>)
        /// The request is complete. What follows in the input is the next one's: `begin()`, and go on.
        case end
    }

    private enum State {
        case head
        case body
        case done
        case failed(HTTPParseError)
    }

    /// The head that was read last.
    package private(set) var head = HTTPReceivedRequest()
    /// Whether the client wants the connection to stay open after this request; set with `.head`.
    package private(set) var keepsConnection = false
    /// Whether the body has a transfer coding besides `chunked`.
    private(set) var isCompressed = false
    /// The fields after a chunked body; set with `.end`.
    package var trailers: HTTPFieldSection { body.trailers }

    private let limits: HTTPLimits
    private var state = State.head
    private var reader = HTTPSectionReader()
    private var body: HTTPBodyDecoder

    /// Creates a parser that expects the first request of a connection.
    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        body = HTTPBodyDecoder(limits: limits)
    }

    /// Whether a part of the next request's head is here.
    package var hasBegun: Bool {
        if case .head = state { !head.fields.bytes.isEmpty } else { true }
    }

    /// Expects another request. Keeps its memory.
    package mutating func begin() {
        state = .head
        reader.reset()
        head.removeAll()
    }

    /// Gives the next event of `input`, and moves `position` past what it covers.
    ///
    /// - Parameters:
    ///   - input: The bytes received; the ranges in events are positions in it.
    ///   - position: Where to go on; 0 for new input.
    /// - Throws: What is wrong with the request; the same again on each further call.
    package mutating func next(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Event {
        switch state {
        case .head:
            do throws(HTTPParseError) {
                return try readHead(input, at: &position)
            } catch {
                state = .failed(error)
                throw error
            }
        case .body:
            switch try body.next(input, at: &position) {
            case .needsMore: return .needsMore
            case .body(let range): return .body(range)
            case .end:
                state = .done
                return .end
            }
        case .done: return .end
        case .failed(let error): throw error
        }
    }

    /// Tells that the client has closed its side.
    ///
    /// - Throws: `.truncatedHead` or `.truncatedBody` inside a request; between requests nothing is wrong.
    package mutating func finish() throws(HTTPParseError) {
        switch state {
        case .head where head.fields.bytes.isEmpty, .done: return
        case .head: throw .truncatedHead
        case .body: throw body.truncation
        case .failed(let error): throw error
        }
    }

    private mutating func readHead(_ input: RawSpan, at position: inout Int) throws(HTTPParseError) -> Event {
        guard position < input.byteCount else { return .needsMore }
        let rules = HTTPSectionReader.Rules(
            maximumBytes: limits.headBytes, bytesLimit: .headBytes, maximumFields: limits.fieldCount,
            acceptsBareLineFeed: false, acceptsFolds: false, maximumStartLineBytes: limits.requestLineBytes)
        guard try reader.read(input, at: &position, rules: rules, into: &head.fields, line: &head.line) else {
            return .needsMore
        }
        let hosts = head.fields.values(of: "host").count
        guard hosts == 1 || hosts == 0 && head.minorVersion == 0 else { throw .badHost }
        let framing = try HTTPFraming.request(head.fields, minorVersion: head.minorVersion)
        keepsConnection = framing.keepsConnection
        isCompressed = framing.isCompressed
        body.begin(framing.body)
        state = .body
        return .head
    }
}
