// Which servers to ask and how: what resolv.conf(5) says, with the defaults where it says nothing. A value: whoever sees
// that the file has changed makes another. c-ares never reads the file itself, it ignores half of the options.

public import BowlineTransport

/// The configuration of a resolver.
///
/// ```swift
/// let configuration = ResolverConfiguration(contents: "nameserver 192.0.2.53\noptions ndots:2 rotate\n")
/// print(configuration.servers)        // [192.0.2.53:53]
/// print(configuration.ndots)          // 2
/// ```
public struct ResolverConfiguration: Hashable, Sendable {
    /// Where the system has it.
    public static let systemPath = "/etc/resolv.conf"
    /// The port of DNS.
    public static let standardPort: UInt16 = 53
    /// Who is asked if nobody is named (resolv.conf(5)).
    public static let defaultServer = SocketAddress.ip(.v4(.loopback), port: standardPort)

    /// The servers, in their order; never empty after reading a file.
    public var servers: [SocketAddress] = [defaultServer]
    /// Domains for short names, which `candidates(for:)` appends. Empty unless given: the machine's own domain isn't
    /// guessed.
    public var search: [DomainName] = []
    /// A name with fewer dots is short: `candidates(for:)` puts those with `search` first.
    public var ndots = 1
    /// How long a server has for an answer, all sendings together; 5 s if nil.
    public var timeout: Duration?
    /// How often a question is sent to a server that stays silent; three times if nil, which is also the most (RFC 9520).
    public var attempts: Int?
    /// Whether the servers take turns at being asked first.
    public var rotates = false
    /// Whether to ask over TCP only (`use-vc`).
    public var usesTCPOnly = false
    /// Whether the file asks for EDNS. Bowline offers it in any case.
    public var usesEDNS = false
    /// Whether A and AAAA are to be asked one after the other (`single-request`, for servers that lose one).
    public var singleRequest = false
    /// What the file says and isn't understood here, word for word: unknown options, addresses that aren't any.
    public var ignored: [String] = []

    /// Creates the configuration of a machine without resolv.conf.
    public init() {}

    // The limits of resolv.conf(5).
    private static let maximumNdots = 15
    private static let maximumTimeout = 30
    private static let maximumAttempts = 5

    /// Reads a configuration.
    ///
    /// Takes more than three servers, and besides an address also `[address]:port` and `a.b.c.d:port`. The last of several
    /// `domain` and `search` lines wins. `LOCALDOMAIN` and `RES_OPTIONS` are not looked at.
    ///
    /// - Parameter octets: the contents of the file.
    /// - Complexity: O(octets).
    public init(contents octets: [UInt8]) {
        var servers: [SocketAddress] = []
        ConfigurationLines.forEach(octets, comment: Array("#;".utf8)) { slices in
            let words = slices.map { String(decoding: $0, as: UTF8.self) }
            let values = words.dropFirst()
            switch words.first {
            case "nameserver":
                if let text = values.first, let server = Self.server(text) {
                    if !servers.contains(server) { servers.append(server) }
                } else {
                    ignored.append(words.joined(separator: " "))
                }
            case "domain": setSearch(values.prefix(1))
            case "search": setSearch(values)
            case "options": for option in values { set(option) }
            default: ignored.append(words.joined(separator: " "))
            }
        }
        if !servers.isEmpty { self.servers = servers }
    }

    /// Reads a configuration from text.
    public init(contents text: String) {
        self.init(contents: Array(text.utf8))
    }

    /// Reads a file. One that is missing, unreadable or empty makes the defaults. Blocks: not for the loop's thread.
    public static func load(path: String = systemPath) -> ResolverConfiguration {
        FileContents.read(path).map { ResolverConfiguration(contents: $0) } ?? ResolverConfiguration()
    }

    /// Reads a server as configuration and command lines write it.
    ///
    /// - Parameter text: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `fe80::1%eth0`, `[2001:db8::1]` or
    ///   `[2001:db8::1]:5353`. Without a port it is 53.
    /// - Returns: nil for anything else; a server isn't given by name.
    public static func server(_ text: String) -> SocketAddress? {
        if let address = IPAddress(text) { return .ip(address, port: standardPort) }
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]"),
                let address = IPv6Address(String(text[text.index(after: text.startIndex)..<close]))
            else { return nil }
            let rest = text[text.index(after: close)...]
            if rest.isEmpty { return .ip(.v6(address), port: standardPort) }
            guard rest.hasPrefix(":"), let port = port(rest.dropFirst()) else { return nil }
            return .ip(.v6(address), port: port)
        }
        guard let colon = text.firstIndex(of: ":"), let address = IPv4Address(String(text[..<colon])),
            let port = port(text[text.index(after: colon)...])
        else { return nil }
        return .ip(.v4(address), port: port)
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0 else {
            return nil
        }
        return port
    }

    /// The names to ask for a text, in order: with the search list if the name is short, and as it is.
    ///
    /// A dot at the end means the name alone.
    ///
    /// - Throws: `NameError` if the text is no name. A candidate that grows too long is left out.
    public func candidates(for text: String) throws(NameError) -> [DomainName] {
        let name = try DomainName(text)
        return searched(name, as: text) ?? [name]
    }

    /// The candidates for a name that was written as `text`; nil if it stands for itself alone.
    func searched(_ name: DomainName, as text: String) -> [DomainName]? {
        if search.isEmpty || name.isRoot || text.unicodeScalars.last.map(IDNA.dots.contains) == true { return nil }
        let longer = search.compactMap { domain in
            domain.isRoot ? nil : try? DomainName(escaped: "\(name.text).\(domain.text)")
        }
        let dots = name.text.utf8.count { $0 == UInt8(ascii: ".") }
        return dots >= ndots ? [name] + longer : longer + [name]
    }

    private mutating func setSearch(_ words: ArraySlice<String>) {
        search = []
        for word in words {
            if let domain = try? DomainName(word) {
                if !domain.isRoot, !search.contains(domain) { search.append(domain) }
            } else {
                ignored.append(word)
            }
        }
    }

    private mutating func set(_ option: String) {
        let parts = option.split(separator: ":", maxSplits: 1).map(String.init)
        let number = parts.count == 2 && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(parts[1]) : nil
        switch (parts.first, number) {
        case ("ndots", let number?): ndots = min(number, Self.maximumNdots)
        case ("timeout", let number?): timeout = .seconds(max(1, min(number, Self.maximumTimeout)))
        case ("attempts", let number?): attempts = max(1, min(number, Self.maximumAttempts))
        case ("rotate", nil) where parts.count == 1: rotates = true
        case ("use-vc", nil) where parts.count == 1: usesTCPOnly = true
        case ("edns0", nil) where parts.count == 1: usesEDNS = true
        case ("single-request", nil) where parts.count == 1: singleRequest = true
        default: ignored.append(option)
        }
    }
}
