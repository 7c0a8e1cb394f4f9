import Glibc
import TestSupport
import Testing

/// What the other tests rely on: each real server starts with the configuration given, answers, and is gone after.
@Suite("Real servers", .serialized)
struct RealServerTests {
    @Test("nginx serves the pages given", .enabled(if: RealServer.isInstalled("nginx"), "nginx is not installed"))
    func nginx() throws {
        let server = try #require(
            try RealServer.nginx(pages: ["/a/b": "body"], directives: "location = /old { return 301 /a/b; }"))
        #expect(get("/a/b", server.httpPort).hasSuffix("\r\n\r\nbody"))
        #expect(get("/old", server.httpPort).hasPrefix("HTTP/1.1 301"))
        expectGone(server)
    }

    @Test(
        "Apache serves the pages given", .enabled(if: RealServer.isInstalled("apache2"), "apache2 is not installed"))
    func apache() throws {
        let pages = ["/a/b": Array("body".utf8)]
        let server = try #require(try RealServer.apache(pages: pages, directives: "Redirect 301 /old /a/b"))
        #expect(get("/a/b", server.httpPort).hasSuffix("\r\n\r\nbody"))
        #expect(get("/old", server.httpPort).hasPrefix("HTTP/1.1 301"))
        expectGone(server)
    }

    @Test(
        "lighttpd serves the pages given, and haproxy passes them on",
        .enabled(
            if: ["lighttpd", "haproxy"].allSatisfy(RealServer.isInstalled), "lighttpd or haproxy is not installed"))
    func lighttpd() throws {
        let server = try #require(try RealServer.lighttpd(pages: ["/a/b": Array("body".utf8)]))
        let front = try #require(
            try RealServer.haproxy(to: server.port, frontend: "http-request deny if { path /old }"))
        for port in [server.httpPort, front.httpPort] { #expect(get("/a/b", port).hasSuffix("\r\n\r\nbody")) }
        #expect(get("/old", front.httpPort).hasPrefix("HTTP/1.1 403"))
        expectGone(front)
        expectGone(server)
    }

    @Test("httpbin says what it was asked", .enabled(if: RealServer.hasHTTPBin, "httpbin is not installed"))
    func httpbin() throws {
        let server = try #require(try RealServer.httpbin())
        #expect(get("/get?a=b", server.httpPort).contains("\"a\":\"b\""))
        expectGone(server)
    }

    @Test("knot answers for its zone", .enabled(if: RealServer.isInstalled("knotd"), "knot is not installed"))
    func knot() throws {
        let server = try #require(try RealServer.knot(zone: "example.test", records: "* 60 A 127.0.0.7"))
        #expect(address(of: "any.example.test", server.dnsPort) == [127, 0, 0, 7])
        expectGone(server)
    }

    @Test(
        "unbound answers what it was told", .enabled(if: RealServer.isInstalled("unbound"), "unbound is not installed"))
    func unbound() throws {
        let server = try #require(try RealServer.unbound(localData: ["www.example.test. 60 A 127.0.0.8"]))
        #expect(address(of: "www.example.test", server.dnsPort) == [127, 0, 0, 8])
        expectGone(server)
    }

    @Test(
        "dnsmasq answers what it was told", .enabled(if: RealServer.isInstalled("dnsmasq"), "dnsmasq is not installed"))
    func dnsmasq() throws {
        let server = try #require(try RealServer.dnsmasq(hosts: ["www.example.test": ["127.0.0.9", "::1"]]))
        #expect(address(of: "www.example.test", server.dnsPort) == [127, 0, 0, 9])
        expectGone(server)
    }

    @Test(
        "unbound and dnsmasq pass other questions on",
        .enabled(
            if: ["knotd", "unbound", "dnsmasq"].allSatisfy(RealServer.isInstalled),
            "not all three servers are installed"))
    func forwarding() throws {
        let knot = try #require(try RealServer.knot(zone: "example.test", records: "www 60 A 127.0.0.7"))
        let unbound = try #require(try RealServer.unbound(upstream: knot.dnsPort))
        let dnsmasq = try #require(try RealServer.dnsmasq(hosts: [:], upstream: unbound.dnsPort))
        #expect(address(of: "www.example.test", dnsmasq.dnsPort) == [127, 0, 0, 7])
    }

    @Test(
        "a server that is halted still stops",
        .enabled(if: RealServer.isInstalled("dnsmasq"), "dnsmasq is not installed"))
    func halted() throws {
        let server = try #require(try RealServer.dnsmasq(hosts: [:]))
        kill(server.process, SIGSTOP)
        expectGone(server)
    }

    @Test(
        "a server with a wrong configuration is an error that says why",
        .enabled(if: RealServer.isInstalled("nginx"), "nginx is not installed"))
    func wrongConfiguration() {
        let error = #expect(throws: SupportError.self) {
            _ = try RealServer.nginx(pages: [String: String](), directives: "nonsense;")
        }
        #expect(error?.description.contains("nonsense") == true)
    }

    private func expectGone(_ server: RealServer) {
        server.stop()
        #expect(kill(server.process, 0) == -1 && errno == ESRCH)
    }

    /// The last four octets of a reply: the data of its last A record.
    private func address(of name: String, _ port: UInt16) -> [UInt8]? {
        Loopback.ask(name, type: 1, port: port, timeout: .seconds(5)).map { Array($0.suffix(4)) }
    }

    private func get(_ path: String, _ port: UInt16) -> String {
        let url = "http://127.0.0.1:\(port)\(path)"
        let output = try? Subprocess.run("curl", ["--silent", "--include", "--noproxy", "*", url])
        return output?.stdout ?? ""
    }
}
