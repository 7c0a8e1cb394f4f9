// What a packet says about one question: the resolver's hot path. It reads the packet once in the usual case, compares
// names in place, and allocates only for what it hands out. The packet is a stranger's; all of it is checked.

package import BowlineTransport

/// The answer of a server to one question.
package struct DNSAnswer: Hashable, Sendable {
    /// How many aliases are followed, as in unbound and BIND's resolvers; the longest in the wild have about eight.
    package static let maximumAliases = 16

    /// What the packet says, taken as a whole.
    package enum Outcome: Hashable, Sendable {
        /// There are records of the type.
        case answer
        /// The name exists and has no record of the type.
        case nodata
        /// The name doesn't exist; with aliases, the last of their targets.
        case nxdomain
        /// The server failed.
        case servfail
        /// The server refuses.
        case refused
        /// Another response code, see `responseCode`.
        case other
        /// Not an answer to the question.
        case malformed(WireError)

        /// Whether nobody else need be asked.
        var settles: Bool {
            switch self {
            case .answer, .nodata, .nxdomain: true
            case .servfail, .refused, .other, .malformed: false
            }
        }
    }

    /// What the packet says.
    package var outcome: Outcome
    /// The response code with EDNS's part.
    package var responseCode: ResponseCode
    /// TC: the answer doesn't fit; it is to be asked again over TCP, whatever the outcome is. If that has been done, what is
    /// there may be used, but not kept, and what isn't there may exist.
    package var isTruncated = false
    /// Whether the question came back letter for letter (0x20). Also true if nothing was given to compare with.
    package var spellingMatches = true
    /// The addresses, without duplicates, in the server's order. Only for questions of type A and AAAA.
    package var addresses = ShortList<IPAddress>()
    /// The records, for questions of other types.
    package var records: [ResourceRecord] {
        get { extras.records }
        set { extras.records = newValue }
    }
    /// The steps from the name asked to the name that the answer is about, in order.
    package var aliases: [AliasStep] {
        get { extras.aliases }
        set { extras.aliases = newValue }
    }
    /// The TTL of the records themselves: the smallest of the set (RFC 2181, 5.2). 0 if there are none.
    package var recordTTL: UInt32 = 0
    /// How long the outcome may be kept, in seconds: the smallest TTL among the aliases and the records; for NODATA and
    /// NXDOMAIN the smallest among the aliases and min(SOA TTL, MINIMUM) (RFC 2308, 5). Nil if it may not be cached:
    /// a negative answer without SOA, one that is cut short (RFC 2181, 9), or a failure.
    package var ttl: UInt32?
    /// The server's explanations (RFC 8914).
    package var extendedErrors: [ExtendedError] {
        get { extras.extendedErrors }
        set { extras.extendedErrors = newValue }
    }
    /// Whether the server answered with EDNS.
    package var hasEDNS = false

    /// What few answers have.
    private struct Extras: Hashable {
        var records: [ResourceRecord] = []
        var aliases: [AliasStep] = []
        var extendedErrors: [ExtendedError] = []

        var isEmpty: Bool { records.isEmpty && aliases.isEmpty && extendedErrors.isEmpty }
    }
    /// Behind a reference, which is nil for most: an answer is copied several times on its way.
    private indirect enum ExtrasBox: Hashable {
        case extras(Extras)
    }
    private var extrasBox: ExtrasBox?
    /// Whether there are aliases, explanations, or records that are no addresses.
    var hasExtras: Bool { extrasBox != nil }
    private var extras: Extras {
        get { if case .extras(let extras) = extrasBox { extras } else { Extras() } }
        set { extrasBox = newValue.isEmpty ? nil : .extras(newValue) }
    }

    /// The name that the answer is about: the last alias' target, or the name asked.
    package func canonicalName(of name: DomainName) -> DomainName {
        hasExtras ? aliases.last?.target ?? name : name
    }

    /// Whether the name asked is an alias.
    var isAliased: Bool { hasExtras && !aliases.isEmpty }

    /// Creates an answer by hand.
    package init(outcome: Outcome, responseCode: ResponseCode = .noError) {
        self.outcome = outcome
        self.responseCode = responseCode
    }

    /// Reads what a packet says about a question. Never fails: what doesn't parse is an outcome.
    ///
    /// - Parameters:
    ///   - packet: the whole message; its id has been compared already.
    ///   - name: the name asked.
    ///   - type: the type asked; class IN.
    ///   - letterCase: the case in which the name was sent; nil if it doesn't matter.
    package init(reading packet: RawSpan, name: DomainName, type: RecordType, letterCase: LetterCase? = nil) {
        self.init(outcome: .nodata)
        do throws(WireError) {
            try read(packet, name, type, letterCase)
        } catch {
            // What was read before the fault isn't to be trusted, but the code and the explanations are evidence.
            addresses = []
            records = []
            ttl = nil
            outcome = .malformed(error)
        }
    }

    private mutating func read(
        _ packet: RawSpan, _ name: DomainName, _ type: RecordType, _ letterCase: LetterCase?
    ) throws(WireError) {
        let header = try DNSHeader(reading: packet)
        responseCode = ResponseCode(header: header.flags.responseCode, extended: 0)
        isTruncated = header.flags.contains(.truncated)
        guard header.flags.contains(.response), header.flags.opcode == 0 else { throw .notAResponse }
        let sections = try readQuestion(packet, header, name, type, letterCase)

        var search = AnswerSearch(sections, header, type)
        if responseCode == .noError || responseCode == .nxdomain {
            try search.run(packet)
            addresses = search.addresses
            if !search.records.isEmpty { records = search.records }
            recordTTL = search.records.isEmpty && search.addresses.isEmpty ? 0 : search.ttl
            if search.hasAliases { aliases = try search.aliases(of: name, packet) }
        } else {
            try search.skipAnswers(packet)
        }
        let negativeTTL = try readRest(packet, header, search.end)
        conclude(aliasTTL: search.aliasTTL, negativeTTL: negativeTTL)
    }

    /// Compares the question with what was asked; the offset after it comes back.
    private mutating func readQuestion(
        _ packet: RawSpan, _ header: DNSHeader, _ name: DomainName, _ type: RecordType, _ letterCase: LetterCase?
    ) throws(WireError) -> Int {
        let start = DNSHeader.octets
        guard header.questions > 0 else {
            // Servers that can't read a query send its header back alone; the code says it all.
            guard header.flags.responseCode != 0, header.answers == 0 else { throw .noQuestion }
            spellingMatches = letterCase == nil
            return start
        }
        guard header.questions == 1 else { throw .otherQuestion }
        let end = try WireName.skip(packet, at: start)
        guard end + 4 <= packet.byteCount else { throw .truncated }
        guard packet.uint16(end) == type.rawValue, packet.uint16(end + 2) == WireRecord.internet else {
            throw .otherQuestion
        }
        // What comes back as it was sent is the name asked.
        spellingMatches = letterCase.map { packet.spells(name, $0, at: start..<end) } ?? false
        if !spellingMatches {
            guard try WireName.matches(packet, at: start, name) else { throw .otherQuestion }
            spellingMatches = letterCase == nil
        }
        return end + 4
    }

    /// Reads the authority section for its SOA and the additional one for OPT.
    private mutating func readRest(
        _ packet: RawSpan, _ header: DNSHeader, _ start: Int
    ) throws(WireError) -> UInt32? {
        var offset = start
        var negativeTTL: UInt32?
        for _ in 0..<header.authorities {
            let record = try WireRecord(packet, at: offset)
            offset = record.data.upperBound
            if record.type == .soa, record.recordClass == WireRecord.internet, negativeTTL == nil {
                negativeTTL = try record.negativeTTL(packet)
            }
        }
        for _ in 0..<header.additionals {
            let record = try WireRecord(packet, at: offset)
            offset = record.data.upperBound
            if record.type == .opt, !hasEDNS {
                let edns = EDNS(record, packet)
                hasEDNS = true
                if !edns.extendedErrors.isEmpty { extendedErrors = edns.extendedErrors }
                responseCode = ResponseCode(header: header.flags.responseCode, extended: edns.extendedCode)
            }
        }
        return negativeTTL
    }

    private mutating func conclude(aliasTTL: UInt32, negativeTTL: UInt32?) {
        switch responseCode {
        case .noError:
            if addresses.isEmpty, records.isEmpty {
                outcome = .nodata
                ttl = negativeTTL.map { min($0, aliasTTL) }
            } else {
                outcome = .answer
                ttl = min(recordTTL, aliasTTL)
            }
        case .nxdomain:
            outcome = .nxdomain
            // Records beside "there is no such name" contradict it; the code counts.
            addresses = []
            records = []
            recordTTL = 0
            ttl = negativeTTL.map { min($0, aliasTTL) }
        case .servFail: outcome = .servfail
        case .refused: outcome = .refused
        default: outcome = .other
        }
        guard isTruncated else { return }
        ttl = nil
        if outcome == .nodata { outcome = .malformed(.incomplete) }
    }
}
