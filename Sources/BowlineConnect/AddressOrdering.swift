// In which order a name's addresses are tried: RFC 6724, 6, then RFC 8305, 4. Two pure functions over values.
// The connector asks, and finds out the source addresses and the history; nothing here makes a socket.

package import BowlineTransport

package enum AddressOrdering {
    /// What is known of an address before it is tried.
    package struct Candidate: Sendable {
        package var address: IPAddress
        /// The address that the kernel would send from; nil if there is no route.
        package var source: IPAddress?
        package var history: History

        package init(_ address: IPAddress, source: IPAddress?, history: History = .unknown) {
            self.address = address
            self.source = source
            self.history = history
        }
    }

    /// How the last attempt went, best first. Must be of the same network that the next attempt will use (RFC 8305, 4).
    package enum History: Comparable, Sendable {
        /// It connected, after this round trip. Whoever measures decides how coarsely: equal values keep round robin.
        case connected(roundTrip: Duration)
        case unknown
        case failed
    }

    /// Sorts by the rules of RFC 6724, 6, best first; the order of the answer decides between equals (rule 10).
    /// Complexity: O(n log n).
    ///
    /// Rules 3, 4 and 7 (deprecated and home addresses, tunnels) need what the kernel doesn't tell with getsockname(2).
    /// The history stands between rules 8 and 9, where RFC 8305, 4 wants it. Rule 9 is not used for IPv4, as rule 9 itself
    /// permits ("MAY be superseded"): it would undo the round robin by which servers share the load.
    package static func sorted(_ candidates: [Candidate]) -> [IPAddress] {
        guard candidates.count > 1 else { return candidates.map(\.address) }
        // Each rule looks at one candidate only, so the rules make a key, and the order can't contradict itself.
        return candidates.map { (key: Key($0), address: $0.address) }.sorted { $0.key < $1.key }.map(\.address)
    }

    /// Alternates the families without changing the order inside each (RFC 8305, 4, First Address Family Count 1).
    /// The family of the first address begins; with `previous`, the family tried last, the other one does. O(n).
    package static func interleaved(_ addresses: [IPAddress], after previous: AddressFamily? = nil) -> [IPAddress] {
        guard let first = previous?.other ?? addresses.first?.family else { return addresses }
        let (leading, following) = (addresses.filter { $0.family == first }, addresses.filter { $0.family != first })
        var result: [IPAddress] = []
        result.reserveCapacity(addresses.count)
        for index in 0..<max(leading.count, following.count) {
            if index < leading.count { result.append(leading[index]) }
            if index < following.count { result.append(following[index]) }
        }
        return result
    }
}

/// A candidate as the rules see it; what is preferred is smaller. `false` is smaller than `true` in what follows.
private struct Key {
    let unreachable: Int
    let scopeDiffers: Int
    let labelDiffers: Int
    let precedence: Int
    let scope: AddressScope
    let history: AddressOrdering.History
    let commonPrefix: Int

    init(_ candidate: AddressOrdering.Candidate) {
        let (address, source) = (candidate.address, candidate.source)
        let policy = Policy(for: address)
        unreachable = source == nil ? 1 : 0
        scopeDiffers = source?.scope == address.scope ? 0 : 1
        labelDiffers = source.map { Policy(for: $0).label } == policy.label ? 0 : 1
        precedence = policy.precedence
        scope = address.scope
        history = candidate.history
        commonPrefix = source.map { commonPrefixLength($0, address) } ?? 0
    }

    static func < (left: Key, right: Key) -> Bool {
        let first = (left.unreachable, left.scopeDiffers, left.labelDiffers)  // rules 1, 2, 5
        let second = (right.unreachable, right.scopeDiffers, right.labelDiffers)
        if first != second { return first < second }
        // Rules 6, 8, RFC 8305's history, 9: more precedence and a longer prefix are better.
        return (-left.precedence, left.scope, left.history, -left.commonPrefix)
            < (-right.precedence, right.scope, right.history, -right.commonPrefix)
    }
}

/// The length that two IPv6 addresses share; 0 with IPv4 in play, which has no rule 9 here. At most 64, the usual length
/// of a source's prefix (RFC 6724, 2.2; RFC 7421): the interface's half says nothing about distance.
private func commonPrefixLength(_ source: IPAddress, _ destination: IPAddress) -> Int {
    guard case .v6(let source) = source, case .v6(let destination) = destination, !destination.isV4Mapped else {
        return 0
    }
    return (source.high ^ destination.high).leadingZeroBitCount
}

/// A row of the policy table.
private struct Policy {
    let prefix: IPv6Address
    let length: Int
    let precedence: Int
    let label: Int

    /// RFC 6724, 2.1, the longest prefix first, so that the first match is the best.
    static let table = [
        Policy(prefix: .loopback, length: 128, precedence: 50, label: 0),  // ::1
        Policy(prefix: IPv6Address(mapping: .any), length: 96, precedence: 35, label: 4),  // IPv4
        Policy(prefix: .any, length: 96, precedence: 1, label: 3),  // ::a.b.c.d, deprecated
        Policy(prefix: IPv6Address(high: 0x2001 << 48, low: 0), length: 32, precedence: 5, label: 5),  // Teredo
        Policy(prefix: IPv6Address(high: 0x2002 << 48, low: 0), length: 16, precedence: 30, label: 2),  // 6to4
        Policy(prefix: IPv6Address(high: 0x3FFE << 48, low: 0), length: 16, precedence: 1, label: 12),  // 6bone
        Policy(prefix: IPv6Address(high: 0xFEC0 << 48, low: 0), length: 10, precedence: 1, label: 11),  // site-local
        Policy(prefix: IPv6Address(high: 0xFC00 << 48, low: 0), length: 7, precedence: 3, label: 13),  // unique local
    ]
    /// ::/0, what is left.
    static let everythingElse = Policy(prefix: .any, length: 0, precedence: 40, label: 1)

    init(prefix: IPv6Address, length: Int, precedence: Int, label: Int) {
        (self.prefix, self.length, self.precedence, self.label) = (prefix, length, precedence, label)
    }

    init(for address: IPAddress) {
        let whole =
            switch address {
            case .v4(let address): IPv6Address(mapping: address)
            case .v6(let address): address
            }
        self = Self.table.first { $0.contains(whole) } ?? Self.everythingElse
    }

    private func contains(_ address: IPv6Address) -> Bool {
        // A shift by 64 or more gives 0, as wanted.
        let high = UInt64.max << UInt64(64 - min(length, 64))
        let low = UInt64.max << UInt64(128 - max(length, 64))
        return (address.high ^ prefix.high) & high == 0 && (address.low ^ prefix.low) & low == 0
    }
}
