// An IPv4 address as a number. Names parses answers into it, connectors sort and dial it.
// Text in is the strict dotted quad only: what inet_aton(3) also takes (`0x7f.1`, `017700000001`, `127.1`) names another
// host to another reader, which is how filters are walked around. Must never allocate while parsing.

/// Holds an IPv4 address.
///
/// ```swift
/// let address = IPv4Address("192.0.2.1")!
/// print(address.bits == 0xC000_0201, address.isPrivate)   // true false
/// print(IPv4Address("127.1") == nil)                      // true: four decimal numbers or nothing
/// print(IPv4Address.loopback)                             // 127.0.0.1
/// ```
public struct IPv4Address: Hashable, Sendable {
    /// The address as a number in host order: 127.0.0.1 is `0x7F000001`.
    public var bits: UInt32

    /// Makes an address from its number in host order.
    public init(bits: UInt32) { self.bits = bits }

    /// Makes an address from its four octets, first to last.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// 0.0.0.0: every interface when listening.
    public static let any = IPv4Address(bits: 0)
    /// 127.0.0.1.
    public static let loopback = IPv4Address(bits: 0x7F00_0001)
}

// MARK: - Text

extension IPv4Address: LosslessStringConvertible {
    /// Reads a dotted quad: exactly four decimal numbers from 0 to 255 without leading zeros; nil for anything else.
    public init?(_ description: String) {
        self.init(utf8: description.utf8Span.span)
    }

    /// Reads a dotted quad that fills `bytes` from `start` to the end; nil for anything else.
    package init?(utf8 bytes: Span<UInt8>, from start: Int = 0) {
        var bits: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in start..<max(start, bytes.count) {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                bits = bits << 8 | octet
                (octet, digits) = (0, 0)
                dots += 1
            } else {
                let digit = byte &- UInt8(ascii: "0")
                guard digit <= 9, digits == 0 || octet > 0 else { return nil }
                octet = octet * 10 + UInt32(digit)
                digits += 1
                guard octet <= 255 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        self.bits = bits << 8 | octet
    }

    /// The dotted quad.
    public var description: String {
        String(unsafeUninitializedCapacity: 15) { buffer in
            var writer = TextWriter(buffer)
            writer.append(self)
            return writer.count
        }
    }
}

// MARK: - What kind of address it is

extension IPv4Address {
    /// 127.0.0.0/8 (RFC 1122, 3.2.1.3).
    public var isLoopback: Bool { bits >> 24 == 127 }

    /// 169.254.0.0/16 (RFC 3927).
    public var isLinkLocal: Bool { bits >> 16 == 0xA9FE }

    /// 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918). Shared space (100.64.0.0/10) is not counted.
    public var isPrivate: Bool { bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 }

    /// 224.0.0.0/4 (RFC 5771).
    public var isMulticast: Bool { bits >> 28 == 0xE }

    /// 0.0.0.0.
    public var isUnspecified: Bool { bits == 0 }
}
