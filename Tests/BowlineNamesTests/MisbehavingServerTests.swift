// Servers that misbehave, on real sockets: one typed error or the right addresses inside the deadline, and afterwards the
// same resolver looks another name up as if nothing had been.

import Bowline
import BowlineTesting
import Testing

/// One misbehaviour and what must come of it.
struct Misbehaviour: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable {
        case addresses([IPAddress])
        case failure(LookupError.Kind)
    }

    var testDescription: String
    var expected: Expected
    /// How many queries reach the server, at least and at most.
    var queries: ClosedRange<Int>
    var usedTCP: Bool
    var answers: @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action

    init(
        _ name: String, _ expected: Expected, _ queries: ClosedRange<Int> = 1...1, usedTCP: Bool = false,
        _ answers: @escaping @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action
    ) {
        testDescription = name
        self.expected = expected
        self.queries = queries
        self.usedTCP = usedTCP
        self.answers = answers
    }
}

private let wrong = IPAddress.v4(IPv4Address(203, 0, 113, 66))
private let right = FakeDNSServer.Action.addresses([one])

/// A forged reply, and the right one 50 ms later.
private func forged(_ forgery: FakeDNSServer.Forgery) -> FakeDNSServer.Action {
    .sequence([.forged(forgery, FakeDNSServer.Reply(addresses: [wrong])), .delayed(by: .milliseconds(50), right)])
}

/// Something that is no answer, and the right one 50 ms later.
private func noise(_ octets: [UInt8]) -> FakeDNSServer.Action {
    .sequence([.raw(octets), .delayed(by: .milliseconds(50), right)])
}

private func chain(_ count: Int) -> [String] {
    (1...count).map { "w\($0).test" }
}

private func record(_ data: [UInt8]) -> FakeDNSServer.Record {
    FakeDNSServer.Record("h.test", .a, data: data)
}

@Suite("A server that misbehaves", .timeLimit(.minutes(10)))
struct MisbehavingServerTests {
    static let datagrams: [Misbehaviour] = [
        Misbehaviour("answers late", .addresses([one])) { _ in .delayed(by: .milliseconds(100), right) },
        Misbehaviour("drops everything", .failure(.timeout)) { _ in .drop },
        Misbehaviour("forges the id", .addresses([one])) { _ in forged(.id) },
        Misbehaviour("forges the name", .addresses([one])) { _ in forged(.name) },
        Misbehaviour("forges the type", .addresses([one])) { _ in forged(.type) },
        Misbehaviour("repeats no question", .addresses([one])) { _ in forged(.noQuestion) },
        Misbehaviour("forges from another port", .addresses([one])) { _ in forged(.port) },
        Misbehaviour("forges from another address", .addresses([one])) { _ in forged(.address) },
        Misbehaviour("sends an empty datagram", .addresses([one])) { _ in noise([]) },
        Misbehaviour("sends one octet", .addresses([one])) { _ in noise([0]) },
        Misbehaviour("sends half a header", .addresses([one])) { question in
            noise([UInt8(question.id >> 8), UInt8(question.id & 0xFF), 0x81, 0x80, 0, 1])
        },
        Misbehaviour("sends random octets", .addresses([one])) { question in
            var generator = SeededGenerator(state: 7)
            let id = [UInt8(question.id >> 8), UInt8(question.id & 0xFF)]
            return noise(id + (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) })
        },
        Misbehaviour("sends half the packet", .failure(.malformed)) { _ in .half(right, then: .silence) },
        Misbehaviour("sends a question back", .failure(.malformed)) { _ in
            .forged(.notAResponse, FakeDNSServer.Reply(addresses: [wrong]))
        },
        Misbehaviour("answers twice", .addresses([one])) { _ in .sequence([right, .addresses([wrong])]) },
        Misbehaviour("SERVFAIL", .failure(.servfail)) { _ in .code(.servFail) },
        Misbehaviour("REFUSED", .failure(.refused)) { _ in .code(.refused) },
        Misbehaviour("NOTIMP", .failure(.servfail)) { _ in .code(.notImp) },
        Misbehaviour("an unknown code", .failure(.servfail)) { _ in .code(ResponseCode(rawValue: 3841)) },
        Misbehaviour("FORMERR", .failure(.servfail), 1...2) { _ in .code(.formErr) },
        Misbehaviour("a header with FORMERR alone", .failure(.servfail), 2...2) { _ in .header(.formErr) },
        Misbehaviour("a header with SERVFAIL alone", .failure(.servfail)) { _ in .header(.servFail) },
        Misbehaviour("a header with REFUSED alone", .failure(.refused)) { _ in .header(.refused) },
        Misbehaviour("a header with FORMERR alone to EDNS", .addresses([one]), 2...2) { question in
            question.payloadSize == nil ? right : .header(.formErr)
        },
        Misbehaviour("FORMERR to EDNS", .addresses([one]), 2...2) { question in
            guard question.payloadSize != nil else { return right }
            var reply = FakeDNSServer.Reply(code: .formErr)
            reply.hasEDNS = false
            return .reply(reply)
        },
        Misbehaviour("NOTIMP to EDNS", .addresses([one]), 2...2) { question in
            guard question.payloadSize != nil else { return right }
            var reply = FakeDNSServer.Reply(code: .notImp)
            reply.hasEDNS = false
            return .reply(reply)
        },
        Misbehaviour("BADVERS to EDNS", .addresses([one]), 2...2) { question in
            question.payloadSize == nil ? right : .code(.badVers)
        },
        Misbehaviour("BADVERS whatever it is asked", .failure(.servfail), 2...2) { _ in .code(.badVers) },
        Misbehaviour("NXDOMAIN with SOA", .failure(.nxdomain)) { _ in .nxdomain() },
        Misbehaviour("NXDOMAIN without SOA", .failure(.nxdomain)) { _ in .nxdomain(minimum: nil) },
        Misbehaviour("NODATA with SOA", .failure(.nodata)) { _ in .nodata() },
        Misbehaviour("NODATA without SOA", .failure(.nodata)) { _ in .nodata(minimum: nil) },
        Misbehaviour("an alias", .addresses([one])) { _ in .aliases(chain(1), [one]) },
        Misbehaviour("8 aliases", .addresses([one])) { _ in .aliases(chain(8), [one]) },
        Misbehaviour("17 aliases", .failure(.malformed)) { _ in .aliases(chain(17), [one]) },
        Misbehaviour("aliases in a circle", .failure(.malformed)) { _ in .aliases(["w.test", "h.test"], []) },
        Misbehaviour("an alias to what doesn't exist", .failure(.nxdomain)) { _ in
            var reply = FakeDNSServer.Reply(code: .nxdomain, minimum: 60)
            reply.answers = [.alias("h.test", to: "w.test")]
            return .reply(reply)
        },
        Misbehaviour("an A record of three octets", .failure(.malformed)) { _ in .records([record([192, 0, 2])]) },
        Misbehaviour("a record that claims more than there is", .failure(.malformed)) { _ in
            var long = record([192, 0, 2, 1])
            long.claimedLength = 400
            return .records([long])
        },
        Misbehaviour("an owner with dots and NUL in a label", .addresses([one])) { question in
            .records([FakeDNSServer.Record("a\\.b\\000.test", .a, data: [9, 9, 9, 9]), record([192, 0, 2, 1])])
        },
        Misbehaviour("the same address three times", .addresses([one])) { _ in
            .records(Array(repeating: record([192, 0, 2, 1]), count: 3))
        },
        Misbehaviour("a TTL of 0", .addresses([one])) { _ in .addresses([one], ttl: 0) },
        Misbehaviour("a TTL of 2^31", .addresses([one])) { _ in .addresses([one], ttl: 1 << 31) },
        Misbehaviour("a TTL of 2^32-1", .addresses([one])) { _ in .addresses([one], ttl: .max) },
        Misbehaviour("records of another class", .failure(.nodata)) { _ in
            var chaos = record([192, 0, 2, 1])
            chaos.recordClass = 3
            return .records([chaos])
        },
    ]

    static let streams: [Misbehaviour] = [
        Misbehaviour("in order", .addresses([one]), 2...2, usedTCP: true) { _ in .truncated(overTCP: right) },
        Misbehaviour("one octet at a time", .addresses([one]), 2...2, usedTCP: true) { _ in
            .truncated(overTCP: .pieces(of: 1, right))
        },
        Misbehaviour("three octets at a time", .addresses([one]), 2...2, usedTCP: true) { _ in
            .truncated(overTCP: .pieces(of: 3, right))
        },
        Misbehaviour("after 100 ms", .addresses([one]), 2...2, usedTCP: true) { _ in
            .truncated(overTCP: .delayed(by: .milliseconds(100), right))
        },
        Misbehaviour("behind an answer to nothing", .addresses([one]), 2...2, usedTCP: true) { _ in
            .truncated(
                overTCP: .sequence([.forged(.id, FakeDNSServer.Reply(addresses: [wrong])), right]))
        },
        Misbehaviour("with 500 addresses, by its length alone", .addresses(many), 2...2, usedTCP: true) { _ in
            .addresses(many)
        },
        Misbehaviour("with nearly 64 KiB", .addresses([one]), 2...2, usedTCP: true) { _ in
            .truncated(overTCP: .records(filler + [record([192, 0, 2, 1])]))
        },
        Misbehaviour("never", .failure(.timeout), 2...2, usedTCP: true) { _ in .truncated(overTCP: .drop) },
        Misbehaviour("by half, and stands still", .failure(.timeout), 2...2, usedTCP: true) { _ in
            .truncated(overTCP: .half(right, then: .silence))
        },
        Misbehaviour("by half, and closes", .failure(.noServer), 2...4, usedTCP: true) { _ in
            .truncated(overTCP: .half(right, then: .close))
        },
        Misbehaviour("by half, and resets", .failure(.noServer), 2...4, usedTCP: true) { _ in
            .truncated(overTCP: .half(right, then: .reset))
        },
        Misbehaviour("not at all, but closes", .failure(.noServer), 2...4, usedTCP: true) { _ in
            .truncated(overTCP: .close)
        },
        Misbehaviour("not at all, but resets", .failure(.noServer), 2...4, usedTCP: true) { _ in
            .truncated(overTCP: .reset)
        },
        Misbehaviour("after it closed once", .addresses([one]), 3...3, usedTCP: true) { question in
            .truncated(overTCP: question.count == 2 ? .close : right)
        },
        Misbehaviour("after a message of no length", .addresses([one]), 2...4, usedTCP: true) { question in
            .truncated(overTCP: question.count == 2 ? .sequence([.raw([]), right]) : right)
        },
        Misbehaviour("with TC again and no records", .failure(.malformed), 2...2, usedTCP: true) { _ in
            var reply = FakeDNSServer.Reply(minimum: 60)
            reply.isTruncated = true
            return .truncated(overTCP: .reply(reply))
        },
        Misbehaviour("with TC again", .addresses([one]), 2...2, usedTCP: true) { _ in
            var reply = FakeDNSServer.Reply(addresses: [one])
            reply.isTruncated = true
            return .truncated(overTCP: .reply(reply))
        },
    ]

    private static let many = (0..<500).map { IPAddress.v4(IPv4Address(bits: 0xC000_0200 + UInt32($0))) }
    /// 238 records of 274 octets.
    private static let filler = (0..<238).map { _ in
        FakeDNSServer.Record("x.test", .txt, data: [255] + [UInt8](repeating: 120, count: 255))
    }

    @Test("over UDP", arguments: datagrams)
    func udp(test: Misbehaviour) async throws {
        try await check(test)
    }

    @Test("over TCP, after an answer that was cut short", arguments: streams)
    func tcp(test: Misbehaviour) async throws {
        try await check(test)
    }

    @Test("refuses TCP, after an answer that was cut short")
    func refusedTCP() async throws {
        let test = Misbehaviour("refuses TCP", .failure(.noServer), usedTCP: true) { _ in .truncated(overTCP: right) }
        try await check(test, servesTCP: false)
    }

    @Test("is asked over TCP only, where the configuration says so", arguments: [true, false])
    func tcpOnly(inPieces: Bool) async throws {
        let (outcome, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in inPieces ? .pieces(of: 1, right) : right }
            // Its patience stands still: on a busy machine sixty turns, one for each octet, may take seconds.
            let resolver = DNSResolver(reactor, asking: server.address, usesTCPOnly: true, clock: ManualClock())
            return (await resolver.lookup("h.test").outcome, server.questions)
        }
        #expect(outcome.addresses == [one])
        #expect(questions.map(\.transport) == [.tcp, .tcp])
    }

    @Test("closes its TCP connection after the answer, while others are waited for over UDP", arguments: [false, true])
    func closesBesideOthers(byReset: Bool) async throws {
        let count = 40
        let outcomes = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                let ending = byReset ? FakeDNSServer.Action.delayed(by: .milliseconds(5), .reset) : .close
                return question.name.text.hasPrefix("large")
                    ? .truncated(overTCP: .sequence([right, ending])) : .delayed(by: .milliseconds(50), right)
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            // In turns of their own, so that they share the channels in every way.
            var lookups: [Deferred<LookupAnswer>] = []
            for index in 0..<count {
                lookups.append(resolver.lookup("small\(index).test", types: [.a]))
                lookups.append(resolver.lookup("large\(index).test", types: [.a]))
                try await reactor.pass(.milliseconds(2))
            }
            var outcomes: [Outcome] = []
            for lookup in lookups { outcomes.append(await lookup.outcome) }
            return outcomes
        }
        #expect(
            outcomes.count { $0.addresses == [one] } == 2 * count,
            "\(outcomes.compactMap(\.error).first?.description ?? "")")
    }

    @Test("sends two TCP answers in one segment")
    func together() async throws {
        let (outcome, connections) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { _ in
                .truncated(overTCP: .together(2, .addresses([one, six])))
            }
            let resolver = DNSResolver(reactor, asking: server.address)
            return (await resolver.lookup("h.test").outcome, server.connectionCount)
        }
        #expect(Set(outcome.addresses ?? []) == [one, six])
        #expect(connections == 1)
    }

    private func check(_ test: Misbehaviour, servesTCP: Bool = true) async throws {
        let budget = Duration.milliseconds(200)
        let (outcome, afterwards, questions, elapsed) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor, servesTCP: servesTCP) { question in
                question.name.text == "afterwards.test" ? .addresses([two]) : test.answers(question)
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            let started = clock.now
            let lookup = resolver.lookup("h.test", types: [.a], timeout: budget)
            if case .failure(.timeout) = test.expected {
                // Nothing that comes after the question will end the lookup but its own deadline.
                try await server.await(test.queries.lowerBound, on: reactor)
                clock.advance(by: budget)
            }
            let outcome = await lookup.outcome
            let elapsed = clock.now - started
            let questions = server.questions
            let afterwards = await resolver.lookup("afterwards.test", types: [.a]).outcome
            return (outcome, afterwards, questions, elapsed)
        }
        switch test.expected {
        case .addresses(let addresses):
            #expect(outcome.addresses == addresses)
            #expect(outcome.answer?.questions.first?.origin.usedTCP == test.usedTCP)
        case .failure(let kind):
            #expect(outcome.kind == kind)
            #expect(outcome.error?.questions.first?.origin.usedTCP ?? false == test.usedTCP)
        }
        #expect(test.queries.contains(questions.count), "\(questions.count) queries")
        #expect(elapsed <= budget)
        #expect(afterwards.addresses == [two])
    }
}
