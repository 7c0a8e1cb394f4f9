// How a fetch ends from outside: by its deadline, by cancellation and by the reactor's stop, in each of its phases. One
// outcome each time, and no socket left.

import Bowline
import BowlineTesting
import Glibc
import Testing

/// Where a fetch stands when it is ended.
enum Moment: String, CaseIterable, Sendable {
    case resolving, connecting, securing, sending, waiting, receiving, redirected

    /// The phase of an error then.
    var phase: String {
        switch self {
        case .resolving: "dns"
        case .connecting: "connect"
        case .securing: "tls"
        case .sending: "send"
        case .waiting, .receiving, .redirected: "receive"
        }
    }
}

/// A fetch that is brought to a moment, and stays there.
final class StuckFetch {
    let page: Deferred<PageResponse>
    private let reactor: Reactor
    private let moment: Moment
    private let port: UInt16
    private let hasArrived: () -> Bool
    private let silence: SilentPort?

    init(_ reactor: Reactor, at moment: Moment, deadline: Duration = .seconds(60)) throws {
        self.reactor = reactor
        self.moment = moment
        let resolver = ScriptedResolver(clock: reactor, ["h.test": [.v4(.loopback)]])
        if moment == .resolving { resolver.plan("h.test", .never) }
        reactor.resolver = resolver
        let silence = moment == .connecting ? SilentPort() : nil
        let progress = Progress()
        switch moment {
        case .resolving: port = 9
        case .connecting: port = silence?.port ?? 0
        case .securing:
            port = try BowlineWebTests.port(reactor) { _ in progress.hasArrived = true }
        case .sending:
            port = try BowlineWebTests.port(reactor) { connection in
                connection.transport?.pauseReading()
                progress.hasArrived = true
            }
        case .waiting, .receiving, .redirected:
            port = try HTTPResponder(reactor: reactor) { request in
                switch moment {
                case .receiving: .cut(after: 45, .respond(.init("hello, world")), then: .stall)
                case .redirected where request.target == "/":
                    .respond(.init(status: 302, fields: [("Location", "/next")]))
                default:
                    {
                        progress.hasArrived = true
                        return .stall
                    }()
                }
            }.port
        }
        var request = PageRequest("\(moment == .securing ? "https" : "http")://h.test:\(port)/")
        request.deadline = deadline
        request.connect.families = [.ipv4]
        if moment == .sending {
            request.method = "PUT"
            request.body = [UInt8](repeating: 0, count: 16 << 20)
        }
        request.observer = { event in
            switch (event, moment) {
            case (.head, .receiving), (.connecting, .resolving), (.connector(.attemptStarted), .connecting):
                progress.hasArrived = true
            default: break
            }
        }
        self.silence = silence
        hasArrived = { progress.hasArrived }
        page = reactor.fetch(request)
    }

    private final class Progress {
        var hasArrived = false
    }

    /// Waits until it is there; and a little more, so that buffers are full and bytes have come.
    func arrive() async throws {
        try await until(reactor, hasArrived)
        try await reactor.deferLater(.milliseconds(5)) {}.value
    }

    /// The fetch's own sockets.
    var sockets: Int { connectedSockets(to: port) - (silence?.fillerCount ?? 0) }
}

@Suite("Ends from outside")
struct PageEndingTests {
    @Test(
        "cancelling closes the connection before it returns, whatever the fetch was doing", arguments: Moment.allCases)
    func cancellation(_ moment: Moment) async throws {
        let (before, after, later, told) = try await onReactor { reactor in
            let fetch = try StuckFetch(reactor, at: moment)
            let told = Seen()
            fetch.page.addBoth { result in
                if case .failure(let error) = result { told.note("\(type(of: error))") } else { told.note("a page") }
            }
            try await fetch.arrive()
            let before = fetch.sockets
            fetch.page.cancel()
            let after = fetch.sockets
            try await reactor.deferLater(.milliseconds(20)) {}.value
            return (before, after, fetch.sockets, told.all)
        }
        #expect(before == (moment == .resolving ? 0 : 1))
        #expect(after == 0)
        #expect(later == 0)
        #expect(told == ["CancelledError"])
    }

    @Test("the deadline ends every phase, with the phase's name", arguments: Moment.allCases)
    func deadline(_ moment: Moment) async throws {
        let (found, left) = try await onReactor { reactor in
            let fetch = try StuckFetch(reactor, at: moment, deadline: .milliseconds(100))
            do {
                return ("\(try await fetch.page.value.status)", fetch.sockets)
            } catch {
                return (words(error), fetch.sockets)
            }
        }
        #expect(found == "\(moment.phase)/deadline")
        #expect(left == 0)
    }

    @Test("the reactor's stop ends every phase as cancelled, with ReactorStopped inside", arguments: Moment.allCases)
    func stop(_ moment: Moment) async throws {
        let told = Seen()
        let sockets = Seen()
        _ = try? await onReactor { reactor in
            let fetch = try StuckFetch(reactor, at: moment)
            fetch.page.addBoth { result in
                guard case .failure(let error as PageError) = result else { return told.note("\(result)") }
                told.note("\(words(error)) \(error.cause is ReactorStopped)")
            }
            reactor.addSystemEventTrigger(.after, .shutdown) { sockets.note("\(fetch.sockets)") }
            try await fetch.arrive()
            reactor.stop()
        }
        #expect(told.all == ["\(moment.phase)/cancelled true"])
        #expect(sockets.all == ["0"])
    }

    @Test("who is told of the stop while waiting for a connection may ask again: that fails, too")
    func askingAgain() async throws {
        let told = try await onReactor { reactor in
            let responder = try HTTPResponder(reactor: reactor) { _ in .stall }
            reactor.agent.limits.connectionsPerHost = 1
            let told = Seen()
            func ask() {
                reactor.getPage("http://127.0.0.1:\(responder.port)/").addBoth { result in
                    guard case .failure(let error) = result else { return }
                    told.note("\(type(of: error))")
                    // Without an end, one that goes on for ever would be a test that hangs.
                    if told.all.count < 100_000 { ask() }
                }
            }
            ask()
            ask()
            try await until(reactor) { responder.requests.count == 1 }
            return told
        }.all
        #expect(told.count >= 2 && told.count < 10_000)
        #expect(Set(told) == ["PageError"])
    }

    @Test("a body that has come and is still being decoded when the reactor stops ends, too", arguments: [false, true])
    func decoding(isStreamed: Bool) async throws {
        let encoded = ContentCoding.gzip.encode([UInt8](repeating: 0, count: 30_000_000))
        let told = try await onReactor { reactor in
            let responder = try HTTPResponder(reactor: reactor) { _ in
                .respond(.init(encoded, fields: [("Content-Encoding", "gzip")]))
            }
            let told = Seen()
            let request = PageRequest("http://127.0.0.1:\(responder.port)/")
            let body =
                isStreamed
                ? reactor.agent.request(request).addCallback { $0.body.collect() }
                : reactor.agent.fetch(request).addCallback { $0.body }
            body.addBoth { result in
                switch result {
                case .success(let bytes): told.note("\(bytes.count) bytes")
                case .failure(let error): told.note((error as? PageError)?.code ?? "\(type(of: error))")
                }
            }
            // The connection is free again before all is decoded.
            try await until(reactor) {
                reactor.agent.snapshot().hosts.contains { host in host.connections.contains { !$0.isBusy } }
            }
            return told
        }.all
        #expect(told == ["cancelled"])
    }

    @Test("one deadline covers all redirects")
    func deadlineOverRedirects() async throws {
        let (found, hops) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in
                .delayed(by: .milliseconds(300), .respond(.init(status: 302, fields: [("Location", "/again")])))
            }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.deadline = .seconds(1)
            let error = try await failure(reactor, request)
            return (words(error), error.report.redirects.count)
        }
        #expect(found == "receive/deadline")
        #expect((1...3).contains(hops))
    }

    @Test("one byte a second doesn't outlive the deadline")
    func drip() async throws {
        let (found, elapsed) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in
                .pieces(of: 1, every: .seconds(1), .respond(.init("hello")))
            }
            var request = PageRequest("http://127.0.0.1:\(server.port)/")
            request.deadline = .milliseconds(200)
            let error = try await failure(reactor, request)
            return (words(error), (error.report.end ?? error.report.start) - error.report.start)
        }
        #expect(found == "receive/deadline")
        #expect(elapsed >= .milliseconds(200))
    }

    @Test("a deadline of nothing ends the fetch before it touches the network")  // W127
    func noTime() async throws {
        let (found, attempts) = try await onReactor { reactor in
            let dialer = ScriptedDialer(clock: reactor)
            reactor.dialer = dialer
            var request = PageRequest("http://127.0.0.1/")
            request.deadline = .zero
            return (await outcome(reactor, request), dialer.attempts.filter { $0.ending != .abandoned }.count)
        }
        #expect(found.hasSuffix("/deadline"))
        #expect(attempts == 0)
    }

    @Test("a fetch that is done leaves no timer behind, and its deadline doesn't fire")  // W127
    func noTimerLeft() async throws {
        let (before, after) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init("hello")) }
            let before = reactor.delayedCalls.count
            _ = try await reactor.getPage("http://127.0.0.1:\(server.port)/").value
            _ = try? await reactor.getPage("http://127.0.0.1:1/").value
            // What is kept for the next request has one timer, for all of it.
            reactor.agent.closeIdleConnections()
            try await reactor.deferLater(.milliseconds(5)) {}.value
            return (before, reactor.delayedCalls.count)
        }
        #expect(after == before)
    }

    @Test("nothing keeps a fetch once it is over", arguments: ["/", "/empty", "/old", "cancelled"])
    func released(_ path: String) async throws {
        let (during, after) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { request in
                switch request.target {
                case "/empty": .close
                case "/old": .respond(.init(status: 302, fields: [("Location", "/")]))
                case "/cancelled": .stall
                default: .respond(.init("hello"))
                }
            }
            var canary: Canary? = Canary()
            weak let watched = canary
            var request = PageRequest("http://127.0.0.1:\(server.port)/\(path.trimming("/"))")
            request.observer = { [canary] _ in _ = canary }
            canary = nil
            let page = reactor.fetch(request)
            request.observer = nil
            if path == "cancelled" {
                try await reactor.deferLater(.milliseconds(5)) {}.value
                let during = watched != nil
                page.cancel()
                page.addBoth { _ in }
                try await reactor.deferLater(.milliseconds(5)) {}.value
                return (during, watched != nil)
            }
            let during = watched != nil
            _ = try? await page.value
            try await reactor.deferLater(.milliseconds(5)) {}.value
            return (during, watched != nil)
        }
        #expect(during)
        #expect(!after)
    }

    private final class Canary {}
}

extension String {
    fileprivate func trimming(_ character: Character) -> Substring { drop { $0 == character } }
}
