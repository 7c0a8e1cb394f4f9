// `resolve-and-fetch resolve NAME…`: names only, with the explanation of each answer.

import ArgumentParser
import Bowline

struct ResolveCommand: RunnableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve-and-fetch resolve",
        abstract: "Resolves names, and explains each answer: who gave it, how fast, over which aliases.",
        usage: "resolve-and-fetch resolve [<options>] NAME...",
        discussion: """
            - reads names from stdin, one a line; lines that begin with # are skipped. Names of a list are taken as they come \
            and reported as they end, and the list may be of any length.

            Exit codes: 0 all well, 64 wrong usage, 1 if any of several names failed or a list can't be read to its end, 130 \
            and 143 after SIGINT and SIGTERM. For one name: 3 no name, 6 no answer, 23 output, 28 too late.
            """)

    @Argument(help: ArgumentHelp("What to look up: a name, or an address.", valueName: "name"))
    var hosts: [String] = []

    @Option(
        name: .customLong("type"), parsing: .unconditional,
        help: ArgumentHelp("The record types to ask for: A, AAAA, HTTPS, CNAME, TYPE65, …", valueName: "t[,t]"))
    var types: TypesArgument?

    @Option(
        name: .customLong("input"), parsing: .unconditional,
        help: ArgumentHelp("Resolve the names of this file, too, one a line; - is stdin.", valueName: "file"))
    var input: String?

    @OptionGroup(title: "Names, budgets and output")
    var names: NameOptions

    @OptionGroup(title: "Looking inside")
    var inspecting: InspectOptions

    func validate() throws {
        if wantedTypes.isEmpty { throw ValidationError("-4 and -6 leave none of the types to ask for.") }
    }

    /// A missing name is told after an unknown option, which `validate()` would come before.
    func check(_ arguments: ArraySlice<String>) throws {
        if hosts.isEmpty, input == nil { throw ValidationError("There is nothing to resolve: give a name.") }
    }

    /// The types of --type, without the addresses of the family that isn't wanted.
    private var wantedTypes: [RecordType] {
        (types?.types ?? [.a, .aaaa]).filter { type in
            type != .a && type != .aaaa || names.families.contains(type == .a ? .ipv4 : .ipv6)
        }
    }

    func execute() -> Int32 {
        do {
            let reactor = Reactor()
            let stream = try TargetStream.open(hosts, list: input, on: reactor)
            try inspecting.serve(on: reactor)
            let keeper = names.cacheFile.keep(
                names.makeResolver(reactor),
                lookups: stream.isNamed ? hosts.map { LookupRequest($0, types: wantedTypes) } : nil, on: reactor)
            defer { keeper?.end() }
            return try resolve(stream, on: reactor)
        } catch {
            Self.exit(withError: error)
        }
    }

    private func resolve(_ stream: TargetStream, on reactor: Reactor) throws -> Int32 {
        let output = StandardOutput(reactor)
        let style = Style(of: 1)
        var firstFailure: Failure?
        func conclude(_ outcome: ResolveOutcome) {
            output.print(names.json ? [outcome.json.text] : outcome.lines(style))
            guard let failure = outcome.failure, output.problem == nil else { return }
            firstFailure = firstFailure ?? failure
            guard !names.json else { return }
            output.keepOrder()
            Console.complain(failure)
        }
        // What is said of each name besides its answers takes a look into the cache, which a long list has no time for.
        let explains = stream.isNamed
        let limit = names.concurrency.value
        try Batch.run(
            on: reactor, limit: limit, next: { output.isFull ? .later : stream.next() },
            arrival: { (stream.onArrival, output.onRoom) = ($0, $0) }
        ) { host, done in
            look(up: host, on: reactor, explains: explains) { outcome in
                conclude(outcome)
                done()
            }
        }
        output.endLoop(isInterrupted: reactor.lastSignal != nil)
        while output.problem == nil, let host = stream.nextUnstarted() {
            conclude(ResolveOutcome(host, [], [], nil, .interrupted(host, in: .dns)))
        }
        let failure = output.finish() ?? firstFailure
        return try stream.exitCode(failure, reactor.lastSignal, ifEmpty: "There is nothing to resolve")
    }

    private func look(
        up host: String, on reactor: Reactor, explains: Bool,
        _ done: @escaping (ResolveOutcome) -> Void
    ) {
        let types = wantedTypes
        let log = names.verbose ? EventLog(reactor, name: hosts.count > 1 || !explains ? host : nil) : nil
        let start = reactor.now
        let answers = AnswerCollector()
        let request = LookupRequest(host, types: types, port: pinnedPort(of: host), timeout: budget.duration)
        log?.tell("asking for \(types.map(\.description).joined(separator: ", ")) of \(host)")
        reactor.resolver.resolve(request) { answer in
            log?.tell(answer)
            answers.answers.append(answer)
        }.addBoth { result in
            var failure: Failure?
            var unanswered: [QuestionSnapshot] = []
            if case .failure(let error) = result {
                if error is ReactorStopped { unanswered = reactor.resolver.inFlight(for: host) }
                failure = Failure(lookup: error, name: host)
                if failure?.code == "timeout" { failure?.code = budget.code }
            }
            var entries: [CacheEntry]?
            if explains {
                let name = answers.answers.lazy.compactMap(\.askedName).first.map { "\($0)" } ?? host
                entries = reactor.resolver.explain(name).entries
            }
            done(
                ResolveOutcome(
                    host, answers.answers, types, reactor.now - start, failure, unanswered: unanswered, entries: entries
                ))
        }
    }

    /// The smallest budget, and what it is called when it is used up.
    private var budget: (duration: Duration, code: String) {
        let phase = min(names.nameTimeout.duration, names.connectTimeout.duration)
        return names.maximumTime.duration < phase ? (names.maximumTime.duration, "deadline") : (phase, "timeout")
    }

    /// A name alone has no port, so that of its pin counts.
    private func pinnedPort(of host: String) -> UInt16? {
        guard let name = try? DomainName(host) else { return nil }
        let pins = names.pins.map(\.pin)
        return (pins.first { (try? DomainName($0.host)) == name } ?? pins.first { $0.host == "*" })?.port
    }
}

/// Gathers the answers of a lookup as they come, also of one that fails.
private final class AnswerCollector {
    var answers: [TypeAnswer] = []
}
