// Addresses that the user has decided on, whatever the DNS says.

public import BowlineTransport

/// Gives a name the addresses that the user says, for one port.
///
/// ```swift
/// let pin = Pin(host: "example.com", port: 80, addresses: [.v4(.loopback)])
/// reactor.resolver = DNSResolver(reactor: reactor, pins: [pin])
/// ```
public struct Pin: Hashable, Sendable {
    /// The host; `*` stands for every name.
    public var host: String
    /// The port of the connection that the addresses are for.
    public var port: UInt16
    /// The addresses, best first.
    public var addresses: [IPAddress]

    /// Creates a pin.
    public init(host: String, port: UInt16, addresses: [IPAddress]) {
        self.host = host
        self.port = port
        self.addresses = addresses
    }

    func matches(_ name: DomainName, port: UInt16?) -> Bool {
        guard self.port == port else { return false }
        return host == "*" || (try? DomainName(host)) == name
    }
}
