// Builds messages: queries of our own, and whatever a fake server wants to say, also wrongly. So it checks nothing that
// a misbehaving server might want to get wrong: names and data may be any octets. Names are never compressed.

package import BowlineTransport

/// Writes a DNS message, section by section in the order of the wire.
///
/// A fake server that lies about its counts or its length changes the octets afterwards.
package struct DNSMessageWriter {
    /// The sections, in their order.
    package enum Section: Int, Sendable {
        /// What is asked.
        case question
        /// The answers.
        case answer
        /// Who is in authority, and the SOA of negative answers.
        case authority
        /// The rest, with OPT.
        case additional
    }

    /// The message so far. Its counts are right after each call.
    package private(set) var octets: [UInt8]

    /// Begins a message.
    package init(id: UInt16, flags: DNSHeader.Flags) {
        octets = []
        octets.reserveCapacity(128)
        append16(id)
        append16(flags.rawValue)
        octets += [UInt8](repeating: 0, count: 8)
    }

    /// Begins the response to a query: its id, opcode, RD and its questions letter for letter.
    ///
    /// - Parameters:
    ///   - code: the response code; what exceeds four bits goes into `edns`.
    ///   - flags: more flags, for example `.truncated`.
    package init(respondingTo query: DNSMessage, code: ResponseCode = .noError, flags: DNSHeader.Flags = []) {
        var all: DNSHeader.Flags = [.response, .recursionAvailable]
        all.formUnion(query.header.flags.intersection([.recursionDesired, .checkingDisabled]))
        all.formUnion(flags)
        all.opcode = query.header.flags.opcode
        all.responseCode = UInt8(code.rawValue & 0x0F)
        self.init(id: query.header.id, flags: all)
        for question in query.questions { self.question(question) }
    }

    /// Writes a query of one question with recursion desired.
    ///
    /// - Parameter edns: the OPT record; nil for none.
    /// - Returns: the whole message.
    package static func query(id: UInt16, question: DNSQuestion, edns: EDNS? = EDNS()) -> [UInt8] {
        var writer = DNSMessageWriter(id: id, flags: .recursionDesired)
        writer.question(question)
        if let edns { writer.edns(edns) }
        return writer.octets
    }

    /// Adds a question with its own spelling.
    package mutating func question(_ question: DNSQuestion) {
        let name = DomainName.wireFormat(ofSpelling: question.spelling) ?? question.name.wireFormat
        self.question(name: name, type: question.type, questionClass: question.questionClass)
    }

    /// Adds a question for any octets as its name.
    package mutating func question(name: [UInt8], type: RecordType, questionClass: UInt16 = 1) {
        octets += name
        append16(type.rawValue)
        append16(questionClass)
        count(.question)
    }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - name: the owner.
    ///   - ttl: in seconds, any number.
    ///   - data: as its type has it on the wire, see `RecordOctets`.
    package mutating func record(
        _ name: DomainName, _ type: RecordType, ttl: UInt32, data: [UInt8], in section: Section = .answer
    ) {
        record(name: name.wireFormat, type, ttl: ttl, data: data, in: section)
    }

    /// Adds a record whose owner is any octets: a pointer (`[0xC0, 0x0C]` is the question's name), or nonsense.
    ///
    /// - Parameter claimedLength: the length that stands before the data, if it is to be a lie.
    package mutating func record(
        name: [UInt8], _ type: RecordType, recordClass: UInt16 = 1, ttl: UInt32, data: [UInt8],
        claimedLength: UInt16? = nil, in section: Section = .answer
    ) {
        octets += name
        append16(type.rawValue)
        append16(recordClass)
        append16(UInt16(ttl >> 16))
        append16(UInt16(truncatingIfNeeded: ttl))
        append16(claimedLength ?? UInt16(truncatingIfNeeded: data.count))
        octets += data
        count(section)
    }

    /// Adds an A or AAAA record, by the family of the address.
    package mutating func address(_ name: DomainName, _ address: IPAddress, ttl: UInt32, in section: Section = .answer)
    {
        record(name, address.family == .ipv4 ? .a : .aaaa, ttl: ttl, data: RecordOctets.address(address), in: section)
    }

    /// Adds a CNAME record.
    package mutating func alias(_ name: DomainName, to target: DomainName, ttl: UInt32) {
        record(name, .cname, ttl: ttl, data: target.wireFormat)
    }

    /// Adds a SOA record to the authority section, as negative answers have it.
    package mutating func authority(_ zone: DomainName, _ soa: StartOfAuthority, ttl: UInt32) {
        record(zone, .soa, ttl: ttl, data: RecordOctets.soa(soa), in: .authority)
    }

    /// Adds an OPT record, with its extended errors as options.
    package mutating func edns(_ edns: EDNS) {
        var options: [UInt8] = []
        for error in edns.extendedErrors {
            let text = Array(error.text.utf8)
            options += RecordOctets.number16(EDNS.extendedErrorOption)
            options += RecordOctets.number16(UInt16(truncatingIfNeeded: text.count + 2))
            options += RecordOctets.number16(error.code) + text
        }
        let ttl = UInt32(edns.extendedCode) << 24 | UInt32(edns.version) << 16 | (edns.wantsDNSSEC ? 0x8000 : 0)
        record(name: [0], .opt, recordClass: edns.payloadSize, ttl: ttl, data: options, in: .additional)
    }

    private mutating func append16(_ number: UInt16) {
        octets.append(UInt8(number >> 8))
        octets.append(UInt8(truncatingIfNeeded: number))
    }

    private mutating func count(_ section: Section) {
        let place = 4 + 2 * section.rawValue
        let number = (UInt16(octets[place]) << 8 | UInt16(octets[place + 1])) &+ 1
        octets[place] = UInt8(number >> 8)
        octets[place + 1] = UInt8(truncatingIfNeeded: number)
    }
}
