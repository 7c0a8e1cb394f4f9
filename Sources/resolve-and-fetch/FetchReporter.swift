// Where what was fetched goes, and what is said of it.

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

    /// Writes the body where it belongs, and the report. Gives what is wrong.
    func report(_ outcome: FetchOutcome) -> Failure? {
        var outcome = outcome
        if let failure = writeBody(outcome), outcome.failure?.phase != .output { outcome.failure = failure }
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

    private func writeBody(_ outcome: FetchOutcome) -> Failure? {
        guard let response = outcome.response, options.file != nil || options.takesStdout else { return nil }
        let heads = options.includesHeads ? outcome.heads.flatMap { Array($0.fields.text.utf8) } : []
        let bytes = heads + response.body
        do throws(SystemError) {
            if let path = options.file { try Files.write(bytes, toFile: path) }
        } catch {
            return .output(options.file ?? "", error)
        }
        if options.takesStdout {
            // A terminal obeys control bytes; a file or a program gets what came.
            let isTerminal = isatty(STDOUT_FILENO) == 1
            output.write(isTerminal ? Array(TerminalText.escaped(bytes).utf8) : bytes)
        }
        return nil
    }
}
