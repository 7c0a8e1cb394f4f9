// What the lookups of one host came to, summed up: for JSON and for people alike.

import Bowline

struct NameFindings {
    /// What asking for one type came to. Nil where there is no answer: nobody waited for it.
    struct Question {
        let type: RecordType
        let answer: TypeAnswer?
        /// What was being asked when nobody waited for it any more.
        var inFlight: QuestionSnapshot?

        /// In one word.
        var outcome: String {
            guard let answer else { return LookupError.Kind.cancelled.rawValue }
            switch answer.failure?.kind {
            case nil: return "answer"
            // Nobody listens there: of a question, the word is that of a connection. The rcode tells it from REFUSED.
            case .noServer: return LookupError.Kind.refused.rawValue
            case let kind?: return kind.rawValue
            }
        }

        /// Everybody who was asked knows how often; a question that was left doesn't tell.
        var extendedError: ExtendedError? { answer?.extendedErrors.first ?? answer?.failure?.extendedErrors.first }

        var responseCode: ResponseCode? { answer?.responseCode ?? answer?.failure?.responseCode }

        var server: SocketAddress? {
            answer?.origin.server ?? answer?.failure?.servers.last?.server ?? inFlight?.servers.last
        }

        var source: AnswerSource? { answer?.origin.source ?? (inFlight == nil ? nil : .network) }

        var tries: Int? { answer?.origin.attempts ?? inFlight?.tries }
    }

    let questions: [Question]
    /// What the cache has on the host; nil if nobody looked.
    let entries: [CacheEntry]?
    private let host: String

    /// - Parameters:
    ///   - host: what was looked up, as it was given.
    ///   - expected: the types that were asked for; those without an answer are questions that were left.
    ///   - unanswered: what was being asked of it at the end.
    ///   - entries: what the cache has on the host now; nil if nobody looked.
    init(
        _ answers: [TypeAnswer], of host: String, expected: [RecordType], unanswered: [QuestionSnapshot] = [],
        entries: [CacheEntry]? = nil
    ) {
        self.host = host
        self.entries = entries
        let isLiteral = answers.contains { $0.origin.source == .literal }
        let left = isLiteral ? [] : expected.filter { type in !answers.contains { $0.type == type } }
        questions =
            answers.map { Question(type: $0.type, answer: $0) }
            + left.map { type in
                Question(type: type, answer: nil, inFlight: unanswered.first { $0.type == type })
            }
    }

    private var answers: [TypeAnswer] { questions.compactMap(\.answer) }

    /// The question that stands for all: the first that gave records, else the one that says most.
    var leading: Question? {
        questions.first { !($0.answer?.records.isEmpty ?? true) }
            ?? questions.first { $0.answer?.failure?.kind == .nxdomain }
            ?? questions.first { $0.answer.map { $0.failure?.kind != .nodata } ?? false }
            ?? questions.first { $0.answer != nil } ?? questions.first
    }

    var addresses: [IPAddress] { answers.flatMap(\.addresses) }
    var records: [ResourceRecord] { answers.flatMap(\.records) }
    var tries: Int? { questions.compactMap(\.tries).max() }
    var usedTCP: Bool? { answers.isEmpty ? nil : answers.contains(where: \.origin.usedTCP) }
    var extendedError: ExtendedError? { questions.lazy.compactMap(\.extendedError).first }
    var ttl: UInt32? { answers.filter { !$0.records.isEmpty }.compactMap(\.ttl).min() }

    /// What the search list made of a short name.
    var completedName: DomainName? {
        guard let typed = try? DomainName(host) else { return nil }
        return answers.lazy.compactMap(\.askedName).first { $0.text.hasPrefix("\(typed.text).") }
    }

    /// Each step from the name to the one that has the records, once.
    var aliases: [AliasStep] {
        var steps: [AliasStep] = []
        for step in answers.flatMap(\.aliases)
        where !steps.contains(where: { $0.name == step.name && $0.target == step.target }) {
            steps.append(step)
        }
        return steps
    }
}
