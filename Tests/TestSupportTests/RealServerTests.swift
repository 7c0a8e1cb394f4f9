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
