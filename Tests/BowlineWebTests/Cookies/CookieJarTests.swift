// Cookies: what servers write, what they may set, and what goes where.

import Bowline
import BowlineTesting
import Testing

@testable import BowlineWeb

@Suite("Cookies")
struct CookieJarTests {
    /// A time of day that a test moves.
    private final class Day { var seconds: Int64 = 1_800_000_000 }

    private let day = Day()
    private let jar: CookieJar

    init() {
        let day = self.day
        jar = CookieJar { day.seconds }
    }

    private func url(_ text: String) -> HTTPURL {
        guard let url = try? HTTPURL(text) else { preconditionFailure("\(text) in a test") }
        return url
    }

    /// Stores, and gives what is sent to another URL.
    private func sent(_ values: [String], from origin: String = "https://a.b.example.com/x/y", to target: String)
        -> String?
    {
        jar.removeAll()
        for value in values { jar.store(value, from: url(origin)) }
        return jar.field(for: url(target))
    }

    // MARK: reading

    @Test("what a server writes is read as browsers read it")
    func parsing() throws {
        let now: Int64 = 1_800_000_000
        func parse(_ text: String) -> SetCookie? { SetCookie(Array(text.utf8)[...], now: now) }
        func pair(_ text: String) -> String? { parse(text).map { "\($0.name)|\($0.value)" } }
        #expect(pair("a=b") == "a|b" && pair(" a = b ; x") == "a|b" && pair("a=b=c") == "a|b=c")
        #expect(pair("a=") == "a|" && pair("=b") == "|b" && pair("b") == "|b" && pair("a=\"b c\"") == "a|\"b c\"")
        #expect(pair("") == nil && pair(";a=b") == nil && pair("=") == nil && pair(" = ;") == nil)
        #expect(pair("a=b\u{1}") == nil && pair("a=b\tc") == "a|b\tc" && pair("a=b; x=\u{7F}") == nil)
        #expect(pair("a=" + String(repeating: "b", count: 4_095)) != nil)
        #expect(pair("a=" + String(repeating: "b", count: 4_096)) == nil)

        let full = try #require(
            parse("a=b; PATH=/p; Domain=.Example.COM; secure; HttpOnly; SameSite=LAX; unknown=1; Max-Age=10"))
        #expect(full.path == "/p" && full.domain == "example.com" && full.isSecure && full.isHTTPOnly)
        #expect(full.sameSite == .lax && full.expiry == now + 10)
        #expect(parse("a=b; path=p")?.path == nil && parse("a=b; path=/x; path=")?.path == nil)
        #expect(parse("a=b; domain=x.test; domain=")?.domain == "" && parse("a=b; samesite=x")?.sameSite == nil)
        let long = String(repeating: "x", count: 1_024)
        #expect(parse("a=b; path=/\(long)")?.path == nil && parse("a=b; path=/\(long.dropLast())")?.path != nil)
    }

    @Test("octets are kept as they came, and a name is the same if its octets are")
    func octets() {
        let h = url("http://h.test/")
        func store(_ octets: [UInt8]) { jar.store(octets[...], from: h) }
        func sent() -> [UInt8]? { jar.octets(for: h) }
        // "é" in ISO-8859-1, and what is no UTF-8 in any reading.
        store(Array("n=caf".utf8) + [0xE9, 0xFF, 0xC3])
        #expect(sent() == Array("n=caf".utf8) + [0xE9, 0xFF, 0xC3])
        #expect(jar.snapshot().map(\.value) == ["caf\u{E9}\u{FF}\u{C3}"])
        jar.removeAll()
        // The same to the eye: composed, decomposed, and in ISO-8859-1.
        let names: [[UInt8]] = [[0xC3, 0xA9], [0x65, 0xCC, 0x81], [0xE9]]
        for name in names { store(name + Array("=1".utf8)) }
        #expect(sent() == Array(names.map { $0 + Array("=1".utf8) }.joined(separator: "; ".utf8)))
        store([0xE9] + Array("=; max-age=0".utf8))
        #expect(sent() == Array(names.prefix(2).map { $0 + Array("=1".utf8) }.joined(separator: "; ".utf8)))
        jar.removeAll()
        // The bound is of octets, whatever they are shown as.
        store(Array("a=".utf8) + [UInt8](repeating: 0xE9, count: 4_095))
        #expect(sent()?.count == 4_097)
    }

    @Test("an age goes before a date, the last counts, and 400 days are the most")
    func expiry() {
        let now: Int64 = 1_800_000_000
        func expiry(_ text: String) -> Int64? { SetCookie(Array("a=b; \(text)".utf8)[...], now: now)?.expiry }
        let most = now + 400 * 86_400
        #expect(expiry("") == nil && expiry("max-age=5") == now + 5 && expiry("max-age=5; max-age=6") == now + 6)
        #expect(expiry("max-age=5; expires=Wed, 01 Jan 2020 00:00:00 GMT") == now + 5)
        #expect(expiry("max-age=0") == .min && expiry("max-age=-9") == .min && expiry("max-age=") == nil)
        #expect(expiry("max-age=+5") == nil && expiry("max-age=5x; expires=nonsense") == nil)
        #expect(expiry("max-age=99999999999999999999") == most)
        #expect(expiry("expires=Fri, 31 Dec 9999 23:59:59 GMT") == most)
        #expect(expiry("expires=Wed, 01 Jan 2020 00:00:00 GMT") == 1_577_836_800)
    }

    @Test(
        "dates are read in any order and spelling",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("8:49:37 6 november 1994", 784_111_777),
            ("29 Feb 2000 12:00:00", 951_825_600), ("29 Feb 1900 12:00:00", nil), ("31 Apr 2020 00:00:00", nil),
            ("1 Jan 69 00:00:00", 3_124_224_000), ("1 Jan 70 00:00:00", 0), ("1 Jan 1600 00:00:00", nil),
            ("1 Jan 2020 24:00:00", nil), ("1 Jan 2020 00:60:00", nil), ("1 Jan 2020 00:00", nil),
            ("Jan 2020 00:00:00", nil), ("0 Jan 2020 00:00:00", nil), ("", nil),
            ("1 Jan 2020 00:00:00 1 Feb 2021 01:01:01", 1_577_836_800), ("1 Jan 20200 00:00:00", nil),
            ("Mon, 01-Jan-2020 00:00:00 GMT", 1_577_836_800),
        ] as [(String, Int64?)])
    func dates(text: String, expected: Int64?) {
        #expect(CookieDate.seconds(text) == expected)
    }

    // MARK: setting and sending

    @Test(
        "a cookie without a domain is for its host, one with a domain for all below",
        arguments: [
            ("a=1", "https://a.b.example.com/x/z", true), ("a=1", "https://b.example.com/x/", false),
            ("a=1", "https://c.a.b.example.com/x/", false),
            ("a=1; domain=b.example.com; path=/", "https://b.example.com/", true),
            ("a=1; domain=.b.example.com", "https://z.b.example.com/x/", true),
            ("a=1; domain=b.example.com", "https://xb.example.com/x/", false),
            ("a=1; domain=z.example.com", "https://z.example.com/x/", false),
            ("a=1; domain=c.a.b.example.com", "https://c.a.b.example.com/x/", false),
            ("a=1; domain=com", "https://a.b.example.com/x/", false),
            ("a=1; domain=co.uk", "https://a.b.example.com/x/", false),
            ("a=1; domain=EXAMPLE.com", "https://example.com:444/x/", true),
            ("a=1; domain=a b", "https://a.b.example.com/x/", false),
        ])
    func domains(value: String, target: String, isSent: Bool) {
        #expect(sent([value], to: target) == (isSent ? "a=1" : nil))
    }

    @Test("a public suffix sets cookies for itself only, and an address has no domains")
    func suffixes() {
        #expect(sent(["a=1; domain=github.io"], from: "https://x.github.io/", to: "https://y.github.io/") == nil)
        #expect(sent(["a=1; domain=x.github.io"], from: "https://x.github.io/", to: "https://z.x.github.io/") == "a=1")
        #expect(sent(["a=1; domain=github.io"], from: "https://github.io/", to: "https://github.io/") == "a=1")
        #expect(sent(["a=1; domain=github.io"], from: "https://github.io/", to: "https://y.github.io/") == nil)
        #expect(sent(["a=1; domain=test"], from: "https://h.test/", to: "https://other.test/") == nil)
        #expect(sent(["a=1; domain=公司.cn"], from: "https://x.公司.cn/", to: "https://y.公司.cn/") == nil)
        #expect(sent(["a=1; domain=127.0.0.1"], from: "http://127.0.0.1/", to: "http://127.0.0.1:8080/") == "a=1")
        #expect(sent(["a=1; domain=0.0.1"], from: "http://127.0.0.1/", to: "http://127.0.0.1/") == nil)
        #expect(sent(["a=1"], from: "http://[::1]/", to: "http://[::1]/") == "a=1")
    }

    @Test(
        "paths count by their segments, longer ones first, then the older",
        arguments: [
            (["a=1; path=/x"], "/x", "a=1"), (["a=1; path=/x"], "/x/y", "a=1"), (["a=1; path=/x"], "/xy", nil),
            (["a=1; path=/x/"], "/x", nil), (["a=1"], "/x/other", "a=1"), (["a=1"], "/", nil),
            (["a=1; path=/", "b=2; path=/x/y", "c=3; path=/x", "d=4; path=/"], "/x/y/z", "b=2; c=3; a=1; d=4"),
            (["a=1; path=/", "b=2; path=/", "a=3; path=/"], "/", "a=3; b=2"),
            (["=v; path=/", "n=; path=/"], "/", "v; n="),
        ] as [([String], String, String?)])
    func paths(values: [String], path: String, expected: String?) {
        #expect(sent(values, to: "https://a.b.example.com\(path)") == expected)
    }

    @Test("what https has set, http neither sees nor touches")
    func secure() {
        let (https, http) = (url("https://h.example.com/a/b"), url("http://h.example.com/a/b"))
        jar.store("s=1; secure", from: http)
        #expect(jar.snapshot().isEmpty)
        jar.store("s=1; secure; path=/a", from: https)
        #expect(jar.field(for: http) == nil && jar.field(for: https) == "s=1")
        jar.store("s=2; path=/a", from: http)
        jar.store("s=2; path=/a/b; domain=example.com", from: http)
        #expect(jar.snapshot().map(\.value) == ["1"])
        // Above it in the path it hides nothing.
        jar.store("s=3; path=/", from: http)
        #expect(jar.field(for: https) == "s=1; s=3")
        jar.store("s=4; path=/a", from: https)
        #expect(jar.field(for: http) == "s=4; s=3")
        jar.store("n=1; samesite=none", from: https)
        #expect(!jar.snapshot().contains { $0.name == "n" })
    }

    @Test(
        "prefixes of names are kept to, whatever their case",
        arguments: [
            ("__Secure-a=1; secure", true), ("__secure-a=1", false), ("__Host-a=1; secure; path=/", true),
            ("__HOST-a=1; secure; path=/; domain=example.com", false), ("__Host-a=1; secure; path=/a", false),
            ("__Host-\u{301}a=1; path=/", false), ("__Secure-\u{301}a=1", false),
            ("__Host-a=1; path=/", false), ("=__Host-a=1; secure; path=/", false), ("=__secure-a=1; secure", false),
        ])
    func prefixes(value: String, isStored: Bool) {
        jar.store(value, from: url("https://h.example.com/"))
        #expect(jar.snapshot().count == (isStored ? 1 : 0))
    }

    @Test("a cookie ends at its time, one of the past removes what is there, and a host can be forgotten")
    func ends() {
        let h = url("http://h.example.com/")
        jar.store("a=1; max-age=10", from: h)
        jar.store("b=1", from: h)
        day.seconds += 9
        #expect(jar.field(for: h) == "a=1; b=1")
        day.seconds += 1
        #expect(jar.field(for: h) == "b=1" && jar.snapshot().map(\.name) == ["b"])
        jar.store("b=; expires=Thu, 01 Jan 1970 00:00:00 GMT", from: h)
        #expect(jar.field(for: h) == nil)
        jar.store("c=1; domain=example.com", from: h)
        jar.store("d=1", from: url("http://other.example.com/"))
        jar.removeAll(for: "h.example.com")
        #expect(jar.snapshot().map(\.name) == ["d"])
    }

    @Test("there are 180 for a domain and 3000 in all; what was used longest ago goes first")
    func limits() {
        let h = url("https://h.example.com/")
        jar.store("secure=1; secure", from: h)
        for number in 0..<180 { jar.store("n\(number)=1", from: h) }
        #expect(jar.snapshot().count == 180)
        #expect(jar.snapshot().contains { $0.name == "secure" } && !jar.snapshot().contains { $0.name == "n0" })
        for number in 0..<3_000 { jar.store("x=1", from: url("https://h\(number).test/")) }
        #expect(jar.snapshot().count == CookieJar.maximumInTotal)
        #expect(jar.snapshot().filter { $0.domain == "h.example.com" }.isEmpty)
    }

    @Test("whatever is stored, nothing is sent to whom it isn't for")
    func property() {
        var generator = SplitMix64(state: 26)
        let hosts = ["example.com", "a.example.com", "b.a.example.com", "example.org", "co.uk", "x.co.uk", "127.0.0.1"]
        let paths = ["/", "/a", "/a/", "/a/b", "/ab"]
        let attributes = [
            "secure", "path=/", "path=/a", "path=/a/b", "domain=example.com", "domain=a.example.com", "domain=co.uk",
            "max-age=5", "max-age=-1", "httponly", "samesite=none", "domain=.", "path",
        ]
        var count = 0
        for round in 0..<4_000 {
            let scheme = Bool.random(using: &generator) ? "https" : "http"
            let host = hosts[Int.random(in: 0..<hosts.count, using: &generator)]
            let path = paths[Int.random(in: 0..<paths.count, using: &generator)]
            let target = url("\(scheme)://\(host)\(path)")
            let chosen = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                attributes[Int.random(in: 0..<attributes.count, using: &generator)]
            }
            // The value says who set it, and whether over https only.
            let value = "\(host)!\(chosen.contains("secure") ? "https" : "any")"
            jar.store(
                (["n\(Int.random(in: 0..<5, using: &generator))=\(value)"] + chosen).joined(separator: "; "),
                from: target)
            let other = url("http://\(hosts[Int.random(in: 0..<hosts.count, using: &generator)])/a/b")
            for pair in jar.field(for: other)?.split(separator: ";") ?? [] {
                count += 1
                let words = pair.drop { $0 != "=" }.dropFirst().split(separator: "!").map(String.init)
                let to = other.host.connectable
                #expect(words[1] == "any")
                // A host hears from itself, and through a domain that both are in and that isn't everybody's.
                #expect(words[0] == to || words[0].hasSuffix("example.com") && to.hasSuffix("example.com"))
            }
            if round % 100 == 0 { day.seconds += 1 }
        }
        #expect(count > 1_000)
        #expect(Set(jar.snapshot().map(\.identity)).count == jar.snapshot().count)
    }

    // MARK: pages

    @Test("what a page sets goes with the next request, and with each hop of a redirect")
    func pages() {
        let world = WebWorld()
        world.agent.cookies = jar
        world.responder.answers = { request in
            var response = HTTPResponder.Response("page")
            func set(_ fields: [(String, String)]) {
                response = HTTPResponder.Response("", status: 302, fields: fields)
            }
            if request.target == "/login" {
                set([("Set-Cookie", "id=1; path=/"), ("Set-Cookie", "two=2; path=/"), ("Location", "/in")])
            } else if request.target == "/out" {
                set([("Location", "http://other.test/in"), ("Set-Cookie", "id=9; path=/")])
            }
            return .respond(response)
        }
        for path in ["login", "in", "out", "mine"] {
            world.fetch("h.test/\(path)") { if path == "mine" { $0.fields = [("Cookie", "own=1")] } }
            world.advance(100)
        }
        let sent = world.responder.requests.map { request in
            "\(request.target) \(request.fields.values(of: "cookie").joined(separator: "|"))"
        }
        #expect(
            sent == [
                "/login ", "/in id=1; two=2", "/in id=1; two=2", "/out id=1; two=2", "/in ", "/mine own=1",
            ])
        #expect(
            jar.snapshot().map { "\($0.domain) \(String(decoding: $0.octets, as: UTF8.self))" } == [
                "h.test id=9", "h.test two=2",
            ])
    }

    @Test("an agent without a jar keeps none")
    func without() {
        let world = WebWorld()
        world.responder.answers = { _ in .respond(HTTPResponder.Response("", fields: [("Set-Cookie", "id=1")])) }
        for _ in 0..<2 {
            world.fetch("h.test/")
            world.advance(100)
        }
        #expect(world.responder.requests.count == 2)
        #expect(world.responder.requests.allSatisfy { $0.fields["cookie"] == nil })
    }
}
