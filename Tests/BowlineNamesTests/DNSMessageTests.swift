// Whole messages, there and back, and the presentation form of records.

import Bowline
import Testing

@Suite("A message")
struct DNSMessageTests {
    @Test("is read as it was written")
    func roundTrip() throws {
        let question = DNSQuestion(name: Packet.name("h.test"), spelling: "H.tEst", type: .https)
        let octets = DNSMessageWriter.query(id: 0xABCD, question: question, edns: EDNS(wantsDNSSEC: true))
        let query = try message(octets)
        #expect(query.header.id == 0xABCD)
        #expect(query.header.flags == .recursionDesired)
        #expect(query.questions == [question])
        #expect(query.edns == EDNS(payloadSize: 1232, wantsDNSSEC: true))

        var writer = DNSMessageWriter(respondingTo: query, code: .badVers, flags: .truncated)
        writer.alias(Packet.name("h.test"), to: Packet.name("w.test"), ttl: 5)
        let soa = StartOfAuthority(primary: Packet.name("ns.test"), mailbox: .root, serial: 7, minimum: 60)
        writer.authority(Packet.name("test"), soa, ttl: 9)
        writer.address(Packet.name("w.test"), address("2001:db8::1"), ttl: 6, in: .additional)
        writer.edns(EDNS(payloadSize: 512, extendedCode: 1, extendedErrors: [ExtendedError(code: 3, text: "old")]))
        let response = try message(writer.octets)
        #expect(response.header.flags.contains([.response, .truncated, .recursionDesired, .recursionAvailable]))
        #expect(response.questions == [question])
        #expect(response.responseCode == .badVers)
        #expect(response.answers.map(\.description) == ["h.test 5 IN CNAME w.test"])
        #expect(response.authorities.map(\.description) == ["test 9 IN SOA ns.test . 7 3600 600 86400 60"])
        #expect(response.additionals.map(\.description) == ["w.test 6 IN AAAA 2001:db8::1"])
        #expect(response.edns?.extendedErrors == [ExtendedError(code: 3, text: "old")])
        #expect(response.edns?.payloadSize == 512)
    }

    @Test("of RFC 1035's example of compression is read")
    func compression() throws {
        // RFC 1035, 4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92; here as questions.
        var octets = DNSMessageWriter(id: 0, flags: []).octets
        octets += [1, 0x46, 3, 0x49, 0x53, 0x49, 4, 0x41, 0x52, 0x50, 0x41, 0, 0, 1, 0, 1]
        octets += [3, 0x46, 0x4F, 0x4F, 0xC0, 12, 0, 1, 0, 1]
        octets += [0xC0, 18, 0, 1, 0, 1]
        octets += [0, 0, 1, 0, 1]
        octets[5] = 4
        let names = try message(octets).questions
        #expect(names.map(\.name.text) == ["f.isi.arpa", "foo.f.isi.arpa", "arpa", ""])
        #expect(names.map(\.spelling) == ["F.ISI.ARPA", "FOO.F.ISI.ARPA", "ARPA", ""])
    }

    static let presentations: [(RecordType, [UInt8], String)] = [
        (.a, [192, 0, 2, 1], "192.0.2.1"),
        (.ns, Packet.name("Ns.test").wireFormat, "ns.test"),
        (.ptr, [0], "."),
        (.mx, RecordOctets.mx(preference: 10, exchange: Packet.name("mail.test")), "10 mail.test"),
        (.srv, RecordOctets.srv(priority: 1, weight: 2, port: 443, target: Packet.name("h.test")), "1 2 443 h.test"),
        (.txt, [0], #""""#),
        (.txt, [4, 0x61, 0x5C, 0x00, 0xFF], #""a\\\000\255""#),
        (.caa, RecordOctets.caa(flags: 128, tag: "issue", value: "ca.test"), #"128 issue "ca.test""#),
        (RecordType(rawValue: 65280), [0xAB, 0xCD], "\\# 2 abcd"),
        (RecordType(rawValue: 65280), [], "\\# 0"),
        (.https, RecordOctets.serviceBinding(priority: 0, target: Packet.name("svc.test")), "0 svc.test"),
        (
            .https,
            RecordOctets.serviceBinding(
                priority: 1, target: .root,
                parameters: [
                    (0, [0, 1, 0, 4]), (1, [2, 0x68, 0x32, 2, 0x68, 0x33]), (2, []), (3, [0x20, 0xFB]),
                    (4, [192, 0, 2, 1, 192, 0, 2, 2]), (5, [1, 2, 3, 4]),
                    (6, RecordOctets.address(address("2001:db8::1"))), (7, Array("/q{?dns}".utf8)),
                    (667, [0x61, 0xD2]),
                ]),
            #"1 . mandatory=alpn,ipv4hint alpn=h2,h3 no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AQIDBA== ipv6hint=2001:db8::1 dohpath="/q{?dns}" key667="a\210""#
        ),
        // RFC 9460, D.2, figure 10: a comma and a backslash within an alpn id.
        (
            .svcb,
            RecordOctets.serviceBinding(
                priority: 16, target: Packet.name("foo.example.org"),
                parameters: [(1, [8, 0x66, 0x5C, 0x6F, 0x6F, 0x2C, 0x62, 0x61, 0x72, 2, 0x68, 0x32])]),
            #"16 foo.example.org alpn="f\\\\oo\\,bar,h2""#
        ),
    ]

    @Test("shows records in presentation form", arguments: presentations)
    func presentation(type: RecordType, data: [UInt8], text: String) throws {
        let records = try message(Packet("h.test", type).raw(type, data).octets).answers
        #expect(records.map(\.data.description) == [text])
        // The same through the resolver's reader.
        if type != .a {
            #expect(Packet("h.test", type).raw(type, data).answer.records.map(\.data.description) == [text])
        }
    }

    static let malformed: [(RecordType, [UInt8])] = [
        (.a, [1, 2, 3]), (.aaaa, [1, 2, 3, 4]), (.cname, []), (.cname, [0, 0]), (.mx, [0]), (.mx, [0, 1, 0, 0]),
        (.srv, [0, 1, 0, 1, 0, 1]), (.soa, [0, 0] + [UInt8](repeating: 0, count: 19)), (.txt, []), (.txt, [5, 1]),
        (.caa, [0]), (.caa, [0, 9, 1]), (.caa, [0, 0]), (.caa, [0, 1, 0x20]), (.https, [0, 1]),
        (.https, [0, 1, 0, 0, 3, 0, 1, 0]),
        (.https, [0, 1, 0, 0, 4, 0, 3, 1, 2, 3]), (.https, [0, 1, 0, 0, 1, 0, 2, 2, 0x68]),
        (.https, [0, 1, 0, 0, 1, 0, 0]),
        (.https, [0, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0]), (.https, [0, 1, 0, 0, 2, 0, 1, 0]), (.https, [0, 1, 0, 0, 3]),
    ]

    @Test("with data that its type forbids is malformed", arguments: malformed)
    func badData(type: RecordType, data: [UInt8]) {
        let octets = Packet("h.test", type).raw(type, data).raw(.txt, [3, 0x61, 0x61, 0x61]).octets
        #expect(throws: WireError.self) { try message(octets) }
        guard case .malformed = readAnswer(octets, Packet.name("h.test"), type).outcome else {
            Issue.record("accepted")
            return
        }
    }

    @Test("never says that it is malformed in more than a clause")
    func descriptions() {
        let all: [WireError] = [
            .truncated, .badPointer, .tooManyPointers, .reservedLabel, .nameTooLong, .badData(.a), .notAResponse,
            .noQuestion,
            .otherQuestion,
            .aliasLoop, .tooManyAliases,
        ]
        #expect(Set(all.map(\.description)).count == all.count)
    }
}

@Suite("Hostile packets")
struct HostilePacketTests {
    /// Messages with everything in them that the readers know.
    static let seeds: [[UInt8]] = {
        var packets = [
            Packet().cname("h.test", "w.test", 60).a("w.test", "192.0.2.1", 300).soa("test", ttl: 5, minimum: 6)
                .edns(0, ExtendedError(code: 3, text: "stale")).octets,
            Packet("h.test", .aaaa).a("h.test", "2001:db8::1", 9).edns().octets,
            Packet(code: .nxdomain).soa("test", ttl: 5, minimum: 6).octets,
        ]
        for (type, data, _) in DNSMessageTests.presentations {
            packets.append(Packet("h.test", type).raw(type, data).octets)
        }
        return packets
    }()

    private func read(_ octets: [UInt8]) {
        _ = try? message(octets)
        for type in [RecordType.a, .aaaa, .https, .txt, .any] { _ = readAnswer(octets, Packet.name("h.test"), type) }
    }

    @Test("cut at each octet are malformed, and never read beyond their end")
    func cut() {
        for seed in Self.seeds {
            for count in 0..<seed.count {
                let octets = Array(seed[..<count])
                #expect(throws: WireError.self) { try message(octets) }
                read(octets)
            }
        }
    }

    @Test("mutated at random are read without harm", arguments: 1...8)
    func mutated(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        for _ in 0..<2_000 {
            var octets = Self.seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 2..<octets.count, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: octets[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: octets[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: octets[place] = [0, 1, 12, 0x3F, 0x40, 0xC0, 0xFF].randomElement(using: &generator) ?? 0
                case 3: octets.insert(0xC0, at: place)
                default: if octets.count > 14 { octets.remove(at: place) }
                }
            }
            read(octets)
        }
    }

    @Test("of random octets behind a sound header are read without harm", arguments: 11...14)
    func random(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        for _ in 0..<2_000 {
            var octets = Packet().octets
            octets[7] = UInt8.random(in: 0...9, using: &generator)
            octets[9] = UInt8.random(in: 0...3, using: &generator)
            octets[11] = UInt8.random(in: 0...3, using: &generator)
            for _ in 0..<Int.random(in: 0...300, using: &generator) {
                octets.append(
                    Bool.random(using: &generator)
                        ? UInt8.random(in: 0...255, using: &generator)
                        : [0, 1, 4, 0xC0, 12].randomElement(using: &generator) ?? 0)
            }
            read(octets)
        }
    }

    @Test("of 64 KiB that would cost the most are read in bounded steps")
    func costly() {
        // The chain lies backwards, so that each of its steps needs a pass over thousands of strangers.
        var writer = Packet("0.test").writer
        writer.address(Packet.name("16.test"), .v4(.loopback), ttl: 1)
        for index in (0..<16).reversed() {
            writer.alias(Packet.name("\(index).test"), to: Packet.name("\(index + 1).test"), ttl: 1)
        }
        let stranger = DomainName.wireFormat(ofSpelling: "1.tes") ?? []
        while writer.octets.count < 65_500 { writer.record(name: stranger, .cname, ttl: 1, data: [0xC0, 12]) }
        #expect(readAnswer(writer.octets, Packet.name("0.test"), .a).outcome == .answer)
    }
}
