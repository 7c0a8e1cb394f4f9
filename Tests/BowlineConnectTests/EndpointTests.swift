// Endpoints in virtual time: what they fire with, and what cancelling them leaves behind.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("A client endpoint")
struct EndpointTests {
    let world = VirtualWorld()

    private func endpoint(_ host: String = "h.test", _ options: ConnectOptions = .init()) -> TCPClientEndpoint {
        TCPClientEndpoint(world, host: host, port: 80, options: options)
    }

    @Test("fires with the protocol after its connectionMade, and not before connect returns")
    func success() {
        world.addresses.otherwise = .connectsAtOnce()
        world.names.plan("h.test", .addresses(addresses("192.0.2.1")))
        let seen = AccumulatingProtocol()
        var events: [AccumulatingProtocol.Event]?
        endpoint().connect(seen).addCallback { made in events = made.events }
        #expect(events == nil)
        world.time.advance(by: .zero)
        #expect(events == [.made])
        seen.transport?.loseConnection()
        world.time.advance(by: .zero)
        #expect(seen.end == .done)
    }

    @Test("fails with the connector's error, and tells its options to the connector")
    func failure() {
        var options = ConnectOptions()
        options.timeout = .milliseconds(40)
        options.bindAddress = .ip(.v4(.loopback), port: 0)
        var errors: [ConnectError] = []
        endpoint("192.0.2.1", options).connect(AccumulatingProtocol())
            .addCallback { _ in }
            .addErrback { error in if let error = error as? ConnectError { errors.append(error) } }
        world.time.advance(by: .milliseconds(40))
        #expect(errors.map(\.shortReason) == ["timed out"])
        #expect(world.addresses.attempts.map(\.local) == [options.bindAddress])
    }

    @Test("ends with CancelledError in each phase, and nothing stays behind", arguments: [0, 3, 5, 20, 60])
    func cancelled(at milliseconds: Int) {
        world.names.plan("h.test", .aaaa, .never)
        world.names.plan("h.test", .a, .addresses(addresses("192.0.2.1"), after: .milliseconds(5)))
        world.addresses.otherwise = .never
        var ends: [String] = []
        let deferred = endpoint().connect(Factory { AccumulatingProtocol() })
        deferred.addCallback { _ in ends.append("made") }.addErrback { error in ends.append("\(type(of: error))") }
        world.time.advance(by: .milliseconds(milliseconds))
        deferred.cancel()
        #expect(ends == ["CancelledError"])
        world.time.advance(by: .seconds(100))
        #expect(ends.count == 1 && world.active.isEmpty && world.time.delayedCalls.isEmpty)
        #expect(world.addresses.attempts.allSatisfy { $0.ending == .abandoned })
    }

    @Test("closes the connection when it is cancelled while the protocol is made", arguments: [true, false])
    func cancelledInside(isBuilding: Bool) {
        world.addresses.otherwise = .connects()
        var deferred: Deferred<any Protocol>?
        var ends: [String] = []
        let made = AccumulatingProtocol()
        made.onMade = { _ in deferred?.cancel() }
        deferred = endpoint("192.0.2.1").connect(
            Factory {
                if isBuilding { deferred?.cancel() }
                return made
            })
        deferred?.addCallback { _ in ends.append("made") }.addErrback { error in ends.append("\(type(of: error))") }
        world.time.advance(by: .seconds(1))
        #expect(ends == ["CancelledError"])
        #expect(made.events == (isBuilding ? [] : [.made, .lost(.done)]))
        #expect(world.addresses.connections.allSatisfy { $0.isClosedUnused == isBuilding })
        #expect(world.time.delayedCalls.isEmpty)
    }

    @Test("fails when the factory makes no protocol, and starts and stops the factory once")
    func declined() {
        final class Shy: Factory {
            var calls: [String] = []
            override func startFactory() { calls.append("start") }
            override func stopFactory() { calls.append("stop") }
        }
        world.addresses.otherwise = .connects()
        let factory = Shy()
        var text = ""
        endpoint("192.0.2.1").connect(factory).addCallback { _ in }.addErrback { text = "\($0)" }
        world.time.advance(by: .zero)
        #expect(text == "the factory made no protocol for the connection to 192.0.2.1:80")
        #expect(factory.calls == ["start", "stop"])
    }

    @Test("connects to a UNIX socket")
    func unix() {
        world.addresses.plan(.unix(path: "/x"), .connectsAtOnce())
        let made = AccumulatingProtocol()
        UNIXClientEndpoint(world, path: "/x", timeout: .seconds(1)).connect(made)
        world.time.advance(by: .zero)
        #expect(made.events == [.made])
    }
}

@Suite("The text of an endpoint")
struct EndpointTextTests {
    @Test(
        "makes a TCP client endpoint",
        arguments: [
            ("tcp:example.com:80", "example.com", UInt16(80)), ("tcp:host=example.com:port=80", "example.com", 80),
            ("tcp:port=80:host=example.com", "example.com", 80), ("tcp:example.com:port=443", "example.com", 443),
            ("tcp:[::1]:80", "::1", 80), (#"tcp:\:\:1:80"#, "::1", 80),
            ("tcp:host=[fe80::1%1]:port=65535", "fe80::1%1", 65535),
            (#"tcp:host=a\=b\\c:port=1"#, #"a=b\c"#, 1),
        ])
    func client(text: String, host: String, port: UInt16) throws {
        let endpoint = try #require(try Reactor().clientFromString(text) as? TCPClientEndpoint)
        #expect(endpoint.host == host && endpoint.port == port && endpoint.options == ConnectOptions())
    }

    @Test("gives the options of a TCP client endpoint")
    func clientOptions() throws {
        let reactor = Reactor()
        let endpoint = try #require(
            try reactor.clientFromString("tcp:example.com:80:timeout=1.25:bindAddress=127.0.0.1") as? TCPClientEndpoint)
        #expect(endpoint.options.timeout == .milliseconds(1250))
        #expect(endpoint.options.bindAddress == .ip(.v4(.loopback), port: 0))
        let six = try #require(
            try reactor.clientFromString("tcp:h:1:bindAddress=[::1]") as? TCPClientEndpoint)
        #expect(six.options.bindAddress == .ip(.v6(.loopback), port: 0))
        let unix = try #require(try reactor.clientFromString(#"unix:/a\:b:timeout=2"#) as? UNIXClientEndpoint)
        #expect(unix.path == "/a:b" && unix.timeout == .seconds(2))
    }

    @Test("makes server endpoints")
    func server() throws {
        let reactor = Reactor()
        let tcp = try #require(
            try reactor.serverFromString("tcp:port=0:interface=127.0.0.1:backlog=5") as? TCPServerEndpoint)
        #expect(tcp.port == 0 && tcp.interface == .v4(.loopback) && tcp.backlog == 5)
        #expect((try reactor.serverFromString("tcp:8080") as? TCPServerEndpoint)?.port == 8080)
        #expect((try reactor.serverFromString("unix:/x") as? UNIXServerEndpoint)?.path == "/x")
    }

    @Test(
        "is refused with one line that says what would be right",
        arguments: [
            ("", #""" is no endpoint: the kind "" is unknown; write it as in tcp:example.com:80"#),
            (
                "http:example.com",
                #""http:example.com" is no endpoint: the kind "http" is unknown; write it as in tcp:example.com:80"#
            ),
            ("host=x", #""host=x" is no endpoint: the kind "host" is unknown; write it as in tcp:example.com:80"#),
            ("tls:example.com", #""tls:example.com" is no endpoint: port is missing, as in tls:example.com:443"#),
            (
                "tls:example.com:443:certificate=/c.pem",
                #""tls:example.com:443:certificate=/c.pem" is no endpoint: privateKey is missing, as in tls:example.com:443"#
            ),
            ("tcp:example.com", #""tcp:example.com" is no endpoint: port is missing, as in tcp:example.com:80"#),
            ("tcp::80", #""tcp::80" is no endpoint: host is missing, as in tcp:example.com:80"#),
            ("tcp:h:0", #""tcp:h:0" is no endpoint: port is "0", and should be a number from 1 to 65535"#),
            ("tcp:h:-1", #""tcp:h:-1" is no endpoint: port is "-1", and should be a number from 1 to 65535"#),
            ("tcp:h:65536", #""tcp:h:65536" is no endpoint: port is "65536", and should be a number from 1 to 65535"#),
            ("tcp:h:http", #""tcp:h:http" is no endpoint: port is "http", and should be a number from 1 to 65535"#),
            (
                "tcp:h:80:90",
                #""tcp:h:80:90" is no endpoint: it has too many parts; write it as in tcp:example.com:80, with a backslash before a colon that is meant as such"#
            ),
            ("tcp:h:port=1:port=2", #""tcp:h:port=1:port=2" is no endpoint: port is given twice"#),
            ("tcp:h:80:host=g", #""tcp:h:80:host=g" is no endpoint: host is given twice"#),
            (
                "tcp:h:80:colour=red",
                #""tcp:h:80:colour=red" is no endpoint: there is no argument "colour"; write it as in tcp:example.com:80"#
            ),
            (
                "tcp:h:80:timeout=0",
                #""tcp:h:80:timeout=0" is no endpoint: timeout is "0", and should be a number of seconds above 0"#
            ),
            (
                "tcp:h:80:timeout=1e3",
                #""tcp:h:80:timeout=1e3" is no endpoint: timeout is "1e3", and should be a number of seconds above 0"#
            ),
            (
                "tcp:h:80:bindAddress=me",
                #""tcp:h:80:bindAddress=me" is no endpoint: bindAddress is "me", and should be the text of an IP address"#
            ),
            (#"tcp:h:80\"#, #""tcp:h:80\\" is no endpoint: a backslash needs a character behind it, and a [ its ]"#),
            ("tcp:[::1:80", #""tcp:[::1:80" is no endpoint: a backslash needs a character behind it, and a [ its ]"#),
            ("tcp:a\nb", #""tcp:a\nb" is no endpoint: port is missing, as in tcp:example.com:80"#),
            ("unix:", #""unix:" is no endpoint: path is missing, as in unix:/run/app.sock"#),
        ])
    func refused(text: String, message: String) {
        let error = #expect(throws: EndpointError.self) { _ = try Reactor().clientFromString(text) }
        #expect(error?.description == message)
    }

    @Test(
        "is refused for servers too",
        arguments: [
            ("tcp:", #""tcp:" is no endpoint: port is missing, as in tcp:8080:interface=127.0.0.1"#),
            ("tcp:65536", #""tcp:65536" is no endpoint: port is "65536", and should be a number from 0 to 65535"#),
            (
                "tcp:80:interface=localhost",
                #""tcp:80:interface=localhost" is no endpoint: interface is "localhost", and should be the text of an IP address"#
            ),
            (
                "ssl:443",
                #""ssl:443" is no endpoint: the kind "ssl" is unknown; write it as in tcp:example.com:80"#
            ),
            (
                "tls:443",
                #""tls:443" is no endpoint: certificate is missing, as in tls:443:certificate=/etc/app/chain.pem:privateKey=/etc/app/key.pem"#
            ),
            (
                "tls:443:certificate=/nowhere/c.pem:privateKey=/nowhere/k.pem",
                #""tls:443:certificate=/nowhere/c.pem:privateKey=/nowhere/k.pem" is no endpoint: can't read the certificate of "/nowhere/c.pem": No such file or directory"#
            ),
        ])
    func refusedServers(text: String, message: String) {
        let error = #expect(throws: EndpointError.self) { _ = try Reactor().serverFromString(text) }
        #expect(error?.description == message)
    }

    @Test(
        "an error doesn't tell a proxy's password",
        arguments: [
            #"tcp:example.com:80:proxy=sock5\://joe\:s3cret@p.test"#,
            #"tcp:example.com:80:proxy=http\://joe\:s3cret@p.test:color=red"#,
        ])
    func password(text: String) {
        #expect { try Reactor().clientFromString(text) } throws: { error in
            !"\(error)".contains("s3cret") && "\(error)".contains("p.test")
                && (error as? EndpointError)?.text.contains("s3cret") == false
        }
    }

    @Test("splits any text without a crash, and never reads a zero port")
    func anyText() {
        let reactor = Reactor()
        let pieces = [
            "tcp", "unix", ":", "=", "\\", "[", "]", "host", "port", "80", "é", "\0", "timeout", "1.5", ".", "",
        ]
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...8, using: &generator))
                .compactMap { _ in pieces.randomElement(using: &generator) }.joined()
            do {
                if let tcp = try reactor.clientFromString(text) as? TCPClientEndpoint { #expect(tcp.port > 0) }
                _ = try reactor.serverFromString(text)
            } catch {
                #expect(!"\(error)".contains("\n"))
            }
        }
    }
}
