// An IPv6 address as two numbers and a zone. Text in is RFC 4291, 2.2 with RFC 4007's zone; text out is RFC 5952.
// Must never allocate while parsing. Only a zone given by name costs system calls.

import Glibc

/// Holds an IPv6 address, with the interface it is meant on where that matters.
///
/// ```swift
/// let address = IPv6Address("2001:DB8:0:0:0:0:0:1")!
/// print(address)                                        // 2001:db8::1
/// print(IPv6Address("fe80::1%lo")!.zone)                // 1
/// print(IPv6Address("::ffff:192.0.2.1")!.mappedIPv4!)   // 192.0.2.1
/// ```
public struct IPv6Address: Hashable, Sendable {
    /// The first eight octets as a number: `0x2001_0DB8_0000_0000` for 2001:db8::1.
    public var high: UInt64
    /// The last eight octets as a number: `1` for 2001:db8::1.
    public var low: UInt64
    /// The interface's index (RFC 4007), 0 where none was given.
    public var zone: UInt32

    /// Makes an address from its two halves and an interface index, 0 for none.
    public init(high: UInt64, low: UInt64, zone: UInt32 = 0) {
        self.high = high
        self.low = low
        self.zone = zone
    }

    /// Makes the IPv4-mapped address `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2).
    public init(mapping address: IPv4Address) {
        self.init(high: 0, low: 0xFFFF << 32 | UInt64(address.bits))
    }

    /// `::`: every interface when listening.
    public static let any = IPv6Address(high: 0, low: 0)
    /// `::1`.
    public static let loopback = IPv6Address(high: 0, low: 1)

    /// The IPv4 address inside an IPv4-mapped one, else nil. Linux sends to such an address over IPv4.
    public var mappedIPv4: IPv4Address? {
        isV4Mapped ? IPv4Address(bits: UInt32(truncatingIfNeeded: low)) : nil
    }

    /// One of the eight groups of sixteen bits, from the left.
    func group(_ index: Int) -> UInt16 {
        let half = index < 4 ? high : low
        return UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64(index & 3)))
    }
}

// MARK: - Text in

extension IPv6Address: LosslessStringConvertible {
    /// Reads the text of RFC 4291, 2.2, the last 32 bits as a dotted quad if they are, then `%` and a zone by number or
    /// by the name of an interface of this machine; nil for anything else. Brackets belong to URLs and are refused.
    public init?(_ description: String) {
        self.init(utf8: description.utf8Span.span)
    }

    /// Reads an address that fills `bytes`; nil for anything else.
    package init?(utf8 bytes: Span<UInt8>) {
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: "%") { end += 1 }
        self.init(groups: bytes.extracting(..<end))
        if end < bytes.count {
            guard let zone = Self.zone(bytes.extracting((end + 1)...)) else { return nil }
            self.zone = zone
        }
    }

    private init?(groups bytes: Span<UInt8>) {
        let colon = UInt8(ascii: ":")
        var left = Groups()
        var right = Groups()
        var index = 0
        var gap = false
        if bytes.count >= 2, bytes[0] == colon {
            guard bytes[1] == colon else { return nil }
            gap = true
            index = 2
        }
        while index < bytes.count {
            let start = index
            var group: UInt64 = 0
            while index < bytes.count, let digit = hexadecimalDigit(bytes[index]) {
                group = group << 4 | UInt64(digit)
                index += 1
                guard index - start <= 4 else { return nil }
            }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard let quad = IPv4Address(utf8: bytes, from: start) else { return nil }
                gap ? right.append(quad) : left.append(quad)
                break
            }
            guard index > start else { return nil }
            gap ? right.append(group) : left.append(group)
            guard left.count + right.count <= 8 else { return nil }
            guard index < bytes.count else { break }
            guard bytes[index] == colon, index + 1 < bytes.count else { return nil }
            index += 1
            if bytes[index] == colon {
                guard !gap else { return nil }
                gap = true
                index += 1
            }
        }
        // "::" stands for at least one group here, as inet_pton(3) has it too.
        let count = left.count + right.count
        guard gap ? count <= 7 : count == 8 else { return nil }
        left.shift(by: 8 - left.count)
        self.init(high: left.high | right.high, low: left.low | right.low)
    }

    /// The groups on one side of the "::", pushed in from the right.
    private struct Groups {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0

        mutating func append(_ group: UInt64) {
            shift(by: 1)
            low |= group
            count += 1
        }

        mutating func append(_ quad: IPv4Address) {
            append(UInt64(quad.bits >> 16))
            append(UInt64(quad.bits & 0xFFFF))
        }

        mutating func shift(by groups: Int) {
            for _ in 0..<groups {
                high = high << 16 | low >> 48
                low <<= 16
            }
        }
    }

    /// A zone's index: decimal digits are the number itself, anything else is looked up with if_nametoindex(3).
    private static func zone(_ bytes: Span<UInt8>) -> UInt32? {
        guard !bytes.isEmpty else { return nil }
        var number: UInt32? = 0
        for index in bytes.indices {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else {
                number = nil
                break
            }
            let (product, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt32(digit))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        if let number { return number }
        guard bytes.count < Int(IF_NAMESIZE) else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { name in
            for index in bytes.indices {
                guard bytes[index] != 0 else { return nil }
                name[index] = CChar(bitPattern: bytes[index])
            }
            name[bytes.count] = 0
            guard let base = name.baseAddress else { return nil }
            let index = if_nametoindex(base)
            return index == 0 ? nil : index
        }
    }
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

// MARK: - Text out

extension IPv6Address: CustomStringConvertible {
    /// The canonical text of RFC 5952: lower case, the longest run of zeros as `::`, mapped addresses with a dotted quad.
    /// A zone is printed as its number, because its name may change and costs a system call.
    public var description: String {
        // Eight groups of four, seven colons, "%" and ten digits.
        String(unsafeUninitializedCapacity: 50) { buffer in
            var writer = TextWriter(buffer)
            if let quad = mappedIPv4 {
                for character in "::ffff:".unicodeScalars { writer.append(character) }
                writer.append(quad)
            } else {
                write(to: &writer)
            }
            if zone != 0 {
                writer.append("%")
                writer.append(decimal: zone)
            }
            return writer.count
        }
    }

    private func write(to writer: inout TextWriter) {
        let gap = longestRunOfZeros
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                writer.append(":")
                writer.append(":")
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { writer.append(":") }
            writer.append(hexadecimal: group(index))
            index += 1
        }
    }

    /// The first of the longest runs of two or more zero groups (RFC 5952, 4.2.2 and 4.2.3); empty if there is none.
    private var longestRunOfZeros: Range<Int> {
        var best = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index + 1
            } else if index + 1 - start > max(1, best.count) {
                best = start..<(index + 1)
            }
        }
        return best
    }
}

// MARK: - What kind of address it is

// Each looks through an IPv4-mapped address: `::ffff:127.0.0.1` reaches this machine, whatever a filter thinks.
extension IPv6Address {
    /// `::1`, or a mapped loopback address.
    public var isLoopback: Bool { (high == 0 && low == 1) || mappedIPv4?.isLoopback == true }

    /// fe80::/10 (RFC 4291, 2.5.6), or a mapped link-local address.
    public var isLinkLocal: Bool { high >> 54 == 0xFE80 >> 6 || mappedIPv4?.isLinkLocal == true }

    /// fc00::/7 (RFC 4193), or a mapped private address.
    public var isPrivate: Bool { high >> 57 == 0xFC >> 1 || mappedIPv4?.isPrivate == true }

    /// ff00::/8 (RFC 4291, 2.7), or a mapped multicast address.
    public var isMulticast: Bool { high >> 56 == 0xFF || mappedIPv4?.isMulticast == true }

    /// `::`, or a mapped 0.0.0.0.
    public var isUnspecified: Bool { (high == 0 && low == 0) || mappedIPv4?.isUnspecified == true }

    /// ::ffff:0:0/96 (RFC 4291, 2.5.5.2).
    public var isV4Mapped: Bool { high == 0 && low >> 32 == 0xFFFF }
}
