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

    /// The targets given, with those of a list in the place where it is named.
    private func allTargets() throws -> [String] {
        var all: [String] = []
        do throws(SystemError) {
            for target in targets {
                if target == "-" { all += try TargetList.read(target) } else { all.append(target) }
            }
            if let input { all += try TargetList.read(input) }
        } catch {
            throw ValidationError("Can't read the targets: \(SystemError.text(of: error.code)).")
        }
        if all.isEmpty { throw ValidationError("There is nothing to fetch: the list of targets is empty.") }
        if fetching.file != nil, all.count > 1 {
            throw ValidationError("-o takes the body of one target; there are \(all.count).")
        }
        return all
    }

    func execute() -> Int32 {
        do {
            let targets = try allTargets()
            let request = try fetching.request()
            let reactor = Reactor()
            if case .file = request.tls.trust { try Self.check(request.tls, on: reactor) }
            let resolver = names.makeResolver(reactor)
            reactor.resolver = resolver
            reactor.agent.limits.connectionsPerHost = names.concurrency.value
            reactor.agent.limits.connectionsInTotal = names.concurrency.value
            try inspecting.serve(on: reactor)
            let keeper = names.cacheFile.keep(
                resolver, hosts: targets.compactMap { try? HTTPURL(target: $0).host.description }, on: reactor)
            defer { keeper?.end() }
            let plan = FetchPlan(request: request, names: names, logsName: targets.count > 1)
            let reporter = FetchReporter(fetching, json: names.json)
            return try Self.fetch(targets, plan, reporter, on: reactor, limit: names.concurrency.value)
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

    /// Fetches all, reports each when it is over, and gives the exit code.
    private static func fetch(
        _ targets: [String], _ plan: FetchPlan, _ reporter: FetchReporter, on reactor: Reactor, limit: Int
    ) throws -> Int32 {
        var failures: [Failure] = []
        func conclude(_ outcome: FetchOutcome) {
            guard !reporter.isBroken else { return }
            failures += reporter.report(outcome)
            // Nobody reads any more.
            if reporter.isBroken { reactor.stop() }
        }
        let unstarted = try Batch.run(targets, on: reactor, limit: limit) { target, done in
            plan.fetch(target, on: reactor) { outcome in
                conclude(outcome)
                done()
            }
        }
        for target in unstarted { conclude(plan.unstarted(target)) }
        return ExitCodes.code(failures.first, targets: targets.count, signal: reactor.lastSignal)
    }
}
