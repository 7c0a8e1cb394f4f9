// The status line and fields of one response. Filled by HTTPResponseParser; a value that users may keep.

public import HTTPTypes

/// Describes a response: its version, status, reason and fields.
///
/// Keeping one keeps the bytes of the head, and nothing else of the connection.
///
/// ```swift
/// func isPage(_ head: HTTPResponseHead) -> Bool {
///     head.status == 200 && head.fields["content-type"]?.hasPrefix("text/html") == true
/// }
/// ```
public struct HTTPResponseHead: Hashable, Sendable {
    var statusLine = HTTPStatusLine()

    /// The fields in their order.
    public internal(set) var fields = HTTPFieldSection()

    /// Creates an empty head.
    init() {}

    /// The status, 100…999; 600 and up are to be treated as 5xx (RFC 9110, 15).
    public var status: Int { statusLine.status }

    /// The minor version of HTTP/1: 0, or 1 and up.
    public var minorVersion: Int { statusLine.minorVersion }

    /// The reason phrase, which carries no meaning (RFC 9112, 4); empty if there was none.
    public var reason: String { fields.text(statusLine.reason) }

    /// The head as swift-http-types has it, built anew on each call. O(n) in the fields.
    public var httpResponse: HTTPResponse {
        HTTPResponse(status: .init(code: status, reasonPhrase: reason), headerFields: fields.httpFields)
    }

    /// Forgets everything, and keeps the memory.
    mutating func removeAll() {
        statusLine = HTTPStatusLine()
        fields.removeAll()
    }
}

/// `HTTP/1.1 200 OK` (RFC 9112, 4).
struct HTTPStatusLine: HTTPStartLine, Hashable, Sendable {
    var status = 0
    var minorVersion = 0
    /// Where the reason stands in the section.
    var reason = 0..<0

    static var isPresent: Bool { true }
    static var skipsEmptyLines: Bool { false }

    static func checkBeginning(_ line: UnsafeRawBufferPointer) throws(HTTPParseError) {
        guard HTTPVersion.couldBegin(line) else { throw .notHTTP }
    }

    mutating func read(_ line: UnsafeRawBufferPointer, at offset: Int) throws(HTTPParseError) {
        guard HTTPVersion.couldBegin(line), line.count >= HTTPVersion.length else { throw .notHTTP }
        if let octet = HTTPOctets.firstForbidden(in: line, 0..<line.count) { throw HTTPSectionReader.error(octet) }
        minorVersion = try HTTPVersion.minor(of: line, at: 0)
        // The space after the status is missing in many real responses without a reason; both are taken.
        guard line.count >= 12, line[8] == HTTPOctets.space,
            HTTPOctets.isDigit(line[9]), HTTPOctets.isDigit(line[10]), HTTPOctets.isDigit(line[11]),
            line.count == 12 || line[12] == HTTPOctets.space
        else { throw .badStatusLine }
        status = Int(line[9] &- 0x30) * 100 + Int(line[10] &- 0x30) * 10 + Int(line[11] &- 0x30)
        guard status >= 100 else { throw .badStatus(status) }
        reason = offset + min(13, line.count)..<offset + line.count
    }
}

/// `HTTP/1.x` as both start lines have it (RFC 9112, 2.3).
enum HTTPVersion {
    /// The length of `HTTP/1.1`.
    static let length = 8

    /// Whether a line is `HTTP/` as far as it goes.
    static func couldBegin(_ line: UnsafeRawBufferPointer) -> Bool {
        let name: StaticString = "HTTP/"
        for index in 0..<min(line.count, name.utf8CodeUnitCount) where line[index] != name.utf8Start[index] {
            return false
        }
        return true
    }

    /// The minor version of the `HTTP/1.x` at `start`, which the line is long enough for. A higher minor
    /// version is compatible (RFC 9110, 2.5), another major one isn't.
    static func minor(of line: UnsafeRawBufferPointer, at start: Int) throws(HTTPParseError) -> Int {
        guard line[start + 5] == UInt8(ascii: "1"), line[start + 6] == UInt8(ascii: "."),
            HTTPOctets.isDigit(line[start + 7])
        else { throw .unsupportedVersion }
        return Int(line[start + 7] &- 0x30)
    }
}
