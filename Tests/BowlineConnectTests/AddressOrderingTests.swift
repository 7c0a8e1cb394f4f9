// The order in which addresses are tried: RFC 6724's own examples, then one table per rule.

import Bowline
import Testing

@Suite("The order of addresses")
struct AddressOrderingTests {
    /// "destination<source" for each candidate in the answer's order ("<-" without a source), and the expected order.
    struct Row: Sendable, CustomTestStringConvertible {
        var rule: String
        var answer: String
        var expected: String
        var testDescription: String { rule }
        init(_ rule: String, _ answer: String, _ expected: String) {
            (self.rule, self.answer, self.expected) = (rule, answer, expected)
        }
    }

    @Test(
        "the examples of RFC 6724, 10.2",
        arguments: [
            Row(
                "prefer matching scope",
                "2001:db8:1::1<2001:db8:1::2 198.51.100.121<169.254.13.78", "2001:db8:1::1 198.51.100.121"),
            Row(
                "prefer matching scope, IPv4",
                "2001:db8:1::1<fe80::1 198.51.100.121<198.51.100.117", "198.51.100.121 2001:db8:1::1"),
            Row(
                "prefer higher precedence",
                "2001:db8:1::1<2001:db8:1::2 10.1.2.3<10.1.2.4", "2001:db8:1::1 10.1.2.3"),
            Row(
                "prefer smaller scope",
                "2001:db8:1::1<2001:db8:1::2 fe80::1<fe80::2", "fe80::1 2001:db8:1::1"),
            Row(
                "prefer matching label",
                "2002:c633:6401::1<2002:c633:6401::2 2001:db8:1::1<2002:c633:6401::2", "2002:c633:6401::1 2001:db8:1::1"
            ),
            Row(
                "prefer higher precedence over 6to4",
                "2002:c633:6401::1<2002:c633:6401::2 2001:db8:1::1<2001:db8:1::2", "2001:db8:1::1 2002:c633:6401::1"),
        ])
    func examples(row: Row) { check(row) }

    @Test(
        "each rule decides where those before it don't",
        arguments: [
            Row("1: unreachable goes last", "2001:db8::1<- 192.0.2.1<192.0.2.9", "192.0.2.1 2001:db8::1"),
            Row("1: all unreachable, the others decide", "192.0.2.1<- 2001:db8::1<-", "2001:db8::1 192.0.2.1"),
            Row("1 before 6", "::1<- 3ffe::1<3ffe::2", "3ffe::1 ::1"),
            Row(
                "2 before 5: scope, then label",
                "2001:db8::1<fec0::1 2001:db8::2<2002::1 2001:db8::3<2001:db8::9", "2001:db8::3 2001:db8::2 2001:db8::1"
            ),
            Row(
                "5: a unique local source doesn't reach the world",
                "2001:db8::1<fd00::2 192.0.2.1<10.0.0.2", "192.0.2.1 2001:db8::1"),
            Row(
                "6: the whole policy table",
                "3ffe::1<3ffe::2 fd00::1<fd00::2 2001::1<2001::2 2002::1<2002::2 192.0.2.1<192.0.2.2 2001:db8::1<2001:db8::2",
                "2001:db8::1 192.0.2.1 2002::1 2001::1 fd00::1 3ffe::1"),
            Row(
                "6: loopback before all", "2001:db8::1<2001:db8::2 127.0.0.1<127.0.0.1 ::1<::1",
                "::1 2001:db8::1 127.0.0.1"),
            Row("8: smaller scope, IPv4", "192.0.2.1<192.0.2.2 169.254.1.1<169.254.1.2", "169.254.1.1 192.0.2.1"),
            Row(
                "9: longest prefix",
                "2001:db8:ffff::1<2001:db8:1::1 2001:db8:1:2::1<2001:db8:1::1 2001:db8:1::9<2001:db8:1::1",
                "2001:db8:1::9 2001:db8:1:2::1 2001:db8:ffff::1"),
            Row(
                "9 ends at 64 bits", "2001:db8::ff00:1<2001:db8::1 2001:db8::2<2001:db8::1",
                "2001:db8::ff00:1 2001:db8::2"),
            Row(
                "9 is not for IPv4",
                "203.0.113.1<192.0.2.2 192.0.2.1<192.0.2.2 198.51.100.1<192.0.2.2", "203.0.113.1 192.0.2.1 198.51.100.1"
            ),
            Row(
                "9 is not for mapped IPv4",
                "::ffff:203.0.113.1<::ffff:192.0.2.2 192.0.2.1<192.0.2.2 ::ffff:192.0.2.1<::ffff:192.0.2.2",
                "::ffff:203.0.113.1 192.0.2.1 ::ffff:192.0.2.1"),
            Row(
                "10: equals stay as they came", "10.0.0.3<10.0.0.9 10.0.0.1<10.0.0.9 10.0.0.2<10.0.0.9",
                "10.0.0.3 10.0.0.1 10.0.0.2"),
            Row("one", "10.0.0.3<-", "10.0.0.3"),
            Row("none", "", ""),
        ])
    func rules(row: Row) { check(row) }

    @Test("the history decides after rule 8 and before rule 9")
    func history() {
        func candidate(_ address: String, _ history: AddressOrdering.History) -> AddressOrdering.Candidate {
            let v6 = address.contains(":")
            return .init(IPAddress(address)!, source: IPAddress(v6 ? "2001:db8:1::1" : "10.0.0.9"), history: history)
        }
        let order = AddressOrdering.sorted([
            candidate("10.0.0.1", .connected(roundTrip: .milliseconds(1))), candidate("2001:db8:1::2", .failed),
            candidate("2001:db8:1::3", .unknown), candidate("2001:db8:2::4", .connected(roundTrip: .milliseconds(20))),
            candidate("2001:db8:2::5", .connected(roundTrip: .milliseconds(10))),
        ])
        #expect(text(order) == "2001:db8:2::5 2001:db8:2::4 2001:db8:1::3 2001:db8:1::2 10.0.0.1")
    }

    @Test(
        "families alternate and keep their own order",
        arguments: [
            Row("the first address' family begins", "::1 ::2 ::3 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2 ::3"),
            Row("IPv4 first", "10.0.0.1 10.0.0.2 ::1", "10.0.0.1 ::1 10.0.0.2"),
            Row("one family", "10.0.0.2 10.0.0.1", "10.0.0.2 10.0.0.1"),
            Row("none", "", ""),
        ])
    func interleaving(row: Row) {
        #expect(text(AddressOrdering.interleaved(addresses(row.answer))) == row.expected)
    }

    @Test("after an attempt the other family is next, if there is one")
    func interleavingAfter() {
        let both = addresses("::1 ::2 10.0.0.1")
        #expect(text(AddressOrdering.interleaved(both, after: .ipv6)) == "10.0.0.1 ::1 ::2")
        #expect(text(AddressOrdering.interleaved(both, after: .ipv4)) == "::1 10.0.0.1 ::2")
        #expect(text(AddressOrdering.interleaved(addresses("::1 ::2"), after: .ipv6)) == "::1 ::2")
    }

    private func check(_ row: Row) {
        let candidates = row.answer.split(separator: " ").map { pair in
            let parts = pair.split(separator: "<")
            return AddressOrdering.Candidate(addresses(String(parts[0]))[0], source: IPAddress(String(parts[1])))
        }
        #expect(text(AddressOrdering.sorted(candidates)) == row.expected)
    }

    private func addresses(_ text: String) -> [IPAddress] {
        text.split(separator: " ").map { word in
            guard let address = IPAddress(String(word)) else { preconditionFailure("\(word) in the table") }
            return address
        }
    }

    private func text(_ addresses: [IPAddress]) -> String { addresses.map(\.description).joined(separator: " ") }
}
