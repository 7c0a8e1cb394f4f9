// `idle`: how many system calls a reactor makes in five seconds in which nothing happens, and how often a lookup that
// nobody answers wakes it in five. strace counts, in a process of its own, between two marks that the process writes.

import Bowline
import BowlineTesting
import Glibc

func idle(_ setting: Setting) -> [Comparison] {
    [
        idleCase("system calls in 5 idle s", subject: "idle", calls: nil),
        idleCase("epoll_waits in a 5 s black hole", subject: "black-hole", calls: "epoll_wait"),
    ]
}

private func idleCase(_ name: String, subject: String, calls: String?) -> Comparison {
    var ours = Side.missing("strace is not installed")
    if Program.isInstalled("strace") { ours = .measured { try count(subject, calls) } }
    return Comparison(
        bench: "idle", name: name, unit: "calls", better: .lower, target: nil, referenceName: "none: 0 is the goal",
        ours: ours, reference: .missing("nothing to compare with"), pairs: 1)
}

/// The words that make this program the subject of a count, see `IdleSubject`.
let idleSubjectFlag = "--idle-subject"

private func count(_ subject: String, _ calls: String?) throws -> Double {
    let path = "/tmp/bowline-idle.\(getpid())"
    defer { unlink(path) }
    let own = try FileLink.target(of: "/proc/self/exe")
    try Program.run(["timeout", "60", "strace", "-f", "-o", path, own, idleSubjectFlag, subject])
    let lines = try Program.output(["cat", path]).split(separator: "\n")
    guard let begin = lines.firstIndex(where: { $0.contains("\"begin\"") }),
        let end = lines.firstIndex(where: { $0.contains("\"end\"") }), begin < end
    else { throw Program.Failure(description: "strace saw no marks") }
    // Between the marks the loop goes to sleep once; that call is the idling itself.
    let between = lines[(begin + 1)..<end].filter { !$0.contains("resumed>") }
    guard let calls else { return Double(max(0, between.count { !$0.contains("exit") } - 1)) }
    return Double(between.count { $0.contains("\(calls)(") })
}

enum FileLink {
    static func target(of path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw Program.Failure(description: path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// What the counted process does.
enum IdleSubject {
    private static let duration: Duration = .seconds(5)

    static func run(_ name: String) throws {
        let reactor = Reactor()
        precondition(nowhere >= 0, "/dev/null can't be opened")
        switch name {
        case "idle":
            // The end is a timer: nothing else is there to wait for.
            reactor.callWhenRunning { mark("begin") }
            reactor.callLater(duration) {
                mark("end")
                reactor.stop()
            }
        case "black-hole":
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            var configuration = ResolverConfiguration()
            configuration.servers = [server.address]
            reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration, hosts: .table(HostsFile()))
            reactor.callWhenRunning {
                mark("begin")
                reactor.resolver.lookup("silent.test", timeout: duration).addBoth { _ in
                    mark("end")
                    reactor.stop()
                }
            }
        default:
            throw Program.Failure(description: "there is no subject called \(name)")
        }
        try reactor.run()
    }

    /// A system call that strace shows and nobody else sees.
    private static func mark(_ text: String) {
        _ = write(nowhere, text, text.utf8.count)
    }

    private static let nowhere = open("/dev/null", O_WRONLY)
}
