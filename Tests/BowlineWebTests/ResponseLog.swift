// What a response parser says of some bytes, as lines that can be compared; and the ways to cut the bytes.

import BowlineWeb

/// The events of one run of the response parser, neighbouring body and excess pieces joined.
struct ResponseLog: Equatable, CustomStringConvertible {
    var lines: [String] = []
    var body: [UInt8] = []
    var error: HTTPParseError?
    var head: HTTPResponseHead?
    var trailers: HTTPFieldSection?
    var excess: [UInt8] = []
    var isComplete = false
    var allowsReuse = false

    var description: String { lines.joined(separator: "\n") }

    /// Runs the parser over `pieces`, then over the end of the connection unless `staysOpen`.
    init(
        _ pieces: [ArraySlice<UInt8>], to exchange: HTTPExchange = .other, limits: HTTPLimits = HTTPLimits(),
        staysOpen: Bool = false, endsCleanly: Bool = true
    ) {
        var parser = HTTPResponseParser(to: exchange, limits: limits)
        do {
            for piece in pieces { try feed(&parser, piece) }
            if !staysOpen, try parser.finish(isClean: endsCleanly) { complete(parser, "with the connection") }
        } catch {
            self.error = error
            // The error stays: the parser can't be talked into going on.
            var position = 0
            let again = [UInt8]("HTTP/1.1 200 OK\r\n\r\n".utf8)
            let second = Result { () throws(HTTPParseError) in try parser.next(again.span.bytes, at: &position) }
            lines.append(second == .failure(error) ? "error \(error)" : "error \(error), forgotten")
        }
        if !body.isEmpty { lines.append("body \(body.count) \(String(decoding: body, as: UTF8.self))") }
        if !excess.isEmpty { lines.append("excess \(String(decoding: excess, as: UTF8.self))") }
        allowsReuse = parser.allowsReuse
        lines.append("reuse \(allowsReuse)")
    }

    private mutating func feed(_ parser: inout HTTPResponseParser, _ piece: ArraySlice<UInt8>) throws(HTTPParseError) {
        let bytes = Array(piece)
        var position = 0
        while true {
            switch try parser.next(bytes.span.bytes, at: &position) {
            case .needsMore:
                guard position == bytes.count else { return lines.append("input left at \(position)") }
                return
            case .interim: lines.append("interim \(describe(parser.head))")
            case .head:
                head = parser.head
                lines.append("head \(describe(parser.head))")
            case .body(let range): body += bytes[range]
            case .end: complete(parser, "")
            case .excess(let range): excess += bytes[range]
            }
        }
    }

    private mutating func complete(_ parser: HTTPResponseParser, _ how: String) {
        isComplete = true
        trailers = parser.trailers
        lines.append("end \(how) \(describe(parser.trailers))")
    }

    private func describe(_ head: HTTPResponseHead) -> String {
        "1.\(head.minorVersion) \(head.status) \(head.reason) \(describe(head.fields))"
    }

    private func describe(_ fields: HTTPFieldSection) -> String {
        (0..<fields.count).map { "\(fields[$0].name): \(fields[$0].value)" }.joined(separator: " | ")
    }
}

/// Ways to hand over the same bytes.
enum Cutting {
    static func whole(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { [bytes[...]] }

    static func byteByByte(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.indices.map { bytes[$0...$0] } }

    /// Pieces of random sizes, the same for the same seed.
    static func random(_ bytes: [UInt8], seed: UInt64) -> [ArraySlice<UInt8>] {
        var generator = SplitMix64(state: seed)
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...max(1, min(rest.count, 40)), using: &generator)
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
