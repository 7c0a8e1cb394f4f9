// How the answers of servers and of the cache become what a lookup hands out.

import BowlineReactor
import BowlineTransport

extension TypeAnswer {
    /// Makes the answer that one waiter gets of a question.
    init(
        _ result: borrowing QuestionResult, for key: borrowing Question.Key, elapsed: Duration
    ) {
        guard let message = result.answer?.message else {
            self.init(type: key.type, origin: result.origin, time: result.time)
            failure = LookupError(copy result, for: copy key, elapsed: elapsed)
            responseCode = failure?.responseCode
            extendedErrors = result.extendedErrors
            return
        }
        self.init(
            message, for: key.name, key.type, recordTTL: message.recordTTL, ttl: message.ttl, origin: result.origin,
            time: result.time)
        if !result.servers.isEmpty { failedServers = result.servers }
        if message.outcome != .answer, var failure {
            failure.attempts = result.origin.attempts
            failure.elapsed = elapsed
            failure.servers.insert(contentsOf: result.servers, at: 0)
            self.failure = failure
        }
    }

    /// Makes an answer of what the cache has; TTLs are what is left of them.
    init(_ cached: CachedAnswer, for name: DomainName, _ type: RecordType, now: ReactorInstant) {
        var origin = cached.origin
        origin.source = .cache
        // Rounded up: what is still used has at least a second.
        let left = UInt32(clamping: (cached.remaining(at: now).saturatingNanoseconds + 999_999_999) / 1_000_000_000)
        self.init(cached.answer, for: name, type, recordTTL: left, ttl: left, origin: origin, time: now)
        guard cached.answer.hasExtras else { return }
        for index in records.indices { records[index].ttl = left }
        let age = UInt32(clamping: (now - cached.stored).components.seconds)
        for index in aliases.indices {
            aliases[index].ttl = max(left, aliases[index].ttl - min(age, aliases[index].ttl))
        }
    }

    /// Makes an answer of records past their TTL, with the TTL that such are given (RFC 8767, 4).
    init(
        stale cached: CachedAnswer, for name: DomainName, _ type: RecordType, ttl staleTTL: Duration,
        now: ReactorInstant
    ) {
        var origin = cached.origin
        origin.source = .stale
        let seconds = UInt32(clamping: staleTTL.components.seconds)
        self.init(cached.answer, for: name, type, recordTTL: seconds, ttl: seconds, origin: origin, time: now)
        guard cached.answer.hasExtras else { return }
        for index in records.indices { records[index].ttl = seconds }
        for index in aliases.indices { aliases[index].ttl = seconds }
    }

    /// Makes an answer of a failure that is too fresh to ask again (RFC 9520).
    init(_ failed: CachedFailure, _ type: RecordType, now: ReactorInstant) {
        var error = failed.error
        error.source = .cache
        self.init(
            type: type, failure: error,
            origin: AnswerOrigin(
                source: .cache, server: error.servers.deciding(error.kind)?.server,
                attempts: error.attempts),
            responseCode: error.responseCode, extendedErrors: error.extendedErrors, time: now)
    }

    /// The name that was asked for, as far as records tell: what the search list made of a short name.
    package var askedName: DomainName? { aliases.first?.name ?? records.first?.name }

    /// Makes an answer of what a server has said.
    private init(
        _ answer: DNSAnswer, for name: DomainName, _ type: RecordType, recordTTL: UInt32, ttl: UInt32?,
        origin: AnswerOrigin, time: ReactorInstant
    ) {
        let records = answer.addressRecords(of: name, type, ttl: recordTTL) ?? answer.records
        self.init(plain: type, records: records, ttl: ttl, origin: origin, time: time)
        responseCode = answer.responseCode
        if answer.hasExtras {
            aliases = answer.aliases
            extendedErrors = answer.extendedErrors
        }
        guard answer.outcome != .answer else { return }
        let kind: LookupError.Kind = answer.outcome == .nxdomain ? .nxdomain : .nodata
        var failure = LookupError(
            kind, name: name, types: [type], source: origin.source, responseCode: answer.responseCode,
            extendedErrors: answer.extendedErrors,
            servers: origin.server.map {
                [LookupError.ServerReport(server: $0, kind: kind, responseCode: answer.responseCode)]
            } ?? [])
        failure.target = answer.aliases.last?.target
        self.failure = failure
    }
}

extension DNSAnswer {
    /// The addresses as records; nil if there are none.
    fileprivate func addressRecords(of name: DomainName, _ type: RecordType, ttl: UInt32) -> [ResourceRecord]? {
        guard let first = addresses.first else { return nil }
        let owner = canonicalName(of: name)
        // Most often it is one, in an array that is made as large as it has to be.
        if addresses.endIndex == 1 {
            return [ResourceRecord(name: owner, type: type, ttl: ttl, data: .address(first))]
        }
        return addresses.map { ResourceRecord(name: owner, type: type, ttl: ttl, data: .address($0)) }
    }
}

extension LookupError {
    /// The failure of a question that no server answered.
    init(_ result: QuestionResult, for key: Question.Key, elapsed: Duration?) {
        self.init(
            result.failure ?? .noServer, name: key.name, types: [key.type],
            responseCode: result.servers.last { $0.kind == result.failure && $0.responseCode != nil }?.responseCode,
            extendedErrors: result.extendedErrors, servers: result.servers, attempts: result.origin.attempts,
            elapsed: elapsed)
    }

    /// Sums up the answers of a lookup none of whose types has records.
    package init(summing answers: [TypeAnswer], of name: DomainName, elapsed: Duration) {
        // NXDOMAIN speaks of the name, so it counts whoever said it; NODATA counts only if every type has none.
        let failures = answers.compactMap(\.failure)
        let telling =
            failures.first { $0.kind == .nxdomain } ?? failures.first { $0.kind != .nodata } ?? failures.first
        self.init(
            telling?.kind ?? .noServer, name: name, types: answers.map(\.type), source: telling?.source ?? .network,
            responseCode: telling?.responseCode, extendedErrors: telling?.extendedErrors ?? [],
            servers: telling?.servers ?? [], attempts: failures.map(\.attempts).max() ?? 0,
            elapsed: answers.contains { $0.origin.source == .network } ? elapsed : nil)
        target = telling?.target
        questions = answers
    }
}
