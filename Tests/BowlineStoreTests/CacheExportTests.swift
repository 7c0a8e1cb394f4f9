// What goes out as text comes in again, and nothing else does.

import Bowline
import Testing

@testable import BowlineStore

@Suite("An export of a cache")
struct CacheExportTests {
    private let moment = Moment(date: 1_700_000_000_000, instant: .monotonicNow)

    /// Entries with everything that entries can have.
    private func entries() throws -> [CacheEntry] {
        let h = try DomainName("h.test")
        var full = CacheEntry(name: h, type: .a, state: .fresh)
        full.data = [.address(.v4(IPv4Address(192, 0, 2, 1))), .address(.v4(IPv4Address(192, 0, 2, 2)))]
        full.aliases = [AliasStep(name: h, target: try DomainName("w.test"), ttl: 60)]
        full.recordTTL = 300
        (full.originalTTL, full.lifetime) = (.seconds(60), .seconds(50))
        (full.age, full.remaining, full.idle) = (.seconds(10), .seconds(40), .milliseconds(1_234))
        full.hits = 7
        full.responseCode = .noError
        full.origin = AnswerOrigin(
            server: .ip(.v6(.loopback), port: 5353), roundTrip: .microseconds(1_500), attempts: 2, usedTCP: true,
            waiters: 3)
        full.extendedErrors = [
            ExtendedError(code: 3, text: "\"quoted\"\t\u{1B}[31m\\ and\n a line"), ExtendedError(code: 18, text: "é"),
        ]
        full.changeCount = 4
        full.connects = [
            CacheEntry.ConnectRecord(
                address: .v4(IPv4Address(192, 0, 2, 1)), outcome: "connected", duration: .milliseconds(12),
                when: moment.instant - .seconds(4)),
            CacheEntry.ConnectRecord(
                address: .v4(IPv4Address(192, 0, 2, 2)), outcome: "refused", duration: nil,
                when: moment.instant - .seconds(5)),
        ]
        var missing = CacheEntry(name: try DomainName("missing.test"), type: nil, state: .negative)
        (missing.originalTTL, missing.lifetime, missing.remaining) = (.seconds(30), .seconds(30), .seconds(30))
        missing.responseCode = .nxdomain
        missing.origin.server = full.origin.server
        var text = CacheEntry(name: try DomainName(escaped: "a\\.b\\032c.test"), type: .txt, state: .fresh)
        text.data = [.text("\"hi\" \"there\"")]
        (text.originalTTL, text.lifetime, text.remaining) = (.seconds(30), .seconds(30), .seconds(30))
        text.responseCode = .noError
        text.origin.server = full.origin.server
        return [full, missing, text]
    }

    private func read(_ lines: [String], later seconds: Int64 = 0) throws -> [CacheEntry] {
        let now = Moment(date: moment.date + seconds * 1_000, instant: moment.instant + .seconds(seconds))
        return try CacheExport.entries(in: Array(lines.joined(separator: "\n").utf8), at: now)
    }

    @Test("every part of an entry comes back as it was, and older by the time that has passed")
    func roundTrip() throws {
        let entries = try entries()
        let lines = entries.compactMap { CacheExport.line($0, at: moment) }
        #expect(lines.count == 3 && lines.allSatisfy { !$0.contains("\n") })
        #expect(try read(lines) == entries)
        let later = try #require(try read(lines, later: 20).first)
        #expect(later.age == .seconds(30) && later.remaining == .seconds(20) && later.connects == entries[0].connects)
        #expect(try read(lines, later: 41).first?.state == .stale)
        #expect(try read(["", lines[0] + "\r", " "]).count == 1)
        // As people and their editors leave a file.
        #expect(try read(["\u{FEFF}# names of June", " # h.test", lines[0]]).count == 1)
        #expect(try read(["\u{FEFF}" + lines[0], lines[1]]).count == 2)
    }

    @Test("what a cache can't use isn't exported: pins and failures, nor what is from no server")
    func unkept() throws {
        let name = try DomainName("h.test")
        #expect(CacheExport.line(CacheEntry(name: name, type: .a, state: .pinned)) == nil)
        #expect(CacheExport.line(CacheEntry(name: name, type: .a, state: .failed)) == nil)
        var fromNobody = try entries()[0]
        fromNobody.origin.server = nil
        #expect(CacheExport.line(fromNobody) == nil)
    }

    @Test(
        "a line that isn't right is named by its number, with what is wrong",
        arguments: [
            ("{", "no object"), ("[]", "no object"), ("1", "no object"), ("x", "no object"),
            ("\"name\": \"h.test\"=\"name\": 1", "\"name\" isn't a text"),
            ("\"type\": \"A\"=\"type\": \"NONE\"", "isn't a type"),
            ("\"type\": \"A\"=\"type\": \"TYPE0\"", "isn't a type"),
            ("\"outcome\": \"connected\"=\"outcome\": \"\\u001b[31m\"", "isn't an outcome"),
            ("\"expires_ms\": 1=\"expires_ms\": 2", "\"expires_ms\" isn't"),
            ("192.0.2.1\", \"192=nonsense\", \"192", "\"nonsense\" isn't data"),
            ("\"data\": [=\"data\": [1, ", "list of texts"),
            ("\"stored_ms\": 1=\"stored_ms\": -9223372036854775808, \"x\": 1", "isn't a date"),
            ("\"stored_ms\": 1=\"stored_ms\": 2", "stored in the future"),
            ("\"hits\": 7=\"hits\": -7", "\"hits\" isn't a whole number"),
            ("\"hits\": 7=\"hits\": 7.5", "\"hits\" isn't a whole number"),
            ("\"tcp\": true=\"tcp\": 1", "\"tcp\" isn't true or false"),
            ("\"type\": \"A\"=\"type\": \"AAAA\"", "isn't data of this type"),
            ("\"target\": \"w.test\"=\"target\": \"..\"", "isn't a name"),
            ("\"cnames\": [{\"name\": \"h.test\"=\"cnames\": [{\"name\": \"x.test\"", "don't fit together"),
            ("\"lifetime_ms\": 50000=\"lifetime_ms\": 0", "\"expires_ms\" isn't"),
        ])
    func wrong(change: (String, problem: String)) throws {
        let good = try #require(CacheExport.line(try entries()[0], at: moment))
        let parts = change.0.split(separator: "=", maxSplits: 1).map(String.init)
        let bad = parts.count == 2 ? good.replacing(parts[0], with: parts[1], maxReplacements: 1) : change.0
        #expect(bad != good)
        #expect { try read([good, bad]) } throws: { error in
            guard let error = error as? CacheExport.LineError else { return false }
            return error.line == 2 && error.problem.contains(change.problem)
        }
    }
}
