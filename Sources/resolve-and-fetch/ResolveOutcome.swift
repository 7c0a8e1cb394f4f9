// What became of one name, for scripts and for people.

import Bowline

struct ResolveOutcome {
    /// As the user gave it.
    let name: String
    let findings: NameFindings
    /// How long it took; nil if it never began.
    let duration: Duration?
    let failure: Failure?

    init(
        _ name: String, _ answers: [TypeAnswer], _ types: [RecordType], _ duration: Duration?, _ failure: Failure?,
        unanswered: [QuestionSnapshot] = [], entries: [CacheEntry]? = nil
    ) {
        self.name = name
        findings = NameFindings(
            answers, of: name, expected: failure?.phase == .target ? [] : types, unanswered: unanswered,
            entries: entries)
        self.duration = duration
        self.failure = failure
    }

    /// The JSON line of the contract: every key always, null where nothing is known.
    var json: JSON {
        .object([
            ("name", .string(name)), ("ok", .bool(failure == nil)), ("source", .string(findings.source)),
            ("server", .string(findings.leading?.server)), ("tries", .integer(findings.tries)),
            ("tcp", .bool(findings.usedTCP)), ("rcode", .string(findings.leading?.responseCode)),
            ("ede", findings.extendedError?.json ?? .null), ("addresses", findings.addressesJSON),
            ("answers", findings.answersJSON), ("cnames", findings.aliasesJSON),
            ("questions", findings.questionsJSON), ("ttl", .integer(findings.ttl.map(Int.init))),
            ("duration_ms", .milliseconds(duration)), ("error", failure?.json ?? .null),
            ("cache", findings.entries.map { .array($0.map { $0.json(at: .monotonicNow) }) } ?? .null),
        ])
    }

    /// The report: nothing for a text that is no name, of which the error says all.
    func lines(_ style: Style) -> [String] {
        guard !findings.questions.isEmpty else { return [] }
        let mark = failure == nil ? style.paint("✓", .green) : style.paint("✗", .red)
        let took = duration.map { "  in \(Times.text($0))" } ?? ""
        let otherForm = otherForm.map { " (\(TerminalText.escaped($0)))" } ?? ""
        return ["\(mark) \(style.paint(TerminalText.escaped(name), .bold))\(otherForm)\(took)"]
            + findings.lines(style).map { "  \($0)" }
    }

    /// An international name as the DNS has it where it was given as people write it, and the other way round.
    private var otherForm: String? {
        guard let domain = try? DomainName(name), domain.unicode != domain.text else { return nil }
        return name.utf8.allSatisfy { $0 < 0x80 } ? domain.unicode : domain.text
    }
}
