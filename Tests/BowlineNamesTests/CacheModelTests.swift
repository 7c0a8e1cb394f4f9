// The cache beside a model that is slow and plain: a dictionary of what was said last, and the rules as sentences.

import Bowline
import Testing

@Suite("The cache and its model")
struct CacheModelTests {
    static let types: [RecordType] = [.a, .aaaa]

    @Test("finds what the rules say, over 20,000 random steps", arguments: 1...4)
    func model(seed: Int) {
        var generator = SeededGenerator(state: UInt64(seed))
        let (cache, model) = (ResolverCache(), CacheModel())
        let names = (0..<12).map { Packet.name("n\($0).test") }
        var now = ReactorInstant(nanoseconds: 1)
        for step in 0..<20_000 {
            // Mostly moments; now and then the time that records are kept past their end.
            let isLongWait = Int.random(in: 0..<2_000, using: &generator) == 0
            now = now + (isLongWait ? .seconds(86_390) : .milliseconds(Int.random(in: 0..<900, using: &generator)))
            guard let name = names.randomElement(using: &generator),
                let type = Self.types.randomElement(using: &generator)
            else { return }
            let ttl = UInt32.random(in: 0..<30, using: &generator)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<4:
                var answer = DNSAnswer(outcome: .answer)
                answer.addresses = [type == .a ? address("192.0.2.1") : address("2001:db8::1")]
                answer.ttl = ttl
                cache.store(answer, for: name, type, origin: AnswerOrigin(), now: now)
                model.learn(name, type, "answer", ttl, now)
            case 4:
                var answer = DNSAnswer(outcome: .nodata)
                answer.ttl = ttl
                cache.store(answer, for: name, type, origin: AnswerOrigin(), now: now)
                model.learn(name, type, "nodata", ttl, now)
            case 5:
                var answer = DNSAnswer(outcome: .nxdomain, responseCode: .nxdomain)
                answer.ttl = ttl
                cache.store(answer, for: name, type, origin: AnswerOrigin(), now: now)
                model.learnNothing(name, type, ttl, now)
            case 6, 7:
                cache.noteFailure(LookupError(.timeout, name: name, types: [type]), for: name, type, now: now)
                model.fail(name, type, now)
            case 8 where step.isMultiple(of: 7):
                cache.flush(name)
                model.flush(name)
            default:
                let found = word(cache.lookup(name, type, now: now))
                #expect(found == model.lookup(name, type, now), "step \(step): \(name) \(type)")
            }
        }
        // What is kept elsewhere and comes back is found as before, but for failures, which are forgotten.
        let restored = ResolverCache()
        restored.restore(cache.snapshot(now: now), now: now)
        model.forgetFailures()
        for name in names {
            for type in Self.types {
                let found = word(restored.lookup(name, type, now: now))
                #expect(found == model.lookup(name, type, now), "restored \(name) \(type)")
            }
        }
    }

    private func word(_ found: ResolverCache.Lookup) -> String {
        switch found {
        case .hit(let cached), .due(let cached): "\(cached.answer.outcome)"
        case .stale: "stale"
        case .expired: "expired"
        case .failed: "failed"
        case .miss: "miss"
        }
    }
}

private final class CacheModel {
    private struct Fact {
        var word: String
        var stored: ReactorInstant
        var expires: ReactorInstant
    }

    private struct Failure {
        var expires: ReactorInstant
        var count: Int
    }

    private var facts: [String: Fact] = [:]
    private var failures: [String: Failure] = [:]

    private func key(_ name: DomainName, _ type: RecordType?) -> String {
        "\(name) \(type?.description ?? "any")"
    }

    func learn(_ name: DomainName, _ type: RecordType, _ word: String, _ ttl: UInt32, _ now: ReactorInstant) {
        facts[key(name, nil)] = nil
        failures[key(name, type)] = nil
        facts[key(name, type)] = ttl == 0 ? nil : Fact(word: word, stored: now, expires: now + .seconds(ttl))
    }

    func learnNothing(_ name: DomainName, _ type: RecordType, _ ttl: UInt32, _ now: ReactorInstant) {
        facts[key(name, type)] = nil
        failures[key(name, type)] = nil
        facts[key(name, nil)] = ttl == 0 ? nil : Fact(word: "nxdomain", stored: now, expires: now + .seconds(ttl))
    }

    func fail(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) {
        var count = 1
        if let last = failures[key(name, type)], now < last.expires + .seconds(300) { count = last.count + 1 }
        var seconds = min(300, 1 << min(count - 1, 9))
        if isStale(name, type, now) { seconds = max(30, seconds) }
        failures[key(name, type)] = Failure(expires: now + .seconds(seconds), count: count)
    }

    func flush(_ name: DomainName) {
        for type in CacheModelTests.types.map(Optional.some) + [nil] {
            facts[key(name, type)] = nil
            failures[key(name, type)] = nil
        }
    }

    func forgetFailures() { failures = [:] }

    func lookup(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) -> String {
        for fact in [facts[key(name, type)], facts[key(name, nil)]] {
            if let fact, now < fact.expires { return fact.word }
        }
        let hasFailed = failures[key(name, type)].map { now < $0.expires } ?? false
        if isStale(name, type, now) { return hasFailed ? "stale" : "expired" }
        return hasFailed ? "failed" : "miss"
    }

    /// Records past their TTL by less than a day, and nobody has said since that the name doesn't exist.
    private func isStale(_ name: DomainName, _ type: RecordType, _ now: ReactorInstant) -> Bool {
        guard let fact = facts[key(name, type)], fact.word == "answer", now >= fact.expires,
            now < fact.expires + .seconds(86_400)
        else { return false }
        return facts[key(name, nil)].map { $0.stored < fact.stored } ?? true
    }
}
