// Encodes content with the same libraries' other halves.

import CBrotli.Encoder
import CZlib
import CZstd

@testable import BowlineWeb

enum ContentEncoding {
    /// A zlib stream in one of its three wrappers: 31 is gzip, 15 RFC 1950, -15 RFC 1951 alone.
    static func deflated(_ content: [UInt8], windowBits: CInt) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size))
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(content.count))) + 64)
        var input = content
        let count = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
                return output.count - Int(stream.avail_out)
            }
        }
        deflateEnd(&stream)
        return Array(output[..<count])
    }

    static func brotli(_ content: [UInt8]) -> [UInt8] {
        var count = BrotliEncoderMaxCompressedSize(content.count) + 64
        var output = [UInt8](repeating: 0, count: count)
        precondition(
            BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, content.count, content, &count, &output) == BROTLI_TRUE)
        return Array(output[..<count])
    }

    static func zstd(_ content: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(content.count))
        let count = ZSTD_compress(&output, output.count, content, content.count, 3)
        precondition(ZSTD_isError(count) == 0)
        return Array(output[..<count])
    }
}

extension ContentCoding {
    func encode(_ content: [UInt8]) -> [UInt8] {
        switch self {
        case .gzip: ContentEncoding.deflated(content, windowBits: 31)
        case .deflate: ContentEncoding.deflated(content, windowBits: 15)
        case .brotli: ContentEncoding.brotli(content)
        case .zstd: ContentEncoding.zstd(content)
        }
    }
}
