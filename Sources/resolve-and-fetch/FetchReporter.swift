// What is said of what was fetched, and where that goes.

import Bowline
import Glibc

final class FetchReporter {
    private let options: FetchOptions
    private let json: Bool
    private let output: StandardOutput
    private let style: Style

    init(_ options: FetchOptions, json: Bool, to output: StandardOutput) {
        self.options = options
        self.json = json
        self.output = output
        style = Style(of: options.takesStdout ? STDERR_FILENO : STDOUT_FILENO)
    }

    /// Writes the body, if it belongs to stdout, and the report. Gives what is wrong.
    func report(_ outcome: FetchOutcome) -> Failure? {
        writeBody(outcome)
        if json {
            output.print([outcome.json.text])
            return outcome.failure
        }
        if options.takesStdout {
            output.keepOrder()
            Console.log(outcome.lines(style))
        } else {
            output.print(outcome.lines(style))
        }
        if let failure = outcome.failure {
            output.keepOrder()
            Console.complain(failure)
        }
        return outcome.failure
    }

    /// Writes the body to stdout, if that is where it belongs.
    private func writeBody(_ outcome: FetchOutcome) {
        guard let response = outcome.response, !response.isOnStdout, options.takesStdout else { return }
        let heads = options.includesHeads ? outcome.heads.flatMap { Array($0.fields.text.utf8) } : []
        let bytes = heads + response.kept
        // A terminal obeys control bytes; a file or a program gets what came.
        let isTerminal = isatty(STDOUT_FILENO) == 1
        output.write(isTerminal ? Array(TerminalText.escaped(bytes).utf8) : bytes)
    }
}
