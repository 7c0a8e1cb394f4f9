import TestSupport
import Testing

@Suite("With real servers", .timeLimit(.minutes(10)))
struct RealServersTests {
    private static func installed(_ programs: String...) -> Bool { programs.allSatisfy(RealServer.isInstalled) }

    private func fetch(_ dns: RealServer, _ web: RealServer, host: String = "www.example.test") throws -> JSONValue {
        let output = try command([
            "--json", "--dns-server", "127.0.0.1:\(dns.dnsPort)", "http://\(host):\(web.httpPort)/page",
        ])
        #expect(output.exitCode == 0)
        return try #require(try output.json().first)
    }

    private func nginx() throws -> RealServer {
        try #require(
            try RealServer.nginx(pages: ["/page": "a page"], directives: "location = /old { return 302 /page; }"))
    }

    @Test(
        "a page of nginx by a name of knot, over an alias",
        .enabled(if: installed("nginx", "knotd"), "nginx and knot are not both installed"))
    func knot() throws {
        let dns = try #require(
            try RealServer.knot(
                zone: "example.test", records: "www 60 CNAME web\nweb 300 A 127.0.0.1\nweb 300 AAAA ::1"))
        let line = try fetch(dns, nginx())
        #expect(line["bytes"] == 6)
        #expect(line["dns"]?["cnames"]?[0]?["target"] == "web.example.test")
        #expect(line["dns"]?["rcode"] == "NOERROR")
        #expect(line["address"] == "127.0.0.1")
    }

    @Test(
        "a page of nginx by a name of unbound",
        .enabled(if: installed("nginx", "unbound"), "nginx and unbound are not both installed"))
    func unbound() throws {
        let dns = try #require(try RealServer.unbound(localData: ["www.example.test. 60 A 127.0.0.1"]))
        #expect(try fetch(dns, nginx())["status"] == 200)
    }

    @Test(
        "a page of nginx by a name of dnsmasq",
        .enabled(if: installed("nginx", "dnsmasq"), "nginx and dnsmasq are not both installed"))
    func dnsmasq() throws {
        let dns = try #require(try RealServer.dnsmasq(hosts: ["www.example.test": ["127.0.0.1", "::1"]]))
        #expect(try fetch(dns, nginx())["status"] == 200)
    }

    @Test(
        "knot's zone ends where it ends: NXDOMAIN inside, REFUSED outside",
        .enabled(if: installed("knotd"), "knot is not installed"))
    func negative() throws {
        let dns = try #require(try RealServer.knot(zone: "example.test", records: "www 60 A 127.0.0.1"))
        let output = try command([
            "resolve", "--json", "--dns-server", "127.0.0.1:\(dns.dnsPort)", "none.example.test", "elsewhere.test",
        ])
        let codes = try output.json().reduce(into: [:]) { $0[$1["name"]?.string] = $1["error"]?["code"]?.string }
        #expect(codes == ["none.example.test": "nxdomain", "elsewhere.test": "refused"])
    }

    @Test("redirects of nginx are followed", .enabled(if: installed("nginx"), "nginx is not installed"))
    func redirects() throws {
        let web = try nginx()
        let line = try #require(try command(["--json", "http://127.0.0.1:\(web.httpPort)/old"]).json().first)
        #expect(line["redirects"]?[0]?["status"] == 302)
        #expect(line["bytes"] == 6)
    }

    @Test(
        "nginx sees what curl would send", .enabled(if: installed("nginx"), "nginx is not installed"))
    func requests() throws {
        let web = try #require(
            try RealServer.nginx(
                pages: [String: String](),
                directives: "location = /echo { return 200 \"$request_method $http_x_a $http_user_agent $http_host\"; }"
            ))
        let output = try command([
            "--body", "-X", "DELETE", "-H", "X-A: b", "-A", "agent", "http://127.0.0.1:\(web.httpPort)/echo",
        ])
        #expect(output.stdout == "DELETE b agent 127.0.0.1:\(web.httpPort)")
    }
}
