// Where what was fetched goes, and what is said of it.

import Bowline
import Glibc

final class FetchReporter {
    private let options: FetchOptions
    private let json: Bool
    private let style: Style
    /// Whether stdout takes nothing any more.
    private(set) var isBroken = false

    init(_ options: FetchOptions, json: Bool) {
        self.options = options
        self.json = json
        style = Style(of: options.takesStdout ? STDERR_FILENO : STDOUT_FILENO)
    }

    /// Writes the body where it belongs, and the report. Gives what is wrong.
    func report(_ outcome: FetchOutcome) -> Failure? {
        var outcome = outcome
        if let failure = writeBody(outcome), outcome.failure?.phase != .output { outcome.failure = failure }
        do throws(SystemError) {
            if json {
                try Console.print([outcome.json.text])
            } else if options.takesStdout {
                Console.log(outcome.lines(style))
            } else {
                try Console.print(outcome.lines(style))
            }
        } catch {
            isBroken = true
            outcome.failure = .output("stdout", error)
        }
        // With --json stderr is silent, unless there is no other way to say it.
        if let failure = outcome.failure, !json || isBroken { Console.complain(failure) }
        return outcome.failure
    }

    private func writeBody(_ outcome: FetchOutcome) -> Failure? {
        guard let response = outcome.response, options.file != nil || options.takesStdout else { return nil }
        let heads = options.includesHeads ? outcome.heads.flatMap { Array($0.fields.text.utf8) } : []
        let bytes = heads + response.body
        do throws(SystemError) {
            if let path = options.file { try Files.write(bytes, toFile: path) }
        } catch {
            return .output(options.file ?? "", error)
        }
        do throws(SystemError) {
            guard options.takesStdout else { return nil }
            // A terminal obeys control bytes; a file or a program gets what came.
            let isTerminal = isatty(STDOUT_FILENO) == 1
            try Files.write(isTerminal ? Array(TerminalText.escaped(bytes).utf8) : bytes, to: STDOUT_FILENO)
        } catch {
            isBroken = true
            return .output("stdout", error)
        }
        return nil
    }
}
