// The report of a target for people: the result, where the addresses came from, and the timeline.

import Bowline

extension FetchOutcome {
    /// The report as lines; empty if there is nothing to say that the error doesn't say.
    func lines(_ style: Style) -> [String] {
        guard let report else { return [] }
        // A deadline tells nobody whom the name was asked of.
        let hasMore = !report.attempts.isEmpty || !report.redirects.isEmpty || !report.unanswered.isEmpty
        guard response != nil || hasMore else { return [] }
        var lines = [headline(style)]
        for redirect in report.redirects { lines.append("  \(redirect.status) from \(redirect.url)") }
        if let proxy { lines.append("  through \(proxy), which finds the target; names and attempts are its own") }
        if let tls = report.tls {
            lines.append("  \(tls.isVerified ? tls.explanation : style.paint(tls.explanation, .red))")
        }
        lines += names?.lines(style).map { "  \($0)" } ?? []
        lines += timeline(report).lines(style)
        return lines.map { $0.trimmingSpaces }
    }

    private func headline(_ style: Style) -> String {
        let place = TerminalText.abridged(url.map { "\($0)" } ?? TerminalText.escaped(target), to: 1_001)
        guard let response else {
            let what = failure.map { "\($0.phase.rawValue) \($0.code)" } ?? "failed"
            let retries = retriesText.map { "  \($0)" } ?? ""
            return "\(style.paint("✗", .red)) \(style.paint(place, .bold))  \(style.paint(what, .red))\(retries)"
        }
        let mark = isWell ? style.paint("✓", .green) : style.paint("✗", .red)
        let reason = response.head.reason.isEmpty ? "" : " \(response.head.reason)"
        let status = style.paint(TerminalText.escaped("\(response.head.status)\(reason)"), isWell ? .green : .red)
        let count = response.byteCount
        var parts = [count == 1 ? "1 byte" : "\(count) bytes"]
        if let type = response.head.fields["content-type"] { parts.append(TerminalText.escaped(type)) }
        if let peer = report?.peer { parts.append("from \(peer)") }
        // All of it, with the tries that failed; the lines below are of the last.
        if let time = time(from: start ?? report?.start, to: report?.end) {
            parts.append("in \(Times.text(time))")
        }
        if let retriesText { parts.append(retriesText) }
        return "\(mark) \(style.paint(place, .bold))  \(status)  \(parts.joined(separator: ", "))"
    }

    private var retriesText: String? {
        retryCount == 0 ? nil : "after \(retryCount == 1 ? "1 retry" : "\(retryCount) retries")"
    }

    private func timeline(_ report: PageReport) -> Timeline {
        let end = report.end ?? report.start
        var timeline = Timeline(total: end - report.start)
        func place(_ instant: ReactorInstant) -> Duration { instant - report.start }
        if !report.redirects.isEmpty {
            timeline.add("redirects", from: .zero, to: place(report.hopStart), "", .dim)
        }
        for question in names?.questions ?? [] {
            let over = question.answer?.time ?? report.connected ?? end
            timeline.add(
                "\(question.type)", from: place(report.hopStart), to: place(min(over, end)), question.note, .cyan)
        }
        for attempt in report.attempts {
            timeline.add(
                "\(attempt.address)", from: place(attempt.start), to: place(attempt.end ?? end),
                attempt.outcome?.rawValue ?? "unfinished",
                attempt.outcome == .connected ? .green : attempt.outcome == .cancelled ? .dim : .red)
        }
        if let connected = report.connected, failure?.phase == .tls || report.secured != nil {
            timeline.add(
                "TLS", from: place(connected), to: place(report.secured ?? end),
                report.secured == nil ? failure?.code ?? "" : "", report.secured == nil ? .red : .green)
        }
        if let connected = report.secured ?? report.connected, failure?.phase != .tls || report.secured != nil {
            let first = report.firstByte
            timeline.add(
                "first byte", from: place(connected), to: place(first ?? end), first == nil ? "none came" : "", .yellow)
        }
        if let first = report.firstByte {
            timeline.add("body", from: place(first), to: place(end), response == nil ? failure?.code ?? "" : "", .green)
        }
        return timeline
    }
}

extension NameFindings.Question {
    /// What became of it, in a word or two.
    fileprivate var note: String {
        guard let answer else { return "not waited for" }
        if let failure = answer.failure { return failure.kind.rawValue }
        return answer.records.count == 1 ? "1 address" : "\(answer.records.count) addresses"
    }
}

extension String {
    /// Without spaces at the end. Colours end after their text, so nothing hides behind them.
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
