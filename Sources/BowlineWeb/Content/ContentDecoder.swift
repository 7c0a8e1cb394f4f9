// Undoes the codings of a body as it arrives. Whoever receives the body drives it: bytes go in as they come, and what they
// decode to comes out in small pieces, as many as the taker wants at a time. A few bytes may become gigabytes: so neither
// the memory nor the time that one call takes may depend on what they decode to.

/// Decodes a body that has one content coding, or several around one another.
///
/// The result doesn't depend on how the input is cut. Its memory is bounded by the codings: a window of 32 KiB for gzip
/// and deflate, 8 MiB for zstd and 16 MiB for br, a piece, and the input that was not used.
package final class ContentDecoder {
    /// The most codings around one another that are undone, as in curl. Two are rare, and three a mistake.
    package static let maximumCodings = 5
    /// The size of a piece at most.
    package static let pieceBytes = 32 * 1024

    /// A stage, and what it has not yet decoded of what the stage before it has made.
    private struct Link {
        let coding: ContentCoding
        let stage: any ContentStage
        var input: [UInt8] = []
        var range = 0..<0
        /// Whether anything has come. Nothing at all is the content of nothing: servers name the coding of an empty body.
        var hasBegun = false
        var made = 0
    }

    private let maximumBytes: Int
    /// What all stages together may take in and make in one call: between two codings there may be much of which nothing
    /// comes out.
    private let workPerCall: Int
    /// The outermost coding, which is undone first, comes first.
    private var links: [Link]
    private var piece = [UInt8](repeating: 0, count: pieceBytes)
    /// Of the input, what the taker had no use for yet.
    private var pending: [UInt8] = []
    private var pendingStart = 0

    /// Creates a decoder.
    ///
    /// - Parameters:
    ///   - codings: in the order in which they were applied, as Content-Encoding names them; at least one.
    ///   - maximumBytes: the most that may come out.
    ///   - workPerCall: after so many bytes that its stages have taken in and made, a call ends, and leaves the rest pending.
    package init(_ codings: [ContentCoding], maximumBytes: Int, workPerCall: Int = .max) {
        precondition(!codings.isEmpty && codings.count <= Self.maximumCodings)
        self.maximumBytes = maximumBytes
        self.workPerCall = workPerCall
        links = codings.reversed().map { Link(coding: $0, stage: $0.makeStage()) }
    }

    /// Whether something is left to give of what has come in.
    package var isPending: Bool {
        pendingStart < pending.count || links.contains { !$0.range.isEmpty || $0.stage.hasMore }
    }

    /// Takes `bytes`, and gives what they decode to, until `give` says that it is enough for now.
    ///
    /// What was not used is copied; `resume` goes on with it.
    /// - Parameter give: takes a piece, which is lent, and returns whether it wants another.
    package func decode(_ bytes: RawSpan, _ give: (RawSpan) -> Bool) throws(ContentDecodingError) {
        guard pendingStart == pending.count else {
            pending.removeFirst(pendingStart)
            pendingStart = 0
            bytes.withUnsafeBytes { pending.append(contentsOf: $0) }
            return try resume(give)
        }
        let used = try run(bytes, give)
        if used < bytes.byteCount {
            pending = bytes.extracting(droppingFirst: used).withUnsafeBytes { Array($0) }
            pendingStart = 0
        }
    }

    /// Goes on where `give` had enough.
    package func resume(_ give: (RawSpan) -> Bool) throws(ContentDecodingError) {
        let bytes = pending
        pendingStart += try run(bytes.span.bytes.extracting(droppingFirst: pendingStart), give)
        if pendingStart == pending.count {
            pending = []
            pendingStart = 0
        }
    }

    /// Says that the input has ended, and nothing is pending.
    package func finish() throws(ContentDecodingError) {
        for link in links where link.hasBegun && !link.stage.isComplete { throw .truncated(link.coding) }
    }

    /// Has the last stage that can do something do it, until none can or `give` has enough. So a stage has only input
    /// when those after it have none, and each keeps one piece at most.
    ///
    /// - Returns: how much of `input` is used up.
    private func run(_ input: RawSpan, _ give: (RawSpan) -> Bool) throws(ContentDecodingError) -> Int {
        var used = 0
        var work = 0
        while work < workPerCall {
            if let index = links.lastIndex(where: { !$0.range.isEmpty || $0.stage.hasMore }), index > 0 {
                let link = links[index]
                let (taken, made) = try link.stage.step(link.input.span.bytes.extracting(link.range), into: &piece)
                links[index].range = links[index].range.dropFirst(taken)
                work += taken + made
                guard try pass(made, from: index, give) else { return used }
            } else if used < input.byteCount || links[0].stage.hasMore {
                links[0].hasBegun = true
                let (taken, made) = try links[0].stage.step(input.extracting(droppingFirst: used), into: &piece)
                used += taken
                work += taken + made
                guard try pass(made, from: 0, give) else { return used }
            } else {
                return used
            }
        }
        return used
    }

    /// Gives what a stage has made to the next one, or to the taker.
    private func pass(_ count: Int, from index: Int, _ give: (RawSpan) -> Bool) throws(ContentDecodingError) -> Bool {
        guard count > 0 else { return true }
        links[index].made += count
        let isLast = index == links.count - 1
        guard links[index].made <= (isLast ? maximumBytes : maximumIntermediateBytes) else {
            throw .tooLarge(limit: maximumBytes)
        }
        if isLast {
            let piece = self.piece
            return give(piece.span.bytes.extracting(first: count))
        }
        // The next one's input is used up: it serves as the room for the next piece.
        if links[index + 1].input.isEmpty { links[index + 1].input = [UInt8](repeating: 0, count: Self.pieceBytes) }
        swap(&piece, &links[index + 1].input)
        links[index + 1].range = 0..<count
        links[index + 1].hasBegun = true
        return true
    }

    /// What may be between two codings: encoded content is hardly larger than what it encodes.
    private var maximumIntermediateBytes: Int {
        let (twice, overflows) = maximumBytes.multipliedReportingOverflow(by: 2)
        return overflows || twice > Int.max - 4096 ? Int.max : twice + 4096
    }
}

@available(*, unavailable)
extension ContentDecoder: Sendable {}
