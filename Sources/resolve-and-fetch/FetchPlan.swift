// How each target is fetched: from its text to its outcome.

import Bowline

struct FetchPlan {
    /// In octets. What is longer comes from a line that was cut off, and would lead elsewhere.
    static let longestTarget = 65_536

    private let request: PageRequest
    private let isVerbose: Bool
    private let logsName: Bool
    private let wishes: BodyIntake.Wishes
    private let retries: Int

    /// - Parameters:
    ///   - wishes: what is to become of the bodies.
    ///   - retries: how often a target is tried again whose failure may pass.
    ///   - logsName: whether -v says which target it speaks of.
    init(request: PageRequest, names: NameOptions, _ wishes: BodyIntake.Wishes, retries: Int, logsName: Bool) {
        var request = request
        request.deadline = names.maximumTime.duration
        request.connect.timeout = names.connectTimeout.duration
        request.connect.nameTimeout = names.nameTimeout.duration
        request.connect.families = names.families
        // What is reported is how each target was looked up and connected to.
        request.reusesConnections = false
        self.request = request
        isVerbose = names.verbose
        self.logsName = logsName
        self.wishes = wishes
        self.retries = retries
    }

    /// A plan with the usual budgets.
    init() {
        request = PageRequest("http://localhost/")
        isVerbose = false
        logsName = false
        wishes = BodyIntake.Wishes()
        retries = 0
    }

    /// Fetches a target.
    ///
    /// - Parameter done: called once, with what became of it.
    func fetch(_ target: String, on reactor: Reactor, _ done: @escaping (FetchOutcome) -> Void) {
        guard target.utf8.count <= Self.longestTarget else {
            let problem = "\(target): it has more than \(Self.longestTarget) octets"
            return done(outcome(of: target, nil, Failure(.target, "bad-target", problem)))
        }
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(target: target)
        } catch {
            done(outcome(of: target, nil, Failure(error, target: target)))
            return
        }
        if let file = wishes.file, let obstacle = BodyFile.obstacle(to: file) {
            return done(outcome(of: target, url, .output(file, obstacle)))
        }
        let log = isVerbose ? EventLog(reactor, name: logsName ? target : nil) : nil
        RetriedFetch(retries: retries, budget: request.deadline, method: request.method).run(
            on: reactor,
            fetch: { timeLeft, done in
                var request = self.request
                request.deadline = timeLeft
                // A URL's description leaves the password out, and then nobody would see that it can't be sent.
                request.url = url.userInfo == nil ? "\(url)" : target
                fetch(request, of: target, url, log, on: reactor, done)
            },
            noteRetry: { delay, failure in
                log?.tell("tried again in \(Times.text(delay)): \(failure.message)")
            }, done)
    }

    /// Fetches a target once.
    private func fetch(
        _ request: PageRequest, of target: String, _ url: HTTPURL, _ log: EventLog?, on reactor: Reactor,
        _ done: @escaping (FetchOutcome) -> Void
    ) {
        var request = request
        let heads = HeadCollector()
        request.observer = { event in
            log?.tell(event)
            if case .head(let head) = event { heads.heads.append(head) }
        }
        func conclude(_ report: PageReport?, _ response: FetchedResponse?, _ failure: Failure?) {
            log?.tell(failure.map { "failed: \($0.message)" } ?? "done")
            let last = report?.url ?? url
            done(
                FetchOutcome(
                    target: target, url: last, report: report, response: response, heads: heads.heads,
                    proxy: request.proxies.proxy(
                        isSecure: last.scheme == .https, host: last.host.connectable, port: last.port),
                    families: request.connect.families, failure: failure))
        }
        reactor.agent.request(request).addBoth { result in
            switch result {
            case .success(let response):
                _ = BodyIntake(
                    response, heads: heads.text, wishes, within: request.deadline, on: reactor
                ) { end, report in
                    switch end {
                    case .whole(let response):
                        let isWell = response.head.status < 400
                        conclude(report, response, isWell ? nil : .status(response.head, of: report.url))
                    case .failed(let error):
                        conclude(error.report, nil, failure(error, target))
                    case .unwritten(let error):
                        conclude(report, nil, Failure(writing: wishes.file ?? "", error, target: target))
                    case .late:
                        conclude(report, nil, .late(wishes.file ?? "", self.request.deadline))
                    }
                }
            case .failure(let error as PageError): conclude(error.report, nil, failure(error, target))
            case .failure: conclude(nil, nil, .interrupted(target, in: .target))
            }
        }
    }

    private func failure(_ error: PageError, _ target: String) -> Failure {
        guard case .deadline = error.reason else { return Failure(error, target: target) }
        // A later try has only what is left of the budget, which is what is told.
        return Failure(
            PageError(phase: error.phase, reason: .deadline(request.deadline), report: error.report), target: target)
    }

    /// The outcome of a target whose turn didn't come.
    func unstarted(_ target: String) -> FetchOutcome {
        outcome(of: target, try? HTTPURL(target: target), .interrupted(target, in: .target))
    }

    private func outcome(of target: String, _ url: HTTPURL?, _ failure: Failure) -> FetchOutcome {
        FetchOutcome(
            target: target, url: url, report: nil, response: nil, heads: [], families: request.connect.families,
            failure: failure)
    }
}

/// Gathers the heads of a fetch for its observer, which can't change what it captures.
private final class HeadCollector {
    var heads: [HTTPResponseHead] = []

    /// As they came.
    var text: String { heads.map(\.fields.text).joined() }
}
