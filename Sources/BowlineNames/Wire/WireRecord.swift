// A record where it lies in the packet: the fixed fields, and offsets of the rest. Both readers walk over these.

internal import BowlineTransport

/// The head of a record, with the places of its name and its data.
struct WireRecord {
    /// Where its owner's name begins.
    var owner: Int
    var type: RecordType
    /// The class; of an OPT record the sender's UDP payload size.
    var recordClass: UInt16
    /// The TTL as it stands there; of an OPT record the extended rcode, version and flags.
    var rawTTL: UInt32
    /// Where its data lies. The end is where the next record begins.
    var data: Range<Int>

    /// The class of the internet.
    static let internet: UInt16 = 1

    /// The TTL in seconds; with the highest bit set it counts as the largest (RFC 8767, 4).
    var ttl: UInt32 { min(rawTTL, ResourceRecord.maximumTTL) }

    @inline(__always)
    init(_ packet: RawSpan, at offset: Int) throws(WireError) {
        owner = offset
        let fixed = try WireName.skip(packet, at: offset)
        guard fixed + 10 <= packet.byteCount else { throw .truncated }
        type = RecordType(rawValue: packet.uint16(fixed))
        recordClass = packet.uint16(fixed + 2)
        rawTTL = packet.uint32(fixed + 4)
        let start = fixed + 10
        let end = start + Int(packet.uint16(fixed + 8))
        guard end <= packet.byteCount else { throw .truncated }
        data = start..<end
    }

    /// The address of an A or AAAA record.
    @inline(__always)
    func address(_ packet: RawSpan) throws(WireError) -> IPAddress {
        if type == .a, data.count == 4 {
            return .v4(IPv4Address(bits: packet.uint32(data.lowerBound)))
        }
        guard type == .aaaa, data.count == 16 else { throw .badData(type) }
        return .v6(IPv6Address(high: packet.uint64(data.lowerBound), low: packet.uint64(data.lowerBound + 8)))
    }

    /// Checks that the data is one name and nothing else.
    func requireName(_ packet: RawSpan) throws(WireError) {
        guard try WireName.skip(packet, at: data.lowerBound) == data.upperBound else { throw .badData(type) }
    }

    /// How long the answer may be kept as negative if this is the zone's SOA: min(TTL, MINIMUM) (RFC 2308, 5).
    func negativeTTL(_ packet: RawSpan) throws(WireError) -> UInt32 {
        var reader = RecordDataReader(self)
        try reader.skipName(packet)
        try reader.skipName(packet)
        guard reader.remaining == 20 else { throw .badData(.soa) }
        return min(ttl, packet.uint32(data.upperBound - 4))
    }
}

/// EDNS as an OPT record carries it (RFC 6891).
package struct EDNS: Hashable, Sendable {
    /// The largest UDP payload that the sender takes, in octets.
    package var payloadSize: UInt16
    /// The upper eight bits of the response code.
    package var extendedCode: UInt8
    /// The version, 0.
    package var version: UInt8
    /// DO: please send DNSSEC records (RFC 3225).
    package var wantsDNSSEC: Bool
    /// The extended errors among the options.
    package var extendedErrors: [ExtendedError]

    /// Creates the content of an OPT record. 1232 octets are the advice of the DNS flag day 2020.
    package init(
        payloadSize: UInt16 = 1232, extendedCode: UInt8 = 0, version: UInt8 = 0, wantsDNSSEC: Bool = false,
        extendedErrors: [ExtendedError] = []
    ) {
        self.payloadSize = payloadSize
        self.extendedCode = extendedCode
        self.version = version
        self.wantsDNSSEC = wantsDNSSEC
        self.extendedErrors = extendedErrors
    }

    /// The option that carries an extended error (RFC 8914, 2).
    static let extendedErrorOption: UInt16 = 15
    /// A bound to what one packet can make us keep.
    private static let maximumErrors = 8

    /// Reads an OPT record. Options that don't parse end the reading and are no error: they only ever explain.
    init(_ record: WireRecord, _ packet: RawSpan) {
        payloadSize = record.recordClass
        extendedCode = UInt8(record.rawTTL >> 24)
        version = UInt8(record.rawTTL >> 16 & 0xFF)
        wantsDNSSEC = record.rawTTL & 0x8000 != 0
        extendedErrors = []
        var offset = record.data.lowerBound
        while offset + 4 <= record.data.upperBound, extendedErrors.count < Self.maximumErrors {
            let code = packet.uint16(offset)
            let end = offset + 4 + Int(packet.uint16(offset + 2))
            guard end <= record.data.upperBound else { return }
            if code == Self.extendedErrorOption, end - offset >= 6 {
                var text = packet.octets((offset + 6)..<end)
                // RFC 8914, 2: a receiver should strip trailing NULs.
                while text.last == 0 { text.removeLast() }
                extendedErrors.append(
                    ExtendedError(code: packet.uint16(offset + 4), text: String(decoding: text, as: UTF8.self)))
            }
            offset = end
        }
    }
}
