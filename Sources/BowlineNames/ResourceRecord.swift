// A record as the layers above and users see it: read from a packet, or told apart from one in the cache.

public import BowlineTransport

/// A record of the DNS: what one name has of one type.
///
/// ```swift
/// let record = ResourceRecord(
///     name: try DomainName("h.test"), type: .a, ttl: 300, data: .address(.v4(IPv4Address(192, 0, 2, 1))))
/// print(record)    // h.test 300 IN A 192.0.2.1
/// ```
public struct ResourceRecord: Hashable, Sendable {
    /// The owner of the record.
    public var name: DomainName
    /// Its type.
    public var type: RecordType
    /// How long it may be kept, in seconds: at most 2^31-1, for a larger number on the wire counts as that (RFC 8767, 4).
    public var ttl: UInt32
    /// What it says.
    public var data: RecordData

    /// Creates a record of class IN.
    public init(name: DomainName, type: RecordType, ttl: UInt32, data: RecordData) {
        self.name = name
        self.type = type
        self.ttl = ttl
        self.data = data
    }

    /// The largest TTL (RFC 2181, 8). One with the highest bit set is taken for it (RFC 8767, 4), not for 0.
    package static let maximumTTL: UInt32 = 0x7FFF_FFFF
}

extension ResourceRecord: CustomStringConvertible {
    /// The record on a line, as `dig` prints it but without trailing dots.
    public var description: String { "\(name) \(ttl) IN \(type) \(data)" }
}

/// What a record says.
///
/// ```swift
/// let data = RecordData.text("10 mail.example.com")    // of an MX record
/// print(data)                                          // 10 mail.example.com
/// print(RecordData.address(.v6(.loopback)))            // ::1
/// ```
public enum RecordData: Hashable, Sendable {
    /// Of A and AAAA. An IPv4-mapped address (`::ffff:127.0.0.1`) stays what the server sent.
    case address(IPAddress)
    /// Of CNAME, NS and PTR.
    case domain(DomainName)
    /// Of SOA.
    indirect case soa(StartOfAuthority)
    /// Of every other type: its presentation form, for types unknown here in the notation of RFC 3597 (`\# 2 abcd`).
    /// Printable ASCII whatever the server sent.
    case text(String)
}

extension RecordData: CustomStringConvertible {
    /// The presentation form, with names without their trailing dot.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .domain(let name): name.description
        case .soa(let soa): soa.description
        case .text(let text): text
        }
    }
}

/// The head of a zone; resolvers see it in negative answers, where it says how long these may be kept (RFC 2308).
///
/// ```swift
/// if case .soa(let soa) = record.data {
///     print("kept as negative for", min(record.ttl, soa.minimum), "s")
/// }
/// ```
public struct StartOfAuthority: Hashable, Sendable {
    /// The zone's primary server.
    public var primary: DomainName
    /// The mailbox of who is responsible, as a name.
    public var mailbox: DomainName
    /// The version of the zone.
    public var serial: UInt32
    /// Seconds between a secondary's refreshes.
    public var refresh: UInt32
    /// Seconds before a failed refresh is tried again.
    public var retry: UInt32
    /// Seconds after which a secondary gives up the zone.
    public var expire: UInt32
    /// The negative TTL in seconds (RFC 2308, 4).
    public var minimum: UInt32

    /// Creates the head of a zone.
    public init(
        primary: DomainName, mailbox: DomainName, serial: UInt32 = 1, refresh: UInt32 = 3600, retry: UInt32 = 600,
        expire: UInt32 = 86400, minimum: UInt32
    ) {
        self.primary = primary
        self.mailbox = mailbox
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}

extension StartOfAuthority: CustomStringConvertible {
    /// The seven fields in the order of the wire.
    public var description: String {
        "\(primary) \(mailbox) \(serial) \(refresh) \(retry) \(expire) \(minimum)"
    }
}

/// A step from an alias to the name that it stands for (CNAME).
///
/// ```swift
/// let step = AliasStep(name: try DomainName("h.test"), target: try DomainName("w.test"), ttl: 60)
/// print(step)    // h.test → w.test (60 s)
/// ```
public struct AliasStep: Hashable, Sendable {
    /// The alias.
    public var name: DomainName
    /// What it stands for.
    public var target: DomainName
    /// The TTL of the step in seconds.
    public var ttl: UInt32

    /// Creates a step.
    public init(name: DomainName, target: DomainName, ttl: UInt32) {
        self.name = name
        self.target = target
        self.ttl = ttl
    }
}

extension AliasStep: CustomStringConvertible {
    /// Both names and the TTL.
    public var description: String { "\(name) → \(target) (\(ttl) s)" }
}
