// What an HTTPS or SVCB record says (RFC 9460), read from its presentation form: the form in which records are cached, kept
// between runs and shown, so that there is one reader whatever way a record came.

public import BowlineTransport

/// How to reach a service: what an HTTPS or SVCB record says.
///
/// ```swift
/// let binding = ServiceBinding("1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1")
/// print(binding?.protocols ?? [], binding?.port ?? 443, binding?.ipv4Hints ?? [])
///
/// reactor.resolver.services(of: "example.com")
///     .onSuccess { services in for service in services { print(service.priority, service.target) } }
/// ```
public struct ServiceBinding: Hashable, Sendable {
    /// A parameter that has no field of its own here.
    public struct Parameter: Hashable, Sendable {
        /// Its name, `key` and a number for one without.
        public var key: String
        /// Its value in octets, after the escapes of the presentation form; empty for none.
        public var value: [UInt8]
    }

    /// 0 makes it an alias; of services the smallest comes first.
    public var priority: UInt16
    /// Where the service is. The root stands, in an alias, for "there is no such service", else for the record's own name;
    /// `services` puts that name in its place.
    public var target: DomainName
    /// The protocols that the service speaks besides the default one (ALPN ids).
    public var protocols: [String] = []
    /// Whether it speaks the default protocol: HTTP/1.1 for HTTPS records.
    public var hasDefaultProtocol = true
    /// The port; nil for the one that the URL or scheme says.
    public var port: UInt16?
    /// Addresses to begin with until those of `target` are known. Never instead of them.
    public var ipv4Hints: [IPAddress] = []
    /// Likewise of IPv6.
    public var ipv6Hints: [IPAddress] = []
    /// Keys without which the record must not be used.
    public var mandatory: [String] = []
    /// What else it says, such as `ech`.
    public var others: [Parameter] = []

    /// Whether the record names another place to look, and no service.
    public var isAlias: Bool { priority == 0 }

    /// The keys that are understood here. Those that an HTTPS record can't be used without, whether it says so or not
    /// (`port`, `no-default-alpn`: RFC 9460, 9), are among them.
    private static let understood: Set<String> = ["alpn", "no-default-alpn", "port", "ipv4hint", "ipv6hint"]

    /// Whether all that is mandatory is understood here. A record with more is for others (RFC 9460, 8).
    public var isUnderstood: Bool { Self.understood.isSuperset(of: mandatory) }

    /// Reads the presentation form (RFC 9460, 2.1), as records of these types have it; nil if it isn't one.
    public init?(_ text: String) {
        guard var words = Self.words(text), words.count >= 2,
            let priority = UInt16(String(decoding: words[0], as: UTF8.self))
        else { return nil }
        let target = String(decoding: words[1], as: UTF8.self)
        guard let name = target == "." ? .root : try? DomainName(target) else { return nil }
        self.priority = priority
        self.target = name
        words.removeFirst(2)
        for word in words {
            let end = word.firstIndex(of: UInt8(ascii: "=")) ?? word.endIndex
            let key = String(decoding: word[..<end], as: UTF8.self)
            guard take(key, Array(word[end...].dropFirst())) else { return nil }
        }
    }

    /// Reads a record of type HTTPS or SVCB; nil for others.
    public init?(_ record: ResourceRecord) {
        guard record.type == .https || record.type == .svcb, case .text(let text) = record.data else { return nil }
        self.init(text)
        if !isAlias, target.isRoot { target = record.name }
    }

    private mutating func take(_ key: String, _ value: [UInt8]) -> Bool {
        let items = Self.items(value)
        switch key {
        case "mandatory": mandatory = items
        case "alpn": protocols = items
        case "no-default-alpn": hasDefaultProtocol = false
        case "port":
            guard let port = items.first.flatMap(UInt16.init) else { return false }
            self.port = port
        case "ipv4hint": ipv4Hints = items.compactMap(IPAddress.init)
        case "ipv6hint": ipv6Hints = items.compactMap(IPAddress.init)
        default: others.append(Parameter(key: key, value: value))
        }
        return true
    }

    /// The words between spaces, without their quotes and escapes; nil if a quote or an escape doesn't end.
    private static func words(_ text: String) -> [[UInt8]]? {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var isQuoted = false
        var octets = text.utf8.makeIterator()
        while let octet = octets.next() {
            switch octet {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: " ") where !isQuoted:
                if !word.isEmpty { words.append(word) }
                word = []
            case UInt8(ascii: "\\"):
                guard let first = octets.next() else { return nil }
                guard (0x30...0x39).contains(first) else {
                    word.append(first)
                    continue
                }
                guard let second = octets.next(), let third = octets.next(),
                    let value = UInt8(String(decoding: [first, second, third], as: UTF8.self))
                else { return nil }
                word.append(value)
            default: word.append(octet)
            }
        }
        if !word.isEmpty { words.append(word) }
        return isQuoted ? nil : words
    }

    /// The elements of a list: parted by commas, but for those after a backslash (RFC 9460, appendix A.1).
    private static func items(_ value: [UInt8]) -> [String] {
        var items: [[UInt8]] = [[]]
        var octets = value.makeIterator()
        while let octet = octets.next() {
            switch octet {
            case UInt8(ascii: ","): items.append([])
            case UInt8(ascii: "\\"): items[items.count - 1].append(octets.next() ?? octet)
            default: items[items.count - 1].append(octet)
            }
        }
        return items.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension ServiceBinding {
    /// The bindings of a set of records that may be used, in the order in which to try them (RFC 9460, 2.4 and 3): one alias
    /// if there is any; else the services that are understood, by priority, equal ones in any order.
    public static func usable(
        _ records: [ResourceRecord], using generator: inout some RandomNumberGenerator
    ) -> [ServiceBinding] {
        let bindings = records.compactMap { ServiceBinding($0) }
        let aliases = bindings.filter(\.isAlias)
        if let alias = aliases.randomElement(using: &generator) { return [alias] }
        // Shuffled first: the sort keeps the order of equals.
        return bindings.filter(\.isUnderstood).shuffled(using: &generator).sorted { $0.priority < $1.priority }
    }
}
