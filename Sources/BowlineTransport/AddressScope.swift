// How far an address reaches (RFC 4007), IPv4 mapped onto the same scale. Only the ordering of destinations asks.

/// Says how far an address reaches, from one interface to the whole internet (RFC 4007, RFC 4291, 2.7).
///
/// ```swift
/// print(IPAddress("fe80::1")!.scope == .linkLocal)                            // true
/// print(IPAddress("127.0.0.1")!.scope < IPAddress("192.0.2.1")!.scope)        // true
/// ```
public struct AddressScope: RawRepresentable, Hashable, Comparable, Sendable {
    /// The four bits that a multicast address carries.
    public var rawValue: UInt8

    /// Makes a scope from the four bits that a multicast address carries, 0 to 15.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Stays inside one interface.
    public static let interfaceLocal = AddressScope(rawValue: 0x1)
    /// Stays on one link; loopback counts as this.
    public static let linkLocal = AddressScope(rawValue: 0x2)
    /// Stays inside what an administrator drew up.
    public static let adminLocal = AddressScope(rawValue: 0x4)
    /// Stays inside one site.
    public static let siteLocal = AddressScope(rawValue: 0x5)
    /// Stays inside one organization.
    public static let organizationLocal = AddressScope(rawValue: 0x8)
    /// Reaches everywhere, as far as the address tells: private IPv4 and unique local IPv6 addresses are global too.
    public static let global = AddressScope(rawValue: 0xE)

    /// A smaller scope comes first.
    public static func < (left: AddressScope, right: AddressScope) -> Bool { left.rawValue < right.rawValue }
}

extension IPv4Address {
    /// Link-local for loopback and 169.254.0.0/16, global for all others (RFC 6724, 3.2).
    public var scope: AddressScope { isLoopback || isLinkLocal ? .linkLocal : .global }
}

extension IPv6Address {
    /// What the address' prefix or, for multicast, its scope field says (RFC 4291, 2.7; RFC 6724, 3.1).
    public var scope: AddressScope {
        if let quad = mappedIPv4 { return quad.scope }
        if isMulticast { return AddressScope(rawValue: UInt8(truncatingIfNeeded: high >> 48) & 0xF) }
        if isLoopback || isLinkLocal { return .linkLocal }
        return high >> 54 == 0xFEC0 >> 6 ? .siteLocal : .global
    }
}

extension IPAddress {
    /// How far the address reaches.
    public var scope: AddressScope {
        switch self {
        case .v4(let address): address.scope
        case .v6(let address): address.scope
        }
    }
}
