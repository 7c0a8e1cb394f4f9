// The data of a record as a value: addresses and names as such, all else in presentation form. Reads hostile octets and
// stays inside of the record; the text that it makes is printable ASCII.

internal import BowlineTransport

/// Reads the data of one record from the front to the end.
struct RecordDataReader {
    private let type: RecordType
    private var offset: Int
    private let end: Int

    init(_ record: WireRecord) {
        type = record.type
        offset = record.data.lowerBound
        end = record.data.upperBound
    }

    /// What the record says. Fails with `badData` if it isn't what its type demands.
    static func read(_ packet: RawSpan, _ record: WireRecord) throws(WireError) -> RecordData {
        var reader = RecordDataReader(record)
        let data: RecordData =
            switch record.type {
            case .a, .aaaa: .address(try record.address(packet))
            case .cname, .ns, .ptr: .domain(try reader.name(packet))
            case .soa: .soa(try reader.startOfAuthority(packet))
            case .mx: .text("\(try reader.uint16(packet)) \(try reader.name(packet))")
            case .srv: .text(try reader.service(packet))
            case .txt: .text(try reader.strings(packet))
            case .caa: .text(try reader.authorization(packet))
            case .svcb, .https: .text(try reader.serviceBinding(packet))
            default: .text(generic(packet.octets(record.data)))
            }
        switch record.type {
        case .cname, .ns, .ptr, .soa, .mx, .srv:
            guard reader.remaining == 0 else { throw .badData(record.type) }
        default: break
        }
        return data
    }

    /// How many octets are left.
    var remaining: Int { end - offset }

    // MARK: - Parts

    mutating func uint8(_ packet: RawSpan) throws(WireError) -> UInt8 {
        guard remaining >= 1 else { throw .badData(type) }
        defer { offset += 1 }
        return packet.octet(offset)
    }

    mutating func uint16(_ packet: RawSpan) throws(WireError) -> UInt16 {
        guard remaining >= 2 else { throw .badData(type) }
        defer { offset += 2 }
        return packet.uint16(offset)
    }

    mutating func uint32(_ packet: RawSpan) throws(WireError) -> UInt32 {
        guard remaining >= 4 else { throw .badData(type) }
        defer { offset += 4 }
        return packet.uint32(offset)
    }

    mutating func octets(_ packet: RawSpan, _ count: Int) throws(WireError) -> [UInt8] {
        guard remaining >= count else { throw .badData(type) }
        defer { offset += count }
        return packet.octets(offset..<(offset + count))
    }

    mutating func skipName(_ packet: RawSpan) throws(WireError) {
        guard remaining > 0 else { throw .badData(type) }
        offset = try WireName.skip(packet, at: offset)
        guard offset <= end else { throw .badData(type) }
    }

    mutating func name(_ packet: RawSpan) throws(WireError) -> DomainName {
        let start = offset
        try skipName(packet)
        return try WireName.read(packet, at: start)
    }

    // MARK: - Types

    private mutating func startOfAuthority(_ packet: RawSpan) throws(WireError) -> StartOfAuthority {
        StartOfAuthority(
            primary: try name(packet), mailbox: try name(packet), serial: try uint32(packet),
            refresh: try uint32(packet), retry: try uint32(packet), expire: try uint32(packet),
            minimum: try uint32(packet))
    }

    private mutating func service(_ packet: RawSpan) throws(WireError) -> String {
        "\(try uint16(packet)) \(try uint16(packet)) \(try uint16(packet)) \(try name(packet))"
    }

    /// One or more character strings (RFC 1035, 3.3.14).
    private mutating func strings(_ packet: RawSpan) throws(WireError) -> String {
        var text = ""
        repeat {
            let count = Int(try uint8(packet))
            if !text.isEmpty { text += " " }
            text += Self.quoted(try octets(packet, count))
        } while remaining > 0
        return text
    }

    /// RFC 8659, 4.1.1: flags, tag and the rest as the value.
    private mutating func authorization(_ packet: RawSpan) throws(WireError) -> String {
        let flags = try uint8(packet)
        let tag = try octets(packet, Int(try uint8(packet)))
        guard !tag.isEmpty, tag.allSatisfy(Self.isAlphanumeric) else { throw .badData(type) }
        return "\(flags) \(String(decoding: tag, as: UTF8.self)) \(Self.quoted(try octets(packet, remaining)))"
    }

    private static func isAlphanumeric(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet | 0x20)
    }

    // MARK: - Notation

    /// A character string in quotes: quote and backslash escaped, other than printable ASCII as \DDD (RFC 1035, 5.1).
    static func quoted(_ octets: [UInt8]) -> String {
        "\"\(escaped(octets, special: "\"\\"))\""
    }

    static func escaped(_ octets: some Sequence<UInt8>, special: StaticString) -> String {
        let specials = special.withUTF8Buffer(Array.init)
        var text: [UInt8] = []
        for octet in octets {
            switch octet {
            case let octet where specials.contains(octet): text += [UInt8(ascii: "\\"), octet]
            case 0x20...0x7E: text.append(octet)
            default: text += [UInt8(ascii: "\\"), 0x30 + octet / 100, 0x30 + octet / 10 % 10, 0x30 + octet % 10]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Data of a type that isn't known here (RFC 3597, 5).
    static func generic(_ octets: [UInt8]) -> String {
        octets.isEmpty ? "\\# 0" : "\\# \(octets.count) \(hexadecimal(octets))"
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
