// gzip and deflate, by zlib.

import CZlib

final class InflateStage: ContentStage {
    private enum State {
        /// Nothing has come, or, for deflate, one octet, which doesn't tell the format yet.
        case beginning(UInt8?)
        case inside
        /// A gzip member is complete; another may follow (RFC 1952, 2.2).
        case betweenMembers
        case ended
    }

    private let coding: ContentCoding
    /// Its address must not change: zlib's state points back to it.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var state = State.beginning(nil)
    private var isInitialized = false
    private var isFirstMember = true
    private(set) var hasMore = false

    init(_ coding: ContentCoding) {
        self.coding = coding
        stream.initialize(to: z_stream())
    }

    deinit {
        if isInitialized { inflateEnd(stream) }
        stream.deallocate()
    }

    var isComplete: Bool {
        switch state {
        case .betweenMembers, .ended: true
        case .beginning, .inside: false
        }
    }

    func step(_ input: RawSpan, into output: inout [UInt8]) throws(ContentDecodingError) -> (used: Int, made: Int) {
        switch state {
        case .inside: break
        case .beginning(let first):
            guard coding == .deflate else {
                begin(windowBits: 15 + 16)  // zlib.h: "Add 16 to decode only the gzip format"
                break
            }
            return try decideFormat(first, input, into: &output)
        case .betweenMembers:
            guard !input.isEmpty else { return (0, 0) }
            inflateReset(stream)
            isFirstMember = false
            state = .inside
        case .ended:
            guard input.isEmpty else { throw .trailingBytes(coding) }
            return (0, 0)
        }
        return try inflate(input, into: &output)
    }

    /// Tells RFC 1950 from RFC 1951 by the first two octets: the former's are a multiple of 31 and name the method 8.
    private func decideFormat(
        _ first: UInt8?, _ input: RawSpan, into output: inout [UInt8]
    ) throws(ContentDecodingError) -> (used: Int, made: Int) {
        guard !input.isEmpty else { return (0, 0) }
        let next = input.unsafeLoad(as: UInt8.self)
        if first == nil, input.byteCount == 1 {
            state = .beginning(next)
            return (1, 0)
        }
        let head = first ?? next
        let second = first == nil ? input.unsafeLoad(fromByteOffset: 1, as: UInt8.self) : next
        let isZlib = head & 0x0F == 8 && head >> 4 <= 7 && (Int(head) << 8 | Int(second)) % 31 == 0
        begin(windowBits: isZlib ? 15 : -15)
        if let first {
            // One octet alone doesn't fill anything: the shortest code needs two.
            let octet = [first]
            _ = try inflate(octet.span.bytes, into: &output)
        }
        return try inflate(input, into: &output)
    }

    private func begin(windowBits: CInt) {
        let result = inflateInit2_(stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        // What is left is a lack of memory, where Swift traps, too.
        precondition(result == Z_OK, "zlib can't begin: \(result)")
        isInitialized = true
        state = .inside
    }

    private func inflate(
        _ input: RawSpan, into output: inout [UInt8]
    ) throws(ContentDecodingError) -> (used: Int, made: Int) {
        let room = output.count
        let result = input.withUnsafeBytes { input in
            output.withUnsafeMutableBufferPointer { output in
                // zlib doesn't write to its input.
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(clamping: input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(clamping: output.count)
                return CZlib.inflate(stream, Z_NO_FLUSH)
            }
        }
        let used = min(input.byteCount, Int(UInt32.max)) - Int(stream.pointee.avail_in)
        let made = room - Int(stream.pointee.avail_out)
        switch result {
        case Z_STREAM_END: state = coding == .gzip ? .betweenMembers : .ended
        case Z_OK, Z_BUF_ERROR: break
        default:
            // What follows a member and doesn't begin like one; after 2 octets zlib knows.
            if !isFirstMember, stream.pointee.total_in <= 2 { throw .trailingBytes(coding) }
            throw .malformed(coding, words(result))
        }
        hasMore = made == room && result != Z_STREAM_END
        return (used, made)
    }

    private func words(_ result: CInt) -> String {
        if let message = stream.pointee.msg { return String(cString: message) }
        return result == Z_NEED_DICT ? "it needs a dictionary" : "error \(result)"
    }
}
