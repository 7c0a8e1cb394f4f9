// What the resolver makes of a server's answer, well-behaved and not.

import Bowline
import Testing

@Suite("An answer")
struct DNSAnswerTests {
    @Test("gives its addresses and their TTL")
    func simple() {
        let answer = Packet().a("h.test", "192.0.2.1", 300).a("H.TEST", "192.0.2.2", 200).answer
        #expect(answer.outcome == .answer)
        #expect(answer.addresses.map(\.description) == ["192.0.2.1", "192.0.2.2"])
        #expect(answer.ttl == 200)
        #expect(answer.recordTTL == 200)
        #expect(answer.aliases.isEmpty)
        #expect(!answer.hasEDNS)
    }

    @Test("of type AAAA keeps an IPv4-mapped address as the server sent it")
    func mapped() {
        let answer = Packet("h.test", .aaaa).a("h.test", "::ffff:127.0.0.1", 1).a("h.test", "2001:db8::1", 1).answer
        #expect(answer.addresses.map(\.description) == ["::ffff:127.0.0.1", "2001:db8::1"])
    }

    @Test("ignores records of other names, types and classes")
    func strangers() {
        let packet = Packet().a("other.test", "192.0.2.9", 1).a("h.test", "2001:db8::1", 1)
            .with {
                $0.record(name: [0xC0, 12], .a, recordClass: 3, ttl: 1, data: [1, 2, 3, 4])
                $0.address(Packet.name("h.test"), address("192.0.2.8"), ttl: 1, in: .additional)
            }
        #expect(packet.answer.outcome == .nodata)
        #expect(Packet().a("other.test", "192.0.2.9", 1).a("h.test", "192.0.2.1", 9).answer.ttl == 9)
    }

    @Test("follows aliases in any order, with the smallest TTL on the way")
    func aliases() {
        let steps: [(Packet) -> Packet] = [
            { $0.cname("h.test", "w.test", 60) }, { $0.cname("w.test", "x.test", 30) },
            { $0.a("x.test", "192.0.2.1", 300) },
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0]] {
            let answer = order.reduce(Packet()) { steps[$1]($0) }.answer
            #expect(answer.outcome == .answer)
            #expect(answer.addresses == [address("192.0.2.1")])
            #expect(answer.ttl == 30)
            #expect(answer.recordTTL == 300)
            #expect(answer.aliases.map(\.target.text) == ["w.test", "x.test"])
            #expect(answer.aliases.map(\.name.text) == ["h.test", "w.test"])
            #expect(answer.aliases.map(\.ttl) == [60, 30])
            #expect(answer.canonicalName(of: Packet.name("h.test")).text == "x.test")
        }
    }

    @Test("with an alias of 5 s to an address of 300 s lasts 5 s")
    func shortAlias() {
        #expect(Packet().cname("h.test", "w.test", 5).a("w.test", "192.0.2.1", 300).answer.ttl == 5)
    }

    @Test("counts what lies beside an alias for nothing")
    func besideAlias() {
        let packet = Packet().a("h.test", "192.0.2.9", 1).cname("h.test", "w.test", 60).a("w.test", "192.0.2.1", 60)
        #expect(packet.answer.addresses.map(\.description) == ["192.0.2.1"])
        let reversed = Packet().a("w.test", "192.0.2.1", 60).cname("h.test", "w.test", 60).a("h.test", "192.0.2.9", 1)
        #expect(reversed.answer.addresses.map(\.description) == ["192.0.2.1"])
        #expect(reversed.answer.ttl == 60)
    }

    @Test("with a chain of aliases: 1, 8 and 16 are followed, 17 are too many", arguments: [1, 8, 16, 17])
    func chains(length: Int) {
        for isReversed in [false, true] {
            var packet = Packet("0.test")
            let order = isReversed ? Array((0..<length).reversed()) : Array(0..<length)
            for index in order { packet = packet.cname("\(index).test", "\(index + 1).test", 60) }
            let answer = packet.a("\(length).test", "192.0.2.1", 60).answer
            #expect(answer.outcome == (length <= 16 ? .answer : .malformed(.tooManyAliases)))
            #expect(answer.addresses.count == (length <= 16 ? 1 : 0))
        }
    }

    @Test("with a loop of aliases is malformed")
    func loops() {
        #expect(Packet().cname("h.test", "h.test", 1).answer.outcome == .malformed(.aliasLoop))
        let loop = Packet().cname("b.test", "c.test", 1).cname("c.test", "b.test", 1).cname("h.test", "b.test", 1)
        #expect(loop.answer.outcome == .malformed(.aliasLoop))
    }

    @Test("to a question for the alias itself doesn't follow it")
    func aliasAsked() {
        let answer = Packet("h.test", .cname).cname("h.test", "w.test", 60).answer
        #expect(answer.outcome == .answer)
        #expect(answer.records.map(\.description) == ["h.test 60 IN CNAME w.test"])
        #expect(answer.aliases.isEmpty)
    }

    @Test("is NODATA, kept for min(SOA TTL, MINIMUM), or not at all without SOA")
    func nodata() {
        #expect(Packet().soa("test", ttl: 77, minimum: 30).answer.ttl == 30)
        #expect(Packet().soa("test", ttl: 20, minimum: 30).answer.ttl == 20)
        #expect(Packet().soa("test", ttl: 20, minimum: 30).answer.outcome == .nodata)
        #expect(Packet().answer.outcome == .nodata)
        #expect(Packet().answer.ttl == nil)
        #expect(Packet().cname("h.test", "w.test", 7).soa("test", ttl: 20, minimum: 30).answer.ttl == 7)
    }

    @Test("is NXDOMAIN of the last target")
    func nxdomain() {
        let answer = Packet(code: .nxdomain).cname("h.test", "w.test", 60).soa("test", ttl: 77, minimum: 30).answer
        #expect(answer.outcome == .nxdomain)
        #expect(answer.ttl == 30)
        #expect(answer.canonicalName(of: Packet.name("h.test")).text == "w.test")
        #expect(Packet(code: .nxdomain).answer.ttl == nil)
        let contradiction = Packet(code: .nxdomain).a("h.test", "192.0.2.1", 60).answer
        #expect(contradiction.outcome == .nxdomain)
        #expect(contradiction.addresses.isEmpty)
    }

    @Test(
        "tells the response codes apart",
        arguments: [
            (ResponseCode.servFail, DNSAnswer.Outcome.servfail), (.refused, .refused), (.formErr, .other),
            (.notImp, .other),
        ])
    func codes(code: ResponseCode, outcome: DNSAnswer.Outcome) {
        let answer = Packet(code: code).answer
        #expect(answer.outcome == outcome)
        #expect(answer.responseCode == code)
        #expect(answer.ttl == nil)
        // A server that couldn't read the query sends its header alone.
        let header = DNSMessageWriter(id: 7, flags: [.response, DNSHeader.Flags(rawValue: code.rawValue)]).octets
        #expect(readAnswer(header, Packet.name("h.test"), .a).outcome == outcome)
    }

    @Test("carries EDNS: the upper bits of the code and the explanations")
    func edns() {
        let answer = Packet(code: .servFail).edns(
            0, ExtendedError(code: 22, text: "at delegation\0"), ExtendedError(code: 23)
        ).answer
        #expect(answer.outcome == .servfail)
        #expect(answer.hasEDNS)
        #expect(answer.extendedErrors == [ExtendedError(code: 22, text: "at delegation"), ExtendedError(code: 23)])
        #expect(Packet().edns(1).answer.responseCode == .badVers)
        #expect(Packet().edns(1).answer.outcome == .other)
    }

    @Test("isn't hurt by options that don't parse")
    func options() {
        for data: [UInt8] in [
            [0], [0, 15, 0, 9, 0], [0, 15, 0, 1, 0], [0, 15, 0, 0], [0, 10, 0, 1, 0, 0, 15, 0, 2, 0, 3],
        ] {
            let answer = Packet().a("h.test", "192.0.2.1", 60).with {
                $0.record(name: [0], .opt, recordClass: 1232, ttl: 0, data: data, in: .additional)
            }.answer
            #expect(answer.outcome == .answer)
            #expect(answer.extendedErrors == (data.count == 11 ? [ExtendedError(code: 3)] : []))
        }
    }

    @Test(
        "takes a TTL with the highest bit for the largest, never for 0",
        arguments: [
            (UInt32(0), UInt32(0)), (1, 1), (0x7FFF_FFFF, 0x7FFF_FFFF), (0x8000_0000, 0x7FFF_FFFF),
            (0xFFFF_FFFF, 0x7FFF_FFFF),
        ])
    func ttls(onWire: UInt32, kept: UInt32) {
        #expect(Packet().a("h.test", "192.0.2.1", onWire).answer.ttl == kept)
    }

    @Test("with 500 addresses has them all, duplicates once")
    func many() {
        var packet = Packet()
        for index in 0..<500 {
            packet = packet.a("h.test", "10.0.\(index / 250).\(index % 250)", 60).a("h.test", "10.0.0.\(index % 7)", 60)
        }
        let answer = packet.answer
        #expect(answer.addresses.count == 500)
        #expect(Set(answer.addresses).count == 500)
        #expect(answer.addresses.first?.description == "10.0.0.0")
    }

    @Test("is malformed if its address has another length", arguments: [0, 3, 5, 16])
    func shortAddress(count: Int) {
        let data = [UInt8](repeating: 1, count: count)
        let answer = Packet().a("h.test", "192.0.2.1", 60).raw(.a, data).answer
        #expect(answer.outcome == .malformed(.badData(.a)))
        #expect(answer.addresses.isEmpty)
        #expect(answer.ttl == nil)
    }

    @Test("must repeat the question")
    func question() {
        let packet = Packet().a("h.test", "192.0.2.1", 60).octets
        #expect(readAnswer(packet, Packet.name("i.test"), .a).outcome == .malformed(.otherQuestion))
        #expect(readAnswer(packet, Packet.name("h.test"), .aaaa).outcome == .malformed(.otherQuestion))
        #expect(readAnswer(packet, Packet.name("h"), .a).outcome == .malformed(.otherQuestion))
        #expect(readAnswer(packet, Packet.name("h.test.test"), .a).outcome == .malformed(.otherQuestion))
        let headerOnly = DNSMessageWriter(id: 7, flags: .response).octets
        #expect(readAnswer(headerOnly, Packet.name("h.test"), .a).outcome == .malformed(.noQuestion))
        let twice = Packet().with { $0.question(DNSQuestion(name: Packet.name("h.test"), type: .a)) }
        #expect(twice.answer.outcome == .malformed(.otherQuestion))
        let chaos = DNSMessageWriter(id: 7, flags: .response)
        var other = chaos
        other.question(name: Packet.name("h.test").wireFormat, type: .a, questionClass: 3)
        #expect(readAnswer(other.octets, Packet.name("h.test"), .a).outcome == .malformed(.otherQuestion))
        let query = DNSMessageWriter.query(id: 7, question: DNSQuestion(name: Packet.name("h.test"), type: .a))
        #expect(readAnswer(query, Packet.name("h.test"), .a).outcome == .malformed(.notAResponse))
    }

    @Test("says whether the question came back in the case in which it was sent")
    func spelling() {
        let octets = Packet("hH.TeSt").a("hh.test", "192.0.2.1", 60).octets
        let name = Packet.name("hh.test")
        #expect(readAnswer(octets, name, .a).spellingMatches)
        // A bit for each octet on the wire; the lowest is for the first.
        #expect(readAnswer(octets, name, .a, letterCase: LetterCase(bits: 0b1010100)).spellingMatches)
        let wrong = readAnswer(octets, name, .a, letterCase: .small)
        #expect(!wrong.spellingMatches)
        #expect(wrong.outcome == .answer)
    }

    @Test("that was cut short says so, whatever else is wrong")
    func truncated() {
        #expect(Packet(flags: .truncated).answer.isTruncated)
        let cut = Array(Packet(flags: .truncated).a("h.test", "192.0.2.1", 60).octets.dropLast(3))
        let answer = readAnswer(cut, Packet.name("h.test"), .a)
        #expect(answer.isTruncated)
        #expect(answer.outcome == .malformed(.truncated))
    }

    @Test("that was cut short may be used as far as it goes, but not kept, and says nothing of what isn't there")
    func incomplete() {
        let some = Packet(flags: .truncated).a("h.test", "192.0.2.1", 60).answer
        #expect(some.outcome == .answer && some.addresses.count == 1 && some.ttl == nil)
        #expect(Packet(flags: .truncated).answer.outcome == .malformed(.incomplete))
        let negative = Packet(code: .nxdomain, flags: .truncated).soa("test", ttl: 30, minimum: 30).answer
        #expect(negative.outcome == .nxdomain && negative.ttl == nil)
    }

    @Test("may have owner names with NUL, dots and escapes")
    func oddNames() throws {
        let odd: [UInt8] = [4, 0x61, 0x2E, 0x00, 0x5C, 4, 0x74, 0x65, 0x73, 0x74, 0]
        let answer = Packet().raw(.cname, odd).raw(odd, .a, [192, 0, 2, 1]).answer
        #expect(answer.outcome == .answer)
        #expect(answer.aliases.first?.target.text == "a\\.\\000\\\\.test")
        #expect(answer.aliases.first?.target.wireFormat == odd)
        // "h.test" as one label of six octets isn't h.test.
        let label: [UInt8] = [6] + Array("h.test".utf8) + [0]
        #expect(Packet().raw(label, .a, [192, 0, 2, 1]).answer.outcome == .nodata)
        // A question whose name needs escapes is compared too.
        var writer = DNSMessageWriter(id: 1, flags: .response)
        writer.question(name: odd, type: .a)
        writer.record(name: [0xC0, 12], .a, ttl: 1, data: [1, 2, 3, 4])
        #expect(readAnswer(writer.octets, try DomainName(escaped: "A\\.\\000\\\\.test"), .a).outcome == .answer)
        #expect(readAnswer(writer.octets, try DomainName(escaped: "b\\.\\000\\\\.test"), .a).outcome != .answer)
    }

    @Test("with bad compression is malformed")
    func pointers() {
        let start = Packet().octets.count
        func pointer(_ target: Int) -> [UInt8] { [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)] }
        let cases: [([UInt8], WireError)] = [
            (pointer(start), .badPointer), (pointer(start + 20), .badPointer), (pointer(0), .badPointer),
            (pointer(11), .badPointer), ([1, 0x61] + pointer(start), .badPointer), ([0x40, 0], .reservedLabel),
            ([0x80, 0], .reservedLabel), (pointer(0x3FFF), .badPointer),
        ]
        for (owner, error) in cases {
            let packet = Packet().raw(owner, .a, [192, 0, 2, 1])
            #expect(throws: error) { try message(packet.octets) }
            // The answer reader may stop at a label that differs; it never takes the record for an answer.
            #expect(packet.answer.outcome == .malformed(error) || packet.answer.outcome == .nodata)
            #expect(Packet().cname("h.test", "w.test", 1).raw(.cname, owner).answer.outcome != .answer)
        }
        // Pointers to pointers: none makes the name longer, so that only their number bounds the way.
        for (count, outcome) in [(127, DNSAnswer.Outcome.answer), (1_000, .malformed(.tooManyPointers))] {
            var chain = Packet().writer
            var target = 12
            var data: [UInt8] = []
            // Behind an owner, a type, a class, a TTL and a length.
            let first = chain.octets.count + 12
            for index in 0..<count {
                data += pointer(target)
                target = first + 2 * index
            }
            chain.record(name: [0xC0, 12], .txt, ttl: 0, data: data)
            chain.record(name: pointer(target), .a, ttl: 1, data: [1, 2, 3, 4])
            #expect(readAnswer(chain.octets, Packet.name("h.test"), .a).outcome == outcome, "\(count) pointers")
        }
        // Pointers that lead backwards in turn, to a name that grows too long.
        var writer = Packet().writer
        var last = [UInt8]([0xC0, 12])
        for _ in 0..<8 {
            let at = writer.octets.count
            writer.record(name: [63] + [UInt8](repeating: 0x61, count: 63) + last, .txt, ttl: 0, data: [0])
            last = pointer(at)
        }
        writer.record(name: last, .a, ttl: 0, data: [1, 2, 3, 4])
        #expect(throws: WireError.nameTooLong) { try message(writer.octets) }
        #expect(readAnswer(writer.octets, Packet.name("h.test"), .a).outcome == .nodata)
    }

    @Test("that is empty, short or random octets is malformed")
    func garbage() {
        var generator = SeededGenerator(state: 1)
        for count in [0, 1, 11, 12, 40] {
            let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            guard case .malformed = readAnswer(octets, Packet.name("h.test"), .a).outcome else {
                Issue.record("\(octets)")
                continue
            }
        }
    }

    @Test("with counts that lie is malformed", arguments: [4, 6, 8, 10])
    func counts(at place: Int) {
        var octets = Packet().a("h.test", "192.0.2.1", 60).octets
        octets[place] = 0xFF
        guard case .malformed = readAnswer(octets, Packet.name("h.test"), .a).outcome else {
            Issue.record("accepted")
            return
        }
    }

    @Test("to other questions gives the records in presentation form")
    func otherTypes() {
        let answer = Packet("h.test", .txt).cname("h.test", "w.test", 9)
            .with { $0.record(Packet.name("w.test"), .txt, ttl: 60, data: RecordOctets.txt(["v=1", "a\"b"])) }.answer
        #expect(answer.outcome == .answer)
        #expect(answer.records.map(\.description) == [#"w.test 60 IN TXT "v=1" "a\"b""#])
        #expect(answer.ttl == 9)
        #expect(answer.recordTTL == 60)
    }
}
