// https by the command, against nginx and openssl, with certificates that are well and certificates that are not: accepted
// and refused as curl does, with the reason in one line.

import Bowline
import TestSupport
import Testing

@Suite(
    "Fetching over TLS",
    .enabled(if: RealServer.isInstalled("nginx") && Certificates.canBeMade, "needs nginx and openssl"),
    .timeLimit(.minutes(10)))
struct TLSFetchTests {
    private func nginx(_ pair: Certificates.Pair, _ directives: String = "") throws -> RealServer {
        // What older versions leave out unless told.
        let directives = directives.isEmpty ? "ssl_protocols TLSv1.2 TLSv1.3;" : directives
        return try #require(
            try RealServer.nginx(pages: ["/page": "a secret page"], tls: pair, directives: directives))
    }

    private func pin(_ host: String, _ port: UInt16) -> [String] {
        host == "127.0.0.1" ? [] : ["--resolve", "\(host):\(port):127.0.0.1"]
    }

    @Test("a certificate is accepted or refused as curl does, with the reason", arguments: CertificateCase.all)
    func certificate(_ testCase: CertificateCase) throws {
        let certificates = try Certificates.shared()
        let server = try nginx(try certificates.make(testCase.recipe), testCase.directives)
        let url = "https://\(testCase.host):\(server.port)/page"
        let output = try command(
            ["--cacert", certificates.root, "--json", url] + pin(testCase.host, server.port))
        #expect(output.exitCode == testCase.exit, "\(output.stdout)\(output.stderr)")
        let line = try #require(try output.json().first)
        if testCase.exit == 0 {
            #expect(line["bytes"] == 13)
            #expect(line["tls"]?["verified"] == true)
            #expect((line["timings"]?["tls_ms"]?.number ?? -1) >= 0)
        } else {
            #expect(line["error"]?["phase"] == "tls")
            #expect(line["error"]?["code"] == (testCase.exit == 60 ? "certificate" : "handshake"))
            let message = try #require(line["error"]?["message"]?.string)
            #expect(message.contains(testCase.words), "\(message)")
            #expect(!message.contains("\n"))
        }
        guard let expected = testCase.curl, Executables.find("curl") != nil else { return }
        let curl = try Subprocess.run(
            "curl", ["-s", "--cacert", certificates.root, url] + pin(testCase.host, server.port))
        #expect(curl.exitCode == expected, "curl disagrees: \(curl.stderr)")
    }

    @Test("a server that wants a certificate of this side is told as such: exit 35", arguments: ["-tls1_2", "-tls1_3"])
    func identityRequired(version: String) throws {
        let certificates = try Certificates.shared()
        let server = try #require(
            try RealServer.openssl(try certificates.make(for: "IP:127.0.0.1"), ["-Verify", "1", version]))
        let output = try command(["--cacert", certificates.root, "https://127.0.0.1:\(server.port)/"])
        #expect(output.exitCode == 35)
        #expect(output.stderr.contains("the other end wants a certificate of this side"))
    }

    @Test("a handshake that isn't one ends as curl ends it, with what was seen", arguments: HandshakeCase.all)
    func handshake(_ testCase: HandshakeCase) throws {
        let (handle, port) = try ServerThread.start { reactor in
            let factory = ServerFactory { HandshakeBreaker(testCase) }
            let port = try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: factory)
            return (port.address.port ?? 0, [port])
        }
        defer { handle.stop() }
        let url = "https://127.0.0.1:\(port)/"
        let output = try command(testCase.options + [url])
        #expect(output.exitCode == testCase.exit)
        #expect(output.stderr.contains(testCase.words), "\(output.stderr)")
        #expect(output.complaints.count == 1)
        guard Executables.find("curl") != nil else { return }
        let curl = try Subprocess.run("curl", ["-s"] + testCase.options + [url])
        #expect(curl.exitCode == testCase.exit, "curl disagrees: \(curl.stderr)")
    }

    @Test("a redirect from https to http isn't followed, and the message says what this command can do")
    func insecureRedirect() throws {
        let pair = try Certificates.shared().make(for: "IP:127.0.0.1")
        let (handle, port) = try ServerThread.start { reactor in
            let context = try TLSContext(
                server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
                clock: reactor)
            let server = try reactor.listenHTTP(port: 0, interface: .v4(.loopback), tls: context) { _ in
                .status(302, fields: [("Location", "http://127.0.0.1:1/")])
            }
            return (server.address?.port ?? 0, [server])
        }
        defer { handle.stop() }
        let output = try command(["--cacert", try Certificates.shared().root, "https://127.0.0.1:\(port)/"])
        #expect(output.exitCode == 47)
        #expect(output.stderr.contains("redirects from https to http://127.0.0.1:1/"))
        #expect(output.stderr.contains("it can be given as a target"))
    }

    @Test("--insecure accepts anything, and says so")
    func insecure() throws {
        var recipe = Certificates.Recipe("DNS:other.test")
        recipe.issuer = .itself
        recipe.end = "20240229120000Z"
        let pair = try Certificates.shared().make(recipe)
        let server = try nginx(pair)
        let url = "https://127.0.0.1:\(server.port)/page"
        let output = try command(["-k", url])
        #expect(output.exitCode == 0)
        #expect(output.stdout.contains("NOT VERIFIED (--insecure)"))
        let line = try #require(try command(["-k", "--json", url]).json().first)
        #expect(line["tls"]?["verified"] == false)
        #expect(line["tls"]?["problem"]?.string?.contains("self-signed") == true)
        // Whom to believe is told all the same, and then the name is what is wrong.
        let named = try command(["-k", "--cacert", pair.certificate, "--json", url])
        #expect(try #require(try named.json().first)["tls"]?["problem"]?.string?.contains("not for 127.0.0.1") == true)
    }

    @Test("the system's store is what is trusted without --cacert")
    func systemStore() throws {
        let certificates = try Certificates.shared()
        let server = try nginx(try certificates.make(for: "IP:127.0.0.1"))
        let url = "https://127.0.0.1:\(server.port)/page"
        let refused = try command([url])
        #expect(refused.exitCode == 60)
        #expect(refused.stderr.contains("is not trusted here"))
        // OpenSSL's variable puts another bundle in the store's place.
        #expect(try command([url], environment: ["SSL_CERT_FILE": certificates.root]).exitCode == 0)
    }

    @Test("the report has a line on TLS and a bar for its handshake")
    func report() throws {
        let certificates = try Certificates.shared()
        let server = try nginx(try certificates.make(for: "DNS:h.test"))
        let output = try command(
            ["--cacert", certificates.root, "https://h.test:\(server.port)/page"] + pin("h.test", server.port))
        #expect(output.exitCode == 0)
        #expect(
            output.stdout.contains(#"  TLSv1.3, TLS_AES_256_GCM_SHA384, certificate of "h.test" by "Bowline root", "#))
        #expect(output.stdout.contains(" days left"))
        #expect(output.stdout.contains("\n  TLS "))
    }

    @Test("a redirect leads from http to https")
    func redirect() throws {
        let certificates = try Certificates.shared()
        let secure = try nginx(try certificates.make(for: "IP:127.0.0.1"))
        let plain = try #require(
            try RealServer.nginx(
                pages: ["/x": "x"],
                directives: "location = /old { return 302 https://127.0.0.1:\(secure.port)/page; }"))
        let output = try command(
            ["--json", "--cacert", certificates.root, "http://127.0.0.1:\(plain.port)/old"])
        let line = try #require(try output.json().first)
        #expect(line["ok"] == true)
        #expect(line["url"]?.string == "https://127.0.0.1:\(secure.port)/page")
        #expect(line["tls"]?["version"] == "TLSv1.3")
    }

    @Test("a server that doesn't speak TLS is recognised: exit 35")
    func plain() throws {
        let server = try #require(try RealServer.nginx(pages: ["/page": "x"]))
        let output = try command(["https://127.0.0.1:\(server.port)/page"])
        #expect(output.exitCode == 35)
        #expect(output.stderr.contains("the other end doesn't speak TLS"))
    }

    @Test("a file for --cacert that can't be used is wrong usage: exit 64")
    func badFile() throws {
        let output = try command(["--cacert", "/nowhere/ca.pem", "http://127.0.0.1:1/"])
        #expect(output.exitCode == 64)
        #expect(output.stderr.contains("/nowhere/ca.pem"))
    }

    @Test("a second fetch from the same server resumes the session")
    func resumes() throws {
        let certificates = try Certificates.shared()
        let server = try nginx(try certificates.make(for: "IP:127.0.0.1"))
        let url = "https://127.0.0.1:\(server.port)/page"
        let output = try command(["--json", "--concurrency", "1", "--cacert", certificates.root, url, url])
        #expect(output.exitCode == 0)
        #expect(try output.json().map { $0["tls"]?["resumed"] } == [false, true])
    }
}
