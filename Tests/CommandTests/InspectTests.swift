// `--inspect`: the page while a run goes on. A run can look at itself, which proves that the page is served meanwhile.

import TestSupport
import Testing

@Suite("--inspect", .timeLimit(.minutes(10)))
struct InspectTests {
    @Test("a run serves what it knows while it goes on, and ends without waiting for anybody")
    func itself() throws {
        let servers = try Servers()
        // Known before, for the run asks itself: not one of the ports that the system hands to others meanwhile.
        let inspector = "127.77.5.3:8053"
        let output = try command(
            servers.names + [
                "--inspect", inspector, "--body", "--concurrency", "1", servers.url(), "http://\(inspector)/cache.json",
            ])
        #expect(output.exitCode == 0)
        #expect(
            output.stdout.contains(
                "{\"name\": \"h.test\", \"type\": \"A\", \"state\": \"fresh\", \"data\": [\"127.0.0.1\"]"))
        #expect(output.stderr.contains(#/inspector: http://127\.77\.5\.3:8053/\?token=[0-9a-f]{32}\n/#))
    }

    @Test(
        "with a certificate it is served over TLS",
        .enabled(if: Certificates.canBeMade, "openssl is not installed"))
    func secure() throws {
        let servers = try Servers()
        let pair = try Certificates.shared().make(for: "IP:127.77.5.4")
        let inspector = "127.77.5.4:8053"
        let output = try command(
            servers.names + [
                "--inspect", inspector, "--inspect-cert", pair.certificate, "--inspect-key", pair.key, "--body",
                "--cacert", try Certificates.shared().root, "--concurrency", "1", servers.url(),
                "https://\(inspector)/cache.json",
            ])
        #expect(output.exitCode == 0)
        #expect(output.stdout.contains("{\"name\": \"h.test\", \"type\": \"A\""))
        #expect(output.stderr.contains("inspector: https://127.77.5.4:8053/?token="))
    }

    @Test("resolving serves it, too, on a port that the system chooses")
    func resolving() throws {
        let servers = try Servers()
        let output = try command(["resolve"] + servers.names + ["--inspect", "[::1]:0", "h.test"])
        #expect(output.exitCode == 0)
        #expect(output.stderr.contains(#/inspector: http://\[::1\]:\d+/\?token=[0-9a-f]{32}\n/#))
    }

    @Test(
        "what can't be served is wrong usage, before anything is fetched",
        arguments: [
            ["--inspect", "x"], ["--inspect", "127.0.0.1"], ["--inspect", "name:1"], ["--inspect", "127.0.0.1:65536"],
            ["--inspect", "0.0.0.0:0"], ["--inspect", "127.0.0.1:0", "--inspect-token", "short"],
            ["--inspect", "192.0.2.1:0", "--inspect-token", "long-enough"], ["--inspect-token", "long-enough"],
            ["--inspect", "127.0.0.1:0", "--inspect-cert", "/nowhere.pem"],
            ["--inspect", "127.0.0.1:0", "--inspect-key", "/nowhere.pem"],
            ["--inspect", "127.0.0.1:0", "--inspect-cert", "/nowhere.pem", "--inspect-key", "/nowhere.pem"],
            ["--inspect-cert", "/nowhere.pem", "--inspect-key", "/nowhere.pem"],
            ["--inspect-name", "h.test"],
        ])
    func usage(options: [String]) throws {
        let servers = try Servers()
        for arguments in [[servers.url()], ["h.test"]] {
            let verb = arguments == ["h.test"] ? ["resolve"] : []
            let output = try command(verb + servers.names + options + arguments)
            #expect(output.exitCode == 64)
            #expect(output.stderr.hasPrefix("Error: ") && output.stdout.isEmpty)
        }
        #expect(servers.questions.isEmpty)
    }
}
