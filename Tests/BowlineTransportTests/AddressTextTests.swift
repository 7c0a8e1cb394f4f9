// What text an address is read from and written as, against tables and against the C library.

import Bowline
import CLinux
import Glibc
import Testing

@Suite("Addresses as text")
struct AddressTextTests {
    @Test(
        "a dotted quad is four decimal numbers",
        arguments: [
            ("0.0.0.0", 0), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF), ("192.0.2.10", 0xC000_020A),
        ] as [(String, UInt32)])
    func quad(text: String, bits: UInt32) {
        #expect(IPv4Address(text)?.bits == bits)
        #expect(IPv4Address(bits: bits).description == text)
        #expect(IPAddress(text) == .v4(IPv4Address(bits: bits)))
    }

    @Test(
        "a dotted quad in any other form is no address",
        arguments: [
            "", ".", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1",
            "1.1.1.256",
            "01.2.3.4", "1.2.3.04", "00.0.0.0", "0x7f.0.0.1", "017700000001", "2130706433", "127.1", "+1.2.3.4",
            "-1.2.3.4",
            " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\0", "1.2.3.a", "1,2,3,4", "١.٢.٣.٤", "1.2.3.4%lo", "1.2.3.4:80", "1。2。3。4",
            "99999999999999999999.1.1.1", "1.2.3.4294967297",
        ])
    func noQuad(text: String) {
        #expect(IPv4Address(text) == nil)
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "IPv6 text is read as RFC 4291 has it and written as RFC 5952 wants it",
        arguments: [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            // One zero group is not shortened, the longest run is, the first of equal runs is.
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("0:0:1:2:3:4:5:0", "::1:2:3:4:5:0"), ("1:2:3:4:5:6::", "1:2:3:4:5:6::"),
            ("::3:4:5:6:7:8", "::3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::FFFF:c000:0201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::127.0.0.1", "::7f00:1"),
            ("1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"), ("1::5:6:7.8.9.10", "1::5:6:708:90a"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fe80::1%7", "fe80::1%7"), ("fe80::1%0", "fe80::1"), ("ff02::1%4294967295", "ff02::1%4294967295"),
        ])
    func six(text: String, canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
        #expect(IPAddress(text) == .v6(address))
    }

    @Test(
        "other text is no IPv6 address",
        arguments: [
            "", ":", ":::", "1", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", ":2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3", "1:::2", "12345::", "::12345",
            "::g",
            "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "1.2.3.4::", "::01.2.3.4", "::256.1.1.1", "1:2:3:4:5:6:7:1.2.3.4",
            "1:2:3:4:5:6:7:8:1.2.3.4", "[::1]", "::1 ", " ::1", "::1\0", "::1/64", "::1%", "::1%4294967296",
            "::1%99999999999999", "fe80::1%no-such-interface", "fe80::1%lo\0", "fe80::1%25lo", "%lo", "::١",
        ])
    func noSix(text: String) {
        #expect(IPv6Address(text) == nil)
        #expect(IPAddress(text) == nil)
    }

    @Test("a zone may be the name of an interface")
    func zoneByName() {
        let index = if_nametoindex("lo")
        #expect(index != 0)
        #expect(IPv6Address("fe80::1%lo") == IPv6Address(high: 0xFE80 << 48, low: 1, zone: index))
    }

    @Test(
        "names are no addresses", arguments: ["localhost", "example.test", "a:b", "de.ad.be.ef", "xn--bcher-kva.test"])
    func names(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("what is written is read back, and the C library agrees")
    func differential() {
        var generator = Seeded(seed: 0x5EED)
        for _ in 0..<20_000 {
            // Groups of few values, so that runs of zeros and mapped prefixes are common.
            var groups = (0..<8).map { _ in
                [0, 0, 0, 1, 0xFFFF, generator.next() & 0xFFFF].randomElement(using: &generator)!
            }
            if generator.next() & 7 == 0 { groups.replaceSubrange(0..<6, with: [0, 0, 0, 0, 0, 0xFFFF]) }
            let high = groups[0..<4].reduce(0) { $0 << 16 | $1 }
            let low = groups[4..<8].reduce(0) { $0 << 16 | $1 }
            let address = IPv6Address(high: high, low: low)
            let text = address.description
            #expect(IPv6Address(text) == address)
            // glibc writes ::a.b.c.d for the deprecated IPv4-compatible addresses; RFC 5952 doesn't ask for it.
            if !(high == 0 && low >> 32 == 0) { #expect(text == fromC(address)) }
            #expect(toC(text) == address)
        }
    }

    @Test("text changed at random is read exactly when the C library reads it")
    func mutations() {
        var generator = Seeded(seed: 0xC0FFEE)
        let seeds = ["2001:db8::1:0:0:1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "1::", "::", "1:2:3:4:5:6:7.8.9.10"]
        let alphabet = Array(":::..0123aFg".utf8)
        for _ in 0..<50_000 {
            var bytes = Array(seeds.randomElement(using: &generator)!.utf8)
            for _ in 0...(generator.next() % 3) {
                let position = Int(generator.next() % UInt64(bytes.count + 1))
                let byte = alphabet.randomElement(using: &generator)!
                switch generator.next() % 3 {
                case 0: bytes.insert(byte, at: position)
                case 1 where position < bytes.count: bytes[position] = byte
                case _ where position < bytes.count: bytes.remove(at: position)
                default: break
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(IPv6Address(text) == toC(text), "\(text)")
        }
    }

    private func toC(_ text: String) -> IPv6Address? {
        var octets = in6_addr()
        return inet_pton(AF_INET6, text, &octets) == 1 ? IPv6Address(octets) : nil
    }

    private func fromC(_ address: IPv6Address) -> String {
        var octets = address.in6Addr
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, &octets, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// SplitMix64: the same seed gives the same addresses.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
