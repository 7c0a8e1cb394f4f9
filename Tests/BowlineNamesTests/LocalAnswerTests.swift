// What a resolver knows without asking anybody: the server beside it must not hear of it.

import Bowline
import BowlineTesting
import Testing

@Suite("Names that are known here", .timeLimit(.minutes(10)))
struct LocalAnswerTests {
    private static let hosts = HostsFile(
        contents: """
            127.0.0.9   localhost
            192.0.2.9   localhost
            192.0.2.1   hosted.test alias.test
            192.0.2.2   hosted.test
            2001:db8::1 both.test
            192.0.2.1   both.test
            """)

    struct Case: Sendable, CustomTestStringConvertible {
        var host: String
        var types: [RecordType] = [.aaaa, .a]
        var port: UInt16?
        var addresses: [IPAddress]?
        var kind: LookupError.Kind?
        var other: String?
        var source: AnswerSource?
        var testDescription: String { "\(host) \(types) \(port.map { "\($0)" } ?? "")" }
    }

    private static let loopback9 = address("127.0.0.9")

    static let cases: [Case] = [
        Case(host: "192.0.2.7", addresses: [address("192.0.2.7")], source: .literal),
        Case(host: "2001:db8::7", addresses: [address("2001:db8::7")], source: .literal),
        Case(host: "127.0.0.1", types: [.aaaa], kind: .nodata, source: .literal),
        Case(host: "localhost", addresses: [loopback9], source: .special),
        Case(host: "LOCALHOST.", addresses: [loopback9], source: .special),
        Case(host: "foo.localhost", addresses: [.v6(.loopback), .v4(.loopback)], source: .special),
        Case(host: "localhost", types: [.txt], kind: .nodata, source: .special),
        Case(host: "nowhere.invalid", kind: .nxdomain, source: .special),
        Case(host: "abc.onion", kind: .nxdomain, source: .special),
        Case(host: "hosted.test", addresses: [one, two], source: .hosts),
        Case(host: "ALIAS.test", types: [.a], addresses: [one], source: .hosts),
        Case(host: "alias.test", types: [.aaaa], kind: .nodata, source: .hosts),
        Case(host: "both.test", addresses: [six, one], source: .hosts),
        Case(host: "pinned.test", port: 80, addresses: [two, six], source: .pin),
        Case(host: "hosted.test", port: 80, addresses: [six], source: .pin),
        Case(host: "localhost", port: 81, addresses: [two], source: .pin),
        Case(host: "anything.test", port: 81, addresses: [two], source: .pin),
        Case(host: "", other: "NameError"), Case(host: "a..b", other: "NameError"),
        Case(host: String(repeating: "a", count: 64) + ".test", other: "NameError"),
        Case(host: "exa mple.test", other: "NameError"), Case(host: "[::1]", other: "NameError"),
        Case(host: "1.2.3", other: "NameError"), Case(host: "0x7f.1", other: "NameError"),
        Case(host: "256.1.1.1", other: "NameError"), Case(host: "127.1", other: "NameError"),
    ]

    @Test("are answered at once and sent nowhere", arguments: cases)
    func local(test: Case) async throws {
        let (outcome, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([.v4(.any), .v6(.any)]) }
            let pins = [
                Pin(host: "Pinned.test.", port: 80, addresses: [two, six]),
                Pin(host: "hosted.test", port: 80, addresses: [six]), Pin(host: "*", port: 81, addresses: [two]),
                Pin(host: "no name", port: 80, addresses: [one]),
            ]
            let resolver = DNSResolver(reactor, asking: server.address, hosts: Self.hosts, pins: pins)
            let request = LookupRequest(test.host, types: test.types, port: test.port)
            let deferred = resolver.resolve(request, onAnswer: nil)
            let wasFired = deferred.isFired
            let outcome = await deferred.outcome
            try await reactor.pass(.milliseconds(5))
            return (wasFired ? outcome : .other("late"), server.questions.count)
        }
        #expect(questions == 0)
        if let addresses = test.addresses {
            // Answers stand in the order of the types asked for.
            #expect(Set(outcome.addresses ?? []) == Set(addresses))
            #expect(outcome.answer?.questions.first { $0.failure == nil }?.origin.source == test.source)
        } else if let kind = test.kind {
            #expect(outcome.kind == kind)
            #expect(outcome.error?.source == test.source)
        } else {
            guard case .other(let name) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(name == test.other)
        }
    }

    @Test("records of other types are asked for, whatever the hosts file says of addresses")
    func otherTypes() async throws {
        let count = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                .records([FakeDNSServer.Record(question.name.text, .txt, data: [2, 104, 105])])
            }
            let resolver = DNSResolver(reactor, asking: server.address, hosts: Self.hosts)
            return try await resolver.lookup("hosted.test", types: [.txt]).value.questions.first?.records.count
        }
        #expect(count == 1)
    }

    @Test("a pin for another port doesn't count, and without a port none does")
    func pinPorts() async throws {
        let outcomes = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in .addresses([one]) }
            let resolver = DNSResolver(
                reactor, asking: server.address, pins: [Pin(host: "*", port: 80, addresses: [two])])
            return [
                await resolver.resolve(LookupRequest("h.test", port: 81), onAnswer: nil).outcome.addresses,
                await resolver.lookup("h.test").outcome.addresses,
                await resolver.resolve(LookupRequest("h.test", port: 80), onAnswer: nil).outcome.addresses,
            ]
        }
        #expect(outcomes == [[one], [one], [two]])
    }
}
