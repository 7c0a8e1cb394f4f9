// HTTPS records: read, chosen from, looked up over their aliases, kept and shown.

import Bowline
import BowlineTesting
import Testing

@Suite("HTTPS records", .timeLimit(.minutes(10)))
struct ServiceBindingTests {
    private let h = Packet.name("h.test")

    private func record(_ text: String) -> ResourceRecord {
        ResourceRecord(name: h, type: .https, ttl: 60, data: .text(text))
    }

    private func usable(_ texts: String..., seed: UInt64 = 1) -> [ServiceBinding] {
        var generator = SeededGenerator(state: seed)
        return ServiceBinding.usable(texts.map(record), using: &generator)
    }

    @Test("every parameter is read, whatever quotes and escapes it has")
    func parameters() throws {
        let text = #"""
            16 svc.test mandatory=alpn,port alpn="f\\\\oo\\,bar,h2" no-default-alpn port=8443 \#
            ipv4hint=192.0.2.1,192.0.2.2 ech=AQID ipv6hint=2001:db8::1 key667="a b\210"
            """#
        let binding = try #require(ServiceBinding(text))
        #expect(binding.priority == 16)
        #expect(binding.target == Packet.name("svc.test"))
        #expect(binding.mandatory == ["alpn", "port"])
        #expect(binding.protocols == [#"f\oo,bar"#, "h2"])
        #expect(!binding.hasDefaultProtocol)
        #expect(binding.port == 8443)
        #expect(binding.ipv4Hints == [address("192.0.2.1"), address("192.0.2.2")])
        #expect(binding.ipv6Hints == [address("2001:db8::1")])
        #expect(binding.others.map(\.key) == ["ech", "key667"])
        #expect(binding.others.last?.value == [0x61, 0x20, 0x62, 210])
        #expect(binding.isUnderstood)
    }

    @Test(
        "what is no record's text is none",
        arguments: ["", "1", "x h.test", "70000 h.test", "1 . port=x", #"1 . a="b"#, #"1 . a=\1"#])
    func malformed(text: String) {
        #expect(ServiceBinding(text) == nil)
    }

    @Test(
        "services come by priority, those that need what isn't known here are left out, and '.' is the record's own name"
    )
    func order() {
        let services = usable("2 b.test", "1 . alpn=h2", "3 c.test mandatory=ech ech=AQ==", "3 d.test ech=AQ==")
        #expect(services.map(\.target.text) == ["h.test", "b.test", "d.test"])
    }

    @Test("services of equal priority come in any order")
    func equal() {
        let orders = Set((0..<64).map { usable("1 a.test", "1 b.test", seed: $0).map(\.target.text) })
        #expect(orders == [["a.test", "b.test"], ["b.test", "a.test"]])
    }

    @Test("an alias makes services beside it ignored")
    func alias() {
        #expect(usable("1 a.test", "0 b.test", "2 c.test").map(\.target.text) == ["b.test"])
    }

    /// Priority 1, the root as target, and parameters.
    private func parameters(_ octets: [UInt8], priority: UInt8 = 1) -> DNSAnswer.Outcome {
        Packet("h.test", .https).raw(.https, [0, priority, 0] + octets).answer.outcome
    }

    @Test("a service whose keys contradict each other is malformed; in an alias they are ignored")
    func contradictions() {
        let port: [UInt8] = [0, 3, 0, 2, 1, 0xBB]
        #expect(parameters([0, 0, 0, 2, 0, 3] + port) == .answer)
        let bad: [[UInt8]] = [
            [0, 0, 0, 2, 0, 3],  // mandatory, and not there
            [0, 0, 0, 4, 0, 3, 0, 3] + port,  // named twice
            [0, 0, 0, 2, 0, 0],  // itself
            [0, 2, 0, 0],  // no-default-alpn without alpn
        ]
        for octets in bad {
            #expect(parameters(octets) == .malformed(.badData(.https)))
            #expect(parameters(octets, priority: 0) == .answer)
        }
    }

    @Test("a lookup follows aliases, keeps what it learnt, and shows it")
    func lookup() async throws {
        let (services, again, questions, rows) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                switch question.name.text {
                case "_8443._https.h.test":
                    .records([binding(question.name, 0, "pool.test")])
                case "pool.test":
                    .records([
                        binding(question.name, 2, "b.test"),
                        binding(question.name, 1, ""),
                    ])
                default: .nodata()
                }
            }
            let clock = ManualClock()
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let services = try await resolver.services(of: "h.test", port: 8443).value
            let again = try await resolver.services(of: "h.test", port: 8443).value
            return (services, again, server.questions.count, resolver.cache.snapshot(now: clock.now))
        }
        #expect(services.map(\.target.text) == ["pool.test", "b.test"])
        #expect(again == services)
        #expect(questions == 2)
        #expect(
            rows.map { "\($0.name) \($0.type?.description ?? "")" } == ["pool.test HTTPS", "_8443._https.h.test HTTPS"])
        #expect(Set(rows.flatMap(\.data).map(\.description)) == ["0 pool.test", "2 b.test", "1 ."])
    }

    @Test("aliases in a circle, servers that fail and names without such records come to no services")
    func none() async throws {
        let results = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                switch question.name.text {
                case "loop.test":
                    .records([binding(question.name, 0, question.name.text)])
                case "bad.test": .code(.servFail)
                default: .nodata()
                }
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            var results: [[ServiceBinding]] = []
            for host in ["loop.test", "bad.test", "none.test"] {
                results.append(try await resolver.services(of: host).value)
            }
            return results
        }
        #expect(results == [[], [], []])
    }
}

private func binding(_ owner: DomainName, _ priority: UInt16, _ target: String) -> FakeDNSServer.Record {
    let data = RecordOctets.serviceBinding(priority: priority, target: DomainName(canonical: target))
    return FakeDNSServer.Record(owner.text, .https, data: data)
}
