// br, by libbrotlidec. Its window is 16 MiB at most (RFC 7932, 9.1): larger ones are an extension that is off.

import CBrotli

final class BrotliStage: ContentStage {
    private let state: OpaquePointer
    private(set) var hasMore = false
    private(set) var isComplete = false

    init() {
        guard let state = BrotliDecoderCreateInstance(nil, nil, nil) else {
            preconditionFailure("brotli can't begin: no memory")
        }
        self.state = state
    }

    deinit { BrotliDecoderDestroyInstance(state) }

    func step(_ input: RawSpan, into output: inout [UInt8]) throws(ContentDecodingError) -> (used: Int, made: Int) {
        guard !isComplete else {
            guard input.isEmpty else { throw .trailingBytes(.brotli) }
            return (0, 0)
        }
        var inputLeft = input.byteCount
        var outputLeft = output.count
        let result = input.withUnsafeBytes { input in
            output.withUnsafeMutableBufferPointer { output in
                var next = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
                var place = output.baseAddress
                return BrotliDecoderDecompressStream(state, &inputLeft, &next, &outputLeft, &place, nil)
            }
        }
        switch result {
        case BROTLI_DECODER_RESULT_SUCCESS: isComplete = true
        case BROTLI_DECODER_RESULT_ERROR:
            let words = BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state)).map { String(cString: $0) }
            throw .malformed(.brotli, words ?? "unknown error")
        default: break
        }
        hasMore = result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT
        return (input.byteCount - inputLeft, output.count - outputLeft)
    }
}
