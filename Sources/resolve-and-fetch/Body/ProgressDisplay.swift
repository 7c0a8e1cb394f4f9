// Shows on a terminal how far a long body has come: one line on stderr that is written over a few times a second, and is gone
// when the body is there.

import Bowline
import Glibc

final class ProgressDisplay {
    /// Nobody needs to be told of a body that is there within this time.
    static let patience: Duration = .seconds(1)
    static let interval: Duration = .milliseconds(250)

    private let clock: any ReactorClock
    private let look: () -> Style
    private let write: (String) -> Void
    private var meter: ProgressMeter
    private var timer: DelayedCall?
    /// How wide the line is that stands there.
    private var shownWidth = 0
    /// How many bytes have come.
    var byteCount = 0

    /// - Parameters:
    ///   - expected: how many bytes there will be; nil if nobody knows.
    ///   - look: what the terminal is like now; its user may change it.
    ///   - write: shows a text.
    init(
        expected: Int?, on clock: any ReactorClock, look: @escaping () -> Style, write: @escaping (String) -> Void
    ) {
        self.clock = clock
        self.look = look
        self.write = write
        meter = ProgressMeter(start: clock.now, expected: expected)
        timer = clock.callLater(Self.patience) { [unowned self] in show() }
    }

    /// The progress of a response's body on stderr.
    convenience init(of response: StreamedResponse, on clock: any ReactorClock) {
        // What is counted is content, and its length isn't told where it comes encoded.
        let length = response.report.codings.isEmpty ? response.head.fields["content-length"].flatMap { Int($0) } : nil
        self.init(expected: length, on: clock, look: { Style(of: STDERR_FILENO) }, write: { Console.show($0) })
    }

    deinit { timer?.cancel() }

    /// The body has ended, well or not: the line goes.
    func end() {
        timer?.cancel()
        timer = nil
        guard shownWidth > 0 else { return }
        write("\r\(String(repeating: " ", count: shownWidth))\r")
        shownWidth = 0
    }

    private func show() {
        timer = clock.callLater(Self.interval) { [unowned self] in show() }
        meter.note(byteCount, at: clock.now)
        let style = look()
        // A line as wide as the terminal would begin another. Blanks and a return need no terminal that knows more.
        let width = style.terminalWidth - 1
        let plain = meter.line(width: width)
        let rest = String(repeating: " ", count: max(0, min(shownWidth, width) - plain.count))
        write("\r\(meter.line(width: width) { style.paint($0, .green) })\(rest)")
        shownWidth = plain.count
    }
}
