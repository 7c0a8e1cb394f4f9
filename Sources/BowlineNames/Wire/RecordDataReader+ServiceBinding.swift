// SVCB and HTTPS records (RFC 9460) in the presentation form of its section 2.1 and appendix A.

internal import BowlineTransport

extension RecordDataReader {
    /// The keys that have names (RFC 9460, 14.3.2; RFC 9461, 9540).
    private static let keys = [
        "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp",
    ]

    /// Priority, target and parameters. Keys must rise (RFC 9460, 2.2); one that doesn't makes the record malformed.
    mutating func serviceBinding(_ packet: RawSpan) throws(WireError) -> String {
        let priority = try uint16(packet)
        var text = "\(priority) \(try name(packet))"
        var last = -1
        var keys: Set<Int> = []
        var mandatory: [Int] = []
        while remaining > 0 {
            let key = Int(try uint16(packet))
            guard key > last else { throw .badData(.https) }
            last = key
            keys.insert(key)
            let value = try octets(packet, Int(try uint16(packet)))
            if key == 0 { mandatory = Self.keys(in: value) }
            text += " \(Self.name(ofKey: key))"
            guard let shown = Self.shown(value, ofKey: key) else { throw .badData(.https) }
            if !shown.isEmpty { text += "=\(shown)" }
        }
        // An alias' parameters are ignored (RFC 9460, 2.4.2), so they can't contradict each other.
        guard priority == 0 || Self.agree(keys, mandatory: mandatory) else { throw .badData(.https) }
        return text
    }

    /// Whether the keys of a service go together: what is mandatory is there, named once, in order and not itself
    /// (RFC 9460, 8); and what takes the default protocol away gives another (RFC 9460, 7.1.1).
    private static func agree(_ keys: Set<Int>, mandatory: [Int]) -> Bool {
        let isRising = zip(mandatory, mandatory.dropFirst()).allSatisfy { $0 < $1 }
        return isRising && !mandatory.contains(0) && keys.isSuperset(of: mandatory)
            && (!keys.contains(2) || keys.contains(1))
    }

    private static func keys(in value: [UInt8]) -> [Int] {
        stride(from: 0, to: value.count - 1, by: 2).map { Int(value[$0]) << 8 | Int(value[$0 + 1]) }
    }

    private static func name(ofKey key: Int) -> String {
        key < keys.count ? keys[key] : "key\(key)"
    }

    /// The value of a parameter, nil if its key forbids it.
    private static func shown(_ value: [UInt8], ofKey key: Int) -> String? {
        switch key {
        case 0: list(value, of: 2) { name(ofKey: Int($0[0]) << 8 | Int($0[1])) }
        case 1: protocols(value)
        case 2, 8: value.isEmpty ? "" : nil
        case 3: value.count == 2 ? "\(UInt16(value[0]) << 8 | UInt16(value[1]))" : nil
        case 4: list(value, of: 4) { "\(IPv4Address($0[0], $0[1], $0[2], $0[3]))" }
        case 5: Base64.text(of: value)
        case 6:
            list(value, of: 16) { octets in
                let high = octets[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let low = octets[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                return "\(IPv6Address(high: high, low: low))"
            }
        default: value.isEmpty ? "" : quoted(value)
        }
    }

    /// A value that is one or more elements of a fixed size.
    private static func list(_ value: [UInt8], of size: Int, _ element: ([UInt8]) -> String) -> String? {
        guard !value.isEmpty, value.count.isMultiple(of: size) else { return nil }
        return stride(from: 0, to: value.count, by: size)
            .map { element(Array(value[$0..<($0 + size)])) }
            .joined(separator: ",")
    }

    /// Protocol ids, each after its length (RFC 9460, 7.1.1); a comma in one is escaped twice over (appendix A.1).
    private static func protocols(_ value: [UInt8]) -> String? {
        var ids: [String] = []
        var offset = 0
        while offset < value.count {
            let end = offset + 1 + Int(value[offset])
            guard value[offset] > 0, end <= value.count else { return nil }
            let id = value[(offset + 1)..<end]
            let inList = id.flatMap { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\\") ? [0x5C, $0] : [$0] }
            ids.append(escaped(inList, special: "\"\\"))
            offset = end
        }
        guard !ids.isEmpty else { return nil }
        let joined = ids.joined(separator: ",")
        // Quotes only where the bare form would end early.
        return joined.utf8.contains { $0 == 0x20 || $0 == 0x5C } ? "\"\(joined)\"" : joined
    }
}
