@testable import resolve_and_fetch

import Bowline
import Testing

@Suite("The timeline")
struct TimelineTests {
    private func bar(_ start: Int, _ end: Int, of total: Int = 100, width: Int = 10) -> String {
        let row = Timeline.Row(
            label: "", start: .milliseconds(start), end: .milliseconds(end), note: "", colour: .green)
        return Timeline.bar(row, of: .milliseconds(total), width: width)
    }

    @Test(
        "bars are drawn to scale, half a character at least",
        arguments: [
            (0, 100, "━━━━━━━━━━"), (0, 50, "━━━━━     "), (50, 100, "     ━━━━━"), (0, 5, "╸         "),
            (95, 100, "         ╺"), (0, 0, "╸         "), (100, 100, "         ╺"), (45, 65, "    ╺━╸   "),
        ])
    func bars(start: Int, end: Int, expected: String) {
        #expect(bar(start, end) == expected)
    }

    @Test("no time at all can be drawn")
    func nothing() {
        var timeline = Timeline(total: .zero)
        timeline.add("A", from: .zero, to: .zero, "1 address", .cyan)
        #expect(timeline.lines(Style()).count == 2)
        #expect(Timeline(total: .zero).lines(Style()).isEmpty)
    }

    @Test("long labels and notes are shortened to the width", arguments: [40, 60, 80, 160])
    func width(columns: Int) {
        var style = Style()
        style.width = columns
        var timeline = Timeline(total: .seconds(100))
        let label = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
        timeline.add(label, from: .zero, to: .seconds(99), String(repeating: "long ", count: 10), .red)
        #expect(timeline.lines(style).allSatisfy { $0.count <= columns })
    }
}

@Suite("Text for terminals")
struct TerminalTextTests {
    @Test(
        "what a terminal obeys is made visible",
        arguments: [
            ("plain ✓ ü", "plain ✓ ü"), ("a\u{1B}[31m", "a\\x1b[31m"), ("a\r\nb", "a\\x0d\\x0ab"), ("\u{7F}", "\\x7f"),
            ("\u{9B}31m", "\\x9b31m"), ("\u{202E}txt", "\\u{202e}txt"), ("\u{2028}", "\\u{2028}"), ("", ""),
        ])
    func escaping(text: String, expected: String) {
        #expect(TerminalText.escaped(text) == expected)
    }

    @Test("a body keeps its lines and tabs")
    func body() {
        #expect(TerminalText.escaped(Array("a\tb\n\u{1B}c\n".utf8)) == "a\tb\n\\x1bc\n")
    }
}

@Suite("JSON")
struct JSONTests {
    @Test("strings are escaped, numbers have their decimals, nulls are written")
    func text() {
        let value = JSON.object([
            ("a\"\\", .string("\n\u{1B}ü\u{2028}")), ("b", .array([.null, .bool(true), .integer(-1)])),
            ("c", .milliseconds(Duration.microseconds(1_234))), ("d", .milliseconds(Duration.nanoseconds(60_000))),
        ])
        #expect(
            value.text
                == #"{"a\"\\": "\u000a\u001bü\u2028", "b": [null, true, -1], "c": 1.234, "d": 0.060}"#)
    }

    @Test(
        "times are read by people",
        arguments: [
            (Duration.microseconds(40), "0.0 ms"), (.microseconds(1_250), "1.3 ms"), (.milliseconds(999), "999.0 ms"),
            (.seconds(1), "1.00 s"), (.milliseconds(61_234), "61.23 s"),
        ])
    func times(duration: Duration, expected: String) {
        #expect(Times.text(duration) == expected)
    }
}
