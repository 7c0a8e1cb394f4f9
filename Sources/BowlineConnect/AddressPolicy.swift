// Which addresses may be connected to. Asked for each address right before it would be dialled, since a name that had an
// ordinary address when somebody looked may have another one now (DNS rebinding), and a page may redirect anywhere.

public import BowlineTransport

/// Says which addresses may be connected to, whatever names lead there.
///
/// For services that fetch what strangers name: those must not reach what only this machine can reach.
/// ```swift
/// var options = ConnectOptions()
/// options.addressPolicy = .publicOnly
/// reactor.connectTCP(host: "localhost", port: 80, factory: ClientFactory { Echo() }, options: options)
/// // cannot connect to localhost:80: [::1]:80 denied (loopback address), 127.0.0.1:80 denied (loopback address); …
/// ```
/// An address is judged as it is, so a network that reaches private hosts by addresses of its own making, a NAT64 prefix
/// of an operator for example, isn't seen. UNIX sockets have no address and are allowed.
public struct AddressPolicy: Hashable, Sendable {
    /// A bit for each kind that is refused: connecting copies options often, and a set would be counted each time.
    private let refused: UInt8

    /// Refuses the addresses of these kinds.
    public init(refusing kinds: some Sequence<SpecialPurposeAddress>) {
        refused = kinds.reduce(0) { $0 | $1.bit }
    }

    /// Allows every address.
    public static let unrestricted = AddressPolicy(refusing: [])

    /// Allows ordinary hosts of the internet only: nothing that IANA's registries give a special purpose.
    public static let publicOnly = AddressPolicy(refusing: SpecialPurposeAddress.allCases)

    /// This policy, and addresses of a kind besides.
    ///
    /// ```swift
    /// let policy = AddressPolicy.publicOnly.allowing(.loopback)
    /// print(policy.refusal(of: IPAddress("127.0.0.1")!) == nil)       // true
    /// ```
    public func allowing(_ kind: SpecialPurposeAddress) -> AddressPolicy {
        AddressPolicy(refusing: SpecialPurposeAddress.allCases.filter { refused & $0.bit != 0 && $0 != kind })
    }

    /// Why `address` may not be connected to; nil if it may.
    public func refusal(of address: IPAddress) -> SpecialPurposeAddress? {
        guard refused != 0, let kind = SpecialPurposeAddress(address) else { return nil }
        return refused & kind.bit == 0 ? nil : kind
    }
}

extension SpecialPurposeAddress {
    fileprivate var bit: UInt8 {
        switch self {
        case .unspecified: 1
        case .loopback: 1 << 1
        case .linkLocal: 1 << 2
        case .privateUse: 1 << 3
        case .shared: 1 << 4
        case .multicast: 1 << 5
        case .documentation: 1 << 6
        case .reserved: 1 << 7
        }
    }
}
