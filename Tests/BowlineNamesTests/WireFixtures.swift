// Short ways to make packets and to read them.

import Bowline

/// A response to one question, built step by step.
struct Packet {
    let name: DomainName
    let type: RecordType
    var writer: DNSMessageWriter

    init(
        _ name: String = "h.test", _ type: RecordType = .a, code: ResponseCode = .noError, flags: DNSHeader.Flags = []
    ) {
        self.name = Self.name(name)
        self.type = type
        let question = DNSQuestion(name: self.name, spelling: name, type: type)
        let octets = DNSMessageWriter.query(id: 7, question: question, edns: nil)
        // What was just written parses.
        let query = try! message(octets)
        writer = DNSMessageWriter(respondingTo: query, code: code, flags: flags)
    }

    static func name(_ text: String) -> DomainName {
        try! DomainName(text)
    }

    func a(_ owner: String, _ text: String, _ ttl: UInt32) -> Packet {
        with { $0.address(Self.name(owner), address(text), ttl: ttl) }
    }

    func cname(_ owner: String, _ target: String, _ ttl: UInt32) -> Packet {
        with { $0.alias(Self.name(owner), to: Self.name(target), ttl: ttl) }
    }

    func soa(_ zone: String, ttl: UInt32, minimum: UInt32) -> Packet {
        with {
            $0.authority(
                Self.name(zone),
                StartOfAuthority(primary: Self.name("ns.test"), mailbox: Self.name("m.test"), minimum: minimum),
                ttl: ttl)
        }
    }

    func edns(_ code: UInt8 = 0, _ errors: ExtendedError...) -> Packet {
        with { $0.edns(EDNS(extendedCode: code, extendedErrors: errors)) }
    }

    func raw(_ owner: [UInt8], _ type: RecordType, _ data: [UInt8]) -> Packet {
        with { $0.record(name: owner, type, ttl: 60, data: data) }
    }

    func raw(_ type: RecordType, _ data: [UInt8]) -> Packet {
        raw([0xC0, 12], type, data)
    }

    func with(_ change: (inout DNSMessageWriter) -> Void) -> Packet {
        var copy = self
        change(&copy.writer)
        return copy
    }

    var octets: [UInt8] { writer.octets }
    var answer: DNSAnswer { readAnswer(octets, name, type) }
}

/// The address that a test wrote down.
func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

/// Reads an answer out of octets.
func readAnswer(_ octets: [UInt8], _ name: DomainName, _ type: RecordType, letterCase: LetterCase? = nil) -> DNSAnswer {
    DNSAnswer(reading: octets.span.bytes, name: name, type: type, letterCase: letterCase)
}

/// Reads a whole message.
func message(_ octets: [UInt8]) throws(WireError) -> DNSMessage {
    try DNSMessage(reading: octets.span.bytes)
}

/// A small generator with a seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
