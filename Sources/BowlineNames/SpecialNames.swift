// Names that are answered here and never asked of a server. Looked at before the hosts file and the cache.
//
// Not special, each for a reason: `.test` and `.example`, which resolvers treat like others (RFC 6761, 6.2 and 6.5);
// `home.arpa`, which the home's own server must see (RFC 8375, 4); `.alt`, for which the RFC asks nothing of resolvers
// (RFC 9476); and `.local`: it SHOULD go to multicast DNS only, but MAY be asked (RFC 6762, 3), and `*.cluster.local` is
// a real zone of unicast DNS in every Kubernetes cluster.

package import BowlineTransport

/// Decides about names of special use.
package enum SpecialNames {
    /// What is special about a name.
    package enum Verdict: Hashable, Sendable {
        /// Nothing: it goes its way.
        case ordinary
        /// It is this machine: the loopback address of either family, NODATA for other types (RFC 6761, 6.3).
        case loopback
        /// It doesn't exist, whoever is asked.
        case nonexistent(rfc: Int)
    }

    /// What is special about `name`, in any case and with or without a dot at its end.
    ///
    /// - Complexity: O(1); three comparisons of the last octets.
    package static func verdict(on name: DomainName) -> Verdict {
        name.text.withOctets { name in
            // Nearly every name ends here.
            switch name.last {
            case UInt8(ascii: "t") where isEqualOrBelow(name, "localhost"): .loopback
            case UInt8(ascii: "d") where isEqualOrBelow(name, "invalid"): .nonexistent(rfc: 6761)
            case UInt8(ascii: "n") where isEqualOrBelow(name, "onion"): .nonexistent(rfc: 7686)
            default: .ordinary
            }
        }
    }

    private static func isEqualOrBelow(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        other.withUTF8Buffer { DomainName.isEqualOrBelow(name, $0) }
    }

    /// The loopback address of a family.
    package static func loopback(_ family: AddressFamily) -> IPAddress {
        family == .ipv4 ? .v4(.loopback) : .v6(.loopback)
    }
}
