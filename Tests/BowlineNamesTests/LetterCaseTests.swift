// What 0x20 does to a name on the wire, octet by octet: what the eight at a time have to agree with.

import Testing

@testable import BowlineNames

@Suite("The case of a question's letters")
struct LetterCaseTests {
    /// What `apply` promises.
    private func expected(_ octets: [UInt8], _ bits: UInt64) -> [UInt8] {
        octets.enumerated().map { index, octet in
            let isCapital = bits >> UInt64(index % 64) & 1 == 1
            return isCapital && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) ? octet - 0x20 : octet
        }
    }

    private func applied(_ octets: [UInt8], _ bits: UInt64) -> [UInt8] {
        var octets = octets
        octets.withUnsafeMutableBytes { LetterCase(bits: bits).apply(to: $0) }
        return octets
    }

    @Test("is thrown for small letters alone: every octet, at every place of eight")
    func everyOctet() {
        for octet in UInt8.min...UInt8.max {
            for place in 0..<17 {
                var octets = [UInt8](repeating: UInt8(ascii: "m"), count: 17)
                octets[place] = octet
                for bits: UInt64 in [.max, 1 << place, 0x5555_5555_5555_5555, .max ^ 1 << place] {
                    #expect(applied(octets, bits) == expected(octets, bits))
                }
            }
        }
    }

    @Test("is thrown for each octet by itself, whatever the length, and begins anew after sixty-four")
    func everyLength() {
        var random = SystemRandomNumberGenerator()
        for length in 0...DomainName.maximumWireOctets {
            let octets = (0..<length).map { _ in UInt8.random(in: 0x20..<0x7F, using: &random) }
            let bits = random.next()
            #expect(applied(octets, bits) == expected(octets, bits), "\(octets), \(bits)")
        }
    }

    @Test("changes neither the length octets nor what isn't a letter, and small means untouched")
    func onTheWire() throws {
        let name = try DomainName("a1-_.xn--bcher-kva.test")
        var wire = [UInt8](repeating: 0xFF, count: 64)
        let count = wire.withUnsafeMutableBytes { name.write(LetterCase(bits: .max), into: $0) }
        #expect(
            Array(wire[..<count]) == [4] + Array("A1-_".utf8) + [13] + Array("XN--BCHER-KVA".utf8) + [4]
                + Array("TEST".utf8) + [0])
        #expect(applied(name.wireFormat, 0) == name.wireFormat)
    }
}
