// Netstrings (D. J. Bernstein, 1997): "5:hello,".

/// Receives netstrings: a decimal length, a colon, that many bytes, a comma.
///
/// ```swift
/// final class Store: NetstringReceiver {
///     override func stringReceived(_ string: RawSpan) { sendString("stored \(string.byteCount) bytes") }
/// }
/// ```
open class NetstringReceiver: FramingReceiver {
    /// Why input is no netstring of acceptable size.
    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// Not digits and a colon, a leading zero, or no comma behind the string.
        case malformed
        /// The announced length is larger than `maxLength`.
        case tooLong

        /// The fault in words.
        public var description: String {
            switch self {
            case .malformed: "not a netstring"
            case .tooLong: "the netstring is longer than what is accepted"
            }
        }
    }

    /// The longest string that is accepted, in bytes; 99999 by default.
    public var maxLength = 99_999

    private var hasFailed = false

    /// Creates a receiver of netstrings.
    public override init() {}

    /// A string has arrived. The bytes are lent. Does nothing by default.
    open func stringReceived(_ string: RawSpan) {}

    /// What arrived is not acceptable. There is no finding back into the stream: nothing more is received. By default
    /// the connection is closed.
    open func stringRejected(_ fault: Fault) {
        transport?.loseConnection()
    }

    /// Sends a string as a netstring.
    public func sendString(_ string: [UInt8]) {
        transport?.write("\(string.count):")
        transport?.write(string)
        transport?.write(",")
    }

    /// Sends the UTF-8 of a text as a netstring.
    public func sendString(_ string: String) {
        sendString(Array(string.utf8))
    }

    override func deliverNext(_ bytes: RawSpan) -> Int {
        if hasFailed { return bytes.byteCount }
        let prefix: Prefix
        do {
            guard let parsed = try parsePrefix(bytes) else { return 0 }
            prefix = parsed
        } catch {
            return reject(error, bytes)
        }
        // The length may be any that `maxLength` allows: a sum could overflow.
        guard bytes.byteCount - prefix.count > prefix.length else { return 0 }
        let end = prefix.count + prefix.length
        guard bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) == UInt8(ascii: ",") else {
            return reject(.malformed, bytes)
        }
        stringReceived(bytes.extracting(prefix.count..<end))
        return end + 1
    }

    private func reject(_ fault: Fault, _ bytes: RawSpan) -> Int {
        hasFailed = true
        stringRejected(fault)
        return bytes.byteCount
    }

    private struct Prefix {
        /// The length that it announces, and how many bytes it takes itself.
        var length: Int
        var count: Int
    }

    /// Reads the digits and the colon; nil if the colon has not arrived.
    private func parsePrefix(_ bytes: RawSpan) throws(Fault) -> Prefix? {
        var length = 0
        for index in 0..<bytes.byteCount {
            let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            if byte == UInt8(ascii: ":"), index > 0 { return Prefix(length: length, count: index + 1) }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), index == 0 || length > 0 else {
                throw .malformed
            }
            let (product, overflows) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            if overflows || overflowsToo || sum > maxLength { throw .tooLong }
            length = sum
        }
        return nil
    }
}
