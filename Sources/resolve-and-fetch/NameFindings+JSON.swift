// The findings as the contract has them.

import Bowline

extension NameFindings {
    /// The value of `dns`.
    var json: JSON {
        .object([
            ("source", .string(source)), ("server", .string(leading?.server)), ("tries", .integer(tries)),
            ("tcp", .bool(usedTCP)), ("rcode", .string(leading?.responseCode)),
            ("ede", extendedError?.json ?? .null), ("answers", answersJSON), ("cnames", aliasesJSON),
            ("questions", questionsJSON),
        ])
    }

    var source: String? { leading?.source?.rawValue }

    var addressesJSON: JSON { .array(addresses.map { .string("\($0)") }) }

    var answersJSON: JSON {
        .array(
            records.map { record in
                .object([
                    ("type", .string("\(record.type)")), ("data", .string("\(record.data)")),
                    ("ttl", .integer(Int(record.ttl))),
                ])
            })
    }

    var aliasesJSON: JSON {
        .array(aliases.map(\.json))
    }

    var questionsJSON: JSON {
        .array(
            questions.map { question in
                let origin = question.answer?.origin
                return .object([
                    ("type", .string("\(question.type)")), ("source", .string(question.source?.rawValue)),
                    ("server", .string(question.server)), ("tries", .integer(question.tries)),
                    ("tcp", .bool(origin?.usedTCP)), ("rcode", .string(question.responseCode)),
                    ("ede", question.extendedError?.json ?? .null), ("rtt_ms", .milliseconds(origin?.roundTrip)),
                    ("outcome", .string(question.outcome)),
                ])
            })
    }
}

extension Failure {
    var json: JSON {
        .object([("phase", .string(phase.rawValue)), ("code", .string(code)), ("message", .string(message))])
    }
}
