// When a server is asked without EDNS: a question, as soon as its answer says so; a server, once the same questions have done
// better without.

import Bowline
import BowlineTesting
import Testing

@Suite("A server and EDNS", .timeLimit(.minutes(10)))
struct EDNSFallbackTests {
    private static let right = FakeDNSServer.Action.addresses([one])

    /// What a server without EDNS says to it.
    private static let dislike: FakeDNSServer.Action = {
        var reply = FakeDNSServer.Reply(code: .formErr)
        reply.hasEDNS = false
        return .reply(reply)
    }()

    /// Looks names up, one after the other, and tells which of the questions for them offered EDNS, and whether the next would.
    private func questions(
        _ names: [String], _ answers: @escaping @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action
    ) async throws -> (outcomes: [Outcome], offered: [Bool], usesEDNS: Bool?) {
        try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor, answers: answers)
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            var outcomes: [Outcome] = []
            for name in names { outcomes.append(await resolver.lookup(name, types: [.a]).outcome) }
            return (outcomes, server.questions.map { $0.payloadSize != nil }, resolver.servers().first?.usesEDNS)
        }
    }

    @Test("doesn't know it: both questions of a lookup are asked again without, and later ones at once so")
    func unknown() async throws {
        let (first, second, questions) = try await Reactor.run { reactor in
            let server = try FakeDNSServer(reactor: reactor) { question in
                question.payloadSize == nil ? .addresses([one, six]) : Self.dislike
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: ManualClock())
            return (
                await resolver.lookup("h.test").outcome, await resolver.lookup("other.test").outcome, server.questions
            )
        }
        #expect(Set(first.addresses ?? []) == [one, six])
        #expect(Set(second.addresses ?? []) == [one, six])
        #expect(questions.map { $0.payloadSize != nil } == [true, true, false, false, false, false])
    }

    @Test("doesn't speak its version: later questions come without")
    func version() async throws {
        let (outcomes, offered, usesEDNS) = try await questions(["h.test", "other.test"]) { question in
            question.payloadSize == nil ? Self.right : .code(.badVers)
        }
        #expect(outcomes.allSatisfy { $0.addresses == [one] })
        #expect(offered == [true, false, false])
        #expect(usesEDNS == false)
    }

    @Test(
        "can't read a question, with it or without: that says nothing of the others",
        arguments: [ResponseCode.formErr, .notImp])
    func noProof(code: ResponseCode) async throws {
        let (outcomes, offered, usesEDNS) = try await questions(["odd.test", "h.test"]) { question in
            question.name.text == "odd.test" ? .header(code) : Self.right
        }
        #expect(outcomes[0].kind == .servfail)
        #expect(outcomes[1].addresses == [one])
        #expect(offered == [true, false, true])
        #expect(usesEDNS == true)
    }

    @Test("is known to speak it: an error that somebody else may have made holds for its question alone")
    func forged() async throws {
        let names = ["h.test", "forged.test", "other.test", "forged.too.test", "last.test"]
        let (outcomes, offered, usesEDNS) = try await questions(names) { question in
            let isForged = question.name.text.hasPrefix("forged") && question.payloadSize != nil
            return isForged ? .sequence([.header(.formErr), Self.right]) : Self.right
        }
        #expect(outcomes.allSatisfy { $0.addresses == [one] })
        #expect(offered == [true, true, false, true, true, false, true])
        #expect(usesEDNS == true)
    }

    @Test("spoke it once and does so no more: three questions in a row that do better without are believed")
    func unlearnt() async throws {
        let names = (0..<5).map { "h\($0).test" }
        let (outcomes, offered, usesEDNS) = try await questions(names) { question in
            question.name.text == "h0.test" || question.payloadSize == nil ? Self.right : Self.dislike
        }
        #expect(outcomes.allSatisfy { $0.addresses == [one] })
        #expect(offered == [true, true, false, true, false, true, false, false])
        #expect(usesEDNS == false)
    }

    @Test("is offered it again after ten minutes, even if questions without are always on their way")
    func memory() async throws {
        let offered = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { question in
                if question.payloadSize != nil { return Self.dislike }
                return question.name.text == "held.test" ? .delayed(by: .milliseconds(50), Self.right) : Self.right
            }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock)
            _ = try await resolver.lookup("h.test", types: [.a]).value
            clock.advance(by: .milliseconds(599_970))
            let across = resolver.lookup("held.test", types: [.a])
            try await server.await(3, on: reactor)
            clock.advance(by: .milliseconds(30))
            _ = try await across.value
            _ = try await resolver.lookup("later.test", types: [.a]).value
            return server.questions.map { $0.payloadSize != nil }
        }
        #expect(offered == [true, false, false, true, false])
    }
}
