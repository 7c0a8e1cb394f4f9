// What kind of address it is: the ranges' first and last members and their neighbours.

import Bowline
import Testing

@Suite("Kinds of addresses")
struct AddressKindTests {
    @Test(
        "a range begins and ends where its RFC says",
        arguments: [
            ("127.0.0.0", "loopback"), ("127.255.255.255", "loopback"), ("126.255.255.255", ""), ("128.0.0.0", ""),
            ("::1", "loopback"), ("::2", ""), ("::ffff:127.0.0.1", "loopback mapped"),
            ("169.254.0.0", "link"), ("169.254.255.255", "link"), ("169.253.255.255", ""), ("169.255.0.0", ""),
            ("fe80::", "link"), ("febf:ffff::", "link"), ("fe7f:ffff::", ""), ("fec0::", ""),
            ("10.0.0.0", "private"), ("10.255.255.255", "private"), ("11.0.0.0", ""), ("172.15.255.255", ""),
            ("172.16.0.0", "private"), ("172.31.255.255", "private"), ("172.32.0.0", ""), ("192.168.0.0", "private"),
            ("192.169.0.0", ""), ("100.64.0.1", ""), ("fc00::", "private"), ("fdff:ffff::", "private"), ("fe00::", ""),
            ("fbff::", ""), ("::ffff:10.1.2.3", "private mapped"),
            ("223.255.255.255", ""), ("224.0.0.0", "multicast"), ("239.255.255.255", "multicast"), ("240.0.0.0", ""),
            ("ff00::", "multicast"), ("ff02::1", "multicast"), ("feff::", ""),
            ("0.0.0.0", "unspecified"), ("0.0.0.1", ""), ("::", "unspecified"),
            ("::ffff:0.0.0.0", "unspecified mapped"),
            ("::fffe:10.0.0.1", ""), ("1::ffff:10.0.0.1", ""),
        ])
    func kinds(text: String, expected: String) throws {
        let address = try #require(IPAddress(text))
        var kinds: [String] = []
        if address.isLoopback { kinds.append("loopback") }
        if address.isLinkLocal { kinds.append("link") }
        if address.isPrivate { kinds.append("private") }
        if address.isMulticast { kinds.append("multicast") }
        if address.isUnspecified { kinds.append("unspecified") }
        if address.isV4Mapped { kinds.append("mapped") }
        #expect(kinds.joined(separator: " ") == expected)
    }

    @Test(
        "a scope is the one of RFC 4007, IPv4 mapped onto it as RFC 6724 does",
        arguments: [
            ("127.0.0.1", .linkLocal), ("169.254.1.1", .linkLocal), ("10.0.0.1", .global), ("192.168.1.1", .global),
            ("100.64.0.1", .global), ("8.8.8.8", .global), ("::1", .linkLocal), ("fe80::1", .linkLocal),
            ("fec0::1", .siteLocal), ("fd00::1", .global), ("2001:db8::1", .global), ("::ffff:169.254.1.1", .linkLocal),
            ("::ffff:10.0.0.1", .global), ("ff01::1", .interfaceLocal), ("ff02::1", .linkLocal),
            ("ff34::1", .adminLocal),
            ("ff05::1", .siteLocal), ("ff08::1", .organizationLocal), ("ff0e::1", .global),
        ] as [(String, AddressScope)])
    func scopes(text: String, scope: AddressScope) throws {
        #expect(try #require(IPAddress(text)).scope == scope)
    }

    @Test("a mapped address is unmapped to the address inside")
    func unmapped() {
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped == IPAddress("192.0.2.1"))
        #expect(IPAddress("2001:db8::1")?.unmapped == IPAddress("2001:db8::1"))
        #expect(IPv6Address(mapping: .loopback).description == "::ffff:127.0.0.1")
    }
}
