// From where this machine would send: asked of the kernel once for a network, and again when that may have changed.

import Bowline
import Testing

@Suite("Source addresses")
struct SourceAddressesTests {
    private let start = ReactorInstant(nanoseconds: 5_000_000_000)

    /// Asks for each destination in turn, and returns which of them the kernel was asked about.
    private func asked(
        _ destinations: String, of sources: inout SourceAddresses, after age: Duration = .zero
    ) -> [IPAddress] {
        var asked: [IPAddress] = []
        for destination in addresses(destinations) {
            _ = sources.source(toward: destination, at: start + age) {
                asked.append($0)
                return $0
            }
        }
        return asked
    }

    @Test(
        "are asked for once for a network, and separately where a neighbour may lie elsewhere",
        arguments: [
            ("192.0.2.1 192.0.2.1 192.0.2.254", "192.0.2.1"),
            ("192.0.2.1 192.0.3.1", "192.0.2.1 192.0.3.1"),
            ("2001:db8::1 2001:db8::ffff:1 2001:db8:0:1::1", "2001:db8::1 2001:db8:0:1::1"),
            ("::1 ::ffff:192.0.2.1 ::ffff:192.0.2.2", "::1 ::ffff:192.0.2.1 ::ffff:192.0.2.2"),
            ("fe80::1%1 fe80::1%2 fe80::2%1", "fe80::1%1 fe80::1%2 fe80::2%1"),
        ])
    func networks(destinations: String, expected: String) {
        var sources = SourceAddresses()
        #expect(asked(destinations, of: &sources) == addresses(expected))
    }

    @Test("are what the kernel said, also that there is no way")
    func answers() {
        var sources = SourceAddresses()
        let (here, there) = (addresses("192.0.2.9")[0], addresses("198.51.100.1")[0])
        for _ in 0..<2 {
            #expect(sources.source(toward: there, at: start) { _ in here } == here)
        }
        let nowhere = addresses("2001:db8::1")[0]
        #expect(sources.source(toward: nowhere, at: start) { _ in nil } == nil)
        #expect(sources.source(toward: nowhere, at: start) { _ in here } == nil)
    }

    @Test("count for ten seconds")
    func age() {
        var sources = SourceAddresses()
        #expect(asked("192.0.2.1", of: &sources).count == 1)
        #expect(asked("192.0.2.1", of: &sources, after: SourceAddresses.age - .nanoseconds(1)).isEmpty)
        #expect(asked("192.0.2.1", of: &sources, after: SourceAddresses.age).count == 1)
    }

    @Test("are forgotten where a connect found no way, but not that there was none")
    func unreachable() {
        var sources = SourceAddresses()
        #expect(asked("192.0.2.1 198.51.100.1", of: &sources).count == 2)
        sources.noteUnreachable(addresses("192.0.2.7")[0])
        #expect(asked("198.51.100.1 192.0.2.1", of: &sources) == addresses("192.0.2.1"))

        let nowhere = addresses("2001:db8::1")[0]
        #expect(sources.source(toward: nowhere, at: start) { _ in nil } == nil)
        sources.noteUnreachable(nowhere)
        #expect(asked("2001:db8::1", of: &sources).isEmpty)
    }

    @Test("of more networks than the limit begin anew")
    func limit() {
        var sources = SourceAddresses()
        for index in 0..<SourceAddresses.limit {
            _ = sources.source(toward: .v4(IPv4Address(bits: UInt32(index) << 8)), at: start) { _ in nil }
        }
        #expect(asked("0.0.0.1", of: &sources).isEmpty)
        #expect(asked("198.51.100.1 0.0.0.1", of: &sources).count == 2)
    }
}
