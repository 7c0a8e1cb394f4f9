// The command as a whole: which of its verbs is meant, and what a process needs before anything else happens. The verb is
// found here and not by ArgumentParser, for which a host may not be called like a verb.

import ArgumentParser
import Glibc

enum Command {
    /// The words that are verbs where the first argument stands.
    enum Verb: String, CaseIterable {
        case resolve, demo, cache
    }

    /// Does what the arguments say, and ends the process.
    static func main(_ arguments: [String]) -> Never {
        prepareProcess()
        refuseUnreadable()
        switch arguments.first.flatMap(Verb.init) {
        case .resolve: run(ResolveCommand.self, arguments.dropFirst())
        case .demo: run(DemoCommand.self, arguments.dropFirst())
        case .cache: CacheCommand.main(arguments.dropFirst())
        case nil: run(FetchCommand.self, arguments[...])
        }
    }

    private static func run<Verb: RunnableCommand>(_ verb: Verb.Type, _ arguments: ArraySlice<String>) -> Never {
        do {
            let command = try verb.parse(Array(arguments))
            try command.check(arguments)
            exit(command.execute())
        } catch {
            verb.exit(withError: error)
        }
    }

    /// An argument that is no UTF-8 would be changed silently on its way into a String, and something else be sent.
    private static func refuseUnreadable() {
        for (number, argument) in UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
            .enumerated()
        {
            guard let argument, String(validatingCString: argument) == nil else { continue }
            FetchCommand.exit(
                withError: ValidationError(
                    "Argument \(number) isn't UTF-8; write such bytes of a URL as %XX, and data with -d @FILE."))
        }
    }

    private static func prepareProcess() {
        // Whoever reads may go away: that is an error of writing, not the end of everything.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow, as a full disk is.
        signal(SIGXFSZ, SIG_IGN)
        // A closed standard descriptor would be given to the first socket, and the report be written to that.
        for descriptor in 0...2 as ClosedRange<CInt> where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDONLY)
        }
    }
}

/// A verb of the command.
protocol RunnableCommand: ParsableCommand {
    /// Refuses arguments that can be parsed and make no sense.
    func check(_ arguments: ArraySlice<String>) throws
    /// Does it, and gives the exit code.
    func execute() -> Int32
}

extension RunnableCommand {
    func check(_ arguments: ArraySlice<String>) throws {}
}
