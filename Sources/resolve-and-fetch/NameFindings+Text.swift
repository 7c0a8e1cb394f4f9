// The findings for people: each answer, and who says so.

import Bowline

extension NameFindings {
    /// Lines without indentation: the aliases, then each question with its records under it, and what the cache makes of
    /// them.
    func lines(_ style: Style) -> [String] {
        let found = completedName.map { ["search \($0)"] } ?? []
        let steps = aliases.map { "alias  \($0.name) → \($0.target)  ttl \($0.ttl) s" }
        let answers = questions.flatMap { question -> [String] in
            let type = TerminalText.padded("\(question.type)", to: 5)
            let head = "\(style.paint(type, .bold))  \(style.paint(question.explanation, .dim))"
            let entry = entry(for: question)
            let text = entry.map { EntryText($0, at: .monotonicNow) }
            let records = question.answer?.records ?? []
            let data = records.map { TerminalText.escaped("\($0.data)") }
            let width = data.map(TerminalText.width).max() ?? 0
            return [head]
                + zip(records, data).map { record, data in
                    guard question.isFromServer else { return "       \(data)" }
                    let connect = text?.connect(to: record.data).map { "  \(TerminalText.escaped($0))" } ?? ""
                    return "       \(TerminalText.padded(data, to: min(width, 39)))  ttl \(record.ttl) s\(connect)"
                }
                + (text.map { ["       \(style.paint("cached \($0.summary)", .dim))"] } ?? [])
        }
        return (found + steps).map(TerminalText.escaped) + answers
    }
}

extension NameFindings {
    /// The entry of the cache that a question's answer is from, or has become.
    private func entry(for question: Question) -> CacheEntry? {
        guard question.isFromServer, let entries else { return nil }
        return entries.first { $0.type == question.type } ?? entries.first { $0.type == nil }
    }
}

extension NameFindings.Question {
    /// Whether the records have a time to live.
    fileprivate var isFromServer: Bool {
        switch answer?.origin.source {
        case .network, .cache, .stale: true
        default: false
        }
    }

    /// How the answer came, or why there is none.
    var explanation: String {
        guard let answer else {
            guard let inFlight, let server else { return "not waited for" }
            return "no answer from \(server) so far, \(inFlight.tries == 1 ? "1 try" : "\(inFlight.tries) tries")"
        }
        var parts: [String] = []
        if let failure = answer.failure { parts.append(Self.words(failure.kind)) }
        switch answer.origin.source {
        case .network: parts += networkParts(answer)
        case .cache:
            parts.append("from the cache\(server.map { ", which has it from \($0)" } ?? "")")
            if answer.origin.isRestored { parts.append("kept from an earlier run") }
        case .stale:
            parts.append("from the cache, expired\(server.map { ", which has it from \($0)" } ?? "")")
            parts += reports(answer)
        case .hosts: parts.append("from the hosts file")
        case .literal: parts.append("the text is an address")
        case .special: parts.append("a special name, answered here")
        case .pin: parts.append("pinned by --resolve")
        }
        if let extendedError { parts.append(TerminalText.escaped("\(extendedError)")) }
        return parts.joined(separator: ", ")
    }

    private func networkParts(_ answer: TypeAnswer) -> [String] {
        let origin = answer.origin
        var parts: [String] = []
        if let server {
            let took = origin.roundTrip.map { " in \(Times.text($0))" } ?? ""
            // Where nothing came, nothing is from anybody. What is malformed came, but its code counts for nothing.
            let hasCome = answer.failure.map { responseCode != nil || $0.kind == .malformed } ?? true
            parts.append("\(hasCome ? "from" : "asked") \(server) over \(origin.usedTCP ? "TCP" : "UDP")\(took)")
        }
        if let responseCode { parts.append("\(responseCode)") }
        if origin.attempts > 0 { parts.append(origin.attempts == 1 ? "1 try" : "\(origin.attempts) tries") }
        return parts + reports(answer, besides: server)
    }

    /// What the servers said that failed.
    /// - Parameter told: one of which it is told already, but for the details.
    private func reports(_ answer: TypeAnswer, besides told: SocketAddress? = nil) -> [String] {
        (answer.failure?.servers ?? answer.failedServers)
            .filter { $0.server != told || !$0.detail.isEmpty }
            .map { TerminalText.escaped("\($0.server): \(Self.words($0))") }
    }

    private static func words(_ report: LookupError.ServerReport) -> String {
        if !report.detail.isEmpty { return report.detail }
        // Other codes count as a failure of the server, and are told as what they are.
        if report.kind == .servfail, let code = report.responseCode, code != .servFail { return "\(code)" }
        return report.kind.rawValue
    }

    private static func words(_ kind: LookupError.Kind) -> String {
        switch kind {
        case .nxdomain: "no such name"
        case .nodata: "no record of this type"
        case .servfail: "the server failed"
        case .refused: "the server refuses"
        case .noServer: "no server can be reached"
        case .timeout: "no answer in time"
        case .malformed: "a malformed answer"
        case .cancelled: "not waited for"
        }
    }
}
