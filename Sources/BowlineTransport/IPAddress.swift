// An address of either family: what a lookup answers with, what a connector tries, what a literal in a URL means.

/// Holds an IPv4 or an IPv6 address.
///
/// ```swift
/// switch IPAddress("2001:db8::1") {
/// case .v4(let address): print("four octets:", address.bits)
/// case .v6(let address): print("sixteen octets:", address.high, address.low)
/// case nil: print("a name, not an address")
/// }
/// ```
public enum IPAddress: Hashable, Sendable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// The address' family. An IPv4-mapped address counts as IPv6, as it does for socket(2).
    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    /// The IPv4 address inside an IPv4-mapped one, else the address itself.
    public var unmapped: IPAddress {
        if case .v6(let address) = self, let quad = address.mappedIPv4 { .v4(quad) } else { self }
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads a strict dotted quad or an IPv6 address with an optional zone, without brackets; nil for anything else, so
    /// also the cheap test whether a host is a literal.
    public init?(_ description: String) {
        self.init(utf8: description.utf8Span.span)
    }

    /// Reads an address that fills `bytes`; nil for anything else.
    package init?(utf8 bytes: Span<UInt8>) {
        // The shortest literals are "::" and "0.0.0.0"; the family shows in the first five bytes.
        for index in 0..<min(5, bytes.count) where bytes[index] == UInt8(ascii: ":") {
            guard let address = IPv6Address(utf8: bytes) else { return nil }
            self = .v6(address)
            return
        }
        guard let address = IPv4Address(utf8: bytes) else { return nil }
        self = .v4(address)
    }

    /// The dotted quad, or the text of RFC 5952 with the zone as a number.
    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}

extension IPAddress {
    /// 127.0.0.0/8, `::1`, or a mapped loopback address.
    public var isLoopback: Bool { either(\.isLoopback, \.isLoopback) }

    /// 169.254.0.0/16, fe80::/10, or a mapped link-local address.
    public var isLinkLocal: Bool { either(\.isLinkLocal, \.isLinkLocal) }

    /// RFC 1918's three networks, fc00::/7, or a mapped private address.
    public var isPrivate: Bool { either(\.isPrivate, \.isPrivate) }

    /// 224.0.0.0/4, ff00::/8, or a mapped multicast address.
    public var isMulticast: Bool { either(\.isMulticast, \.isMulticast) }

    /// 0.0.0.0, `::`, or a mapped 0.0.0.0.
    public var isUnspecified: Bool { either(\.isUnspecified, \.isUnspecified) }

    /// ::ffff:0:0/96.
    public var isV4Mapped: Bool {
        if case .v6(let address) = self { address.isV4Mapped } else { false }
    }

    private func either(_ v4: (IPv4Address) -> Bool, _ v6: (IPv6Address) -> Bool) -> Bool {
        switch self {
        case .v4(let address): v4(address)
        case .v6(let address): v6(address)
        }
    }
}
