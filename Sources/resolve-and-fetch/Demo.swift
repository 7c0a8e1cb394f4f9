// What the demo shows, and the servers that it shows it with. Nothing leaves the machine, and no file is read.

import Bowline
import BowlineTesting

final class Demo {
    struct Scene {
        let host: String
        let explanation: [String]
        /// Breaks what is to be broken for this scene.
        var prepare: () -> Void = {}
    }

    private(set) var scenes: [Scene] = []
    /// 0, or that of the first scene which went wrong.
    private(set) var exitCode: Int32 = 0
    private let reactor: Reactor
    private let web: HTTPResponder
    private let dns: FakeDNSServer
    private let style = Style(of: 1)
    private var blackHole: BlackHole?

    init(_ reactor: Reactor) throws {
        self.reactor = reactor
        web = try HTTPResponder(reactor: reactor) { request in
            let host = request.fields["host"] ?? "nowhere"
            return .delayed(
                by: .milliseconds(5),
                .respond(.init("Hello from \(host).\n", fields: [("Content-Type", "text/plain")])))
        }
        dns = try FakeDNSServer(reactor: reactor) { question in
            switch (question.name.text, question.type) {
            case ("lame.bowline.test", .aaaa): .drop
            case ("silent.bowline.test", _):
                .aliases(["www.bowline.test"], [.v6(.loopback), .v4(.loopback)], ttl: 300)
            default: .delayed(by: .milliseconds(2), .addresses([.v6(.loopback), .v4(.loopback)], ttl: 300))
            }
        }
        var configuration = ResolverConfiguration()
        configuration.servers = [dns.address]
        reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
        scenes = [
            Scene(
                host: "refused.bowline.test",
                explanation: [
                    "The name has an IPv6 and an IPv4 address. IPv6 goes first (RFC 8305) and is refused;",
                    "IPv4 is tried next.",
                ]),
            Scene(
                host: "silent.bowline.test",
                explanation: [
                    "Nobody answers at the IPv6 address. After 250 ms IPv4 is tried beside it, and wins."
                ],
                prepare: { [unowned self] in blackHole = BlackHole(port: web.port) }),
            Scene(
                host: "lame.bowline.test",
                explanation: [
                    "The DNS server never answers the question for AAAA. 50 ms after the A answer nobody waits for it",
                    "any longer.",
                ],
                prepare: { [unowned self] in blackHole = nil }),
        ]
    }

    /// Fetches what a scene is about and shows the report.
    func show(_ scene: Scene, _ done: @escaping () -> Void) {
        scene.prepare()
        let target = "http://\(scene.host):\(web.port)/"
        FetchPlan().fetch(target, on: reactor) { [self] outcome in
            do throws(SystemError) {
                let isLast = scene.host == scenes.last?.host
                let lacksIPv6 = outcome.report?.attempts.contains { $0.outcome == .unreachable } ?? false
                let remark = lacksIPv6 ? ["(This machine has no IPv6: the address can't be reached at all.)"] : []
                let explanation = (scene.explanation + remark).map { style.paint("# \($0)", .dim) }
                try Console.print(
                    explanation + [style.paint("$ resolve-and-fetch \(target)", .dim)] + outcome.lines(style)
                        + (isLast ? [] : [""]))
            } catch {
                fail(.output("stdout", error))
                reactor.stop()
            }
            // A signal is told by its own exit code.
            if let failure = outcome.failure, failure.code != "cancelled" { fail(failure) }
            done()
        }
    }

    private func fail(_ failure: Failure) {
        Console.complain(failure)
        if exitCode == 0 { exitCode = failure.exitCode }
    }
}
