// The two address families. Every layer above says "ipv4" or "ipv6"; only the C border knows AF_INET and AF_INET6.

import Glibc

/// Says which of the two internet protocols an address belongs to.
///
/// ```swift
/// func preferred(_ addresses: [IPAddress], _ family: AddressFamily) -> [IPAddress] {
///     addresses.filter { $0.family == family }
/// }
/// ```
public enum AddressFamily: Hashable, Sendable, CaseIterable {
    case ipv4, ipv6

    /// The other family.
    public var other: AddressFamily { self == .ipv4 ? .ipv6 : .ipv4 }

    /// The number that socket(2) wants: `AF_INET` or `AF_INET6`.
    package var domain: CInt { self == .ipv4 ? AF_INET : AF_INET6 }
}

extension AddressFamily: CustomStringConvertible {
    /// "IPv4" or "IPv6", as error messages say it.
    public var description: String { self == .ipv4 ? "IPv4" : "IPv6" }
}
