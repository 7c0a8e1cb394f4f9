// Which addresses aren't ordinary hosts of the internet: IANA's registries of special-purpose addresses. For services that
// fetch what strangers name. Must never take an IPv4 address inside an IPv6 one for anything but that IPv4 address.

public import BowlineTransport

/// Says why an address isn't an ordinary host of the internet.
///
/// ```swift
/// print(SpecialPurposeAddress(IPAddress("64:ff9b::10.0.0.1")!) == .privateUse)   // true
/// print(SpecialPurposeAddress(IPAddress("9.9.9.9")!) == nil)                     // true
/// ```
public enum SpecialPurposeAddress: String, Hashable, Sendable, CaseIterable {
    case unspecified, loopback, linkLocal, privateUse, shared, multicast, documentation, reserved

    /// Finds what is special about `address`; nil if nothing is. Mapped, NAT64 and 6to4 addresses are judged by the IPv4
    /// address inside.
    public init?(_ address: IPAddress) {
        let kind: Self? =
            switch address {
            case .v4(let quad): Self.kind(quad)
            case .v6(let address): Self.kind(address)
            }
        guard let kind else { return nil }
        self = kind
    }

    /// RFC 6890's registry for IPv4.
    private static func kind(_ quad: IPv4Address) -> Self? {
        let bits = quad.bits
        if bits >> 24 == 0 { return .unspecified }
        if quad.isLoopback { return .loopback }
        if quad.isLinkLocal { return .linkLocal }
        if quad.isPrivate { return .privateUse }
        if quad.isMulticast { return .multicast }
        if bits >> 22 == 0x6440 >> 6 { return .shared }
        if [0xC00002, 0xC63364, 0xCB0071].contains(bits >> 8) { return .documentation }
        if bits >> 28 == 0xF || bits >> 8 == 0xC00000 || bits >> 8 == 0xC05863 || bits >> 17 == 0xC612 >> 1 {
            return .reserved
        }
        return nil
    }

    /// RFC 6890's registry for IPv6. What lies outside of 2000::/3 isn't handed out, so it is refused unnamed.
    private static func kind(_ address: IPv6Address) -> Self? {
        let high = address.high
        if address.isV4Mapped || (high == 0x64_FF9B_0000_0000 && address.low >> 32 == 0) {
            return kind(IPv4Address(bits: UInt32(truncatingIfNeeded: address.low)))
        }
        if high >> 48 == 0x2002 { return kind(IPv4Address(bits: UInt32(truncatingIfNeeded: high >> 16))) }
        if address.isUnspecified { return .unspecified }
        if address.isLoopback { return .loopback }
        if address.isLinkLocal { return .linkLocal }
        if address.isPrivate { return .privateUse }
        if address.isMulticast { return .multicast }
        if high >> 32 == 0x2001_0DB8 || high >> 44 == 0x3FFF0 { return .documentation }
        return high >> 61 != 1 || high >> 41 == 0x2001_0000 >> 9 ? .reserved : nil
    }
}

extension SpecialPurposeAddress: CustomStringConvertible {
    /// What such an address is called: "private address".
    public var description: String {
        switch self {
        case .linkLocal: "link-local address"
        case .privateUse: "private address"
        case .documentation: "address for documentation"
        case .unspecified, .loopback, .shared, .multicast, .reserved: "\(rawValue) address"
        }
    }
}
