// Proxies as text, in the environment, and the hosts that need none.

import Bowline
import Testing

@Suite("Proxy settings")
struct ProxySettingsTests {
    @Test(
        "the text of a proxy is read",
        arguments: [
            ("http://proxy.test:3128", "http://proxy.test:3128", nil),
            ("proxy.test:3128/", "http://proxy.test:3128", nil),
            ("proxy.test", "http://proxy.test:80", nil), ("socks5://[::1]", "socks5://[::1]:1080", nil),
            ("https://proxy.test", "https://proxy.test:443", nil),
            ("HTTPS://me:pw@[::1]:3129", "https://[::1]:3129", "me pw"),
            ("SOCKS5H://10.0.0.1:9050", "socks5://10.0.0.1:9050", nil),
            ("http://me:p%40ss%3A@[2001:db8::1]:8080", "http://[2001:db8::1]:8080", "me p@ss:"),
            ("socks5://a:b:c@h.test:1", "socks5://h.test:1", "a b:c"), ("http://me@h.test", "http://h.test:80", "me "),
        ] as [(String, String, String?)])
    func text(text: String, shown: String, credentials: String?) throws {
        let proxy = try Proxy(text)
        #expect("\(proxy)" == shown)
        #expect(proxy.credentials.map { "\($0.user) \($0.password)" } == credentials)
    }

    @Test(
        "what is no proxy is refused, without repeating a password",
        arguments: [
            "ftp://proxy.test", "http://", "http://h.test:0", "http://h.test:99999", "http://[::1", "http://[::1]x:1",
            "http://a:b:c", "http://me:secret@:1", "http://me:secret@h.test:x", "http://me%zz:secret@h.test",
            "http://a b:1", "socks5://me@h.test", "socks5://:secret@h.test", "http://a%0D%0Ab:secret@h.test",
            "http://me%3A:secret@h.test",
        ])
    func bad(text: String) {
        let error = #expect(throws: ProxyError.self) { try Proxy(text) }
        #expect(error?.kind == .badProxy)
        #expect(error?.description.contains("secret") == false && error?.description.contains("\n") == false)
    }

    @Test("the environment says which proxy, in lower case before capitals, and HTTP_PROXY never counts (httpoxy)")
    func environment() throws {
        let settings = try ProxySettings(environment: [
            "http_proxy": "http://a.test", "HTTPS_PROXY": "http://b.test", "no_proxy": "x.test", "NO_PROXY": "y.test",
        ])
        #expect(settings.http?.host == "a.test" && settings.https?.host == "b.test")
        #expect(settings.proxy(isSecure: false, host: "x.test", port: 80) == nil)
        #expect(settings.proxy(isSecure: true, host: "y.test", port: 443)?.host == "b.test")

        #expect(try ProxySettings(environment: ["HTTP_PROXY": "http://evil.test"]) == ProxySettings())
        #expect(try ProxySettings(environment: ["http_proxy": "", "https_proxy": ""]) == ProxySettings())
        let all = try ProxySettings(environment: ["all_proxy": "socks5://s.test", "https_proxy": "http://h.test"])
        #expect(all.http?.kind == .socks5 && all.https?.kind == .http)
        #expect(try ProxySettings(environment: ["https_proxy": "", "HTTPS_PROXY": "h.test"]).https?.host == "h.test")
        let error = #expect(throws: ProxyError.self) { try ProxySettings(environment: ["all_proxy": "ftp://x"]) }
        #expect(error?.description.hasPrefix("all_proxy: ") == true)
    }

    @Test(
        "a host is an exception by name, by address, by network, by port",
        arguments: [
            ("example.com", "example.com", 80, true), ("example.com", "www.EXAMPLE.com.", 80, true),
            ("example.com", "badexample.com", 80, false), ("example.com", "com", 80, false),
            (".example.com", "example.com", 80, true), ("*.example.com", "a.b.example.com", 80, true),
            ("a.test,b.test c.test", "c.test", 80, true), ("*", "anything.test", 80, true), ("", "h.test", 80, false),
            ("h.test:8080", "h.test", 8080, true), ("h.test:8080", "h.test", 80, false),
            ("h.test:x", "h.test", 80, false),
            ("10.0.0.0/8", "10.200.3.4", 80, true), ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.0/8", "10.example.com", 80, false), ("192.0.2.1", "192.0.2.1", 80, true),
            ("192.0.2.1", "192.0.2.10", 80, false), ("192.0.2.0/0", "8.8.8.8", 80, true),
            ("2001:db8::/32", "2001:db8:ffff::1", 80, true), ("2001:db8::/32", "2001:db9::1", 80, false),
            ("2001:db8::/96", "2001:db8::1:2", 80, true), ("2001:db8::/96", "2001:db8:0:0:0:1::1", 80, false),
            ("::/0", "::1", 80, true), ("::/64", "::1", 80, true), ("[::1]", "::1", 80, true),
            ("[::1]:80", "::1", 443, false), ("::1", "127.0.0.1", 80, false), ("10.0.0.0/33", "10.0.0.0", 80, false),
            ("example.com", "192.0.2.1", 80, false), ("localhost", "127.0.0.1", 80, false),
        ] as [(String, String, UInt16, Bool)])
    func exceptions(list: String, host: String, port: UInt16, expected: Bool) {
        #expect(ProxyExceptions(list).contains(host: host, port: port) == expected)
    }
}
