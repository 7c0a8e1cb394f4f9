// What is kept between runs, and what isn't trusted.

import Bowline
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import BowlineStore

@Suite("A cache in a file")
struct SQLiteCacheStoreTests {
    private let folder: TemporaryFolder
    /// The instant of all that these tests do, so that a time is exact however long they take.
    private let instant = ReactorInstant.monotonicNow
    private var path: String { "\(folder.path)/deep/names.sqlite" }

    init() throws {
        folder = try TemporaryFolder()
    }

    /// An entry with everything that an entry can have.
    private func entry(_ name: String = "h.test", type: RecordType = .a, age: Duration = .seconds(10)) throws
        -> CacheEntry
    {
        var entry = CacheEntry(name: try DomainName(name), type: type, state: .fresh)
        entry.data = [.address(.v4(IPv4Address(192, 0, 2, 1))), .address(.v4(IPv4Address(192, 0, 2, 2)))]
        entry.aliases = [
            AliasStep(name: try DomainName(name), target: try DomainName("w.test"), ttl: 60),
            AliasStep(name: try DomainName("w.test"), target: try DomainName("x.test"), ttl: 70),
        ]
        entry.recordTTL = 300
        entry.originalTTL = .seconds(60)
        entry.lifetime = .seconds(60)
        entry.age = age
        entry.remaining = .seconds(60) - age
        entry.idle = .seconds(3)
        entry.hits = 7
        entry.responseCode = .noError
        entry.origin = AnswerOrigin(
            server: .ip(.v6(.loopback), port: 5353), roundTrip: .microseconds(1_500), attempts: 2, usedTCP: true,
            waiters: 3)
        entry.extendedErrors = [
            ExtendedError(code: 3, text: "a tab\t, a line\n and a \\ backslash"),
            // Of each, the first two are one character.
            ExtendedError(code: 4, text: "ends in CR\r"), ExtendedError(code: 5, text: "\u{301}begins with an accent"),
        ]
        entry.connects = [
            CacheEntry.ConnectRecord(
                address: .v4(IPv4Address(192, 0, 2, 1)), outcome: "connected", duration: .milliseconds(12),
                when: instant - .seconds(4))
        ]
        return entry
    }

    private func changes(_ entries: [CacheEntry], removed: [CacheChanges.Removal] = []) -> CacheChanges {
        CacheChanges(generation: 1, now: instant, removed: removed, entries: entries)
    }

    /// A store for which it is this time of day.
    private func store(_ date: @escaping @Sendable () -> Int64) throws -> SQLiteCacheStore {
        let instant = instant
        return try SQLiteCacheStore(path: path, capacity: 100) { Moment(date: date(), instant: instant) }
    }

    @Test("an entry comes back as it was, and older by the time that has passed")
    func roundTrip() throws {
        let now = Mutex<Int64>(1_700_000_000_000)
        let store = try store { now.withLock { $0 } }
        let entry = try entry()
        try store.save(changes([entry]))
        now.withLock { $0 += 20_000 }
        let read = try #require(try store.load().first)
        #expect(read.name == entry.name && read.type == .a)
        #expect(read.data == entry.data)
        #expect(read.aliases == entry.aliases)
        #expect(read.extendedErrors == entry.extendedErrors)
        #expect(read.origin == entry.origin)
        #expect(read.hits == 7 && read.recordTTL == 300 && read.originalTTL == .seconds(60))
        #expect(read.age == .seconds(30))
        #expect(read.remaining == .seconds(30))
        #expect(read.idle == .seconds(23))
        let connect = try #require(read.connects.first)
        #expect(connect.outcome == "connected" && connect.duration == .milliseconds(12))
        #expect(instant - connect.when == .seconds(24))
    }

    @Test("every kind of record comes back, and NXDOMAIN and NODATA do")
    func kinds() throws {
        let store = try SQLiteCacheStore(path: path)
        var entries: [CacheEntry] = []
        let soa = StartOfAuthority(primary: try DomainName("ns.test"), mailbox: .root, minimum: 30)
        let data: [(RecordType, RecordData)] = [
            (.aaaa, .address(.v6(.loopback))), (.ns, .domain(try DomainName("ns.test"))), (.ptr, .domain(.root)),
            (.soa, .soa(soa)), (.txt, .text("\"hi\" \"there\"")), (.https, .text("1 . alpn=\"h2\"")),
        ]
        for (type, data) in data {
            var entry = try entry("kinds.test", type: type)
            entry.aliases = []
            entry.data = [data]
            entries.append(entry)
        }
        var missing = CacheEntry(name: try DomainName("missing.test"), type: nil, state: .negative)
        (missing.originalTTL, missing.lifetime, missing.remaining) = (.seconds(30), .seconds(30), .seconds(30))
        missing.responseCode = .nxdomain
        missing.origin.server = .ip(.v6(.loopback), port: 5353)
        try store.save(changes(entries + [missing]))
        let cache = ResolverCache()
        #expect(cache.restore(try store.load()) == 7)
        let kinds = cache.snapshot().filter { $0.name.text == "kinds.test" }
        #expect(Set(kinds.flatMap(\.data)) == Set(data.map(\.1)))
        #expect(cache.snapshot().first { $0.type == nil }?.state == .negative)
        let rows = cache.snapshot()
        #expect(rows.allSatisfy { $0.origin.isRestored })
    }

    @Test("a store that is opened when used makes nothing before, then does all, and says what keeps it from that")
    func whenUsed() throws {
        let store = SQLiteCacheStore(whenUsed: path)
        #expect(store.setAside == nil)
        #expect(access(path, F_OK) != 0)
        try store.save(changes([try entry(age: .seconds(3))]))
        #expect(try store.load().count == 1)
        #expect(try SQLiteCacheStore(path: path).load().count == 1)
        let folder = SQLiteCacheStore(whenUsed: "/")
        for _ in 0..<2 {
            #expect { try folder.load() } throws: { ($0 as? CacheStoreError)?.kind == .system }
        }
    }

    @Test("pins and failures aren't kept")
    func unkept() throws {
        let store = try SQLiteCacheStore(path: path)
        let pin = CacheEntry(name: try DomainName("pin.test"), type: .a, state: .pinned)
        let failed = CacheEntry(name: try DomainName("failed.test"), type: .a, state: .failed)
        try store.save(changes([pin, failed]))
        #expect(try store.load().isEmpty)
    }

    @Test("of two that know a name the newer word stays, whoever saves last, and whether it is an answer or a removal")
    func merging() throws {
        let (one, other) = (try store { 1_700_000_000_000 }, try store { 1_700_000_000_000 })
        var newer = try entry(age: .seconds(3))
        newer.hits = 1
        try one.save(changes([newer]))
        try other.save(changes([try entry(age: .seconds(20))]))
        #expect(try one.load().first?.hits == 1)
        func removal(_ age: Duration) throws -> CacheChanges.Removal {
            .init(.entry(.init(name: try DomainName("h.test"), type: .a)), when: instant - age)
        }
        try other.save(changes([], removed: [try removal(.seconds(4))]))
        #expect(try one.load().count == 1)
        try other.save(changes([], removed: [try removal(.seconds(2))]))
        #expect(try one.load().isEmpty)
    }

    @Test("who flushes everything takes out what was there, also of others, but not what they have learnt since")
    func flushingAll() throws {
        let store = try store { 1_700_000_000_000 }
        try store.save(changes([try entry("old.test", age: .seconds(9)), try entry("new.test", age: .seconds(1))]))
        var all = changes([try entry("own.test", age: .seconds(2))])
        all.flushedAt = instant - .seconds(5)
        try store.save(all)
        #expect(try store.load().map(\.name.text).sorted() == ["new.test", "own.test"])
    }

    @Test("a name that is flushed is forgotten whole, as far as it was known then, and no other is")
    func flushingOne() throws {
        let store = try store { 1_700_000_000_000 }
        try store.save(
            changes(
                [
                    try entry(age: .seconds(5)), try entry(type: .aaaa, age: .seconds(5)),
                    try entry(type: .txt, age: .seconds(1)), try entry("other.test", age: .seconds(5)),
                ].map { entry in
                    var entry = entry
                    entry.aliases = []
                    entry.data = entry.type == .a ? entry.data : []
                    return entry
                }))
        try store.save(changes([], removed: [.init(.name(try DomainName("h.test")), when: instant - .seconds(3))]))
        let left = try store.load().map { "\($0.name) \($0.type.map { "\($0)" } ?? "")" }
        #expect(Set(left) == ["h.test TXT", "other.test A"])
    }

    @Test("names are found by themselves, and what is flushed is gone")
    func names() throws {
        let store = try SQLiteCacheStore(path: path)
        let (a, b) = (try DomainName("a.test"), try DomainName("b.test"))
        for name in ["a.test", "b.test", "c.test"] {
            var entry = try entry(name)
            entry.aliases = []
            try store.save(changes([entry]))
        }
        #expect(try store.load([a, b], limit: .max).map(\.name) == [a, b])
        #expect(try store.flush(a) == 1)
        #expect(try store.flush(nil) == 2)
        #expect(try store.load().isEmpty)
    }

    @Test("it doesn't grow beyond its capacity: what was used least recently goes")
    func capacity() throws {
        let store = try store { 1_700_000_000_000 }
        let entries = try (0..<400).map { index in
            var entry = try entry("h\(index).test")
            entry.aliases = []
            entry.idle = .seconds(index)
            return entry
        }
        try store.save(changes(entries))
        let kept = try store.load().map(\.name.text)
        #expect(Set(kept) == Set((0..<100).map { "h\($0).test" }))
    }

    @Test("what is too old to be served even stale is taken out, and what comes from the future isn't trusted")
    func dates() throws {
        let now = Mutex<Int64>(1_700_000_000_000)
        let store = try store { now.withLock { $0 } }
        try store.save(changes([try entry()]))
        now.withLock { $0 -= 3_600_000 }
        #expect(try store.load().isEmpty)
        now.withLock { $0 += 3_600_000 + 3_600_000 }
        #expect(try store.load().first?.state == .stale)
        now.withLock { $0 += 90_000_000 }
        try store.save(changes([]))
        now.withLock { $0 -= 90_000_000 }
        #expect(try store.load().isEmpty)
    }

    @Test("file and folders are their owner's alone")
    func permissions() throws {
        _ = try SQLiteCacheStore(path: path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(stat("\(folder.path)/deep", &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    @Test("a file that others can write, or somebody else's, isn't used: neither read, nor written, nor moved")
    func exposed() throws {
        let isSuperuser = geteuid() == 0
        try SQLiteCacheStore(path: path).save(changes([try entry()]))
        let folder = "\(folder.path)/deep"
        func expectRefusal(_ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
            for access in [SQLiteCacheStore.Access.look, .update] {
                #expect(sourceLocation: sourceLocation) { try SQLiteCacheStore(path: path, access: access) } throws: {
                    guard let error = $0 as? CacheStoreError else { return false }
                    return error.kind == .exposed && error.detail.contains(words)
                }
            }
        }
        for mode in [0o620, 0o602] as [mode_t] {
            chmod(path, mode)
            expectRefusal("others may write to it")
        }
        chmod(path, 0o600)
        chmod("\(path)-wal", 0o666)
        expectRefusal("others may write to it")
        chmod("\(path)-wal", 0o600)
        chmod(folder, 0o777)
        expectRefusal("everybody may write to its folder")
        chmod(folder, 0o1777)
        #expect(try SQLiteCacheStore(path: path).load().count == 1)
        chmod(folder, 0o700)
        // Only the superuser can give things away.
        guard isSuperuser else { return }
        chown(path, 65_534, 65_534)
        expectRefusal("another user (uid 65534)")
        chown(path, 0, 0)
        chown(folder, 65_534, 65_534)
        expectRefusal("its folder belongs to another user")
        chown(folder, 0, 0)
        #expect(try SQLiteCacheStore(path: path).load().count == 1)
    }

    @Test("of entries from elsewhere, those are counted that are in the file afterwards")
    func taking() throws {
        let store = try SQLiteCacheStore(path: path)
        let moment = Moment.now.moment(at: instant)
        let h = try entry()
        #expect(try store.take([h, h], at: moment) == 1)
        #expect(try store.take([h], at: moment) == 1)
        var fromNobody = try entry("nobody.test")
        fromNobody.origin.server = nil
        let older = try entry(age: .seconds(20))
        let tooOld = try entry("old.test", age: .seconds(200_000))
        #expect(try store.take([older, tooOld, fromNobody], at: moment) == 0)
        #expect(try store.load().map(\.name.text) == ["h.test"])
        #expect(try store.take([try entry(age: .seconds(5)), try entry("i.test")], at: moment) == 2)
    }

    @Test("an export may be taken in again and again: its dates stay what they are")
    func takingAgain() throws {
        let now = Mutex<Int64>(1_700_000_000_000)
        let store = try store { now.withLock { $0 } }
        let line = try #require(CacheExport.line(try entry(), at: Moment(date: 1_699_999_999_990, instant: instant)))
        for _ in 0..<50 {
            now.withLock { $0 += 1 }
            #expect(try store.take(export: Array(line.utf8)) == 1)
        }
        #expect(throws: CacheExport.LineError.self) { try store.take(export: Array("\(line)\n{}".utf8)) }
        let again = try store.load().compactMap {
            CacheExport.line($0, at: Moment(date: 1_700_000_000_050, instant: instant))
        }
        #expect(again == [line])
    }

    @Test("what is flushed is in the file no more, nor in its log", arguments: ["secret.test", nil])
    func flushed(name: String?) throws {
        let store = try SQLiteCacheStore(path: path)
        try store.save(changes(try (0..<300).map { try entry("h\($0).test") } + [try entry("secret.test")]))
        #expect(try store.flush(try name.map { try DomainName($0) }) == (name == nil ? 301 : 1))
        for file in [path, "\(path)-wal"] {
            let octets = folder.bytes(String(file.dropFirst(folder.path.count + 1)))
            #expect(!octets.contains("secret.test".utf8))
            if name == nil { #expect(!octets.contains("w.test".utf8)) }
        }
    }

    @Test("a symbolic link to a file that isn't there yet makes one for its owner alone")
    func danglingLink() throws {
        let link = "\(folder.path)/link.sqlite"
        symlink("target.sqlite", link)
        try SQLiteCacheStore(path: link).save(changes([try entry()]))
        for suffix in ["", "-wal", "-shm"] {
            var status = stat()
            #expect(stat("\(folder.path)/target.sqlite\(suffix)", &status) == 0 && status.st_mode & 0o077 == 0)
        }
    }

    @Test("a file that is no database is put aside and not deleted, and a new one serves")
    func noDatabase() throws {
        let text = "this is no database at all, but a text that is long enough to have a header"
        let file = try folder.write("names.sqlite", text: text)
        let store = try SQLiteCacheStore(path: file)
        let aside = try #require(store.setAside)
        #expect(try String(contentsOf: URL(filePath: aside), encoding: .utf8) == text)
        try store.save(changes([try entry()]))
        #expect(try store.load().count == 1)
    }

    /// A file with 500 entries whose pages from this one on are noise.
    private func damagedFile(from page: Int) throws -> String {
        let file = "\(folder.path)/names.sqlite"
        let store = try SQLiteCacheStore(path: file)
        try store.save(changes(try (0..<500).map { try entry("h\($0).test") }))
        _ = try SQLiteConnection(path: file, busyTimeout: 0).number("PRAGMA wal_checkpoint(TRUNCATE)")
        let descriptor = open(file, O_WRONLY)
        defer { close(descriptor) }
        let noise = [UInt8](repeating: 0xA5, count: 4_096)
        for page in page..<20 { #expect(pwrite(descriptor, noise, noise.count, page * noise.count) == noise.count) }
        return file
    }

    @Test("a file that is damaged is put aside, whether that is seen at once, when it is read or when it is written")
    func damaged() throws {
        for (page, isSeenAtOnce) in [(0, true), (1, false)] {
            for isRead in [true, false] {
                let file = try damagedFile(from: page)
                let store = try SQLiteCacheStore(path: file)
                #expect((store.setAside != nil) == isSeenAtOnce)
                if isRead { #expect(try store.load().isEmpty) }
                try store.save(changes([try entry()]))
                let aside = try #require(store.setAside)
                #expect(access(aside, F_OK) == 0)
                #expect(try store.load().count == 1)
                #expect(try SQLiteCacheStore(path: file).load().count == 1)
                for name in [file, file + "-wal", file + "-shm"] { unlink(name) }
            }
        }
    }

    @Test("two who find the same file damaged put it aside once, and then share the new one")
    func damagedForTwo() throws {
        let file = try damagedFile(from: 1)
        let (one, other) = (try SQLiteCacheStore(path: file), try SQLiteCacheStore(path: file))
        #expect(try one.load().isEmpty)
        try one.save(changes([try entry()]))
        #expect(try other.load().count == 1)
        #expect(one.setAside != nil && other.setAside == nil)
    }

    @Test("a file that is put aside takes its log with it, and no older one's place")
    func asides() throws {
        let files = try (0..<3).map { _ in
            let file = try damagedFile(from: 0)
            let aside = try #require(try SQLiteCacheStore(path: file).setAside)
            for name in [file, file + "-wal", file + "-shm"] { unlink(name) }
            return aside
        }
        #expect(Set(files).count == 3)
        #expect(files.allSatisfy { access($0, F_OK) == 0 && access("\($0)-wal", F_OK) == 0 })
    }

    @Test("who only looks makes no file, moves none, and changes nothing")
    func looking() throws {
        let missing = try SQLiteCacheStore(path: path, access: .look)
        #expect(try missing.load().isEmpty)
        #expect(access(folder.path + "/deep", F_OK) != 0)
        #expect { try missing.save(changes([try entry()])) } throws: { ($0 as? CacheStoreError)?.kind == .system }

        let file = try damagedFile(from: 0)
        #expect { try SQLiteCacheStore(path: file, access: .look) } throws: {
            ($0 as? CacheStoreError)?.kind == .unusable
        }
        #expect(access(file, F_OK) == 0)

        let store = try SQLiteCacheStore(path: path)
        try store.save(changes([try entry()]))
        let looking = try SQLiteCacheStore(path: path, access: .look)
        #expect(try looking.load().count == 1)
        #expect { try looking.flush(nil) } throws: { ($0 as? CacheStoreError)?.kind == .system }
        #expect(try store.load().count == 1)
    }

    @Test("another program's database is put aside")
    func foreign() throws {
        let file = "\(folder.path)/names.sqlite"
        try SQLiteConnection(path: file, busyTimeout: 0).run("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        let store = try SQLiteCacheStore(path: file)
        #expect(store.setAside != nil)
        #expect(try store.load().isEmpty)
    }

    @Test("a file of ours with another table is put aside")
    func otherTable() throws {
        _ = try SQLiteCacheStore(path: path)
        try SQLiteConnection(path: path, busyTimeout: 0).run("DROP TABLE entry; CREATE TABLE entry (name TEXT)")
        #expect(try SQLiteCacheStore(path: path).setAside != nil)
    }

    @Test("a file of a later version isn't touched")
    func later() throws {
        let file = "\(folder.path)/names.sqlite"
        _ = try SQLiteCacheStore(path: file)
        try SQLiteConnection(path: file, busyTimeout: 0).run("PRAGMA user_version = 99")
        #expect { try SQLiteCacheStore(path: file) } throws: { ($0 as? CacheStoreError)?.kind == .newer }
        #expect(try SQLiteConnection(path: file, busyTimeout: 0).number("PRAGMA user_version") == 99)
    }

    @Test("a folder in the place of the file is an error in one line")
    func directory() throws {
        #expect { try SQLiteCacheStore(path: folder.path) } throws: { error in
            (error as? CacheStoreError)?.kind == .system && !"\(error)".contains("\n")
        }
    }

    @Test("a row with a piece that isn't what it should be is no entry")
    func rows() throws {
        let store = try SQLiteCacheStore(path: path)
        for letter in "abcdefgh" { try store.save(changes([try entry("\(letter).test")])) }
        let connection = try SQLiteConnection(path: path, busyTimeout: 0)
        try connection.run("UPDATE entry SET data = '10.0.0.1' || char(10) || 'nonsense' WHERE name = 'a.test'")
        try connection.run("UPDATE entry SET aliases = 'x' WHERE name = 'b.test'")
        try connection.run("UPDATE entry SET ttl = -1 WHERE name = 'c.test'")
        for (column, name) in [("stored", "e"), ("used", "f"), ("expires", "g")] {
            try connection.run("UPDATE entry SET \(column) = -9223372036854775808 WHERE name = '\(name).test'")
        }
        try connection.run(
            "UPDATE entry SET connects = '192.0.2.1' || char(9) || 'connected' || char(9, 9) || '-9223372036854775808' "
                + "WHERE name = 'h.test'")
        #expect(try store.load().map(\.name.text) == ["d.test"])
    }

    @Test("no number in a row is too large or too small to be read, and none makes a restored entry last too long")
    func extremes() throws {
        let store = try SQLiteCacheStore(path: path)
        let connection = try SQLiteConnection(path: path, busyTimeout: 0)
        let columns = try connection.texts("SELECT name FROM pragma_table_info('entry') WHERE type = 'INTEGER'")
        #expect(columns.count == 14)
        for column in columns {
            for value in [Int64.min, Int64.min + 1, -1, 0, 65_536, 1 << 40, 1 << 53, Int64.max - 1, Int64.max] {
                _ = try store.flush(nil)
                try store.save(changes([try entry()]))
                try connection.run("UPDATE entry SET \(column) = \(value)")
                let cache = ResolverCache()
                cache.restore(try store.load())
                for entry in cache.snapshot() { #expect(entry.remaining <= .seconds(86_400)) }
                _ = try store.load().compactMap { CacheExport.line($0) }
            }
        }
    }

    @Test("a keeper saves what a cache learns, and the next reactor's cache has it")
    func keeper() async throws {
        let path = path
        let (restored, answer) = try await Reactor.run { reactor in
            let entry = try entry()
            let cache = ResolverCache()
            let keeper = CacheKeeper(of: cache, in: try SQLiteCacheStore(path: path), reactor: reactor)
            try keeper.store.save(changes([entry]))
            let restored = try keeper.load()
            return (restored, cache.snapshot().first?.data)
        }
        #expect(restored == 1)
        let expected = try entry().data
        #expect(answer == expected)
    }

    @Test("a name that is flushed is forgotten by the file, too, also if the cache has never had it")
    func keeperFlush() async throws {
        let path = path
        let left = try await Reactor.run { reactor in
            let entries = [try entry(), try entry("other.test")].map { entry in
                var entry = entry
                entry.aliases = []
                return entry
            }
            let cache = ResolverCache()
            let keeper = CacheKeeper(of: cache, in: try SQLiteCacheStore(path: path), reactor: reactor)
            try keeper.store.save(changes(entries))
            #expect(cache.flush(try DomainName("h.test")) == 0)
            try await keeper.save().value
            return try keeper.store.load().map(\.name.text)
        }
        #expect(left == ["other.test"])
    }
}
