// The agent's connections in virtual time: which request gets which, who waits, and when one is closed.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("The pool of connections")
struct PoolTests {
    @Test("the next request to an origin goes out on the connection that has served, and the report says so")
    func reuse() throws {
        let world = WebWorld()
        world.fetch("h.test/a")
        world.advance()
        world.fetch("h.test/b")
        world.advance()
        #expect(world.log == ["a 200", "b 200"])
        #expect(world.arrivals == ["a on 1", "b on 1"])
        let (first, second) = (try #require(world.pages["a"]).report, try #require(world.pages["b"]).report)
        #expect(!first.isConnectionReused && first.attempts.count == 1 && first.connected != nil)
        #expect(
            second.isConnectionReused && second.attempts.isEmpty && second.connected == nil && second.answers.isEmpty)
        #expect(second.peer == first.peer && second.firstByte != nil)
    }

    @Test("a callback that fetches at once finds the connection of the page that it was given")
    func reuseFromCallback() {
        let world = WebWorld()
        world.fetch("h.test/a").addCallback { _ in world.fetch("h.test/b") }
        world.advance()
        #expect(world.arrivals == ["a on 1", "b on 1"])
    }

    @Test("origins, local addresses and families don't share connections")
    func routes() {
        let world = WebWorld()
        for url in ["h.test/a", "h.test:81/b", "i.test/c"] {
            world.fetch(url)
            world.advance()
        }
        world.fetch("h.test/d") { $0.connect.bindAddress = .ip(.v4(.loopback), port: 0) }
        world.advance()
        world.fetch("h.test/e") { $0.connect.families = [.ipv4] }
        world.advance()
        world.fetch("H.test:80/f#x", "f")
        world.advance()
        #expect(world.arrivals == ["a on 1", "b on 2", "c on 3", "d on 4", "e on 5", "f on 1"])
    }

    @Test("the same letters in other bytes are another URL")  // and equal strings to Swift
    func equivalentURLs() {
        let world = WebWorld()
        for url in ["h.test/\u{E9}", "h.test/e\u{301}", "h.test/\u{E9}"] {
            world.fetch(url)
            world.advance()
        }
        #expect(world.responder.requests.map(\.target) == ["/%C3%A9", "/e%CC%81", "/%C3%A9"])
    }

    @Test("a request that reuses nothing goes out on a connection of its own, which is closed after it")
    func noReuse() {
        let world = WebWorld()
        world.fetch("h.test/a")
        world.advance()
        world.fetch("h.test/b") { $0.reusesConnections = false }
        world.advance()
        #expect(world.arrivals == ["a on 1", "b on 2"])
        #expect(world.responder.requests.map { $0.fields["connection"] } == [nil, "close"])
        #expect(world.open.count == 1)
    }

    @Test("requests beyond a host's limit wait, and go out in the order in which they came, one at a time on each")
    func hostLimit() {
        let world = WebWorld { $0.connectionsPerHost = 2 }
        world.responder.answers = { _ in .delayed(by: .milliseconds(10), .respond(.init())) }
        for name in ["a", "b", "c", "d", "e"] { world.fetch("h.test/\(name)") }
        world.advance()
        #expect(world.arrivals == ["a on 1", "b on 2"])
        #expect(world.agent.snapshot().waitingCount == 3)
        world.advance(10)
        #expect(world.arrivals.suffix(2) == ["c on 1", "d on 2"])
        world.advance(20)
        #expect(world.log == ["a 200", "b 200", "c 200", "d 200", "e 200"])
        #expect(world.addresses.connections.count == 2)
        #expect(world.pages["c"]?.report.queueTime == .milliseconds(10))
        #expect(world.pages["e"]?.report.queueTime == .milliseconds(20))
        #expect(world.counters.queued == 3)
    }

    @Test("the limit of the total holds across hosts, and an idle connection makes room for another host")
    func totalLimit() {
        let world = WebWorld { $0.connectionsInTotal = 2 }
        world.responder.answers = { _ in .delayed(by: .milliseconds(10), .respond(.init())) }
        for name in ["a", "b", "c", "d"] { world.fetch("\(name).test/\(name)") }
        world.advance()
        #expect(world.open.count == 2 && world.arrivals.count == 2)
        world.advance(10)
        #expect(world.open.count == 2 && world.arrivals.count == 4)
        world.advance(10)
        // The one that has been idle for longest goes.
        world.fetch("d.test/again")
        world.fetch("e.test/e")
        world.advance(10)
        #expect(world.arrivals.suffix(2) == ["again on 4", "e on 5"])
        #expect(world.log.count == 6)
        #expect(world.open.count == 2)
        #expect(world.counters.evicted == 3)
    }

    @Test("limits that are raised serve those who wait at once, and a limit below one is one")
    func raisedLimits() {
        let world = WebWorld {
            $0.connectionsPerHost = 0
            $0.connectionsInTotal = -1
        }
        world.responder.answers = { _ in .delayed(by: .milliseconds(10), .respond(.init())) }
        for name in ["a", "b", "c"] { world.fetch("h.test/\(name)") }
        world.fetch("i.test/d")
        world.advance()
        #expect(world.arrivals == ["a on 1"])
        world.agent.limits.connectionsPerHost = 2
        world.advance()
        #expect(world.arrivals == ["a on 1"])
        world.agent.limits.connectionsInTotal = 3
        world.advance()
        #expect(world.arrivals == ["a on 1", "b on 2", "d on 3"])
    }

    @Test("a host that has waited longer is served before a busy host's later requests")
    func fairness() {
        let world = WebWorld { $0.connectionsInTotal = 1 }
        world.responder.answers = { _ in .delayed(by: .milliseconds(10), .respond(.init())) }
        for name in ["a1", "a2", "b1", "a3", "c1", "a4"] { world.fetch("\(name.prefix(1)).test/\(name)") }
        world.advance(100)
        #expect(world.responder.requests.map(\.target) == ["/a1", "/a2", "/b1", "/a3", "/c1", "/a4"])
        #expect(world.addresses.peakConcurrency == 1)
    }

    @Test("an idle connection is closed when its time is over, and one that is used begins anew")
    func idleTimeout() {
        let world = WebWorld { $0.idleTimeout = .seconds(5) }
        world.fetch("h.test/a")
        world.fetch("i.test/b")
        world.advance(3_000)
        world.fetch("h.test/c")
        world.advance(1_999)
        #expect(world.open.count == 2)
        world.advance(1)
        #expect(world.open.count == 1)
        world.advance(2_999)
        #expect(world.open.count == 1)
        world.advance(1)
        #expect(world.open.isEmpty)
        #expect(world.counters.expired == 2)
        #expect(world.time.delayedCalls.isEmpty)
    }

    @Test("with an idle timeout of zero no connection is kept")
    func noIdle() {
        let world = WebWorld { $0.idleTimeout = .zero }
        world.fetch("h.test/a")
        world.advance()
        #expect(world.open.isEmpty)
    }

    @Test("an idle connection that the server closes, resets or speaks on is dropped at once", arguments: 0...2)
    func dropped(_ way: Int) {
        let world = WebWorld()
        var server: Server?
        world.addresses.otherwise = .connects(to: {
            let made = Server { $0.transport?.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            server = made
            return made
        })
        world.fetch("h.test/a")
        world.advance()
        #expect(world.open.count == 1)
        switch way {
        case 0: server?.transport?.loseConnection()
        case 1: server?.transport?.abortConnection()
        default: server?.transport?.write("HTTP/1.1 408 Request Timeout\r\n\r\n")
        }
        world.advance()
        #expect(world.open.isEmpty)
        #expect(world.agent.snapshot().connectionCount == 0)
        #expect(world.counters.dropped == 1)
        world.fetch("h.test/b")
        world.advance()
        #expect(world.pages["b"]?.report.isConnectionReused == false)
    }

    @Test(
        "a connection is reused only after a response that is framed beyond doubt",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
            ("HTTP/1.1 204 None\r\n\r\n", true),
            ("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n", true),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true),
            ("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 2\r\n\r\nok", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.1 204 None\r\nContent-Length: x\r\n\r\n", false),
            ("HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nok", false),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", false),
            ("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 20\r\n\r\nok", false),
        ])
    func framing(_ response: String, _ isReused: Bool) {
        let world = WebWorld()
        var count = 0
        world.addresses.otherwise = .connects(to: {
            count += 1
            return Server { $0.transport?.write($0.received.contains(UInt8(ascii: "Z")) ? "" : response) }
        })
        world.fetch("h.test/a") { $0.maximumRedirects = 1 }
        world.advance()
        world.fetch("h.test/Z")
        world.advance()
        #expect((count == 1) == isReused, "\(count) connections, \(world.log)")
    }

    @Test("a connection that fails fails its request alone, and its place goes to the next")
    func failedConnection() {
        let world = WebWorld { $0.connectionsPerHost = 1 }
        world.addresses.plan("127.0.0.1", .fails(ECONNREFUSED, after: .milliseconds(5)), world.addresses.otherwise)
        for name in ["a", "b"] { world.fetch("h.test/\(name)") }
        world.advance(5)
        #expect(world.log == ["a connect/refused", "b 200"])
    }

    @Test("a deadline ends a request that waits for a connection, and its place in the line is free")
    func deadlineInLine() {
        let world = WebWorld { $0.connectionsPerHost = 1 }
        world.responder.answers = { _ in .delayed(by: .milliseconds(100), .respond(.init())) }
        world.fetch("h.test/a")
        world.fetch("h.test/b") { $0.deadline = .milliseconds(50) }
        world.fetch("h.test/c")
        world.advance(50)
        #expect(world.log == ["b connect/deadline"])
        #expect(world.errors["b"]?.description.contains("no connection yet") == true)
        world.advance(150)
        #expect(world.log == ["b connect/deadline", "a 200", "c 200"])
        #expect(world.arrivals == ["a on 1", "c on 1"])
    }

    @Test("cancelling frees the place at once: of one that waits, that connects, and that is being served")
    func cancellation() {
        let world = WebWorld { $0.connectionsPerHost = 1 }
        world.responder.answers = { request in request.target == "/b" ? .stall : .respond(.init()) }
        world.addresses.plan("127.0.0.1", .never, world.addresses.otherwise)
        let connecting = world.fetch("h.test/a")
        let served = world.fetch("h.test/b")
        let waiting = world.fetch("h.test/c")
        world.fetch("h.test/d")
        world.advance(5)
        #expect(world.agent.snapshot().hosts.first.map { [$0.connecting, $0.waiting] } == [1, 3])
        connecting.cancel()
        world.advance()
        #expect(world.arrivals == ["b on 1"])
        waiting.cancel()
        served.cancel()
        #expect(world.open.isEmpty)
        world.advance()
        #expect(world.arrivals == ["b on 1", "d on 2"])
        #expect(world.log == ["a", "c", "b"].map { "\($0) \(CancelledError())" } + ["d 200"])
    }

    @Test("when the reactor stops, requests that wait fail with ReactorStopped")
    func stop() {
        let world = WebWorld { $0.connectionsPerHost = 1 }
        world.responder.answers = { _ in .stall }
        world.fetch("h.test/a")
        world.fetch("h.test/b")
        world.advance()
        world.agent.reactorStopped()
        #expect(world.log == ["b connect/cancelled"])
        #expect(world.errors["b"]?.cause is ReactorStopped)
    }

    @Test("the snapshot shows connections, those being made, those who wait, and what has happened")
    func snapshot() throws {
        let world = WebWorld { $0.connectionsPerHost = 2 }
        world.responder.answers = { $0.target == "/slow" ? .stall : .respond(.init()) }
        world.fetch("h.test/a")
        world.advance(10)
        world.fetch("h.test/slow")
        world.advance(5)
        let host = try #require(world.agent.snapshot().hosts.first)
        #expect("\(host.origin)" == "http://h.test")
        #expect(host.connections.map(\.isBusy) == [true])
        #expect(host.connections.map(\.exchanges) == [2])
        #expect(host.connections.map(\.age) == [.milliseconds(15)])
        #expect(host.connections.map(\.idleTime) == [nil])
        #expect(world.counters.fresh == 1 && world.counters.reused == 1)
    }

    @Test("idle connections are closed when their agent is let go")
    func letGo() {
        let world = WebWorld()
        var agent: Agent? = Agent(world)
        agent?.getPage("http://h.test/").addBoth { _ in }
        world.advance()
        #expect(world.open.count == 1)
        agent = nil
        world.advance()
        #expect(world.open.isEmpty)
        #expect(world.time.delayedCalls.isEmpty)
    }

    @Test(
        "whatever the load: no limit is passed, no connection carries two requests, everybody is served",
        arguments: 1...20)
    func property(_ seed: Int) throws {
        var random = SplitMix64(state: UInt64(seed))
        let (perHost, inTotal) = (Int.random(in: 1...4, using: &random), Int.random(in: 1...8, using: &random))
        let world = WebWorld {
            $0.connectionsPerHost = perHost
            $0.connectionsInTotal = inTotal
            $0.idleTimeout = .milliseconds(20)
        }
        var busy: Set<Int> = []
        var doubled = 0
        world.responder.answers = { request in
            if !busy.insert(request.connection).inserted { doubled += 1 }
            world.time.callLater(.milliseconds(Int(request.time.nanoseconds % 7))) {}
            let delay = Duration.milliseconds(Int(random.next() % 12))
            world.time.callLater(delay) { busy.remove(request.connection) }
            switch random.next() % 8 {
            case 0: return .delayed(by: delay, .close)
            case 1:
                return .delayed(
                    by: delay,
                    .respond(
                        {
                            var it = HTTPResponder.Response(); it.closes = true; return it
                        }()))
            default: return .delayed(by: delay, .respond(.init()))
            }
        }
        let count = 200
        var kept: [Deferred<PageResponse>] = []
        for number in 0..<count {
            let host = "h\(random.next() % 5).test"
            kept.append(
                world.fetch("\(host)/\(number)") { request in
                    if random.next() % 4 == 0 { request.method = "POST" }
                    if random.next() % 10 == 0 { request.reusesConnections = false }
                })
            if random.next() % 20 == 0 { kept.randomElement(using: &random)?.cancel() }
            if random.next() % 3 == 0 { world.advance(Int(random.next() % 6)) }
            let snapshot = world.agent.snapshot()
            #expect(snapshot.connectionCount <= inTotal)
            #expect(snapshot.hosts.allSatisfy { $0.connections.count + $0.connecting <= perHost })
        }
        world.advance(20_000)
        #expect(world.log.count == count)
        #expect(doubled == 0)
        let snapshot = world.agent.snapshot()
        #expect(snapshot.connectionCount == 0 && snapshot.waitingCount == 0)
        #expect(world.time.delayedCalls.isEmpty)
        #expect(!world.log.contains { $0.hasSuffix("deadline") })
    }
}
