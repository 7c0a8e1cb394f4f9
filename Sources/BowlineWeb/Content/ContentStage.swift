// One coding being undone: what the three libraries have in common.

protocol ContentStage: AnyObject {
    /// Decodes what it can of `input`, and fills `output` from its beginning.
    ///
    /// - Returns: how much of the input is used up, and how much of the output is filled. With input and room for output
    ///   one of them isn't 0.
    func step(_ input: RawSpan, into output: inout [UInt8]) throws(ContentDecodingError) -> (used: Int, made: Int)

    /// Whether more may come without more input.
    var hasMore: Bool { get }

    /// Whether the content may end here, once something of it has come.
    var isComplete: Bool { get }
}

extension ContentCoding {
    func makeStage() -> any ContentStage {
        switch self {
        case .gzip: InflateStage(.gzip)
        case .deflate: InflateStage(.deflate)
        case .brotli: BrotliStage()
        case .zstd: ZstdStage()
        }
    }
}
