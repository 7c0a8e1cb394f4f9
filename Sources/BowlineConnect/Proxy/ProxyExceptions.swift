// The hosts that no proxy is used for: the grammar of `no_proxy`, as curl and others have it.

import BowlineTransport

/// The hosts that are connected to directly.
///
/// ```swift
/// let exceptions = ProxyExceptions("example.com, 192.168.0.0/16, [::1], other.test:8080")
/// print(exceptions.contains(host: "www.example.com", port: 80))       // true
/// print(exceptions.contains(host: "192.168.3.4", port: 80))           // true
/// ```
public struct ProxyExceptions: Hashable, Sendable {
    private enum Rule: Hashable {
        case everything
        /// This name and all below it.
        case name(String)
        case network(IPAddress, bits: Int)
    }

    private struct Entry: Hashable {
        let rule: Rule
        /// Nil for any.
        let port: UInt16?
    }

    private var entries: [Entry] = []

    /// No exceptions.
    public init() {}

    /// Reads a list with commas or blanks between its entries. An entry is a name, which stands for all names below it,
    /// too, with or without a dot (or `*.`) before it; an address; a network such as `10.0.0.0/8`; or `*` for everything. It
    /// may have a port. What is none of these is left out, as everywhere.
    public init(_ text: String) {
        for entry in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            if let entry = Self.entry(entry) { entries.append(entry) }
        }
    }

    /// Whether a host is an exception.
    ///
    /// - Parameter host: a name, or the text of an address, IPv6 without brackets.
    /// - Complexity: O(n) in the entries.
    public func contains(host: String, port: UInt16) -> Bool {
        if entries.isEmpty { return false }
        let address = IPAddress(host)
        var name = host.lowercased()
        if name.last == "." { name.removeLast() }
        return entries.contains { entry in
            if let only = entry.port, only != port { return false }
            switch entry.rule {
            case .everything: return true
            case .name(let suffix): return address == nil && (name == suffix || name.hasSuffix(".\(suffix)"))
            case .network(let network, let bits): return address.map { $0.isInside(network, bits: bits) } ?? false
            }
        }
    }

    private static func entry(_ text: Substring) -> Entry? {
        var host = text
        var port: UInt16?
        // More than one colon without brackets is an IPv6 address.
        if let colon = text.lastIndex(of: ":"),
            text.first == "[" ? text[..<colon].last == "]" : text.firstIndex(of: ":") == colon
        {
            guard let number = EndpointText.number(String(text[text.index(after: colon)...]), in: 1...65535) else {
                return nil
            }
            port = UInt16(number)
            host = text[..<colon]
        }
        guard let rule = rule(host) else { return nil }
        return Entry(rule: rule, port: port)
    }

    private static func rule(_ text: Substring) -> Rule? {
        if text == "*" { return .everything }
        let bare = text.first == "[" && text.last == "]" ? text.dropFirst().dropLast() : text
        if let address = IPAddress(String(bare)) { return .network(address, bits: address.bitCount) }
        if let slash = bare.firstIndex(of: "/") {
            guard let network = IPAddress(String(bare[..<slash])),
                let bits = EndpointText.number(
                    String(bare[bare.index(after: slash)...]), in: 0...UInt64(network.bitCount))
            else { return nil }
            return .network(network, bits: Int(bits))
        }
        var name = bare.lowercased()
        if name.hasPrefix("*.") { name.removeFirst() }
        if name.first == "." { name.removeFirst() }
        if name.last == "." { name.removeLast() }
        return name.isEmpty ? nil : .name(name)
    }
}

extension IPAddress {
    fileprivate var bitCount: Int { family == .ipv4 ? 32 : 128 }

    /// Whether its first bits are those of `network`. One of the other family isn't inside.
    fileprivate func isInside(_ network: IPAddress, bits: Int) -> Bool {
        switch (self, network) {
        case (.v4(let address), .v4(let network)):
            return bits == 0 || (address.bits ^ network.bits) >> UInt32(32 - bits) == 0
        case (.v6(let address), .v6(let network)):
            let high = address.high ^ network.high
            guard bits > 64 else { return bits == 0 || high >> UInt64(64 - bits) == 0 }
            return high == 0 && (address.low ^ network.low) >> UInt64(128 - bits) == 0
        default: return false
        }
    }
}
