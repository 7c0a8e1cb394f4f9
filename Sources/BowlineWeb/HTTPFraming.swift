// Where a message's body ends, and whether its connection may serve another one (RFC 9112, 6.3 and 9.3).
// Asked by both parsers when a head is complete. The only place that knows these rules.

/// What a request asked for, as far as it decides how its response ends.
package enum HTTPExchange: Hashable, Sendable {
    /// HEAD: the response has a head only.
    case head
    /// CONNECT: a 2xx response has no body, the tunnel begins.
    case connect
    /// Everything else.
    case other

    /// Creates the kind of a method; methods are case-sensitive (RFC 9110, 9.1).
    package init(method: String) {
        switch method {
        case "HEAD": self = .head
        case "CONNECT": self = .connect
        default: self = .other
        }
    }
}

/// How the end of a body is found.
package struct HTTPFraming: Hashable, Sendable {
    /// The way in which a body ends.
    package enum Body: Hashable, Sendable {
        /// There is no body, not even an empty one.
        case none
        /// After this many bytes.
        case length(Int)
        /// With the last chunk and the trailers.
        case chunked
        /// With the connection.
        case untilClose
    }

    /// The way in which the body ends.
    package var body: Body
    /// Whether the peer leaves the connection open for another message after this one.
    package var keepsConnection: Bool
    /// Whether a transfer coding has compressed the body, before it was framed: what comes isn't the content then. Of a request,
    /// whether there is any coding besides `chunked`.
    package var isCompressed = false

    /// The framing of a response.
    static func response(
        _ head: HTTPResponseHead, to exchange: HTTPExchange
    ) throws(HTTPParseError) -> HTTPFraming {
        let fields = HTTPFramingFields(head.fields)
        let persists = fields.persists(minorVersion: head.minorVersion) && fields.agree
        switch (head.status, exchange) {
        case (101, _), (200..<300, .connect):
            return HTTPFraming(body: .none, keepsConnection: false)
        case (100..<200, _), (204, _), (304, _), (_, .head):
            // Whatever the head says: a wrong length or coding only costs the connection.
            return HTTPFraming(body: .none, keepsConnection: persists && fields.areValid(in: head.minorVersion))
        default: break
        }
        switch try fields.coding(minorVersion: head.minorVersion) {
        case .chunked:
            return HTTPFraming(body: .chunked, keepsConnection: persists, isCompressed: fields.isCompressed)
        case .other:
            return HTTPFraming(body: .untilClose, keepsConnection: false, isCompressed: fields.isCompressed)
        case .none: break
        }
        guard let length = try fields.contentLength.get() else {
            return HTTPFraming(body: .untilClose, keepsConnection: false)
        }
        return HTTPFraming(body: .length(length), keepsConnection: persists)
    }

    /// The framing of a request. Stricter: two ways to read one request are an attack on whoever reads it
    /// the other way, so that Transfer-Encoding with Content-Length, and codings that don't end with `chunked`,
    /// are refused (RFC 9112, 6.1 and 6.3).
    static func request(
        _ fields: HTTPFieldSection, minorVersion: Int
    ) throws(HTTPParseError) -> HTTPFraming {
        let fields = HTTPFramingFields(fields)
        let persists = fields.persists(minorVersion: minorVersion)
        guard fields.agree else { throw .transferEncodingWithContentLength }
        switch try fields.coding(minorVersion: minorVersion) {
        case .chunked:
            return HTTPFraming(body: .chunked, keepsConnection: persists, isCompressed: fields.hasOtherCoding)
        case .other: throw .badTransferEncoding
        case .none: break
        }
        guard let length = try fields.contentLength.get() else {
            return HTTPFraming(body: .none, keepsConnection: persists)
        }
        return HTTPFraming(body: .length(length), keepsConnection: persists)
    }
}

/// What the fields of one head say about framing, each read once.
private struct HTTPFramingFields {
    enum Coding {
        case none
        /// `chunked` is the last coding.
        case chunked
        /// There are codings, and the last one isn't `chunked`.
        case other
    }

    /// The length, nil without the field, or why there is none.
    private(set) var contentLength: Result<Int?, HTTPParseError> = .success(nil)
    private var transferCoding: Result<Coding, HTTPParseError> = .success(.none)
    private var saysClose = false
    private var saysKeepAlive = false
    private var hasLength = false
    private var hasCoding = false
    private var hasChunked = false
    /// Whether one of the codings compresses.
    private(set) var isCompressed = false
    /// Whether there is one besides `chunked`, known or not.
    private(set) var hasOtherCoding = false
    /// The registered ones (RFC 9112, 7.2).
    private static let compressing: [StaticString] = ["gzip", "x-gzip", "deflate", "compress", "x-compress"]

    init(_ fields: HTTPFieldSection) {
        fields.bytes.withUnsafeBytes { bytes in
            var digits = 0..<0
            for entry in fields.entries {
                // The length of a name tells nearly all other fields apart.
                switch entry.name.count {
                case 10 where HTTPOctets.equal(bytes, entry.name, "connection"):
                    readConnection(bytes, entry.value)
                case 14 where HTTPOctets.equal(bytes, entry.name, "content-length"):
                    hasLength = true
                    readLength(bytes, entry.value, &digits)
                case 17 where HTTPOctets.equal(bytes, entry.name, "transfer-encoding"):
                    hasCoding = true
                    readCodings(bytes, entry.value)
                default: break
                }
            }
        }
    }

    /// Whether not both fields that give a length are there.
    var agree: Bool { !(hasLength && hasCoding) }

    func areValid(in minorVersion: Int) -> Bool {
        do throws(HTTPParseError) {
            _ = try coding(minorVersion: minorVersion)
            _ = try contentLength.get()
            return true
        } catch {
            return false
        }
    }

    func coding(minorVersion: Int) throws(HTTPParseError) -> Coding {
        // RFC 9112, 6.1: a recipient of HTTP/1.0 that has the field must take the framing as faulty.
        if hasCoding, minorVersion == 0 { throw .transferEncodingInHTTP10 }
        return try transferCoding.get()
    }

    /// RFC 9112, 9.3.
    func persists(minorVersion: Int) -> Bool {
        !saysClose && (minorVersion >= 1 || saysKeepAlive)
    }

    private mutating func readConnection(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        HTTPOctets.forEachElement(bytes, value) { element in
            if HTTPOctets.equal(bytes, element, "close") { saysClose = true }
            if HTTPOctets.equal(bytes, element, "keep-alive") { saysKeepAlive = true }
        }
    }

    /// RFC 9110, 8.6: digits, or a list of the same digits over and over. `030` beside `30` isn't the same.
    private mutating func readLength(
        _ bytes: UnsafeRawBufferPointer, _ value: Range<Int>, _ digits: inout Range<Int>
    ) {
        HTTPOctets.forEachElement(bytes, value) { element in
            guard case .success(let before) = contentLength else { return }
            guard !element.isEmpty, bytes[element].allSatisfy(HTTPOctets.isDigit) else {
                contentLength = .failure(.badContentLength)
                return
            }
            guard before != nil else {
                digits = element
                contentLength = Self.decimal(bytes, element)
                return
            }
            if !bytes[element].elementsEqual(bytes[digits]) { contentLength = .failure(.conflictingContentLengths) }
        }
    }

    /// A length beyond any body is a body beyond any limit.
    private static func decimal(_ bytes: UnsafeRawBufferPointer, _ digits: Range<Int>) -> Result<Int?, HTTPParseError> {
        var value = 0
        for octet in bytes[digits] {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(Int(octet &- 0x30))
            if overflows || overflowsToo { return .failure(.tooLarge(.bodyBytes, limit: Int.max)) }
            value = sum
        }
        return .success(value)
    }

    /// RFC 9112, 6.1 and 7: `chunked` is applied once at most, last, and takes no parameters.
    private mutating func readCodings(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        HTTPOctets.forEachElement(bytes, value) { element in
            guard case .success(let before) = transferCoding else { return }
            var end = element.lowerBound
            while end < element.upperBound, HTTPOctets.isToken(bytes[end]) { end += 1 }
            let name = element.lowerBound..<end
            let rest = HTTPOctets.trimmed(bytes, end..<element.upperBound)
            if element.isEmpty {
                // Empty elements of a list are ignored (RFC 9110, 5.6.1.2).
                if case .none = before { transferCoding = .success(.other) }
            } else if name.isEmpty || !rest.isEmpty && bytes[rest.lowerBound] != UInt8(ascii: ";") {
                transferCoding = .failure(.badTransferEncoding)
            } else if HTTPOctets.equal(bytes, name, "chunked") {
                let isAgain = hasChunked
                hasChunked = true
                transferCoding = isAgain || !rest.isEmpty ? .failure(.badTransferEncoding) : .success(.chunked)
            } else {
                transferCoding = .success(.other)
                hasOtherCoding = true
                if Self.compressing.contains(where: { HTTPOctets.equal(bytes, name, $0) }) { isCompressed = true }
            }
        }
    }

}
