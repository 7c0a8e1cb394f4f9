// Content codings undone: whatever the cut, the nesting and the size, and whatever is broken.

import Testing

@testable import BowlineWeb

@Suite("Content codings")
struct ContentDecoderTests {
    /// Half of it repeats itself, half doesn't, and it is longer than a piece and than gzip's window.
    private static let content: [UInt8] = {
        var generator = SplitMix64(state: 7)
        return (0..<40).flatMap { block in
            (0..<2_500).map { _ in block % 2 == 0 ? UInt8(block) : UInt8.random(in: 0...255, using: &generator) }
        }
    }()

    private func decode(
        _ codings: [ContentCoding], _ parts: [ArraySlice<UInt8>], limit: Int = 1 << 20
    ) throws(ContentDecodingError) -> [UInt8] {
        let decoder = ContentDecoder(codings, maximumBytes: limit)
        var output: [UInt8] = []
        for part in parts {
            try decoder.decode(part.span.bytes) { piece in
                #expect(piece.byteCount <= ContentDecoder.pieceBytes)
                piece.withUnsafeBytes { output.append(contentsOf: $0) }
                return true
            }
        }
        #expect(!decoder.isPending)
        try decoder.finish()
        return output
    }

    private func decode(_ codings: [ContentCoding], _ bytes: [UInt8]) throws(ContentDecodingError) -> [UInt8] {
        try decode(codings, [bytes[...]])
    }

    private func octets(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.indices.map { bytes[$0...$0] } }

    private func pieces(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...min(rest.count, 5_000), using: &generator)
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    // MARK: what is right

    @Test("each coding gives the content back, whole and byte by byte", arguments: ContentCoding.allCases)
    func roundTrip(coding: ContentCoding) throws {
        let encoded = coding.encode(Self.content)
        #expect(encoded.count < Self.content.count)
        #expect(try decode([coding], encoded) == Self.content)
        #expect(try decode([coding], octets(encoded)) == Self.content)
        #expect(try decode([coding], octets(coding.encode([]))) == [])
        #expect(try decode([coding], coding.encode([0x78])) == [0x78])
    }

    @Test("deflate is understood with and without its wrapper")
    func rawDeflate() throws {
        for content in [Self.content, Array("hello".utf8), []] {
            let raw = ContentEncoding.deflated(content, windowBits: -15)
            #expect(try decode([.deflate], raw) == content)
            #expect(try decode([.deflate], octets(raw)) == content)
        }
    }

    @Test("codings around one another are undone from the outermost in, however they are cut")
    func nesting() throws {
        let codings: [ContentCoding] = [.zstd, .gzip, .brotli, .deflate, .gzip]
        let encoded = codings.reduce(Self.content) { $1.encode($0) }
        #expect(try decode(codings, encoded) == Self.content)
        var generator = SplitMix64(state: 11)
        for _ in 0..<20 { #expect(try decode(codings, pieces(encoded, &generator)) == Self.content) }
    }

    @Test("gzip members and zstd frames may follow one another, a skippable frame among them")
    func members() throws {
        let (first, second) = (Array("first".utf8), Self.content)
        let gzip = ContentCoding.gzip.encode(first) + ContentCoding.gzip.encode(second)
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let zstd = skippable + ContentCoding.zstd.encode(first) + skippable + ContentCoding.zstd.encode(second)
        #expect(try decode([.gzip], gzip) == first + second)
        #expect(try decode([.gzip], octets(gzip)) == first + second)
        #expect(try decode([.zstd], zstd) == first + second)
        #expect(try decode([.zstd], octets(zstd)) == first + second)
    }

    @Test(
        "no bytes at all are no content, since servers name a coding for empty bodies",
        arguments: ContentCoding.allCases)
    func nothing(coding: ContentCoding) throws {
        #expect(try decode([coding, .gzip], []) == [])
        #expect(try decode([coding], [[], []]) == [])
    }

    // MARK: what is broken

    @Test("content that stops anywhere before its end is an error", arguments: ContentCoding.allCases)
    func truncation(coding: ContentCoding) throws {
        let encoded = coding.encode(Array("hello, hello, hello, world".utf8))
        for count in 1..<encoded.count {
            #expect(throws: ContentDecodingError.truncated(coding)) { try decode([coding], Array(encoded[..<count])) }
        }
        let nested = ContentCoding.gzip.encode(Array(encoded.dropLast()))
        #expect(throws: ContentDecodingError.truncated(coding)) { try decode([coding, .gzip], nested) }
    }

    @Test("bytes behind the end are an error", arguments: ContentCoding.allCases)
    func trailing(coding: ContentCoding) {
        let encoded = coding.encode(Array("hello".utf8)) + Array("<html>".utf8)
        #expect(throws: ContentDecodingError.trailingBytes(coding)) { try decode([coding], encoded) }
        #expect(throws: ContentDecodingError.trailingBytes(coding)) { try decode([coding], octets(encoded)) }
    }

    @Test("what isn't in the coding that it claims is an error that says which", arguments: ContentCoding.allCases)
    func otherContent(coding: ContentCoding) {
        let error = #expect(throws: ContentDecodingError.self) {
            try decode([coding], Array("<!DOCTYPE html><title>No such page</title>".utf8))
        }
        guard case .malformed(coding, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a checksum that doesn't fit is an error")
    func checksum() {
        for place in [1, 5] {
            var encoded = ContentCoding.gzip.encode(Array("hello".utf8))
            encoded[encoded.count - place] ^= 1
            let words = place == 1 ? "incorrect length check" : "incorrect data check"
            #expect(throws: ContentDecodingError.malformed(.gzip, words)) { try decode([.gzip], encoded) }
        }
    }

    @Test("a window of zstd above 8 MiB is refused (RFC 9659)")
    func zstdWindow() throws {
        // The magic number, a descriptor that says nothing but that a window follows, the window, and an empty last block.
        func frame(window: UInt8) -> [UInt8] { [0x28, 0xB5, 0x2F, 0xFD, 0, window, 1, 0, 0] }
        #expect(try decode([.zstd], frame(window: 13 << 3)) == [])
        #expect(throws: ContentDecodingError.self) { try decode([.zstd], frame(window: 13 << 3 | 1)) }
        #expect(throws: ContentDecodingError.self) { try decode([.zstd], frame(window: 21 << 3)) }
    }

    @Test("broken content ends the same whole and in pieces, and never in more than the limit")
    func fuzz() {
        var generator = SplitMix64(state: 2_026)
        let seeds =
            ContentCoding.allCases.map { ([$0], $0.encode(Array(Self.content[..<6_000]))) }
            + [([.gzip, .brotli], ContentCoding.brotli.encode(ContentCoding.gzip.encode(Array(Self.content[..<600]))))]
        for round in 0..<600 {
            var (codings, bytes) = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                }
            }
            let whole = Result { try decode(codings, [bytes[...]], limit: 5_000) }
            let cut = Result { try decode(codings, pieces(bytes, &generator), limit: 5_000) }
            #expect((try? whole.get()) == (try? cut.get()))
            #expect((try? whole.get()).map { $0.count <= 5_000 } ?? true)
        }
    }

    // MARK: bounds

    @Test(
        "the limit counts what comes out: exactly that much passes, one byte more doesn't",
        arguments: ContentCoding.allCases)
    func limit(coding: ContentCoding) throws {
        let encoded = coding.encode(Self.content)
        #expect(try decode([coding], [encoded[...]], limit: Self.content.count) == Self.content)
        #expect(throws: ContentDecodingError.tooLarge(limit: Self.content.count - 1)) {
            try decode([coding], [encoded[...]], limit: Self.content.count - 1)
        }
    }

    @Test("a bomb is refused when it has made as much as the limit, wherever among the codings it goes off")
    func bombs() {
        let zeros = [UInt8](repeating: 0, count: 64 << 20)
        for coding in ContentCoding.allCases {
            let bomb = coding.encode(zeros)
            let decoder = ContentDecoder([coding], maximumBytes: 1 << 20)
            var made = 0
            #expect(throws: ContentDecodingError.tooLarge(limit: 1 << 20)) {
                try decoder.decode(bomb.span.bytes) { piece in
                    made += piece.byteCount
                    return true
                }
            }
            #expect(made <= 1 << 20)
        }
        // It collapses again: 200,000 empty members between two codings, which no limit on the result would see.
        let empty = ContentCoding.gzip.encode([])
        let hidden = ContentCoding.gzip.encode([[UInt8]](repeating: empty, count: 200_000).flatMap { $0 })
        #expect(throws: ContentDecodingError.tooLarge(limit: 1 << 20)) {
            try decode([.gzip, .gzip], [hidden[...]], limit: 1 << 20)
        }
        #expect(throws: Never.self) { try decode([.gzip, .gzip], [hidden[...]], limit: 1 << 22) }
    }

    @Test(
        "a taker that has enough is given one piece at a time, and in the end the same content",
        arguments: ContentCoding.allCases)
    func pace(coding: ContentCoding) throws {
        let content = [UInt8](repeating: 0x61, count: 1 << 20) + Self.content
        let encoded = ContentCoding.gzip.encode(coding.encode(content))
        let decoder = ContentDecoder([coding, .gzip], maximumBytes: .max)
        var output: [UInt8] = []
        var count = 0
        func take(_ piece: RawSpan) -> Bool {
            count += 1
            piece.withUnsafeBytes { output.append(contentsOf: $0) }
            return false
        }
        let middle = encoded.count / 2
        let (first, second) = (encoded[..<middle], encoded[middle...])
        try decoder.decode(first.span.bytes, take)
        #expect(count == 1)
        // More may come in meanwhile.
        try decoder.decode(second.span.bytes, take)
        #expect(count == 2)
        while decoder.isPending {
            let before = count
            try decoder.resume(take)
            #expect(count <= before + 1)
        }
        try decoder.finish()
        #expect(output == content)
    }

    @Test("a call does no more than its share of work, also where nothing comes out of it")
    func share() throws {
        // 500,000 empty members between two codings: a kilobyte that is a megabyte of work and no content.
        let empty = ContentCoding.gzip.encode([])
        let hidden = ContentCoding.gzip.encode([[UInt8]](repeating: empty, count: 500_000).flatMap { $0 })
        let share = 100_000
        let decoder = ContentDecoder([.gzip, .gzip], maximumBytes: .max, workPerCall: share)
        try decoder.decode(hidden.span.bytes) { _ in true }
        var calls = 1
        while decoder.isPending {
            try decoder.resume { _ in true }
            calls += 1
        }
        try decoder.finish()
        #expect(calls > 500_000 * empty.count / (share + 2 * ContentDecoder.pieceBytes))
    }

    // MARK: names

    @Test(
        "Content-Encoding names codings in the order in which they were applied",
        arguments: [
            (["gzip"], [ContentCoding.gzip]), (["gzip, br"], [.gzip, .brotli]), (["X-GZip", " zstd"], [.gzip, .zstd]),
            (["identity"], []), ([""], []), ([], []), ([", deflate ,,identity"], [.deflate]),
        ])
    func names(values: [String], expected: [ContentCoding]) throws {
        #expect(try ContentCoding.list(values) == expected)
    }

    @Test("a coding that nobody knows is refused, and so are 50 around one another")
    func refusedNames() {
        #expect(throws: ContentDecodingError.unknownCoding("compress")) { try ContentCoding.list(["gzip, compress"]) }
        #expect(throws: ContentDecodingError.unknownCoding("g zip")) { try ContentCoding.list(["g zip"]) }
        #expect(throws: ContentDecodingError.tooManyCodings) {
            try ContentCoding.list([String](repeating: "gzip", count: 50))
        }
        #expect(throws: Never.self) { try ContentCoding.list([String](repeating: "gzip", count: 5)) }
    }

    @Test("all codings that are understood are asked for")
    func accepted() throws {
        #expect(try ContentCoding.list([ContentCoding.accepted]) == ContentCoding.allCases)
    }
}
