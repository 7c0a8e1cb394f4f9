// URLs: what is taken apart and how, what is refused, and how references resolve.

import BowlineWeb
import Testing

@Suite("An http URL")
struct HTTPURLTests {
    @Test(
        "is taken apart and normalised",
        arguments: [
            ("http://example.com", "example.com", 80, "/", nil, nil),
            ("HTTP://EXAMPLE.com/", "example.com", 80, "/", nil, nil),
            ("https://example.com", "example.com", 443, "/", nil, nil),
            ("http://example.com:80/a", "example.com", 80, "/a", nil, nil),
            ("http://example.com:8080/a?b#c", "example.com:8080", 8080, "/a", "b", "c"),
            ("http://example.com:/a", "example.com", 80, "/a", nil, nil),
            ("http://example.com:00080/", "example.com", 80, "/", nil, nil),
            ("http://example.com?", "example.com", 80, "/", "", nil),
            ("http://example.com#", "example.com", 80, "/", nil, ""),
            ("http://example.com/?a?b=c/d", "example.com", 80, "/", "a?b=c/d", nil),
            ("http://example.com.", "example.com.", 80, "/", nil, nil),
            ("http://Bücher.example。:8080", "xn--bcher-kva.example.:8080", 8080, "/", nil, nil),
            ("http://127.0.0.1:1/", "127.0.0.1:1", 1, "/", nil, nil),
            ("http://[::1]/", "[::1]", 80, "/", nil, nil),
            ("https://[2001:DB8:0::1]:65535/", "[2001:db8::1]:65535", 65535, "/", nil, nil),
            ("http://bücher.example/ä?ö#ü", "xn--bcher-kva.example", 80, "/%C3%A4", "%C3%B6", "%C3%BC"),
            ("http://h/a/./b/../c", "h", 80, "/a/c", nil, nil),
            ("http://h/../../a", "h", 80, "/a", nil, nil),
            ("http://h/a/%2e%2E/b/%2e", "h", 80, "/b/", nil, nil),
            ("http://h/a//../b", "h", 80, "/a/b", nil, nil),
            ("http://h/a%20b%zz\"<>", "h", 80, "/a%20b%zz%22%3C%3E", nil, nil),
            ("http://r3---sn-x.test/_x", "r3---sn-x.test", 80, "/_x", nil, nil),
        ] as [(String, String, UInt16, String, String?, String?)])
    func parts(text: String, authority: String, port: UInt16, path: String, query: String?, fragment: String?) throws {
        let url = try HTTPURL(text)
        #expect(url.authority == authority)
        #expect(url.port == port)
        #expect(url.path == path)
        #expect(url.query == query)
        #expect(url.fragment == fragment)
        #expect(url.target == path + (query.map { "?\($0)" } ?? ""))
        // What it prints is the same URL.
        #expect(try HTTPURL(url.description) == url)
    }

    @Test("keeps user information apart, and out of what it prints")
    func userInfo() throws {
        let url = try HTTPURL("http://joe:s%3Acret@h:81/a")
        #expect(url.userInfo == "joe:s%3Acret")
        #expect(url.description == "http://h:81/a")
        #expect(url.authority == "h:81")
        #expect(try HTTPURL("http://@h/").userInfo == nil)
        #expect(throws: HTTPURLError.badUserInfo) { try HTTPURL("http://a@b@h/") }
    }

    @Test(
        "is refused with a sentence where it could mean two things, or nothing",
        arguments: [
            ("", "there is nothing to fetch"),
            ("example.com", "a URL begins with http:// or https://"),
            ("/a", "a URL begins with http:// or https://"),
            ("//h/a", "a URL begins with http:// or https://"),
            ("http:", "there is no host after the scheme"),
            ("http:h", "there is no host after the scheme"),
            ("http:/h", "there is no host after the scheme"),
            ("http://", "there is no host after the scheme"),
            ("http:///a", "there is no host after the scheme"),
            ("http://:80", "there is no host after the scheme"),
            ("http://joe@", "there is no host after the scheme"),
            ("http://./", "there is no host after the scheme"),
            ("http://a b/", "a URL has no spaces; write %20"),
            (" http://h/", "a URL has no spaces; write %20"),
            ("http://h/a b", "a URL has no spaces; write %20"),
            ("http://h/a\r\nHost: x", "a URL has no control characters (\"\\r\")"),
            ("http://h/\0", "a URL has no control characters (\"\\0\")"),
            ("http://h/a\tb", "a URL has no control characters (\"\\t\")"),
            ("http://h/a#\u{7F}", "a URL has no control characters (\"\\u{7F}\")"),
            ("http:\\\\h/", "a URL has no backslashes; write /, or %5C"),
            ("http://h\\@evil/", "a URL has no backslashes; write /, or %5C"),
            ("http://h/a\\b", "a URL has no backslashes; write /, or %5C"),
            ("http://[::1", "what stands in brackets isn't an IPv6 address"),
            ("http://[::1]x/", "what stands in brackets isn't an IPv6 address"),
            ("http://[]/", "what stands in brackets isn't an IPv6 address"),
            ("http://[fe80::1%25lo]/", "a URL takes no zone: leave out the % and what stands behind it"),
            ("http://[::1%lo]:80/", "a URL takes no zone: leave out the % and what stands behind it"),
            ("http://[127.0.0.1]/", "what stands in brackets isn't an IPv6 address"),
            ("http://h:0/", "\"0\" isn't a port (1 to 65535)"),
            ("http://h:65536/", "\"65536\" isn't a port (1 to 65535)"),
            ("http://h:99999999999999999999/", "\"99999999999999999999\" isn't a port (1 to 65535)"),
            ("http://h:+80/", "\"+80\" isn't a port (1 to 65535)"),
            ("http://h:8o/", "\"8o\" isn't a port (1 to 65535)"),
            ("http://::1/", "there is no host after the scheme"),
            ("http://h::1/", "\":1\" isn't a port (1 to 65535)"),
            ("http://127.1/", "\"127.1\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://0x7f.1/", "\"0x7f.1\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://2130706433/", "\"2130706433\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://0177.0.0.1/", "\"0177.0.0.1\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://127.0.0.1./", "\"127.0.0.1.\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://1.2.3.4.5/", "\"1.2.3.4.5\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://１２７.0.0.1/", "\"１２７.0.0.1\" looks like an IPv4 address; write it as four decimal numbers"),
            ("http://h%41/", "\"h%41\" is not a domain name: \"%\" can't be in a name"),
            (
                "http://a..b/",
                "\"a..b\" is not a domain name: it has an empty label (two dots in a row, or a dot at the start); remove one"
            ),
        ])
    func refused(text: String, sentence: String) {
        let error = #expect(throws: HTTPURLError.self) { try HTTPURL(text) }
        #expect(error?.description == sentence)
        #expect(error?.code == .badTarget)
    }

    @Test("is refused when a label has 64 octets, and not when it has 63")
    func longLabel() throws {
        #expect(throws: HTTPURLError.self) { try HTTPURL("http://\(String(repeating: "a", count: 64)).test/") }
        #expect(try HTTPURL("http://\(String(repeating: "a", count: 63)).test/").port == 80)
    }

    @Test(
        "is told from a URL of another scheme", arguments: ["ftp://h/", "file:///etc/passwd", "javascript:x", "ws://h"])
    func otherScheme(text: String) {
        let error = #expect(throws: HTTPURLError.self) { try HTTPURL(text) }
        #expect(error?.code == .unsupportedScheme)
        #expect(throws: HTTPURLError.self) { try HTTPURL("http://h/").resolve(text) }
    }

    /// RFC 3986, 5.4, its base written for http; what the RFC leaves open follows its strict reading.
    @Test(
        "resolves the references of RFC 3986, 5.4",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"), ("g#s", "http://a/b/c/g#s"), ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
            ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../", "http://a/"),
            ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"), ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"), ("g#s/../x", "http://a/b/c/g#s/../x"),
            ("https://x/../y", "https://x/y"),
        ])
    func references(reference: String, expected: String) throws {
        #expect(try HTTPURL("http://a/b/c/d;p?q").resolve(reference).description == expected)
    }

    @Test("hands its fragment on to a redirect that has none, and not to a reference")
    func fragments() throws {
        let url = try HTTPURL("http://a/b#top")
        #expect(try url.redirected(to: "/c").description == "http://a/c#top")
        #expect(try url.redirected(to: "/c#x").description == "http://a/c#x")
        #expect(try url.redirected(to: "https://b").description == "https://b/#top")
        #expect(try url.resolve("/c").fragment == nil)
        #expect(try HTTPURL("http://a/b").redirected(to: "/c").fragment == nil)
    }

    @Test("keeps user information with the host it was given for")
    func referenceUserInfo() throws {
        let url = try HTTPURL("http://joe@a/b")
        #expect(try url.resolve("/c").userInfo == "joe")
        #expect(try url.resolve("//a/c").userInfo == nil)
    }

    @Test(
        "refuses a reference that could mean two things",
        arguments: ["///h", "http:h", "a b", "\\h", "//h:0", "/\r\nX: y"])
    func badReferences(reference: String) throws {
        let url = try HTTPURL("http://a/b")
        #expect(throws: HTTPURLError.self) { try url.resolve(reference) }
    }

    @Test("has the origin of its scheme, host and port")
    func origins() throws {
        let url = try HTTPURL("http://A.test/x")
        #expect(url.isSameOrigin(as: try HTTPURL("http://a.test:80/y?z")))
        for other in ["https://a.test/", "http://a.test:81/", "http://b.test/", "http://a.test.b/"] {
            #expect(!url.isSameOrigin(as: try HTTPURL(other)))
        }
        #expect(url.origin.description == "http://a.test")
        #expect(try HTTPURL("http://[::1]:81/").host.connectable == "::1")
        #expect(try HTTPURL("http://a.test:81/").host.connectable == "a.test")
    }

    @Test(
        "is what a target means",
        arguments: [
            ("example.com", "http://example.com/"), ("example.com:8080", "http://example.com:8080/"),
            ("127.0.0.1", "http://127.0.0.1/"), ("[::1]", "http://[::1]/"), ("[::1]:81", "http://[::1]:81/"),
            ("::1", "http://[::1]/"), ("https://h/a", "https://h/a"), ("HTTP://h", "http://h/"),
            ("localhost:80", "http://localhost/"),
        ])
    func targets(text: String, expected: String) throws {
        #expect(try HTTPURL(target: text).description == expected)
    }

    @Test(
        "refuses what is no target",
        arguments: [
            ("", "bad-target"), (" ", "bad-target"), ("h:0", "bad-target"), ("h:65536", "bad-target"),
            ("h:x", "bad-target"),
            ("h:", "bad-target"), (":80", "bad-target"), ("[::1", "bad-target"), ("h/a", "bad-target"),
            ("joe@h", "bad-target"), ("a b", "bad-target"), ("fe80::1%lo", "bad-target"), ("127.1", "bad-target"),
            ("a..b", "bad-target"), ("http://", "bad-target"), ("mailto:joe", "bad-target"), ("h\0", "bad-target"),
            ("ftp://h/", "unsupported-scheme"), ("file:///etc/passwd", "unsupported-scheme"),
        ])
    func badTargets(text: String, code: String) {
        let error = #expect(throws: HTTPURLError.self) { try HTTPURL(target: text) }
        #expect(error?.code.rawValue == code)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("an address with a zone is told so, whether there is such an interface or not", arguments: ["lo", "nowhere"])
    func zonedTarget(zone: String) {
        #expect(throws: HTTPURLError.zonedAddress) { try HTTPURL(target: "fe80::1%\(zone)") }
    }
}
