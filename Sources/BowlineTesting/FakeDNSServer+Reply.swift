// How a fake server's replies are composed. A reply is a value that doesn't know its question; the octets are made when
// there is one.

public import Bowline

extension FakeDNSServer {
    /// A reply, before it is composed for a question.
    ///
    /// ```swift
    /// var reply = FakeDNSServer.Reply(addresses: [.v4(.loopback)], ttl: 300)
    /// reply.additionals = [.address("ns.test", .v4(.loopback))]
    /// reply.extendedErrors = [ExtendedError(code: 3)]
    /// ```
    /// A reply that is larger than a datagram that the client takes is cut to a header with TC, as servers do.
    public struct Reply: Sendable {
        /// The response code; what exceeds four bits needs EDNS.
        public var code: ResponseCode
        /// The answer section.
        public var answers: [Record] = []
        /// The authority section.
        public var authorities: [Record] = []
        /// The additional section, without OPT.
        public var additionals: [Record] = []
        /// Whether it says that it was cut short.
        public var isTruncated = false
        /// Whether it has an OPT record; nil: if the question has one, or if there is something to put there.
        public var hasEDNS: Bool?
        /// The server's explanations (RFC 8914).
        public var extendedErrors: [ExtendedError] = []
        /// Whether the question stands in it.
        public var repeatsQuestion = true

        private var addresses: [IPAddress] = []
        private var ttl: UInt32 = 60
        private var aliases: [String] = []
        private var aliasTTL: UInt32 = 60

        /// Creates a reply without records.
        ///
        /// - Parameter minimum: the TTL and the minimum of a SOA record in the authority section, in seconds; nil for none.
        public init(code: ResponseCode = .noError, minimum: UInt32? = nil) {
            self.code = code
            if let minimum { authorities = [.soa("test", ttl: minimum, minimum: minimum)] }
        }

        /// Creates a reply of addresses: those of the type asked for, or NODATA if none is.
        ///
        /// - Parameters:
        ///   - ttl: of the addresses, in seconds, any number.
        ///   - aliases: names that lead from the one asked to the one that has the addresses, which is the last.
        ///   - aliasTTL: of each alias, in seconds.
        public init(
            addresses: [IPAddress], ttl: UInt32 = 60, aliases: [String] = [], aliasTTL: UInt32 = 60
        ) {
            self.init()
            self.addresses = addresses
            self.ttl = ttl
            self.aliases = aliases
            self.aliasTTL = aliasTTL
        }

        /// The octets of the reply to a question.
        func octets(for question: Question, _ forgery: Forgery? = nil) -> [UInt8] {
            let whole = compose(for: question, forgery, self)
            // 512 octets without EDNS (RFC 1035, 4.2.1).
            guard question.transport == .udp, whole.count > Int(question.payloadSize ?? 512) else { return whole }
            var cut = Reply(code: code)
            cut.isTruncated = true
            return compose(for: question, forgery, cut)
        }

        private func compose(for question: Question, _ forgery: Forgery?, _ reply: Reply) -> [UInt8] {
            var flags: DNSHeader.Flags = [.response, .recursionDesired, .recursionAvailable]
            if forgery == .notAResponse { flags.remove(.response) }
            if reply.isTruncated { flags.insert(.truncated) }
            flags.responseCode = UInt8(reply.code.rawValue & 0x0F)
            let id = forgery == .id ? question.id ^ 0x5555 : question.id
            var writer = DNSMessageWriter(id: id, flags: flags)
            if reply.repeatsQuestion, forgery != .noQuestion { Self.repeat(question, forgery, &writer) }

            for record in reply.answers + reply.addressAnswers(to: question) { record.write(to: &writer, .answer) }
            var authorities = reply.authorities
            let hasAnswers = !reply.answers.isEmpty || reply.addresses.contains { $0.type == question.type }
            if !reply.addresses.isEmpty, !hasAnswers {
                authorities.append(.soa("test", ttl: reply.ttl, minimum: reply.ttl))
            }
            for record in authorities { record.write(to: &writer, .authority) }
            for record in reply.additionals { record.write(to: &writer, .additional) }
            let needsEDNS = reply.code.rawValue > 0x0F || !reply.extendedErrors.isEmpty
            if reply.hasEDNS ?? (question.payloadSize != nil || needsEDNS) {
                writer.edns(
                    EDNS(
                        extendedCode: UInt8(truncatingIfNeeded: reply.code.rawValue >> 4),
                        extendedErrors: reply.extendedErrors))
            }
            return writer.octets
        }

        private static func `repeat`(
            _ question: Question, _ forgery: Forgery?, _ writer: inout DNSMessageWriter
        ) {
            var repeated = DNSQuestion(name: question.name, spelling: question.spelling, type: question.type)
            switch forgery {
            case .name:
                // Valid for every name that can be asked: no label grows.
                repeated.spelling = String(question.spelling.map { $0 == "." ? $0 : $0 == "x" ? "y" : "x" })
            case .type:
                repeated.type = question.type == .txt ? .a : .txt
            case .spelling:
                repeated.spelling =
                    question.spelling.contains { $0.isLowercase }
                    ? question.spelling.uppercased() : question.spelling.lowercased()
            default:
                break
            }
            writer.question(repeated)
        }

        private func addressAnswers(to question: Question) -> [Record] {
            var records: [Record] = []
            var owner = question.name.wireFormat
            for alias in aliases {
                let target = Record.wireName(alias)
                records.append(Record(owner: owner, type: .cname, ttl: aliasTTL, data: target))
                owner = target
            }
            // The question's name stands at offset 12; a pointer to it is what real servers send.
            if aliases.isEmpty, repeatsQuestion { owner = [0xC0, 12] }
            for address in addresses where address.type == question.type {
                records.append(
                    Record(owner: owner, type: address.type, ttl: ttl, data: RecordOctets.address(address)))
            }
            return records
        }
    }

    /// A record as octets, which may be any.
    ///
    /// ```swift
    /// let short = FakeDNSServer.Record("h.test", .a, data: [192, 0, 2])       // an octet is missing
    /// let text = FakeDNSServer.Record("h.test", .txt, data: [2, 104, 105])    // "hi"
    /// ```
    public struct Record: Hashable, Sendable {
        /// The owner's name as it stands on the wire.
        public var owner: [UInt8]
        /// The type.
        public var type: RecordType
        /// The class, 1 for the internet.
        public var recordClass: UInt16
        /// In seconds, any number.
        public var ttl: UInt32
        /// What it says, as its type has it on the wire.
        public var data: [UInt8]
        /// The length that stands before the data, if it is to be a lie.
        public var claimedLength: UInt16?

        /// Creates a record of any octets.
        public init(owner: [UInt8], type: RecordType, recordClass: UInt16 = 1, ttl: UInt32 = 60, data: [UInt8]) {
            self.owner = owner
            self.type = type
            self.recordClass = recordClass
            self.ttl = ttl
            self.data = data
        }

        /// Creates a record of a name, given as in a zone file (`\.` and `\000` stand for one octet).
        public init(_ owner: String, _ type: RecordType, ttl: UInt32 = 60, data: [UInt8]) {
            self.init(owner: Self.wireName(owner), type: type, ttl: ttl, data: data)
        }

        /// An A or AAAA record.
        public static func address(_ owner: String, _ address: IPAddress, ttl: UInt32 = 60) -> Record {
            Record(owner, address.type, ttl: ttl, data: RecordOctets.address(address))
        }

        /// A CNAME record.
        public static func alias(_ owner: String, to target: String, ttl: UInt32 = 60) -> Record {
            Record(owner, .cname, ttl: ttl, data: wireName(target))
        }

        /// A SOA record.
        public static func soa(_ zone: String, ttl: UInt32 = 60, minimum: UInt32 = 60) -> Record {
            let soa = StartOfAuthority(
                primary: DomainName(canonical: "ns.test"), mailbox: DomainName(canonical: "hostmaster.test"),
                minimum: minimum)
            return Record(zone, .soa, ttl: ttl, data: RecordOctets.soa(soa))
        }

        static func wireName(_ text: String) -> [UInt8] {
            guard let octets = DomainName.wireFormat(ofSpelling: text) else {
                preconditionFailure("not a domain name: \(text)")
            }
            return octets
        }

        func write(to writer: inout DNSMessageWriter, _ section: DNSMessageWriter.Section) {
            writer.record(
                name: owner, type, recordClass: recordClass, ttl: ttl, data: data, claimedLength: claimedLength,
                in: section)
        }
    }
}

extension IPAddress {
    var type: RecordType { family == .ipv4 ? .a : .aaaa }
}
