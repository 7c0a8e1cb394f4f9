// A protocol of lines, and of raw bytes in between where it says so: SMTP, FTP, finger, the head of HTTP.

import Glibc

/// Receives lines.
///
/// ```swift
/// final class Greeter: LineReceiver {
///     override func lineReceived(_ line: RawSpan) {
///         sendLine("hello, \(String(decoding: line.withUnsafeBytes { Array($0) }, as: UTF8.self))")
///     }
/// }
/// ```
open class LineReceiver: FramingReceiver {
    /// What ends a line; "\r\n" by default. At least one byte; to be set when nothing has been received.
    public var delimiter: [UInt8] = [13, 10] {
        didSet { precondition(!delimiter.isEmpty, "a delimiter has at least one byte") }
    }

    /// The longest line that is accepted, in bytes without its delimiter; 16384 by default.
    public var maxLength = 16_384

    /// Whether bytes are received as they come, instead of as lines.
    public private(set) var isRaw = false

    /// So many bytes of the line under way were searched for a delimiter.
    private var searched = 0
    /// The line under way was too long: the rest of it is skipped.
    private var isSkipping = false

    /// Creates a receiver of lines.
    public override init() {}

    /// A line has arrived. The bytes, without the delimiter, are lent. Does nothing by default.
    open func lineReceived(_ line: RawSpan) {}

    /// Bytes have arrived in raw mode. They are lent. Does nothing by default.
    open func rawDataReceived(_ bytes: RawSpan) {}

    /// A line is longer than `maxLength`. By default the connection is closed; where an override doesn't, the line is
    /// skipped and the next one is received.
    open func lineLengthExceeded() {
        transport?.loseConnection()
    }

    /// Passes what comes next to `rawDataReceived`, from behind the present line on.
    public func setRawMode() {
        isRaw = true
        searched = 0
        deliverHeld()
    }

    /// Cuts what comes next into lines again.
    ///
    /// - Parameter extra: the part of the present raw bytes that belongs to lines already.
    public func setLineMode(extra: [UInt8] = []) {
        isRaw = false
        searched = 0
        if !extra.isEmpty { putBack(extra) }
        deliverHeld()
    }

    /// Sends a line with its delimiter.
    public func sendLine(_ line: String) {
        transport?.write(line)
        transport?.write(delimiter)
    }

    override func deliverNext(_ bytes: RawSpan) -> Int {
        if isRaw {
            rawDataReceived(bytes)
            return bytes.byteCount
        }
        guard let end = lineEnd(in: bytes) else { return skipWithoutEnd(bytes.byteCount) }
        searched = 0
        if isSkipping {
            isSkipping = false
        } else if end > maxLength {
            lineLengthExceeded()
        } else {
            lineReceived(bytes.extracting(0..<end))
        }
        return end + delimiter.count
    }

    /// Where the first line ends. What was searched before isn't searched again, or a long line that arrives byte by
    /// byte would take quadratic time.
    private func lineEnd(in bytes: RawSpan) -> Int? {
        let first = delimiter[0]
        let found = bytes.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            var position = searched
            while position + delimiter.count <= bytes.count,
                let hit = memchr(base + position, Int32(first), bytes.count - delimiter.count + 1 - position)
            {
                position = UnsafeRawPointer(hit) - base
                if bytes[position..<(position + delimiter.count)].elementsEqual(delimiter) { return position }
                position += 1
            }
            return nil
        }
        if found == nil { searched = max(searched, bytes.byteCount - delimiter.count + 1) }
        return found
    }

    /// There is no end of line in so many bytes. Returns how many of them are of no use any more: those of a line that
    /// is too long, but for what may be the beginning of its delimiter.
    private func skipWithoutEnd(_ count: Int) -> Int {
        guard searched > maxLength else { return 0 }
        if !isSkipping {
            isSkipping = true
            let skipped = searched
            searched = 0
            lineLengthExceeded()
            return skipped
        }
        defer { searched = 0 }
        return searched
    }
}
