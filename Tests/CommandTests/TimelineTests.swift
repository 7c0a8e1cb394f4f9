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

    @Test(
        "what is left of a TTL is told as the TTL of an answer is: a second that has begun counts",
        arguments: [
            (Duration.seconds(60), "60 s"), (.nanoseconds(59_999_900_000), "60 s"), (.milliseconds(59_001), "60 s"),
            (.seconds(59), "59 s"), (.milliseconds(1), "1 s"), (.zero, "0 s"), (.seconds(7_199), "119 min"),
        ])
    func left(duration: Duration, expected: String) {
        #expect(Times.left(duration) == expected)
    }

    @Test(
        "what can't be seen is made visible, letters of any script are not touched",
        arguments: [
            ("h.test", "h.test"), ("a\u{200B}b", "a\\u{200b}b"), ("a\u{00AD}b", "a\\xadb"), ("\u{202E}x", "\\u{202e}x"),
            ("\u{E0041}", "\\u{e0041}"), ("a\u{3164}", "a\\u{3164}"), ("\u{2800}", "\\u{2800}"),
            ("x\u{FE0F}\u{2060}", "x\\u{fe0f}\\u{2060}"), ("bücher.例え.test", "bücher.例え.test"),
            ("e\u{0301} مثال", "e\u{0301} مثال"), ("\t\u{1B}[m", "\\x09\\x1b[m"),
        ])
    func escaping(text: String, expected: String) {
        #expect(TerminalText.escaped(text) == expected)
    }

    @Test("a body keeps what joins letters, and loses what a terminal obeys")
    func bodyText() {
        #expect(TerminalText.escaped(Array("a\u{200D}b\tc\n\u{1B}\u{202E}".utf8)) == "a\u{200D}b\tc\n\\x1b\\u{202e}")
    }

    @Test("a message is no longer than people read, and keeps its beginning and its end")
    func messages() {
        let message = Failure(.target, "bad-target", "http://\(String(repeating: "a", count: 65_536)).test: too long")
            .message
        #expect(message.count <= 1_001)
        #expect(message.hasPrefix("http://aaa") && message.contains("a…a") && message.hasSuffix(".test: too long"))
        let short = String(repeating: "é", count: 1_001)
        #expect(Failure(.target, "bad-target", short).message == short)
    }
}
