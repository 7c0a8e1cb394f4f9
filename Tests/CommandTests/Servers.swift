// A DNS server and a web server inside the test process, on a reactor with a thread of its own: the command under test is
// another process, and the thread of the test waits for it.

import Bowline
import BowlineTesting
import Synchronization

final class Servers: Sendable {
    let dnsPort: UInt16
    let webPort: UInt16
    private let handle: ReactorHandle
    private let recorder: Recorder

    /// The requests that the web server has got.
    var requests: [HTTPResponder.Request] { recorder.requests.withLock { $0 } }
    /// The questions that the DNS server has got.
    var questions: [FakeDNSServer.Question] { recorder.questions.withLock { $0 } }

    private final class Recorder: Sendable {
        let requests = Mutex<[HTTPResponder.Request]>([])
        let questions = Mutex<[FakeDNSServer.Question]>([])
    }

    init(
        dns: @escaping @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action = Servers.usualNames,
        web: @escaping @Sendable (HTTPResponder.Request) -> HTTPResponder.Action = Servers.usualPages
    ) throws {
        let recorder = Recorder()
        (handle, (dnsPort, webPort)) = try ServerThread.start { reactor in
            let dns = try FakeDNSServer(reactor: reactor) { question in
                recorder.questions.withLock { $0.append(question) }
                return dns(question)
            }
            let web = try HTTPResponder(reactor: reactor) { request in
                recorder.requests.withLock { $0.append(request) }
                return web(request)
            }
            return ((dns.address.port ?? 0, web.port), [dns, web])
        }
        self.recorder = recorder
    }

    deinit { handle.stop() }

    /// The options that make the command ask this DNS server.
    var names: [String] { ["--dns-server", "127.0.0.1:\(dnsPort)"] }

    func url(_ path: String = "/", host: String = "h.test") -> String { "http://\(host):\(webPort)\(path)" }

    // MARK: what is there

    static let usualNames: @Sendable (FakeDNSServer.Question) -> FakeDNSServer.Action = { question in
        switch question.name.text {
        case "h.test": .addresses([.v4(.loopback)], ttl: 300)
        case "both.test": .addresses([.v6(.loopback), .v4(.loopback)], ttl: 300)
        case "alias.test": .aliases(["w.test"], [.v4(.loopback)], ttl: 300, aliasTTL: 60)
        case "lame.test" where question.type == .aaaa: .drop
        case "lame.test": .addresses([.v4(.loopback)])
        case "big.test": .truncated(overTCP: .addresses([.v4(.loopback)]))
        case "empty.test": .nodata()
        case "failing.test": .code(.servFail, ExtendedError(code: 22, text: "no \u{1B}[31mauthority"))
        case "refused.test": .code(.refused)
        case "hung.test": .drop
        case "text.test": .records([FakeDNSServer.Record("text.test", .txt, data: [5] + Array("hello".utf8))])
        default: .nxdomain()
        }
    }

    static let usualPages: @Sendable (HTTPResponder.Request) -> HTTPResponder.Action = { request in
        switch request.target {
        case "/": .respond(.init("hello, world", fields: [("Content-Type", "text/plain")]))
        case "/chunked": .respond(chunked("hello, world"))
        case "/old": .respond(.init(status: 301, fields: [("Location", "/")]))
        case "/elsewhere": .respond(.init(status: 301, fields: [("Location", elsewhere(request))]))
        case "/credentials": .respond(.init(status: 302, fields: [("Location", "http://user:secret@h.test/")]))
        case "/huge": .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 100000000000000000000\r\n\r\n".utf8))
        case "/secure": .respond(.init(status: 301, fields: [("Location", "ftp://user:secret@h.test/")]))
        case "/loop": .respond(.init(status: 302, fields: [("Location", "/loop")]))
        case "/echo": .respond(.init(request.body))
        case "/agent": .respond(.init(request.fields["user-agent"] ?? "none"))
        case "/garbage": .sequence([.raw(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)), .close])
        case "/empty": .close
        case "/reset": .reset
        case "/short": .cut(after: 60, .respond(.init(String(repeating: "x", count: 1_000))), then: .close)
        case "/stall": .stall
        case "/bytes": .pieces(of: 1, every: .milliseconds(1), .respond(.init("hello")))
        case "/evil": .respond(.init("a\u{1B}[31mred\u{7}\n", fields: [("Content-Type", "text/\u{9B}plain")]))
        case "/busy": .delayed(by: .milliseconds(100), .respond(.init("busy")))
        default: .respond(.init("no such page", status: 404))
        }
    }

    /// The first page of another host of the same server.
    private static func elsewhere(_ request: HTTPResponder.Request) -> String {
        "http://h.test:\(request.fields["host"]?.split(separator: ":").last ?? "")/"
    }

    private static func chunked(_ text: String) -> HTTPResponder.Response {
        var response = HTTPResponder.Response(text)
        response.framing = .chunked(5)
        return response
    }
}
