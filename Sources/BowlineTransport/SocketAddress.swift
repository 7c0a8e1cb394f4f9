// Where a socket is or goes: an address and a port, or a name in the UNIX domain. Values of it travel between layers
// where other toolkits pass strings.

/// Names one end of a connection.
///
/// ```swift
/// let web = SocketAddress.ip(.v6(.loopback), port: 80)
/// print(web)                                            // [::1]:80
/// print(SocketAddress.unix(path: "/run/app.sock"))      // unix:/run/app.sock
/// print(SocketAddress.unix(path: "\0app"))              // unix:@app
/// ```
public enum SocketAddress: Hashable, Sendable {
    /// An internet address and a port in host order; port 0 asks the kernel to choose one when listening.
    case ip(IPAddress, port: UInt16)
    /// A path of at most 107 octets; one that begins with NUL is an abstract name of at most 108 octets with the NUL
    /// (unix(7)); an empty one is the unnamed end of a connection.
    case unix(path: String)

    /// The address, nil in the UNIX domain.
    public var ipAddress: IPAddress? {
        if case .ip(let address, _) = self { address } else { nil }
    }

    /// The port, nil in the UNIX domain.
    public var port: UInt16? {
        if case .ip(_, let port) = self { port } else { nil }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// "127.0.0.1:80", "[::1]:80", "unix:/run/app.sock", or "unix:@app" for an abstract name (as ss(8) writes it).
    public var description: String {
        switch self {
        case .ip(.v4(let address), let port): "\(address):\(port)"
        case .ip(.v6(let address), let port): "[\(address)]:\(port)"
        case .unix(let path): path.utf8.first == 0 ? "unix:@\(path.dropFirst())" : "unix:\(path)"
        }
    }
}
