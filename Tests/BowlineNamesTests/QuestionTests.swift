// Which server is asked when, in virtual time: the servers are scripts that reply when the test says so.

import Bowline
import BowlineTesting
import Testing

@testable import BowlineNames

@Suite("A question in flight")
struct QuestionTests {
    let clock: ManualClock
    let first = ScriptedServer(1)
    let second = ScriptedServer(2)
    let third = ScriptedServer(3)
    let log: EndLog

    init() {
        clock = ManualClock()
        log = EndLog(clock)
    }

    private func started(_ servers: ScriptedServer...) -> (Question, Waiter) {
        let key = Question.Key(name: DomainName(canonical: "h.test"), type: .a)
        for server in servers { server.now = { [clock] in clock.now } }
        let question = Question(key, order: ServerOrder(servers: servers), at: clock.now, owner: log)
        let waiter = Waiter()
        question.join(waiter)
        question.start()
        return (question, waiter)
    }

    @Test("a silent server gets company after 300 ms, and not before")
    func silence() {
        let (_, waiter) = started(first, second, third)
        clock.advance(by: .milliseconds(299))
        #expect([first.asked, second.asked, third.asked] == [1, 0, 0])
        clock.advance(by: .milliseconds(1))
        #expect([first.asked, second.asked, third.asked] == [1, 1, 0])
        clock.advance(by: .milliseconds(300))
        #expect([first.asked, second.asked, third.asked] == [1, 1, 1])
        #expect(clock.delayedCalls.isEmpty)
        #expect(waiter.results.isEmpty)
    }

    @Test("a question in the line of a server that answers others has met no silence, however long it waits")
    func busyLine() {
        first.isFull = true
        let (question, _) = started(first, second)
        for _ in 0..<10 {
            clock.advance(by: .milliseconds(299))
            first.silentSince = clock.now
        }
        #expect(second.asked == 0)
        clock.advance(by: .milliseconds(299))
        #expect(second.asked == 0 && first.silences == 0)
        clock.advance(by: .milliseconds(1))
        #expect(second.asked == 1 && first.silences == 1)
        #expect(
            question.silenceReports.map(\.detail) == ["not asked yet, too many questions wait for it", "no answer"])
    }

    @Test("a question that comes to the line of a server that has been silent for 300 ms asks the next one at once")
    func silentLine() {
        first.isFull = true
        first.silentSince = clock.now
        clock.advance(by: .milliseconds(400))
        _ = started(first, second)
        clock.advance(by: .zero)
        #expect(second.asked == 1)
    }

    @Test("the first of several servers to answer counts, and the others are abandoned")
    func firstAnswer() throws {
        let (_, waiter) = started(first, second)
        clock.advance(by: .milliseconds(310))
        first.answer()
        let result = try #require(waiter.results.first)
        #expect(result.answer?.message.addresses == [one])
        #expect(result.origin.server == first.address)
        #expect(result.origin.attempts == 2)
        #expect(second.abandoned == 1)
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test(
        "a server that fails is replaced at once",
        arguments: [
            .packet(code: .servFail), .packet(code: .refused), .packet(code: .notImp), .packet(code: .formErr),
            .garbage, .failure(.unreachable), .failure(.timeout), .failure(.local(1)),
        ] as [Reply])
    func failover(reply: Reply) throws {
        let (_, waiter) = started(first, second)
        first.reply(reply)
        #expect(second.asked == 1)
        second.answer()
        let result = try #require(waiter.results.first)
        #expect(result.answer?.message.outcome == .answer)
        #expect(result.servers.map(\.server) == [first.address])
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("NXDOMAIN and NODATA settle the question: no other server is asked")
    func negative() {
        for reply in [Reply.packet(code: .nxdomain), .packet(code: .noError)] {
            let server = ScriptedServer(1)
            let (_, waiter) = started(server, second)
            server.reply(reply)
            #expect(waiter.results.count == 1)
            #expect(second.asked == 0)
        }
    }

    @Test(
        "when all fail, the verdict is what says most about the name",
        arguments: [
            ([.packet(code: .servFail), .packet(code: .refused)], .servfail),
            ([.packet(code: .refused), .packet(code: .servFail)], .servfail),
            ([.failure(.timeout), .packet(code: .refused)], .refused),
            ([.failure(.unreachable), .failure(.timeout)], .timeout),
            ([.failure(.unreachable), .failure(.unreachable)], .noServer),
            ([.garbage, .failure(.timeout)], .malformed),
        ] as [([Reply], LookupError.Kind)])
    func verdict(replies: [Reply], kind: LookupError.Kind) throws {
        let (_, waiter) = started(first, second)
        first.reply(replies[0])
        second.reply(replies[1])
        let result = try #require(waiter.results.first)
        #expect(result.failure == kind)
        #expect(result.servers.map(\.server) == [first.address, second.address])
        #expect(result.origin.attempts == 2)
        #expect(log.results.count == 1)
    }

    @Test("the failure is told of the server whose word it is, whoever else failed after it")
    func whoseWord() {
        let (_, waiter) = started(first, second)
        first.reply(.packet(code: .servFail))
        second.reply(.failure(.unreachable))
        #expect(waiter.results.first?.failure == .servfail)
        #expect(waiter.results.first?.origin.server == first.address)
        #expect(waiter.results.first?.servers.map(\.server) == [first.address, second.address])
    }

    @Test("an answer tells which servers failed before, and which were silent")
    func laggards() throws {
        let (_, waiter) = started(first, second, third)
        first.reply(.failure(.unreachable))
        clock.advance(by: Question.silence)
        #expect(third.asked == 1)
        third.answer()
        let result = try #require(waiter.results.first)
        #expect(result.answer != nil)
        #expect(result.servers.map(\.server) == [first.address, second.address])
        #expect(result.servers.map(\.kind) == [.noServer, .timeout])
        let key = Question.Key(name: DomainName(canonical: "h.test"), type: .a)
        let answer = TypeAnswer(result, for: key, elapsed: .zero)
        #expect(answer.failure == nil && answer.failedServers == result.servers)
    }

    @Test("the explanations of the servers that fail are kept")
    func explanations() throws {
        let (_, waiter) = started(first, second)
        first.reply(.packet(code: .servFail, explanation: 22))
        second.reply(.packet(code: .servFail, explanation: 23))
        #expect(try #require(waiter.results.first).extendedErrors.map(\.code) == [22, 23])
    }

    @Test("a last server that fails doesn't end what another is still asked")
    func stillWaiting() {
        let (_, waiter) = started(first, second)
        clock.advance(by: .milliseconds(300))
        second.reply(.packet(code: .servFail))
        #expect(waiter.results.isEmpty)
        first.answer()
        #expect(waiter.results.first?.answer?.message.outcome == .answer)
    }

    @Test("without any server it fails in the next moment, not inside the call")
    func noServers() {
        let (_, waiter) = started()
        #expect(waiter.results.isEmpty)
        clock.advance(by: .zero)
        #expect(waiter.results.first?.failure == .noServer)
    }

    @Test("all who wait share one query, each is told once, and each leaves alone")
    func coalescing() {
        let (question, waiter) = started(first)
        let others = (0..<3).map { _ in Waiter() }
        for other in others { question.join(other) }
        others[1].leave(question)
        first.answer()
        #expect(first.asked == 1)
        #expect(waiter.results.count == 1)
        #expect(others.map(\.results.count) == [1, 0, 1])
        #expect(waiter.results.first?.origin.waiters == 4)
        #expect(log.results.count == 1)
    }

    @Test("of thousands who wait, each leaves without a search among the others", arguments: [true, false])
    func leaving(fromTheNewest: Bool) {
        let (question, waiter) = started(first)
        let others = (0..<10_000).map { _ in Waiter() }
        for other in others { question.join(other) }
        for other in fromTheNewest ? others.reversed() : others { other.leave(question) }
        #expect(question.waiterCount == 1)
        // Halved each time: a bit more than each once.
        #expect(others.reduce(0) { $0 + $1.looks } < 2 * others.count)
        first.answer()
        #expect(waiter.results.count == 1)
        #expect(others.allSatisfy { $0.results.isEmpty })
    }

    @Test("after the last waiter left, an answer within a second still counts, for the cache")
    func grace() {
        let (question, waiter) = started(first, second)
        waiter.leave(question)
        clock.advance(by: .milliseconds(999))
        #expect(second.asked == 0)
        #expect(first.abandoned == 0)
        first.answer()
        #expect(log.results.first?.answer?.message.outcome == .answer)
        #expect(waiter.results.isEmpty)
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("a second after the last waiter left, the query is abandoned, and a late answer is silent")
    func graceEnds() {
        let (question, waiter) = started(first)
        waiter.leave(question)
        clock.advance(by: .seconds(1))
        #expect(first.abandoned == 1)
        #expect(log.results.first?.failure == .cancelled)
        first.answer()
        #expect(log.results.count == 1)
        #expect(waiter.results.isEmpty)
    }

    @Test("who joins in that second takes the question over, with its turn to the next server")
    func rejoin() {
        let (question, waiter) = started(first, second)
        waiter.leave(question)
        clock.advance(by: .milliseconds(900))
        let late = Waiter()
        question.join(late)
        clock.advance(by: .milliseconds(300))
        #expect(first.asked == 1)
        #expect(second.asked == 1)
        second.answer()
        #expect(late.results.count == 1)
        #expect(clock.delayedCalls.isEmpty)
    }

    @Test("an abandoned question tells nobody")
    func abandon() {
        let (question, waiter) = started(first, second)
        question.abandon()
        first.answer()
        clock.advance(by: .seconds(10))
        #expect(waiter.results.isEmpty)
        #expect(log.results.isEmpty)
        #expect(second.asked == 0)
    }
}

/// What a scripted server does with a query.
enum Reply: Sendable {
    case packet(code: ResponseCode, explanation: UInt16? = nil)
    case garbage
    case failure(ServerFailure)
}

/// A server that replies when the test says so, and the only one of its configuration.
final class ScriptedServer: QueryServer, ServerSource {
    let address: SocketAddress
    private var queries: [ServerQuery] = []
    private(set) var abandoned = 0
    private(set) var asked = 0

    init(_ number: UInt8) {
        address = .ip(.v4(IPv4Address(192, 0, 2, number)), port: 53)
    }

    func order() -> ServerOrder { ServerOrder(servers: [self]) }

    let hedgeDelay = Question.silence
    var silentSince: ReactorInstant?
    private(set) var silences = 0
    func noteSilence() { silences += 1 }
    /// The time of sending.
    var now: () -> ReactorInstant = { ReactorInstant(nanoseconds: 0) }

    /// Whether what it is sent waits in its line.
    var isFull = false

    func ask(for owner: Question) {
        asked += 1
        guard !isFull else { return }
        let query = ServerQuery(for: owner)
        query.noteStart(at: now(), id: 0, .small)
        queries.append(query)
        owner.queryBegan(query, at: self)
    }

    func abandon(_ query: ServerQuery) {
        abandoned += 1
        query.forgetOwner()
    }

    /// Replies to the last query with an address.
    func answer() {
        end(packet: Packet().a("h.test", "192.0.2.1", 60).octets)
    }

    func reply(_ reply: Reply) {
        switch reply {
        case .packet(let code, let explanation):
            var packet = Packet(code: code)
            if let explanation { packet.writer.edns(EDNS(extendedErrors: [ExtendedError(code: explanation)])) }
            end(packet: packet.octets)
        case .garbage: end(packet: [1, 2, 3])
        case .failure(let failure): end(.failed(failure))
        }
    }

    func end(packet: [UInt8]) {
        guard let query = queries.last else { return }
        end(
            .answer(
                ServerAnswer(DNSAnswer(reading: packet.span.bytes, name: query.name, type: query.type), isTCP: false)))
    }

    func end(_ reply: ServerReply) {
        queries.last?.end(reply)
        queries.last?.tellOwner()
    }
}

final class Waiter: QuestionWaiter {
    private(set) var results: [QuestionResult] = []
    /// How often it was asked whether it waits.
    private(set) var looks = 0
    private var hasLeft = false

    func leave(_ question: Question) {
        hasLeft = true
        question.leave(self)
    }

    func waits(for question: Question) -> Bool {
        looks += 1
        return !hasLeft
    }

    func questionEnded(_ question: Question, _ result: QuestionResult) {
        if !hasLeft { results.append(result) }
    }
}

/// Whose questions they are in a test: it writes down what comes of them.
final class EndLog: QuestionOwner {
    let clock: any ReactorClock
    private(set) var results: [QuestionResult] = []

    init(_ clock: any ReactorClock) {
        self.clock = clock
    }

    func conclude(_ question: Question, _ result: QuestionResult) {
        results.append(result)
    }
}
