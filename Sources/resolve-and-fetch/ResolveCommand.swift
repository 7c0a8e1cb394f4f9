// `resolve-and-fetch resolve NAME…`: names only, with the explanation of each answer.

import ArgumentParser
import Bowline

struct ResolveCommand: RunnableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve-and-fetch resolve",
        abstract: "Resolves names, and explains each answer: who gave it, how fast, over which aliases.",
        usage: "resolve-and-fetch resolve [<options>] NAME...")

    @Argument(help: ArgumentHelp("What to look up: a name, or an address.", valueName: "name"))
    var hosts: [String] = []

    @Option(
        name: .customLong("type"), parsing: .unconditional,
        help: ArgumentHelp("The record types to ask for: A, AAAA, HTTPS, CNAME, TYPE65, …", valueName: "t[,t]"))
    var types: TypesArgument?

    @OptionGroup(title: "Names, budgets and output")
    var names: NameOptions

    @OptionGroup(title: "Looking inside")
    var inspecting: InspectOptions

    func validate() throws {
        if wantedTypes.isEmpty { throw ValidationError("-4 and -6 leave none of the types to ask for.") }
    }

    /// A missing name is told after an unknown option, which `validate()` would come before.
    func check(_ arguments: ArraySlice<String>) throws {
        if hosts.isEmpty { throw ValidationError("There is nothing to resolve: give a name.") }
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
            let resolver = names.makeResolver(reactor)
            reactor.resolver = resolver
            try inspecting.serve(on: reactor)
            let keeper = names.cacheFile.keep(resolver, hosts: hosts, on: reactor)
            defer { keeper?.end() }
            return try resolve(with: resolver, on: reactor)
        } catch {
            Self.exit(withError: error)
        }
    }

    private func resolve(with resolver: any Resolver, on reactor: Reactor) throws -> Int32 {
        var failures: [Failure] = []
        var isBroken = false
        let style = Style(of: 1)
        func conclude(_ outcome: ResolveOutcome) {
            guard !isBroken else { return }
            var failure = outcome.failure
            do throws(SystemError) {
                try Console.print(names.json ? [outcome.json.text] : outcome.lines(style))
            } catch {
                isBroken = true
                failure = .output("stdout", error)
                reactor.stop()
            }
            if let failure {
                failures.append(failure)
                if !names.json || isBroken { Console.complain(failure) }
            }
        }
        let unstarted = try Batch.run(on: reactor, count: hosts.count, limit: names.concurrency.value) { index, done in
            look(up: hosts[index], with: resolver, on: reactor) { outcome in
                conclude(outcome)
                done()
            }
        }
        for host in hosts[unstarted] {
            conclude(ResolveOutcome(host, [], [], nil, .interrupted(host, in: .dns)))
        }
        return ExitCodes.code(failures, targets: hosts.count, signal: reactor.lastSignal)
    }

    private func look(
        up host: String, with resolver: any Resolver, on reactor: Reactor, _ done: @escaping (ResolveOutcome) -> Void
    ) {
        let types = wantedTypes
        let log = names.verbose ? EventLog(reactor, name: hosts.count > 1 ? host : nil) : nil
        let start = reactor.now
        let answers = AnswerCollector()
        let request = LookupRequest(host, types: types, port: pinnedPort(of: host), timeout: budget.duration)
        log?.tell("asking for \(types.map(\.description).joined(separator: ", ")) of \(host)")
        resolver.resolve(request) { answer in
            log?.tell(answer)
            answers.answers.append(answer)
        }.addBoth { result in
            var failure: Failure?
            if case .failure(let error) = result {
                failure = Failure(lookup: error, name: host)
                if failure?.code == "timeout" { failure?.code = budget.code }
            }
            let name = answers.answers.lazy.compactMap(\.askedName).first.map { "\($0)" } ?? host
            done(
                ResolveOutcome(
                    host, answers.answers, types, reactor.now - start, failure,
                    entries: resolver.explain(name).entries))
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
        return names.pins.lazy.map(\.pin).first { $0.host == "*" || (try? DomainName($0.host)) == name }?.port
    }
}

/// Gathers the answers of a lookup as they come, also of one that fails.
private final class AnswerCollector {
    var answers: [TypeAnswer] = []
}
