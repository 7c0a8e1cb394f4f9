// zstd, by libzstd. Frames may follow one another, skippable ones among them (RFC 8878, 3).

import CZstd

final class ZstdStage: ContentStage {
    /// RFC 9659, 3: "a Window_Size no larger than 8 MB".
    private static let windowLog: CInt = 23

    private let context: OpaquePointer
    private(set) var hasMore = false
    private(set) var isComplete = false
    private var isFirstFrame = true

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd can't begin: no memory") }
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLog)
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    func step(_ input: RawSpan, into output: inout [UInt8]) throws(ContentDecodingError) -> (used: Int, made: Int) {
        // Between frames a call without input would begin the next one.
        guard !input.isEmpty || hasMore else { return (0, 0) }
        var source = ZSTD_inBuffer(src: nil, size: input.byteCount, pos: 0)
        var made = 0
        let result = input.withUnsafeBytes { input in
            output.withUnsafeMutableBytes { output in
                source.src = input.baseAddress
                var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                defer { made = target.pos }
                return ZSTD_decompressStream(context, &target, &source)
            }
        }
        guard ZSTD_isError(result) == 0 else {
            if !isFirstFrame, ZSTD_getErrorCode(result) == ZSTD_error_prefix_unknown { throw .trailingBytes(.zstd) }
            throw .malformed(.zstd, String(cString: ZSTD_getErrorName(result)))
        }
        // 0: a frame is decoded, and all of it was given.
        isComplete = result == 0
        if isComplete { isFirstFrame = false }
        hasMore = !isComplete && made == output.count
        return (source.pos, made)
    }
}
