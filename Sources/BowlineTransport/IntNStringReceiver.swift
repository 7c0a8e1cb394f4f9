// Strings that follow their length: one, two or four bytes, in network order.

/// Receives strings that follow their length. Not for use itself: ``Int8StringReceiver``, ``Int16StringReceiver`` and
/// ``Int32StringReceiver`` say how long the length is.
///
/// ```swift
/// final class Frames: Int32StringReceiver {
///     override func connectionMade() { maxLength = 1 << 20 }
///     override func stringReceived(_ string: RawSpan) { sendString("\(string.byteCount) bytes") }
/// }
/// ```
open class IntNStringReceiver: FramingReceiver {
    /// The longest string that is accepted, in bytes; 99999 by default.
    public var maxLength = 99_999

    private let prefixCount: Int
    private var hasFailed = false

    init(prefixCount: Int) {
        self.prefixCount = prefixCount
    }

    /// The longest string whose length the prefix can hold.
    public var longestString: Int { (1 << (prefixCount * 8)) - 1 }

    /// A string has arrived. The bytes are lent. Does nothing by default.
    open func stringReceived(_ string: RawSpan) {}

    /// A string of `length` bytes is announced, and that is more than `maxLength`. Nothing more is received. By default
    /// the connection is closed.
    open func lengthLimitExceeded(_ length: Int) {
        transport?.loseConnection()
    }

    /// Sends a string behind its length. One longer than `longestString` is a program error.
    public func sendString(_ string: [UInt8]) {
        precondition(string.count <= longestString, "\(string.count) does not fit into \(prefixCount) bytes")
        let length = UInt32(string.count)
        transport?.write((0..<prefixCount).reversed().map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) })
        transport?.write(string)
    }

    /// Sends the UTF-8 of a text behind its length.
    public func sendString(_ string: String) {
        sendString(Array(string.utf8))
    }

    override func deliverNext(_ bytes: RawSpan) -> Int {
        if hasFailed { return bytes.byteCount }
        guard bytes.byteCount >= prefixCount else { return 0 }
        var length = 0
        for index in 0..<prefixCount {
            length = length << 8 | Int(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        if length > maxLength {
            hasFailed = true
            lengthLimitExceeded(length)
            return bytes.byteCount
        }
        let end = prefixCount + length
        guard bytes.byteCount >= end else { return 0 }
        stringReceived(bytes.extracting(prefixCount..<end))
        return end
    }
}

/// Receives strings of up to 255 bytes behind a length of one byte.
///
/// ```swift
/// final class Short: Int8StringReceiver {
///     override func stringReceived(_ string: RawSpan) { sendString("got \(string.byteCount)") }
/// }
/// ```
open class Int8StringReceiver: IntNStringReceiver {
    /// Creates a receiver.
    public init() { super.init(prefixCount: 1) }
}

/// Receives strings of up to 65535 bytes behind a length of two bytes in network order.
///
/// ```swift
/// final class DNSOverTCP: Int16StringReceiver {
///     override func stringReceived(_ message: RawSpan) { print("a message of", message.byteCount, "bytes") }
/// }
/// ```
open class Int16StringReceiver: IntNStringReceiver {
    /// Creates a receiver.
    public init() { super.init(prefixCount: 2) }
}

/// Receives strings behind a length of four bytes in network order; of up to 99999 bytes unless `maxLength` is raised.
///
/// ```swift
/// final class Long: Int32StringReceiver {
///     override func stringReceived(_ string: RawSpan) { sendString("got \(string.byteCount)") }
/// }
/// ```
open class Int32StringReceiver: IntNStringReceiver {
    /// Creates a receiver.
    public init() { super.init(prefixCount: 4) }
}
