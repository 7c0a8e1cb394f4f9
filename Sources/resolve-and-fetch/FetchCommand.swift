// `resolve-and-fetch TARGET…`: the arguments, and what is done with them.

import ArgumentParser
import Bowline

struct FetchCommand: RunnableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve-and-fetch",
        abstract: "Resolves each host, connects, fetches, and says what happened.",
        usage: """
            resolve-and-fetch [<options>] TARGET...
            resolve-and-fetch resolve [<options>] NAME...
            resolve-and-fetch cache list|show|stats|flush|export|import|path
            resolve-and-fetch demo
            """,
        discussion: """
            TARGET is a host, host:port, [v6]:port, or an http(s) URL; a host means http://host/. A host called like a verb \
            is written after --, or as a URL. - reads targets from stdin, one a line; lines that begin with # are skipped.

            Exit codes: 0 all well, 64 wrong usage, 1 if any of several targets failed or a list can't be read to its end, \
            130 and 143 after SIGINT and SIGTERM. For one target curl's numbers: 1 scheme that isn't http or https, 3 bad \
            target, 6 name, 7 connection, 8 no HTTP, 18 stopped early, 22 status of 400 and up, 23 output, 28 too late, 35 \
            TLS handshake, 47 redirects, 52 empty reply, 55 and 56 connection lost, 60 certificate, 61 content encoding, \
            63 too large.
            """)

    @Argument(help: ArgumentHelp("What to fetch.", valueName: "target"))
    var targets: [String] = []

    @Option(
        name: .customLong("input"), parsing: .unconditional,
        help: ArgumentHelp("Read further targets from this file, one a line; - is stdin.", valueName: "file"))
    var input: String?

    @OptionGroup(title: "Request and response")
    var fetching: FetchOptions

    @OptionGroup(title: "Names, budgets and output")
    var names: NameOptions

    @OptionGroup(title: "Looking inside")
    var inspecting: InspectOptions

    func validate() throws {
        if names.json, fetching.takesStdout {
            throw ValidationError("--json and the body can't both go to stdout; write the body to a file with -o.")
        }
    }

    /// A missing target is told after an unknown option, which `validate()` would come before. Options before a verb make a
    /// host of it, which nobody means.
    func check(_ arguments: ArraySlice<String>) throws {
        if targets.isEmpty, input == nil { throw ValidationError("There is nothing to fetch: name a target.") }
        let beforeTerminator = arguments.prefix { $0 != "--" }
        if let first = targets.first, Command.Verb(rawValue: first) != nil, beforeTerminator.contains(first) {
            throw ValidationError(
                "The verb '\(first)' comes first; a host of this name is written after --, or as http://\(first)/.")
        }
    }

    func execute() -> Int32 {
        do {
            let request = try fetching.request()
            let reactor = Reactor()
            let stream = try TargetStream.open(targets, list: input, on: reactor)
            if fetching.file != nil, stream.isNamed, targets.count > 1 { throw Self.oneBody }
            if case .file = request.tls.trust { try Self.check(request.tls, on: reactor) }
            reactor.agent.limits.connectionsPerHost = fetching.perHost.value
            reactor.agent.limits.connectionsInTotal = names.concurrency.value
            try inspecting.serve(on: reactor)
            let keeper = names.cacheFile.keep(
                names.makeResolver(reactor), lookups: stream.isNamed ? Self.lookups(for: targets) : nil, on: reactor)
            defer { keeper?.end() }
            let isOne = stream.isNamed && targets.count == 1
            let output = StandardOutput(reactor)
            var wishes = fetching.wishes(json: names.json, showsProgress: isOne)
            // Bodies of several targets would mix, and what was written of a try that failed can't be taken back; what a
            // terminal gets is made text first. Those are kept until they are whole.
            if wishes.isKept, isOne, fetching.retries.value == 0, !output.isTerminal {
                wishes.isKept = false
                wishes.stdout = output
            }
            let plan = FetchPlan(
                request: request, names: names, wishes, retries: fetching.retries.value, logsName: !isOne)
            return try fetch(stream, plan, to: output, on: reactor)
        } catch {
            Self.exit(withError: error)
        }
    }

    /// A file that can't be trusted is wrong usage, whether or not a target needs it.
    private static func check(_ configuration: TLSClientConfiguration, on reactor: Reactor) throws {
        do throws(TLSError) {
            _ = try reactor.tlsContext(for: configuration)
        } catch {
            throw ValidationError(TerminalText.escaped("--cacert: \(error)."))
        }
    }

    private static func lookups(for targets: [String]) -> [LookupRequest] {
        targets.compactMap { try? HTTPURL(target: $0) }.map { LookupRequest($0.host.connectable, port: $0.port) }
    }

    private static let oneBody = ValidationError("-o takes the body of one target; there are several.")

    /// Fetches all, reports each when it is over, and gives the exit code.
    private func fetch(
        _ stream: TargetStream, _ plan: FetchPlan, to output: StandardOutput, on reactor: Reactor
    ) throws -> Int32 {
        let reporter = FetchReporter(fetching, json: names.json, to: output)
        var firstFailure: Failure?
        func conclude(_ outcome: FetchOutcome) {
            guard output.problem == nil else { return }
            let failure = reporter.report(outcome)
            firstFailure = firstFailure ?? failure
        }
        // With -o nothing is fetched before it is known that there is one target only.
        let only = fetching.file == nil ? nil : OnlyTarget(of: stream)
        let gate = HostGate(limit: fetching.perHost.value, only?.next ?? stream.next)
        try Batch.run(
            on: reactor, limit: names.concurrency.value, next: { output.isFull ? .later : gate.next() },
            arrival: { (stream.onArrival, output.onRoom) = ($0, $0) }
        ) { target, done in
            plan.fetch(target, on: reactor) { outcome in
                conclude(outcome)
                gate.finished(target)
                done()
            }
        }
        output.endLoop(isInterrupted: reactor.lastSignal != nil)
        if only?.hasOthers == true { throw Self.oneBody }
        while output.problem == nil,
            let target = gate.nextUnstarted() ?? only?.nextUnstarted() ?? stream.nextUnstarted()
        {
            conclude(plan.unstarted(target))
        }
        let failure = output.finish() ?? firstFailure
        return try stream.exitCode(failure, reactor.lastSignal, ifEmpty: "There is nothing to fetch")
    }
}

/// The target of a stream that must have no other.
private final class OnlyTarget {
    private let stream: TargetStream
    private var target: String?
    private(set) var hasOthers = false

    init(of stream: TargetStream) {
        self.stream = stream
    }

    /// The target, when it is known that no other comes.
    func next() -> Batch<String>.Next {
        while true {
            switch stream.next() {
            case .job(let next) where target == nil: target = next
            case .job:
                hasOthers = true
                return .end
            case .later: return .later
            case .end: return nextUnstarted().map { .job($0) } ?? .end
            }
        }
    }

    func nextUnstarted() -> String? { target.take() }
}
