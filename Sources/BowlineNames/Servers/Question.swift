// One question in flight: a name and a type, asked of one server after the other until one knows, for as many lookups
// as wait. However many those are, the wire sees each question once for each server.
//
// Made by the resolver, which keeps it by its key. It decides which server is asked when; how it is asked is the
// server's affair, and what the answer is good for the resolver's.

import BowlineReactor
import BowlineTransport

/// A server as a question sees it: the real one, or a script in a test.
protocol QueryServer: AnyObject {
    var address: SocketAddress { get }
    /// After how much silence another server is to be asked, too.
    var hedgeDelay: Duration { get }
    /// Since when it has said nothing, while it was being asked; nil while nothing is on its way to it.
    var silentSince: ReactorInstant? { get }
    /// Another server is asked because this one is silent.
    func noteSilence()
    /// Sends a query for `owner`, now or when its turn comes.
    func ask(for owner: Question)
    /// Ends the interest in a query that has been sent.
    func abandon(_ query: ServerQuery)
}

/// What came of a question.
struct QuestionResult {
    /// An answer, positive or negative, or nil if no server gave one.
    let answer: ServerAnswer?
    /// Why there is none.
    let failure: LookupError.Kind?
    let origin: AnswerOrigin
    /// Each server that failed, in order.
    let servers: [LookupError.ServerReport]
    /// When it came.
    let time: ReactorInstant
    /// What the servers that failed said about it (RFC 8914).
    var extendedErrors: [ExtendedError] = []
}

/// Whose question it is.
protocol QuestionOwner: AnyObject {
    var clock: any ReactorClock { get }
    /// Called once, in a delivery phase, before the waiters are told; not after `abandon()`.
    func conclude(_ question: Question, _ result: QuestionResult)
}

/// Waits for a question.
protocol QuestionWaiter: AnyObject {
    /// Whether it waits for the cache's sake, and isn't counted among the lookups that do.
    var isBackground: Bool { get }
    /// Whether it waits still. False as soon as it has left, or was told.
    func waits(for question: Question) -> Bool
    /// Also told to one that has left meanwhile, who ignores it.
    func questionEnded(_ question: Question, _ result: QuestionResult)
}

extension QuestionWaiter {
    var isBackground: Bool { false }
}

final class Question {
    struct Key: Hashable {
        var name: DomainName
        var type: RecordType
    }

    /// A server that was asked.
    private struct Asked {
        /// Where the order has it: a reference of its own would be one more to count.
        let place: Int
        /// What was sent; nil while the question waits in the server's line.
        var query: ServerQuery?

        var sendings: Int { query?.sendings ?? 0 }

        /// What is to be said of it if it says nothing any more.
        func silenceReport(_ server: SocketAddress) -> LookupError.ServerReport {
            guard let query else {
                return LookupError.ServerReport(
                    server: server, kind: .timeout, detail: "not asked yet, too many questions wait for it")
            }
            return LookupError.ServerReport(of: server, failing: .timeout, overTCP: query.usesTCP)
        }
    }

    /// A server that is silent for so long gets company: the next one is asked too, and the first answer counts. One whose
    /// pace is known gets less time.
    static let silence: Duration = .milliseconds(300)
    /// When nobody waits any more, the answer is still waited for a moment, for the cache (RFC 8305, 5).
    static let grace: Duration = .seconds(1)

    let key: Key
    private let order: ServerOrder
    private let owner: any QuestionOwner
    private var clock: any ReactorClock { owner.clock }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// In the order in which they came; some have left already.
    @exclusivity(unchecked) private var waiters = ShortList<any QuestionWaiter>()
    @exclusivity(unchecked) private var leftCount = 0
    @exclusivity(unchecked) private var asked = ShortList<Asked>()
    @exclusivity(unchecked) private var nextServer = 0
    /// Asks the next server if those asked are silent. Rests while nobody waits.
    @exclusivity(unchecked) private var silenceTimer: DelayedCall?
    @exclusivity(unchecked) private var graceTimer: DelayedCall?
    /// Whether no answer is wanted any more. One that is over before its turn has come isn't asked.
    @exclusivity(unchecked) private(set) var isOver = false
    /// Whether it was kept going for the cache's sake: see `QuestionDesk.keepAsking`, whose note this is.
    @exclusivity(unchecked) var wasKeptGoing = false

    let startTime: ReactorInstant
    /// The most lookups that waited at once.
    @exclusivity(unchecked) private(set) var mostWaiters = 0
    /// How many queries those servers were sent that are done.
    @exclusivity(unchecked) private var pastTries = 0
    /// Whether the last query that failed did so over TCP.
    @exclusivity(unchecked) private var hasFailedOverTCP = false
    /// Each server that failed so far, in order.
    @exclusivity(unchecked) private(set) var reports: [LookupError.ServerReport] = []
    @exclusivity(unchecked) private var extendedErrors: [ExtendedError] = []

    /// Creates a question for servers, in the order in which to ask them.
    init(_ key: Key, order: ServerOrder, at now: ReactorInstant, owner: any QuestionOwner) {
        self.key = key
        self.order = order
        self.owner = owner
        startTime = now
    }

    // MARK: who waits

    /// How many lookups wait. Counted, for thousands may.
    @exclusivity(unchecked) private(set) var waiterCount = 0

    func join(_ waiter: any QuestionWaiter) {
        waiters.append(waiter)
        if !waiter.isBackground { waiterCount += 1 }
        mostWaiters = max(mostWaiters, waiterCount)
        guard let graceTimer else { return }
        graceTimer.cancel()
        self.graceTimer = nil
        awaitSilence()
    }

    /// One waiter leaves, and harms no other. After the last one the question goes on for a moment.
    ///
    /// - Complexity: O(1) amortised: thousands may leave one after the other, so they aren't searched for.
    func leave(_ waiter: any QuestionWaiter) {
        guard !isOver else { return }
        if !waiter.isBackground { waiterCount -= 1 }
        leftCount += 1
        guard 2 * leftCount >= waiters.count else { return }
        leftCount = 0
        waiters = ShortList(waiters.filter { $0.waits(for: self) })
        guard waiters.isEmpty else { return }
        silenceTimer?.cancel()
        silenceTimer = nil
        graceTimer?.cancel()
        graceTimer = clock.callLater(Self.grace) { [self] in finish(failure: .cancelled) }
    }

    // MARK: asking

    /// Asks the first server.
    func start() {
        if order.count == 0 {
            silenceTimer = clock.callLater(.zero) { [self] in finish(failure: .noServer) }
        } else {
            askNext()
            if order.hasProbe { ask(order.count) }
        }
    }

    private func askNext() {
        guard nextServer < order.count else { return }
        nextServer += 1
        ask(nextServer - 1)
        awaitSilence()
    }

    private func ask(_ place: Int) {
        asked.append(Asked(place: place))
        order.servers[place].ask(for: self)
    }

    /// How many queries were sent so far, those that were sent again included.
    var tries: Int { asked.isEmpty ? pastTries : asked.reduce(pastTries) { $0 + $1.sendings } }

    private func awaitSilence() {
        silenceTimer?.cancel()
        silenceTimer = nil
        guard nextServer > 0, nextServer < order.count, !waiters.isEmpty else { return }
        let last = nextServer - 1
        silenceTimer = clock.callLater(silenceLeft(of: last)) { [self] in
            // A query that has only just left its server's line, where it waited for room, has met no silence yet.
            guard silenceLeft(of: last) <= .zero else { return awaitSilence() }
            order.servers[last].noteSilence()
            askNext()
        }
    }

    /// How long a server has been given that it hasn't used up. A query that waits in its line has met silence if all others
    /// have.
    private func silenceLeft(of place: Int) -> Duration {
        guard let asked = asked.last(where: { $0.place == place }) else { return .zero }
        let server = order.servers[place]
        if let query = asked.query { return query.startTime + server.hedgeDelay - clock.now }
        return (server.silentSince ?? clock.now) + Self.silence - clock.now
    }

    /// This question as its row of the inspection.
    func snapshot(now: ReactorInstant) -> QuestionSnapshot {
        QuestionSnapshot(
            name: key.name, type: key.type, age: now - startTime, servers: silentServers, tries: tries,
            waiters: waiterCount)
    }

    /// The servers that were asked and have not answered.
    var silentServers: [SocketAddress] { asked.map(address) }

    private func address(_ asked: Asked) -> SocketAddress { order.servers[asked.place].address }

    /// The same as what a lookup reports that can't wait any longer.
    var silenceReports: [LookupError.ServerReport] {
        asked.map { $0.silenceReport(address($0)) }
    }

    /// What to report of all servers if nobody can wait any longer: of those that failed, then of those that say nothing.
    var reportsSoFar: [LookupError.ServerReport] { reports + silenceReports }

    /// The same of those who have had the time that they usually need, and more.
    private var lateReports: [LookupError.ServerReport] {
        asked.filter { asked in
            asked.query.map { clock.now - $0.startTime >= order.servers[asked.place].hedgeDelay } ?? false
        }.map { $0.silenceReport(address($0)) }
    }

    /// How it has come so far, where there is no answer.
    var failureOrigin: AnswerOrigin {
        AnswerOrigin(
            attempts: tries, usedTCP: asked.last?.query?.usesTCP ?? hasFailedOverTCP, waiters: max(1, mostWaiters))
    }

    // MARK: the end

    private func finish(failure kind: LookupError.Kind) {
        var origin = failureOrigin
        origin.server = reports.deciding(kind)?.server
        finish(
            QuestionResult(
                answer: nil, failure: kind, origin: origin, servers: reports, time: clock.now,
                extendedErrors: extendedErrors))
    }

    private func finish(_ result: QuestionResult) {
        guard !isOver else { return }
        abandon()
        owner.conclude(self, result)
        var waiters = ShortList<any QuestionWaiter>()
        swap(&waiters, &self.waiters)
        waiters.drain { $0.questionEnded(self, result) }
    }

    /// Ends it without telling anybody.
    func abandon() {
        isOver = true
        silenceTimer?.cancel()
        silenceTimer = nil
        graceTimer?.cancel()
        graceTimer = nil
        if asked.isEmpty { return }
        for each in asked {
            if let query = each.query { order.servers[each.place].abandon(query) }
        }
        asked = ShortList()
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension Question: Sendable {}

// What a server calls.
extension Question {
    /// Its turn has come: this is about to be sent.
    func queryBegan(_ query: ServerQuery, at server: any QueryServer) {
        asked.changeLast(where: { order.servers[$0.place] === server }, { $0.query = query })
    }

    /// Told in the delivery phase.
    func queryEnded(_ query: ServerQuery, _ reply: consuming ServerReply) {
        guard !isOver, let asked = asked.removeFirst(where: { $0.query === query }) else { return }
        let server = order.servers[asked.place].address
        let allTries = tries + query.sendings
        pastTries += query.sendings
        switch consume reply {
        case .answer(let answer):
            if !answer.message.outcome.settles, let report = LookupError.ServerReport(of: server, failing: answer) {
                extendedErrors += answer.message.extendedErrors
                hasFailedOverTCP = answer.isTCP
                serverFailed(report)
                return
            }
            let now = clock.now
            finish(
                QuestionResult(
                    answer: answer, failure: nil,
                    origin: AnswerOrigin(
                        source: .network, server: server, roundTrip: now - query.lastTime, attempts: allTries,
                        usedTCP: answer.isTCP, waiters: max(1, mostWaiters)),
                    servers: self.asked.isEmpty ? reports : reports + lateReports, time: now))
        case .failed(let failure):
            hasFailedOverTCP = query.usesTCP
            serverFailed(LookupError.ServerReport(of: server, failing: failure, overTCP: query.usesTCP))
        }
    }

    /// The server asks anew, in another way; what comes of it is told of `successor`.
    func queryReplaced(_ query: ServerQuery, by successor: ServerQuery) {
        guard let place = asked.firstIndex(where: { $0.query === query }) else { return }
        asked[place].query = successor
    }

    /// Goes on with the next server at once; if there is none and nobody is still being waited for, that was it.
    private func serverFailed(_ report: LookupError.ServerReport) {
        reports.append(report)
        if nextServer < order.count {
            askNext()
        } else if asked.isEmpty {
            finish(failure: Self.verdict(reports))
        }
    }

    /// What to call the failure of all servers: the one that says most about the name.
    private static func verdict(_ reports: [LookupError.ServerReport]) -> LookupError.Kind {
        let order: [LookupError.Kind] = [.servfail, .refused, .malformed, .timeout, .noServer]
        return order.first { kind in reports.contains { $0.kind == kind } } ?? .noServer
    }
}

extension [LookupError.ServerReport] {
    /// Whose word the failure of all is; the last if nobody said just that.
    func deciding(_ kind: LookupError.Kind?) -> LookupError.ServerReport? { last { $0.kind == kind } ?? last }
}

extension LookupError.ServerReport {
    /// Reports an answer that is none; nil if the answer settles the question.
    init?(of server: SocketAddress, failing answer: ServerAnswer) {
        switch answer.message.outcome {
        case .answer, .nodata, .nxdomain:
            return nil
        case .servfail, .other:
            self.init(server: server, kind: .servfail, responseCode: answer.message.responseCode)
        case .refused:
            self.init(server: server, kind: .refused, responseCode: answer.message.responseCode)
        case .malformed(let error):
            self.init(server: server, kind: .malformed, detail: "\(error)")
        }
    }

    init(of server: SocketAddress, failing failure: ServerFailure, overTCP: Bool) {
        switch failure {
        case .timeout: self.init(server: server, kind: .timeout, detail: overTCP ? "no answer over TCP" : "no answer")
        case .unreachable:
            let detail = overTCP ? "its TCP connection is refused or broken off" : "refused or broken off"
            self.init(server: server, kind: .noServer, detail: detail)
        case .malformed: self.init(server: server, kind: .malformed, detail: "an unreadable answer")
        case .cancelled: self.init(server: server, kind: .cancelled)
        case .lacking(let error):
            self.init(server: server, kind: .noServer, detail: SystemError.text(of: error.code))
        case .local(let status):
            self.init(server: server, kind: .noServer, detail: AresError(status: status).description)
        }
    }
}
