// From which address this machine would send to another: what RFC 6724 sorts by. The kernel is asked with a datagram
// socket that is connected and sends nothing, four system calls, so its answer is remembered for a while, and for the
// whole neighbourhood of the address: a crawler meets ten thousand addresses in a few hundred networks.
//
// A bounded age was preferred to watching the network over netlink. That would need one more descriptor in every loop,
// which wakes it for each change of any interface; and what is old here costs little: it decides only which address is
// tried first, and the race goes on to the next. A connect that finds no way where one was remembered forgets it at once.

package import BowlineReactor
package import BowlineTransport

/// The source addresses that were found a short while ago.
package struct SourceAddresses {
    /// How long an answer of the kernel counts.
    package static let age: Duration = .seconds(10)
    /// More networks than that begin anew.
    package static let limit = 1024

    private var found: [IPAddress: (source: IPAddress?, expires: ReactorInstant)] = [:]

    package init() {}

    /// The source toward `destination`; nil if there is no way there. Complexity: O(1).
    /// - Parameter ask: asks the kernel.
    package mutating func source(
        toward destination: IPAddress, at now: ReactorInstant, ask: (IPAddress) -> IPAddress?
    ) -> IPAddress? {
        let network = Self.network(of: destination)
        if let known = found[network], now < known.expires { return known.source }
        let source = ask(destination)
        if found.count >= Self.limit { found = [:] }
        found[network] = (source, now + Self.age)
        return source
    }

    /// There is no way to `destination`: if one was remembered, it is forgotten.
    package mutating func noteUnreachable(_ destination: IPAddress) {
        let network = Self.network(of: destination)
        if let known = found[network], known.source != nil { found[network] = nil }
    }

    /// What shares a way: the /24 of an IPv4 address, the /64 of a global IPv6 one. Others are few, and each its own.
    private static func network(of address: IPAddress) -> IPAddress {
        switch address {
        case .v4(let v4):
            return .v4(IPv4Address(bits: v4.bits & 0xFFFF_FF00))
        case .v6(let v6):
            // The zeros are loopback and the IPv4 addresses in IPv6 form.
            guard address.scope == .global, v6.high != 0 else { return address }
            return .v6(IPv6Address(high: v6.high, low: 0))
        }
    }
}
