// A connector in virtual time: what its factory is told, and exactly when.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("A connector")
struct ConnectorTests {
    let world = VirtualWorld()
    let factory: LoggingFactory

    init() {
        factory = LoggingFactory(world)
    }

    private var log: [String] { factory.log.lines }

    /// Whatever happened, nothing stays behind.
    private func expectAllQuiet(_ location: SourceLocation = #_sourceLocation) {
        #expect(world.time.delayedCalls.isEmpty, sourceLocation: location)
        #expect(world.active.isEmpty, sourceLocation: location)
        #expect(world.names.pendingCount == 0, sourceLocation: location)
        #expect(world.addresses.attempts.allSatisfy { $0.ending != nil }, sourceLocation: location)
        #expect(world.addresses.connections.allSatisfy { $0.isStarted || $0.isClosedUnused }, sourceLocation: location)
    }

    // MARK: the way of a connection

    @Test("returns before anything happens, and tells each step in order")
    func order() {
        world.names.plan("h.test", .addresses(addresses("192.0.2.1"), after: .milliseconds(5)))
        world.addresses.plan("192.0.2.1", .connects(after: .milliseconds(20)))
        let connector = world.connect(factory)
        #expect(log == ["0 factory on", "0 started"])
        #expect(world.names.lookups.isEmpty && connector.state == .resolving)
        #expect(factory.connector === connector && connector.target == .host("h.test", port: 80))

        world.time.advance(by: .milliseconds(5))
        #expect(connector.state == .connecting && connector.addresses == addresses("192.0.2.1"))
        world.time.advance(by: .milliseconds(20))
        #expect(connector.state == .connected)
        #expect(log.dropFirst(2) == ["25 build 192.0.2.1:80", "25 made"])
        #expect(connector.attempts.map(\.outcome) == [.connected])

        world.addresses.connections[0].transport.deliverEnd()
        world.time.advance(by: .zero)
        #expect(connector.state == .disconnected)
        #expect(log.dropFirst(4) == ["25 ended closed in order", "25 lost closed in order", "25 factory off"])
        expectAllQuiet()
    }

    @Test("connects over IPv4 exactly 50 ms after the A, when the AAAA is dropped")
    func droppedAAAA() {
        world.names.plan("h.test", .aaaa, .never)
        world.names.plan("h.test", .a, .addresses(addresses("192.0.2.1"), after: .milliseconds(3)))
        world.addresses.plan("192.0.2.1", .connects(after: .milliseconds(1)))
        let connector = world.connect(factory)
        world.time.advance(by: .milliseconds(52))
        #expect(world.addresses.attempts.isEmpty && connector.state == .resolving)
        world.time.advance(by: .milliseconds(2))
        #expect(world.addresses.attempts.map { $0.started } == [connector.startTime + .milliseconds(53)])
        #expect(log.contains("54 made"))
        #expect(world.names.lookups.map(\.ending) == [.cancelled])
    }

    @Test("tries the next address when one refuses, and keeps both in the report")
    func refusedThenConnected() {
        world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
        world.addresses.plan("2001:db8::1", .fails(ECONNREFUSED, after: .milliseconds(2)))
        world.addresses.plan("192.0.2.1", .connects(after: .milliseconds(1)))
        let connector = world.connect(factory)
        world.time.advance(by: .milliseconds(20))
        #expect(log.contains("11 made"))
        #expect(connector.attempts.map(\.outcome) == [.refused, .connected])
        #expect(connector.attempts.map(\.errno) == [ECONNREFUSED, nil])
    }

    @Test("gives the loser of a race up, and closes it")
    func loser() {
        world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
        world.addresses.plan("2001:db8::1", .connects(after: .milliseconds(400)))
        world.addresses.plan("192.0.2.1", .connects(after: .milliseconds(50)))
        let connector = world.connect(factory)
        world.time.advance(by: .milliseconds(300))
        #expect(log.contains("300 made"))
        #expect(world.addresses.attempts.map(\.ending) == [.abandoned, .connected])
        #expect(connector.attempts.map(\.outcome) == [.cancelled, .connected])
        connector.disconnect()
        world.time.advance(by: .zero)
        expectAllQuiet()
    }

    @Test("never asks a resolver for the text of an address", arguments: ["192.0.2.7", "2001:db8::7", "fe80::1"])
    func literal(text: String) {
        world.addresses.otherwise = .connects(after: .milliseconds(1))
        let connector = world.connect(factory, to: text)
        world.time.advance(by: .milliseconds(1))
        #expect(world.names.lookups.isEmpty && connector.addresses == addresses(text))
        #expect(connector.answers.map(\.origin.source) == [.literal])
        #expect(world.addresses.attempts.map(\.address) == connector.addresses.map { .ip($0, port: 80) })
        #expect(connector.state == .connected)
    }

    @Test("connects when everything is known at once and the dial succeeds inside the call")
    func allAtOnce() {
        world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1")))
        world.addresses.otherwise = .connectsAtOnce()
        let connector = world.connect(factory)
        #expect(log.count == 2)
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["0 build [2001:db8::1]:80", "0 made"])
        connector.disconnect()
        world.time.advance(by: .zero)
        expectAllQuiet()
    }

    @Test("connects to a UNIX socket, without a name and without a race")
    func unix() {
        world.addresses.otherwise = .connectsAtOnce()
        let connector = world.connector(.unix(path: "/run/x.sock"), factory)
        connector.connect()
        #expect(log.count == 2)
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["0 build unix:/run/x.sock", "0 made"])
        #expect(connector.attempts.map(\.outcome) == [.connected])
    }

    @Test("asks and dials over the families of the options only, from the local address")
    func families() {
        world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
        var options = ConnectOptions()
        options.bindAddress = .ip(.v4(.loopback), port: 0)
        _ = world.connect(factory, options)
        world.time.advance(by: .zero)
        #expect(world.names.lookups.map(\.request.types) == [[.a]])
        #expect(world.addresses.attempts.map(\.local) == [options.bindAddress])
    }

    @Test("prefers the address that worked last time")
    func history() throws {
        let name = try DomainName("h.test")
        let both = addresses("192.0.2.1 192.0.2.2")
        world.names.plan("h.test", .addresses(both, after: .zero))
        var known = DNSAnswer(outcome: .answer)
        known.addresses = ShortList(both)
        known.ttl = 60
        world.names.cache.store(known, for: name, .a, origin: AnswerOrigin(), now: world.time.now)
        world.addresses.plan("192.0.2.1", .fails(ECONNREFUSED))
        world.addresses.plan("192.0.2.2", .connects())
        let connector = world.connect(factory)
        world.time.advance(by: .seconds(1))
        connector.disconnect()
        world.time.advance(by: .zero)
        #expect(world.addresses.attempts.map(\.address.ipAddress) == both)
        connector.connect()
        world.time.advance(by: .zero)
        #expect(world.addresses.attempts.last?.address.ipAddress == both[1])
        #expect(world.names.cache.connects(name, .a).map(\.outcome) == ["refused", "connected"])
    }

    @Test("forgets after five minutes that an address failed, and after an hour how fast another was")
    func oldHistory() throws {
        let now = world.time.now
        func history(_ outcome: String, _ age: Duration) -> AddressOrdering.History {
            let record = CacheEntry.ConnectRecord(
                address: addresses("192.0.2.1")[0], outcome: outcome, duration: .milliseconds(3), when: now - age)
            return AddressOrdering.History(record, now: now)
        }
        #expect(history("refused", .seconds(299)) == .failed)
        #expect(history("refused", .seconds(300)) == .unknown)
        #expect(history("connected", .seconds(3599)) == .connected(roundTrip: .milliseconds(4)))
        #expect(history("connected", .seconds(3600)) == .unknown)
    }

    // MARK: failing

    @Test(
        "fails with the lookup's own error when there is no address",
        arguments: [
            LookupError.Kind.nodata, .nxdomain, .servfail, .timeout,
        ])
    func noAddress(kind: LookupError.Kind) {
        for delay in [nil, Duration.milliseconds(4)] {
            let (world, factory) = (VirtualWorld(), LoggingFactory(self.world))
            world.names.plan("h.test", .fails(kind, after: delay))
            _ = world.connect(factory)
            world.time.advance(by: .seconds(1))
            #expect(factory.errors.count == 1)
            #expect(factory.errors.first?.shortReason == kind.rawValue)
            #expect(factory.errors.first?.phase == .name)
            #expect(factory.errors.first?.description.contains("h.test") == true)
            #expect(factory.errors.first?.answers.count == 2)
        }
    }

    @Test("fails when every address failed, with each of them in the error")
    func allFailed() {
        world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
        world.addresses.plan("2001:db8::1", .failsAtOnce(ENETUNREACH))
        world.addresses.plan("192.0.2.1", .fails(ECONNREFUSED, after: .milliseconds(3)))
        let connector = world.connect(factory)
        world.time.advance(by: .seconds(1))
        #expect(log.dropFirst(2) == ["13 failed unreachable refused", "13 factory off"])
        #expect(
            factory.errors[0].description == "cannot connect to h.test:80: [2001:db8::1]:80 unreachable "
                + "(Network is unreachable), 192.0.2.1:80 refused")
        #expect(connector.state == .disconnected && factory.errors[0].elapsed == .milliseconds(13))
        expectAllQuiet()
    }

    @Test("times out in each phase, with what was tried until then")
    func timeouts() {
        var options = ConnectOptions()
        options.timeout = .milliseconds(700)
        world.names.plan("silent.test", .never)
        world.names.plan("half.test", .aaaa, .addresses(addresses("2001:db8::1"), after: .milliseconds(9)))
        world.names.plan("half.test", .a, .never)
        world.names.plan("dead.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
        let silent = LoggingFactory(world)
        let half = LoggingFactory(world)
        let dead = LoggingFactory(world)
        options.nameTimeout = .seconds(30)
        _ = world.connect(silent, to: "silent.test", options)
        _ = world.connect(half, to: "half.test", options)
        _ = world.connect(dead, to: "dead.test", options)
        world.time.advance(by: .milliseconds(699))
        #expect((silent.errors + half.errors + dead.errors).isEmpty)
        world.time.advance(by: .milliseconds(1))
        // The lookup had the same time, and its error has what each server did.
        #expect(silent.log.lines.dropFirst(2) == ["700 failed timeout", "700 factory off"])
        #expect(half.log.lines.dropFirst(2) == ["700 failed timed out", "700 factory off"])
        #expect(dead.log.lines.dropFirst(2) == ["700 failed timed out", "700 factory off"])
        #expect(half.errors[0].answers.count == 2)
        #expect(
            dead.errors[0].description == "cannot connect to dead.test:80 within 700 ms: "
                + "[2001:db8::1]:80 timeout, 192.0.2.1:80 timeout")
        expectAllQuiet()
    }

    @Test("gives the name its own, shorter time")
    func nameTimeout() {
        var options = ConnectOptions()
        options.nameTimeout = .seconds(2)
        world.names.plan("h.test", .never)
        _ = world.connect(factory, options)
        world.time.advance(by: .seconds(2))
        #expect(log.dropFirst(2) == ["2000 failed timeout", "2000 factory off"])
        expectAllQuiet()
    }

    @Test("times out before it began when there is no time at all")
    func noTime() {
        var options = ConnectOptions()
        options.timeout = .zero
        _ = world.connect(factory, options)
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["0 failed timed out", "0 factory off"])
        #expect(world.names.lookups.isEmpty)
        expectAllQuiet()
    }

    @Test("tells a target that can't be connected to as what it is")
    func badTargets() {
        var six = ConnectOptions()
        six.families = [.ipv6]
        var fromFour = ConnectOptions()
        fromFour.bindAddress = .ip(.v4(.loopback), port: 0)
        var none = ConnectOptions()
        none.families = []
        var fromUnix = ConnectOptions()
        fromUnix.bindAddress = .unix(path: "/x")
        let cases: [(ConnectTarget, ConnectOptions, String)] = [
            (
                .host("h.test", port: 0), .init(),
                "cannot connect to h.test:0: port 0 is none to connect to; give one from 1 to 65535"
            ),
            (
                .host("127.0.0.1", port: 80), six,
                "cannot connect to 127.0.0.1:80: it is an IPv4 address, and the options allow only IPv6"
            ),
            (
                .host("::1", port: 80), fromFour,
                "cannot connect to [::1]:80: it is an IPv6 address, and the options allow only IPv4"
            ),
            (
                .host("h.test", port: 80), none,
                "cannot connect to h.test:80: the options leave no address family to use; allow IPv4, IPv6, or both"
            ),
            (
                .host("h.test", port: 80), fromUnix,
                "cannot connect to h.test:80: the local address for TCP must be an IP address"
            ),
            (
                .host("a\nb", port: 0), .init(),
                "cannot connect to \"a\\nb\":0: port 0 is none to connect to; give one from 1 to 65535"
            ),
            (
                .unix(path: ""), .init(),
                "cannot connect to unix:: the path of a UNIX socket has 1 to 107 octets, and no NUL inside"
            ),
            (
                .unix(path: "a\0b"), .init(),
                "cannot connect to \"unix:a\\0b\": the path of a UNIX socket has 1 to 107 octets, and no NUL inside"
            ),
        ]
        for (target, options, text) in cases {
            let factory = LoggingFactory(world)
            world.connector(target, factory, options).connect()
            #expect(factory.errors.isEmpty)
            world.time.advance(by: .zero)
            #expect(factory.errors.map(\.description) == [text])
            #expect(factory.errors.first?.phase == .target)
        }
        let factory = LoggingFactory(world)
        _ = world.connect(factory, to: "a b")
        world.time.advance(by: .zero)
        #expect(factory.errors.map(\.shortReason) == ["bad name"] && factory.errors[0].phase == .target)
        #expect(world.names.lookups.isEmpty && world.addresses.attempts.isEmpty)
        expectAllQuiet()
    }

    // MARK: stopping

    @Test("is stopped in each phase with one outcome, and late answers are silent", arguments: [0, 1, 4, 5, 6, 30])
    func stopped(at milliseconds: Int) {
        world.names.plan("h.test", .aaaa, .addresses(addresses("2001:db8::1"), after: .milliseconds(5)))
        world.names.plan("h.test", .a, .addresses(addresses("192.0.2.1"), after: .milliseconds(40)))
        world.addresses.otherwise = .connects(after: .milliseconds(90))
        let connector = world.connect(factory)
        world.time.advance(by: .milliseconds(milliseconds))
        connector.stopConnecting()
        connector.stopConnecting()
        #expect(log.count == 2 && connector.state == .disconnected)
        world.time.advance(by: .seconds(60))
        #expect(log.dropFirst(2) == ["\(milliseconds) failed cancelled", "\(milliseconds) factory off"])
        expectAllQuiet()
    }

    @Test("is stopped inside startedConnecting")
    func stoppedWhenStarted() {
        factory.onStep = { step, connector in if step == .started { connector.stopConnecting() } }
        _ = world.connect(factory)
        #expect(log == ["0 factory on", "0 started"])
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["0 failed cancelled", "0 factory off"])
        #expect(world.names.lookups.isEmpty)
        expectAllQuiet()
    }

    @Test("doesn't stop a connection that stands; disconnect closes it")
    func stopWhenConnected() {
        world.addresses.otherwise = .connects()
        let connector = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .zero)
        connector.stopConnecting()
        world.time.advance(by: .seconds(1))
        #expect(connector.state == .connected)
        connector.disconnect()
        #expect(connector.state == .connected)
        world.time.advance(by: .zero)
        #expect(log.suffix(3) == ["1000 ended closed in order", "1000 lost closed in order", "1000 factory off"])
        connector.disconnect()
        world.time.advance(by: .seconds(1))
        #expect(log.count == 7)
        expectAllQuiet()
    }

    @Test(
        "is disconnected inside buildProtocol and inside connectionMade",
        arguments: [
            LoggingFactory.Step.building, .made,
        ])
    func disconnectedEarly(step: LoggingFactory.Step) {
        factory.onStep = { now, connector in if now == step { connector.disconnect() } }
        world.addresses.otherwise = .connects()
        _ = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .seconds(1))
        #expect(
            log.dropFirst(2) == [
                "0 build 192.0.2.1:80", "0 made", "0 ended closed in order", "0 lost closed in order", "0 factory off",
            ])
        expectAllQuiet()
    }

    @Test("closes a connection for which the factory makes no protocol")
    func declined() {
        factory.declines = true
        world.addresses.otherwise = .connects()
        _ = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["0 build 192.0.2.1:80", "0 lost closed in order", "0 factory off"])
        expectAllQuiet()
    }

    @Test("fails with the reactor's stop in each phase", arguments: [0, 5, 30])
    func reactorStops(at milliseconds: Int) {
        world.names.plan("h.test", .aaaa, .addresses(addresses("2001:db8::1"), after: .milliseconds(20)))
        world.names.plan("h.test", .a, .never)
        _ = world.connect(factory)
        world.time.advance(by: .milliseconds(milliseconds))
        world.stop()
        world.time.advance(by: .zero)
        #expect(log.dropFirst(2) == ["\(milliseconds) failed stopped", "\(milliseconds) factory off"])
        expectAllQuiet()
    }

    @Test("takes a dial that the stopping reactor ended for the stop that it is")
    func stoppedDial() {
        world.addresses.otherwise = .fails(ECANCELED, after: .milliseconds(1))
        _ = world.connect(factory, to: "192.0.2.1")
        let unix = LoggingFactory(world)
        world.connector(.unix(path: "/x"), unix).connect()
        world.time.advance(by: .milliseconds(1))
        #expect(factory.errors.map(\.shortReason) == ["stopped"] && unix.errors.map(\.shortReason) == ["stopped"])
    }

    // MARK: again

    @Test(
        "connects again from each callback that may, with the factory started once",
        arguments: [
            LoggingFactory.Step.failed, .lost,
        ])
    func again(step: LoggingFactory.Step) {
        var left = 2
        factory.onStep = { [world] now, connector in
            if now == .made { connector.disconnect() }
            guard now == step, left > 0 else { return }
            left -= 1
            if left == 0 { world.addresses.plan("192.0.2.1", .connects()) }
            connector.connect()
        }
        world.addresses.plan("192.0.2.1", step == .failed ? .fails(ECONNREFUSED) : .connects())
        let connector = world.connect(factory, to: "192.0.2.1")
        world.time.advance(by: .seconds(1))
        #expect(log.filter { $0.hasSuffix("started") }.count == 3)
        #expect(log.filter { $0.hasSuffix("factory on") }.count == 1)
        #expect(log.filter { $0.hasSuffix("factory off") }.count == 1)
        #expect(log.last?.hasSuffix("factory off") == true && connector.state == .disconnected)
        expectAllQuiet()
    }

    @Test("connects again right after stopConnecting, once the cancellation was told")
    func againAfterStop() {
        world.addresses.otherwise = .connects(after: .milliseconds(5))
        let connector = world.connect(factory, to: "192.0.2.1")
        connector.stopConnecting()
        connector.connect()
        connector.connect()
        world.time.advance(by: .milliseconds(5))
        #expect(
            log == ["0 factory on", "0 started", "0 failed cancelled", "0 started", "5 build 192.0.2.1:80", "5 made"])
        connector.disconnect()
        world.time.advance(by: .zero)
        connector.connect()
        connector.stopConnecting()
        connector.connect()
        connector.stopConnecting()
        world.time.advance(by: .seconds(1))
        #expect(log.suffix(3) == ["5 started", "5 failed cancelled", "5 factory off"])
        expectAllQuiet()
    }

    @Test("is released when it is over, with its factory and its protocol")
    func released() {
        weak var connector: Connector?
        weak var made: LoggingProtocol?
        do {
            let factory = LoggingFactory(world)
            world.names.plan("h.test", .addresses(addresses("2001:db8::1 192.0.2.1"), after: .zero))
            world.addresses.plan("192.0.2.1", .connects())
            let strong = world.connect(factory)
            connector = strong
            world.time.advance(by: .seconds(1))
            made = factory.protocols.first
            #expect(strong.state == .connected && made != nil)
            strong.disconnect()
            world.time.advance(by: .zero)
        }
        #expect(connector == nil && made == nil)
    }

    // MARK: resolvers and dialers of other people

    @Test("minds no dialer that speaks after it was told to abandon, and closes what it brings")
    func lateDialer() {
        let dialer = LateDialer()
        let world = OtherResolverWorld(TerseResolver(), dialer)
        let factory = LoggingFactory(world.inner)
        let connector = Connector(
            to: .host("192.0.2.1", port: 80), factory: factory, options: .init(), environment: world)
        connector.connect()
        world.inner.time.advance(by: .zero)
        connector.stopConnecting()
        connector.connect()
        world.inner.time.advance(by: .zero)
        connector.stopConnecting()
        world.inner.time.advance(by: .zero)
        let connection = LateDialer.Connection()
        dialer.completions[0](.failure(DialError(ECONNREFUSED)))
        dialer.completions[1](.success(connection))
        world.inner.time.advance(by: .seconds(1))
        #expect(connection.isClosed)
        #expect(factory.errors.map(\.shortReason) == ["cancelled", "cancelled"])
    }

    @Test("takes answers that a resolver gives at the end only")
    func answersAtTheEnd() {
        let resolver = TerseResolver()
        let world = OtherResolverWorld(resolver)
        let factory = LoggingFactory(world.inner)
        world.inner.addresses.otherwise = .connects()
        Connector(to: .host("h.test", port: 80), factory: factory, options: .init(), environment: world).connect()
        world.inner.time.advance(by: .zero)
        resolver.pending?.callback(
            LookupAnswer(
                name: nil,
                questions: [
                    TypeAnswer(
                        type: .a,
                        records: [
                            ResourceRecord(name: .root, type: .a, ttl: 1, data: .address(addresses("192.0.2.1")[0]))
                        ],
                        origin: AnswerOrigin(), time: world.clock.now)
                ], elapsed: .zero))
        world.inner.time.advance(by: .zero)
        #expect(factory.log.lines.contains("0 made"))
    }

    @Test("fails at once when a resolver answers only for a family that nobody asked for")
    func otherFamily() {
        let resolver = TerseResolver()
        let world = OtherResolverWorld(resolver)
        let factory = LoggingFactory(world.inner)
        var options = ConnectOptions()
        options.families = [.ipv6]
        let connector = Connector(
            to: .host("h.test", port: 80), factory: factory, options: options, environment: world)
        connector.connect()
        world.inner.time.advance(by: .zero)
        let record = ResourceRecord(name: .root, type: .a, ttl: 1, data: .address(addresses("192.0.2.1")[0]))
        resolver.pending?.callback(
            LookupAnswer(
                name: nil,
                questions: [
                    TypeAnswer(type: .a, records: [record], origin: AnswerOrigin(), time: world.clock.now)
                ], elapsed: .zero))
        world.inner.time.advance(by: .zero)
        #expect(factory.errors.map(\.shortReason) == ["nodata"])
        #expect(connector.addresses.isEmpty)
        #expect(world.inner.addresses.attempts.isEmpty)
    }

    @Test("keeps what it learns of a short name's address under the name that the search list made of it")
    func completedName() throws {
        let completed = try DomainName("h.corp.test")
        let answer = addresses("192.0.2.1")
        var known = DNSAnswer(outcome: .answer)
        known.addresses = ShortList(answer)
        known.ttl = 60
        world.names.cache.store(known, for: completed, .a, origin: AnswerOrigin(), now: world.time.now)
        world.names.plan(
            "h", .a,
            .records([ResourceRecord(name: completed, type: .a, ttl: 60, data: .address(answer[0]))]))
        world.addresses.plan("192.0.2.1", .fails(ECONNREFUSED))
        _ = world.connect(factory, to: "h")
        world.time.advance(by: .seconds(60))
        #expect(world.names.cache.connects(completed, .a).map(\.outcome) == ["refused"])
    }

    @Test("tells of an address to which there was no way, and of no other")
    func unreachable() {
        world.names.plan("h.test", .addresses(addresses("192.0.2.1 192.0.2.2 192.0.2.3"), after: .zero))
        world.addresses.plan("192.0.2.1", .fails(ECONNREFUSED))
        world.addresses.plan("192.0.2.2", .fails(EHOSTUNREACH))
        world.addresses.plan("192.0.2.3", .fails(ETIMEDOUT))
        _ = world.connect(factory)
        world.time.advance(by: .seconds(60))
        #expect(factory.errors.count == 1)
        #expect(world.unreachable == addresses("192.0.2.2"))
    }

    @Test("keeps the words of an error that it doesn't know, and takes an empty answer for none")
    func oddResolvers() {
        struct Odd: Error, CustomStringConvertible { var description: String { "no telephone" } }
        let outcomes: [(Result<LookupAnswer, any Error>, String)] = [
            (.failure(Odd()), "cannot look up the name of h.test:80: no telephone"),
            (.failure(CancelledError()), "connecting to h.test:80 was cancelled"),
            (
                .success(LookupAnswer(name: nil, questions: [], elapsed: .zero)),
                "h.test exists but has no AAAA or A record"
            ),
        ]
        for (outcome, text) in outcomes {
            let resolver = TerseResolver()
            let world = OtherResolverWorld(resolver)
            let factory = LoggingFactory(world.inner)
            Connector(to: .host("h.test", port: 80), factory: factory, options: .init(), environment: world).connect()
            world.inner.time.advance(by: .zero)
            switch outcome {
            case .success(let answer): resolver.pending?.callback(answer)
            case .failure(let error): resolver.pending?.errback(error)
            }
            world.inner.time.advance(by: .zero)
            #expect(factory.errors.map(\.description) == [text])
        }
    }
}

/// A resolver that says nothing until the end.
private final class TerseResolver: Resolver {
    let cache = ResolverCache()
    var pending: Deferred<LookupAnswer>?

    func resolve(_ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?) -> Deferred<LookupAnswer> {
        let deferred = Deferred<LookupAnswer>()
        pending = deferred
        return deferred
    }

    func reactorStopped() {}
}

/// A dialer that doesn't listen.
private final class LateDialer: Dialer {
    final class Connection: DialedConnection {
        var isClosed = false
        let peer = SocketAddress.unspecified

        func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) -> any Transport { MemoryTransport() }
        func close() { isClosed = true }
    }

    private final class Attempt: Dial {
        func abandon() {}
    }

    var completions: [(Result<any DialedConnection, DialError>) -> Void] = []

    func dial(
        _ address: SocketAddress, from local: SocketAddress?,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) -> any Dial {
        completions.append(completion)
        return Attempt()
    }
}

private final class OtherResolverWorld: ConnectEnvironment {
    let inner = VirtualWorld()
    let resolver: any Resolver
    let dialer: any Dialer

    init(_ resolver: any Resolver, _ dialer: (any Dialer)? = nil) {
        self.resolver = resolver
        self.dialer = dialer ?? inner.dialer
    }

    var clock: any ReactorClock { inner.clock }
    func sourceAddress(toward destination: IPAddress) -> IPAddress? { destination }
    func noteUnreachable(_ destination: IPAddress) {}
    func deliverLater(_ work: any TurnDelivery) { inner.deliverLater(work) }
    func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext {
        try inner.tlsContext(for: configuration)
    }
    func remember(_ connector: Connector) {}
    func forget(_ connector: Connector) {}
}
