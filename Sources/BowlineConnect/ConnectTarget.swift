// What to connect to: a value that travels from the caller to the connector and into its errors.

public import BowlineTransport

/// What a connector connects to.
///
/// ```swift
/// let target = ConnectTarget.host("::1", port: 80)
/// print(target)                                       // [::1]:80
/// print(ConnectTarget.unix(path: "/run/app.sock"))    // unix:/run/app.sock
/// ```
public enum ConnectTarget: Hashable, Sendable, CustomStringConvertible {
    /// A host, by name or by the text of its address (IPv6 without brackets), and a port.
    case host(String, port: UInt16)
    /// A UNIX stream socket.
    case unix(path: String)

    /// "example.com:80", "[::1]:80" or "unix:/run/app.sock", on one line whatever was given.
    public var description: String {
        switch self {
        case .host(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(Self.shown(host))]:\(port)" : "\(Self.shown(host)):\(port)"
        case .unix(let path): Self.shown("\(SocketAddress.unix(path: path))")
        }
    }

    /// Quotes what would break the line, or write to a terminal.
    private static func shown(_ text: String) -> String {
        text.isEmpty || text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            ? text.debugDescription : text
    }
}

/// Says why a target can't be connected to, whatever the network does.
///
/// ```swift
/// print(TargetProblem.portZero)       // port 0 is none to connect to; give one from 1 to 65535
/// ```
public enum TargetProblem: Hashable, Sendable, CustomStringConvertible {
    /// Port 0 stands for "any port", which only a listener can ask for.
    case portZero
    /// A UNIX path that is empty, has a NUL inside, or is longer than 107 octets (unix(7)).
    case unixPath
    /// An address of a family that the options leave out, or that `bindAddress` isn't of.
    case familyExcluded(AddressFamily)
    /// The options leave no family.
    case noFamily
    /// `bindAddress` is no internet address.
    case bindAddress
    /// The address policy forbids some addresses, and a proxy would choose the address.
    case unjudgedAddress

    /// What is wrong, and what would be right.
    public var description: String {
        switch self {
        case .portZero: "port 0 is none to connect to; give one from 1 to 65535"
        case .unixPath: "the path of a UNIX socket has 1 to 107 octets, and no NUL inside"
        case .familyExcluded(let family):
            "it is an \(family) address, and the options allow only \(family.other)"
        case .noFamily: "the options leave no address family to use; allow IPv4, IPv6, or both"
        case .bindAddress: "the local address for TCP must be an IP address"
        case .unjudgedAddress:
            "the address policy can't judge what a proxy connects to; allow every address, or use no proxy"
        }
    }

    /// Examines a target; nil if there is nothing to object to.
    init?(_ target: ConnectTarget, literal: IPAddress?, _ options: ConnectOptions) {
        switch target {
        case .unix(let path):
            let isAbstract = path.utf8.first == 0
            guard path.isEmpty || path.utf8.count > (isAbstract ? 108 : 107) || (!isAbstract && path.utf8.contains(0))
            else { return nil }
            self = .unixPath
        case .host(_, let port):
            if port == 0 {
                self = .portZero
            } else if let local = options.bindAddress, !local.isIP {
                self = .bindAddress
            } else if options.proxy != nil, options.addressPolicy != .unrestricted {
                self = .unjudgedAddress
            } else if options.proxy != nil {
                guard options.usableFamilies.isEmpty else { return nil }
                self = .noFamily
            } else if let literal, !options.usableFamilies.contains(literal.family) {
                self = .familyExcluded(literal.family)
            } else if literal == nil, options.usableFamilies.isEmpty {
                self = .noFamily
            } else {
                return nil
            }
        }
    }
}
