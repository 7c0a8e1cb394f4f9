// A whole message as values: for the fake server of the test kit, for tools and for tests. The resolver's hot path reads
// answers with DNSAnswer instead, which makes only what it needs.

/// A question, as a message carries it.
package struct DNSQuestion: Hashable, Sendable {
    /// The name.
    package var name: DomainName
    /// The name with the case of the wire, for servers that must echo it (0x20).
    package var spelling: String
    /// The type asked for.
    package var type: RecordType
    /// The class, 1 for the internet.
    package var questionClass: UInt16

    /// Creates a question of class IN.
    package init(name: DomainName, spelling: String? = nil, type: RecordType, questionClass: UInt16 = 1) {
        self.name = name
        self.spelling = spelling ?? name.text
        self.type = type
        self.questionClass = questionClass
    }
}

/// A DNS message, query or response, parsed as a whole.
package struct DNSMessage: Hashable, Sendable {
    /// The header as it stood there.
    package var header: DNSHeader
    /// What is asked, usually one.
    package var questions: [DNSQuestion]
    /// The answer section; records of other classes than IN are left out here and below.
    package var answers: [ResourceRecord]
    /// The authority section.
    package var authorities: [ResourceRecord]
    /// The additional section without OPT.
    package var additionals: [ResourceRecord]
    /// What the first OPT record says; nil without one.
    package var edns: EDNS?

    /// The response code with EDNS's part.
    package var responseCode: ResponseCode {
        ResponseCode(header: header.flags.responseCode, extended: edns?.extendedCode ?? 0)
    }

    /// Reads a message. Octets after its last record are ignored.
    ///
    /// - Throws: the first thing that is wrong. Each record is checked against its type.
    /// - Complexity: O(octets of the packet × 128), for each name may point through all of it.
    package init(reading packet: RawSpan) throws(WireError) {
        header = try DNSHeader(reading: packet)
        questions = []
        var offset = DNSHeader.octets
        for _ in 0..<header.questions {
            let start = offset
            offset = try WireName.skip(packet, at: start)
            guard offset + 4 <= packet.byteCount else { throw .truncated }
            questions.append(
                DNSQuestion(
                    name: try WireName.read(packet, at: start), spelling: try WireName.spelling(packet, at: start),
                    type: RecordType(rawValue: packet.uint16(offset)), questionClass: packet.uint16(offset + 2)))
            offset += 4
        }
        var edns: EDNS?
        answers = try Self.section(packet, &offset, header.answers, &edns)
        authorities = try Self.section(packet, &offset, header.authorities, &edns)
        additionals = try Self.section(packet, &offset, header.additionals, &edns)
        self.edns = edns
    }

    private static func section(
        _ packet: RawSpan, _ offset: inout Int, _ count: UInt16, _ edns: inout EDNS?
    ) throws(WireError) -> [ResourceRecord] {
        var records: [ResourceRecord] = []
        for _ in 0..<count {
            let record = try WireRecord(packet, at: offset)
            offset = record.data.upperBound
            if record.type == .opt {
                if edns == nil { edns = EDNS(record, packet) }
            } else if record.recordClass == WireRecord.internet {
                records.append(try ResourceRecord(packet, record))
            }
        }
        return records
    }
}

extension ResourceRecord {
    init(_ packet: RawSpan, _ record: WireRecord) throws(WireError) {
        self.init(
            name: try WireName.read(packet, at: record.owner), type: record.type, ttl: record.ttl,
            data: try RecordDataReader.read(packet, record))
    }
}
