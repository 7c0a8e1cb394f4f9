@testable import resolve_and_fetch

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Progress", .timeLimit(.minutes(10)))
struct ProgressTests {
    private static let start = ReactorInstant(nanoseconds: 0)

    /// A meter that has been told, at each second from the first on, how many MiB had come.
    private func meter(of expected: Int?, _ counts: Int...) -> ProgressMeter {
        var meter = ProgressMeter(start: Self.start, expected: expected.map { $0 << 20 })
        for (index, count) in counts.enumerated() {
            meter.note(count << 20, at: Self.start + .seconds(index + 1))
        }
        return meter
    }

    @Test("a line has the share, a bar to scale, the amount, the rate and the time that is left")
    func line() {
        let meter = meter(of: 32, 4)
        #expect(
            meter.line(width: 79)
                == "12 %   ━━━╸                            4.0 MiB of 32.0 MiB  4.0 MiB/s  7 s left")
        #expect(meter.line(width: 120).count == 5 + 2 + 40 + 2 + 40)
        #expect(meter.line(width: 79) { "<\($0)>" }.contains("<━━━╸                          >"))
    }

    @Test(
        "what finds no room in a line is left out",
        arguments: [
            (58, "4.0 MiB of 32.0 MiB  4.0 MiB/s  7 s left"), (40, "4.0 MiB of 32.0 MiB  4.0 MiB/s  7 s left"),
            (39, "4.0 MiB of 32.0 MiB  4.0 MiB/s"), (29, "4.0 MiB of 32.0 MiB"), (10, "4.0 MiB o…"), (1, "…"),
        ])
    func narrow(width: Int, expected: String) {
        #expect(meter(of: 32, 4).line(width: width) == expected)
    }

    @Test("of a body whose length nobody knows, the amount and the rate are shown")
    func unknown() {
        #expect(meter(of: nil, 4, 6).line(width: 79) == "6.0 MiB  3.0 MiB/s")
        #expect(meter(of: nil, 4).timeLeft == nil)
    }

    @Test("the rate is that of the last five seconds")
    func rate() {
        #expect(meter(of: 100, 10, 20, 30).rate == 10 * 1_048_576)
        #expect(meter(of: 100, 50, 51, 52, 53, 54, 55, 56).rate == 1_048_576)
        #expect(meter(of: 100, 50, 51, 52, 53, 54, 55, 56).timeLeft == .seconds(44))
    }

    @Test("a body that has stopped coming is stalled, and nobody can tell how long it takes")
    func stalled() {
        #expect(meter(of: 8, 4, 4, 4, 4, 4, 4, 4).line(width: 40) == "4.0 MiB of 8.0 MiB  stalled")
        #expect(meter(of: 8, 0).line(width: 40) == "0 B of 8.0 MiB  stalled")
    }

    @Test("the time that is left is rounded up, and never more than a Duration holds")
    func timeLeft() {
        #expect(meter(of: 10, 4, 7).timeLeft == .seconds(1))
        #expect(meter(of: 11, 4, 7).timeLeft == .seconds(2))
        var slow = ProgressMeter(start: Self.start, expected: .max)
        slow.note(1, at: Self.start + .seconds(1))
        #expect(slow.timeLeft == .seconds(1_000_000_000))
    }

    @Test(
        "a size is told in its largest unit",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"), (1_048_524, "1023.9 KiB"),
            (1_048_525, "1.0 MiB"), (64 << 20, "64.0 MiB"), (Int.max, "8388608.0 TiB"),
        ])
    func size(byteCount: Int, expected: String) {
        #expect(ProgressMeter.size(byteCount) == expected)
    }

    // MARK: in virtual time

    /// A display whose terminal is a list of what was written.
    private final class Terminal {
        let clock = ManualClock()
        var written: [String] = []
        var style = Style()
        private(set) var display: ProgressDisplay?

        init(expected: Int? = 8_192) {
            style.terminalWidth = 33
            display = ProgressDisplay(
                expected: expected, on: clock, look: { [unowned self] in style },
                write: { [unowned self] in written.append($0) })
        }

        func come(_ byteCount: Int, after milliseconds: Int) {
            display?.byteCount = byteCount
            clock.advance(by: .milliseconds(milliseconds))
        }
    }

    @Test("nothing is shown of a body that is there within a second")
    func quick() {
        let terminal = Terminal()
        terminal.come(4_096, after: 999)
        terminal.display?.end()
        terminal.come(8_192, after: 10_000)
        #expect(terminal.written == [])
        #expect(terminal.clock.delayedCalls.isEmpty)
    }

    @Test("then the line is written over four times a second, and is gone at the end")
    func slow() {
        let terminal = Terminal()
        terminal.come(2_048, after: 1_000)
        terminal.come(2_048, after: 249)
        #expect(terminal.written == ["\r2.0 KiB of 8.0 KiB  2.0 KiB/s"])
        terminal.come(4_096, after: 1)
        #expect(terminal.written.last == "\r4.0 KiB of 8.0 KiB  3.2 KiB/s")
        terminal.come(4_096, after: 4_999)
        #expect(terminal.written.count == 2 + 19)
        terminal.come(4_096, after: 1_001)
        #expect(terminal.written.last == "\r4.0 KiB of 8.0 KiB  stalled")
        // Nothing is left of a longer line that stood there.
        for (before, after) in zip(terminal.written, terminal.written.dropFirst()) {
            let end = before.lastIndex { $0 != " " }.map { before.distance(from: before.startIndex, to: $0) } ?? 0
            #expect(after.count > end)
        }
        terminal.display?.end()
        #expect(terminal.written.last == "\r\(String(repeating: " ", count: 27))\r")
        #expect(terminal.clock.delayedCalls.isEmpty)
    }

    @Test("a line never fills the terminal, whatever its user makes of it")
    func resized() {
        let terminal = Terminal()
        terminal.come(2_048, after: 1_000)
        for width in [80, 20, 2, 1, 0, 200] {
            terminal.style.terminalWidth = width
            terminal.come(2_048, after: 250)
            let columns = terminal.written.last?.dropFirst().count ?? 0
            #expect(columns < max(width, 1), "\(width)")
        }
    }

    @Test("there are colours where the terminal has them")
    func colours() {
        let terminal = Terminal()
        terminal.style.terminalWidth = 80
        terminal.come(2_048, after: 1_000)
        #expect(terminal.written.last?.contains("\u{1B}") == false)
        terminal.style.hasColours = true
        terminal.come(2_048, after: 250)
        #expect(terminal.written.last?.contains("\u{1B}[32m━") == true)
    }

    @Test("a display that is let go takes its timer along")
    func letGo() {
        let clock = ManualClock()
        var display: ProgressDisplay? = ProgressDisplay(
            expected: nil, on: clock, look: { Style() }, write: { _ in Issue.record("written") })
        display?.byteCount = 1
        display = nil
        clock.advance(by: .seconds(10))
    }

    // MARK: on a terminal

    /// What stands on a terminal's last line after a text, as it goes by CR and LF only, and what has stood there.
    private func lines(_ text: String) -> (standing: [String], seen: Set<String>) {
        var (standing, seen) = ([""], Set<String>())
        var line: [Character] = []
        var column = 0
        for character in text {
            switch character {
            case "\r\n", "\n":
                standing.append("")
                (line, column) = ([], 0)
            case "\r":
                seen.insert(String(line))
                column = 0
            default:
                if column < line.count { line[column] = character } else { line.append(character) }
                column += 1
                standing[standing.count - 1] = String(line)
            }
        }
        return (standing, seen)
    }

    @Test(
        "a long body shows its progress on a terminal, and nowhere else",
        .enabled(if: Executables.find("script") != nil, "script(1) is not installed"))
    func terminal() throws {
        let servers = try Servers(web: { _ in
            .pieces(of: 1_000, every: .milliseconds(60), .respond(.init(String(repeating: "x", count: 30_000))))
        })
        let program = try TestedCommand.path()
        func onTerminal(_ options: String) throws -> (standing: [String], seen: Set<String>) {
            let line = "\(program) --no-cache \(options) \(servers.names.joined(separator: " ")) \(servers.url())"
            let output = try Subprocess.run(
                "script", ["-qec", line, "/dev/null"], environment: ["TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"])
            #expect(output.exitCode == 0)
            return lines(output.stdout)
        }
        let shown = try onTerminal("")
        #expect(shown.seen.contains { $0.contains(" KiB of 29.3 KiB") && $0.contains("/s") && $0.contains(" s left") })
        #expect(shown.seen.allSatisfy { $0.count < 80 })
        #expect(shown.standing.first?.hasPrefix("✓ http://h.test:") == true)
        #expect(!shown.standing.contains { $0.contains("KiB") })
        #expect(try onTerminal("--json").seen.allSatisfy { !$0.contains("KiB") })

        let output = try command(servers.names + [servers.url()])
        #expect(output.stderr == "")
        #expect(output.stdout.hasPrefix("✓"))
    }
}
