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
}

extension Pin {
    /// The name as rows have it: `*` stands for itself. Nil for what is no name, which matches nothing.
    var rowName: DomainName? {
        host == "*" ? DomainName(canonical: "*") : try? DomainName(host)
    }

    /// The pin in the cache's table: a row for each family that it has addresses of.
    var entries: [CacheEntry] {
        guard let name = rowName else { return [] }
        return [RecordType.aaaa, .a].compactMap { type in
            let addresses = addresses.filter { $0.recordType == type }
            guard !addresses.isEmpty else { return nil }
            var entry = CacheEntry(name: name, type: type, state: .pinned)
            entry.data = addresses.map(RecordData.address)
            entry.origin.source = .pin
            entry.port = port
            return entry
        }
    }
}

/// The pins of a resolver.
struct PinTable {
    /// With their names read; nil stands for every name. A pin for what is no name matches nothing.
    /// As they were given.
    let all: [Pin]
    private let pins: [(name: DomainName?, pin: Pin)]

    init(_ pins: [Pin]) {
        all = pins
        self.pins = pins.compactMap { pin in
            if pin.host == "*" { return (nil, pin) }
            return (try? DomainName(pin.host)).map { ($0, pin) }
        }
    }

    /// The addresses of the last pin for a name and a port, else of the last for every name; nil if there is none.
    func addresses(of name: DomainName, port: UInt16?) -> [IPAddress]? {
        guard let port else { return nil }
        let matching = pins.filter { $0.pin.port == port && ($0.name ?? name) == name }
        return (matching.last { $0.name != nil } ?? matching.last)?.pin.addresses
    }
}
