// The command behind proxies: what is asked of whom, and what is told of it.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Proxies", .timeLimit(.minutes(10)))
struct ProxyTests {
    private let servers: Servers
    private var proxy: String { "http://127.0.0.1:\(servers.webPort)" }

    init() throws { servers = try Servers(web: { _ in .respond(.init("by proxy")) }) }

    @Test("a proxy gets the whole URL over http, and finds the host itself")
    func forwarding() throws {
        let output = try command(servers.names + ["--json", "-x", proxy, "http://nowhere.test/page?q"])
        let line = try #require(try output.json().first)
        #expect(line["ok"] == true && line["bytes"] == 8)
        #expect(line["url"] == "http://nowhere.test/page?q")
        #expect(line["proxy"] == .string(proxy))
        #expect(line["address"] == "127.0.0.1")
        #expect(line["dns"]?["source"] == "literal")
        #expect(line["attempts"]?[0]?["address"] == .string("127.0.0.1:\(servers.webPort)"))
        #expect(servers.requests.map(\.target) == ["http://nowhere.test/page?q"])
        #expect(servers.questions.isEmpty)
    }

    @Test("a proxy's name is looked up here, and the report says of whom it speaks")
    func name() throws {
        let output = try command(servers.names + ["--proxy", "h.test:\(servers.webPort)", "http://nowhere.test/"])
        #expect(output.exitCode == 0)
        #expect(output.stdout.contains("  through http://h.test:\(servers.webPort), which finds the target"))
        #expect(Set(servers.questions.map(\.name.text)) == ["h.test"])
    }

    @Test("--noproxy names the hosts that are connected to directly")
    func exceptions() throws {
        let output = try command(
            servers.names + ["--json", "-x", "http://127.0.0.1:1", "--noproxy", "other.test,h.test", servers.url()])
        #expect(output.exitCode == 0)
        #expect(try output.json().first?["proxy"] == .null)
        #expect(servers.requests.map(\.target) == ["/"])
    }

    @Test("the environment's proxies count if they are asked for, and not otherwise")
    func environment() throws {
        let environment = ["http_proxy": proxy, "no_proxy": "direct.test"]
        func target(_ options: [String], _ host: String) throws -> String? {
            let pin = ["--resolve", "*:\(servers.webPort):127.0.0.1"]
            let url = servers.url("/page", host: host)
            let output = try command(servers.names + pin + options + [url], environment: environment)
            #expect(output.exitCode == 0)
            return servers.requests.last?.target
        }
        #expect(try target(["-x", "env"], "nowhere.test") == servers.url("/page", host: "nowhere.test"))
        #expect(try target(["-x", "env"], "direct.test") == "/page")
        #expect(try target(["-x", "env", "--noproxy", "*"], "nowhere.test") == "/page")
        #expect(try target([], "nowhere.test") == "/page")
    }

    @Test(
        "a proxy that isn't there is 7, and its name that isn't there 6", arguments: [("127.0.0.1", 7), ("no.test", 6)])
    func failures(host: String, exit: CInt) throws {
        let port = try Loopback.freePort()
        let output = try command(servers.names + ["-x", "\(host):\(port)", "http://h.test/"])
        #expect(output.exitCode == exit)
        #expect(output.complaints.count == 1 && output.stderr.contains(host))
    }

    @Test(
        "TLS is spoken with a proxy of https, for http and https targets, as curl does; the error tells who isn't believed",
        .enabled(
            if: ["nginx", "tinyproxy", "haproxy", "openssl", "curl"].allSatisfy(RealServer.isInstalled),
            "nginx, tinyproxy, haproxy, openssl and curl are not all installed"))
    func overTLS() throws {
        let certificates = try Certificates.shared()
        let pages = ["/page": "a page", "/large": String(repeating: "many bytes ", count: 100_000)]
        let secure = try #require(try RealServer.nginx(pages: pages, tls: try certificates.make(for: "IP:127.0.0.1")))
        let plain = try #require(try RealServer.nginx(pages: pages))
        let tiny = try #require(try RealServer.tinyproxy(user: "joe"))
        let front = try #require(
            try RealServer.haproxy(
                to: tiny.port, defaults: "mode tcp", tls: try certificates.make(for: "DNS:proxy.test")))
        let (https, http) = ("https://127.0.0.1:\(secure.port)", "http://127.0.0.1:\(plain.port)")
        let (believed, alsoProxy) = (["--cacert", certificates.root], ["--proxy-cacert", certificates.root])
        let pin = ["--resolve", "proxy.test:\(front.port):127.0.0.1"]
        let proxy = "https://joe:secret@proxy.test:\(front.port)"
        let byAddress = "https://joe:secret@127.0.0.1:\(front.port)"
        let cases: [(options: [String], proxy: String, url: String, exit: CInt, words: String)] = [
            (believed + alsoProxy, proxy, "\(https)/page", 0, ""),
            (believed + alsoProxy, proxy, "\(https)/large", 0, ""),
            (alsoProxy, proxy, "\(http)/page", 0, ""),
            (believed + ["--proxy-insecure"], proxy, "\(https)/page", 0, ""),
            // The certificate is for its name, and one that is believed for targets isn't for proxies.
            (believed + alsoProxy, byAddress, "\(https)/page", 60, "cannot speak TLS with the proxy"),
            (believed, proxy, "\(https)/page", 60, "cannot speak TLS with the proxy"),
            (["-k"], proxy, "\(https)/page", 60, "cannot speak TLS with the proxy"),
            (alsoProxy, byAddress, "\(http)/page", 60, "cannot speak TLS with the proxy"),
            (alsoProxy, proxy, "\(https)/page", 60, "cannot speak TLS with 127.0.0.1:\(secure.port) through"),
            (believed + alsoProxy, "https://127.0.0.1:\(plain.port)", "\(https)/page", 35, "TLS with the proxy"),
        ]
        for (options, proxy, url, exit, words) in cases {
            let output = try command(["--json", "-x", proxy, url] + options + pin)
            #expect(output.exitCode == exit, "\(options) \(proxy) \(url): \(output.stdout)\(output.stderr)")
            let line = try #require(try output.json().first)
            if exit == 0 {
                let size = url.hasSuffix("/large") ? 1_100_000 : 6
                #expect(line["bytes"]?.number == Double(size))
                #expect((line["tls"]?["verified"] == true) == url.hasPrefix("https"))
            } else {
                #expect(line["error"]?["message"]?.string?.contains(words) == true, "\(output.stdout)")
                #expect(!output.stdout.contains("secret"))
            }
            let curl = try Subprocess.run("curl", ["-s", "-o", "/dev/null", "-x", proxy, url] + options + pin)
            // The curl of this system (7.88) forgets why a certificate is refused, if that is seen inside another TLS.
            let isForgotten = words.contains("through") && curl.exitCode == 35
            #expect(curl.exitCode == exit || isForgotten, "curl disagrees: \(options) \(proxy) \(url): \(curl.stderr)")
        }
    }

    @Test(
        "https goes through real proxies, and the certificate is the target's",
        .enabled(
            if: ["nginx", "tinyproxy", "microsocks", "openssl"].allSatisfy(RealServer.isInstalled),
            "nginx, tinyproxy, microsocks and openssl are not all installed"))
    func tunnels() throws {
        let certificates = try Certificates.shared()
        let server = try #require(
            try RealServer.nginx(pages: ["/page": "a page"], tls: try certificates.make(for: "IP:127.0.0.1")))
        let tiny = try #require(try RealServer.tinyproxy(user: "joe"))
        let socks = try #require(try RealServer.microsocks(user: "joe"))
        let url = "https://127.0.0.1:\(server.port)/page"
        for proxy in ["http://joe:secret@127.0.0.1:\(tiny.port)", "socks5://joe:secret@127.0.0.1:\(socks.port)"] {
            let output = try command(["--json", "--cacert", certificates.root, "-x", proxy, url])
            let line = try #require(try output.json().first)
            #expect(line["ok"] == true && line["bytes"] == 6, "\(output.stdout)")
            #expect(line["tls"]?["verified"] == true)
            #expect(line["proxy"]?.string?.contains("secret") == false)
        }
        let refused = try command(["--cacert", certificates.root, "-x", "http://127.0.0.1:\(tiny.port)", url])
        #expect(refused.exitCode == 7)
        #expect(refused.stderr.contains("407"))
    }
}
