// What is special about an address: the registries' ranges and their neighbours.

import Bowline
import Testing

@Suite("Special-purpose addresses")
struct SpecialPurposeAddressTests {
    @Test(
        "an address is special where IANA's registries say so, the IPv4 address inside an IPv6 one included",
        arguments: [
            ("10.0.0.1", "privateUse"),
            ("100.64.0.1", "shared"),
            ("100.128.0.1", ""),
            ("100.63.255.255", ""),
            ("127.0.0.1", "loopback"),
            ("169.254.169.254", "linkLocal"),
            ("192.0.2.1", "documentation"),
            ("198.18.0.1", "reserved"),
            ("198.19.255.255", "reserved"),
            ("198.20.0.0", ""),
            ("255.255.255.255", "reserved"),
            ("0.1.2.3", "unspecified"),
            ("9.9.9.9", ""),
            ("::ffff:127.0.0.1", "loopback"),
            ("64:ff9b::a00:1", "privateUse"),
            ("64:ff9b::909:909", ""),
            ("64:ff9b:1::1", "reserved"),
            ("2002:7f00:1::", "loopback"),
            ("2002:909:909::", ""),
            ("2001:db8::1", "documentation"),
            ("2001:0:1::", "reserved"),
            ("2001:1ff::", "reserved"),
            ("2001:200::", ""),
            ("3fff:fff::", "documentation"),
            ("3fff:1000::", ""),
            ("fec0::1", "reserved"),
            ("::1", "loopback"),
            ("::", "unspecified"),
            ("ff02::1", "multicast"),
            ("2620:fe::fe", ""),
            ("::127.0.0.1", "reserved"),
        ])
    func kinds(text: String, expected: String) throws {
        let address = try #require(IPAddress(text))
        #expect((SpecialPurposeAddress(address)?.rawValue ?? "") == expected)
    }
}
