// The first twelve octets of a message (RFC 1035, 4.1.1).

/// The header of a DNS message.
package struct DNSHeader: Hashable, Sendable {
    /// Its length on the wire.
    package static let octets = 12

    /// The id that ties an answer to its query.
    package var id: UInt16
    /// The sixteen bits between the id and the counts.
    package var flags: Flags
    /// How many questions, answers, authority and additional records the message claims to have.
    package var questions: UInt16 = 0, answers: UInt16 = 0, authorities: UInt16 = 0, additionals: UInt16 = 0

    /// The bits of the header.
    package struct Flags: OptionSet, Hashable, Sendable {
        package var rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        /// QR: a response.
        package static let response = Flags(rawValue: 0x8000)
        /// AA: from an authority of the zone.
        package static let authoritative = Flags(rawValue: 0x0400)
        /// TC: cut short, ask over TCP.
        package static let truncated = Flags(rawValue: 0x0200)
        /// RD: please recurse.
        package static let recursionDesired = Flags(rawValue: 0x0100)
        /// RA: the server recurses.
        package static let recursionAvailable = Flags(rawValue: 0x0080)
        /// AD: the server validated the answer (RFC 4035, 3.2.3).
        package static let authentic = Flags(rawValue: 0x0020)
        /// CD: please don't validate (RFC 4035, 3.2.2).
        package static let checkingDisabled = Flags(rawValue: 0x0010)

        /// The kind of query, 0 for a standard one.
        package var opcode: UInt8 {
            get { UInt8(rawValue >> 11 & 0x0F) }
            set { rawValue = rawValue & 0x87FF | UInt16(newValue & 0x0F) << 11 }
        }

        /// The lower four bits of the response code.
        package var responseCode: UInt8 {
            get { UInt8(rawValue & 0x0F) }
            set { rawValue = rawValue & 0xFFF0 | UInt16(newValue & 0x0F) }
        }
    }

    /// Creates a header; the counts are filled in by whoever writes the message.
    package init(id: UInt16, flags: Flags) {
        self.id = id
        self.flags = flags
    }

    /// Reads the header of a packet.
    package init(reading packet: RawSpan) throws(WireError) {
        guard packet.byteCount >= Self.octets else { throw .truncated }
        id = packet.uint16(0)
        flags = Flags(rawValue: packet.uint16(2))
        questions = packet.uint16(4)
        answers = packet.uint16(6)
        authorities = packet.uint16(8)
        additionals = packet.uint16(10)
    }
}
