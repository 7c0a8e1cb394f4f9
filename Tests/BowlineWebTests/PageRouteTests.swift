// The way that each hop of a fetch may go: the address policy and the proxies, which hold for redirects and for connections
// that are kept, too.

import Bowline
import BowlineTesting
import Testing

@Suite("The way of a page")
struct PageRouteTests {
    let world = WebWorld()

    private func fetch(_ url: String, _ change: (inout PageRequest) -> Void = { _ in }) -> String? {
        world.fetch(url, "page", change)
        world.advance(1_000)
        return world.log.last.map { String($0.dropFirst(5)) }
    }

    private var dialled: [String] { world.addresses.attempts.map { "\($0.address)" } }
    private var lines: [String] { world.responder.requests.map { "\($0.method) \($0.target)" } }

    // MARK: addresses

    @Test(
        "a redirect to an address that the policy forbids comes to nothing",
        arguments: ["http://127.0.0.1/", "http://rebound.test/", "http://[::ffff:10.0.0.1]/", "http://2130706433/"])
    func redirect(target: String) {
        world.names.plan("public.test", .addresses([.v4(IPv4Address(9, 9, 9, 9))]))
        world.responder.answers = { request in
            request.fields["host"] == "public.test"
                ? .respond(HTTPResponder.Response([], status: 302, fields: [("Location", target)]))
                : .respond(.init("secret"))
        }
        let outcome = fetch("public.test/") { $0.connect.addressPolicy = .publicOnly }
        #expect(outcome == (target.contains("2130706433") ? "target/bad-target" : "connect/denied"))
        #expect(dialled == ["9.9.9.9:80"])
    }

    @Test("a connection that was made without a policy isn't used under one")
    func keptConnection() {
        #expect(fetch("127.0.0.1/") == "200")
        #expect(fetch("127.0.0.1/") { $0.connect.addressPolicy = .publicOnly } == "connect/denied")
        #expect(fetch("127.0.0.1/") == "200")
        #expect(dialled.count == 1)
    }

    // MARK: proxies

    private func settings(_ proxy: String) throws -> ProxySettings {
        var settings = ProxySettings(try Proxy(proxy))
        settings.exceptions = ProxyExceptions("direct.test")
        return settings
    }

    @Test("an HTTP proxy is given the whole URL, with its own credentials, on connections for that origin")
    func forwarding() throws {
        let proxies = try settings("http://me:pw@proxy.test:3128")
        #expect(fetch("h.test:8080/a?b") { $0.proxies = proxies } == "200")
        #expect(fetch("h.test:8080/c") { $0.proxies = proxies } == "200")
        #expect(lines == ["GET http://h.test:8080/a?b", "GET http://h.test:8080/c"])
        #expect(world.responder.requests[0].fields["host"] == "h.test:8080")
        #expect(world.responder.requests[0].fields["proxy-authorization"] == "Basic bWU6cHc=")
        #expect(dialled == ["127.0.0.1:3128"] && world.names.lookups.map(\.request.host) == ["proxy.test"])
        // The same place without the proxy is another one.
        #expect(fetch("h.test:8080/d") == "200")
        #expect(lines.last == "GET /d" && dialled.last == "127.0.0.1:8080")
        #expect(world.responder.requests.last?.fields["proxy-authorization"] == nil)
    }

    @Test("an exception goes directly, and the proxy's credentials don't go with it, in a redirect either")
    func exceptions() throws {
        let proxies = try settings("http://me:pw@proxy.test:3128")
        world.responder.answers = { request in
            request.target.hasPrefix("http://")
                ? .respond(HTTPResponder.Response([], status: 307, fields: [("Location", "http://direct.test/x")]))
                : .respond(.init("there"))
        }
        #expect(fetch("h.test/") { $0.proxies = proxies } == "200")
        #expect(lines == ["GET http://h.test/", "GET /x"] && dialled == ["127.0.0.1:3128", "127.0.0.1:80"])
        #expect(world.responder.requests.last?.fields["proxy-authorization"] == nil)
    }

    @Test("a SOCKS5 proxy makes a connection on which the request is as ever")
    func socks() throws {
        let responder = world.responder
        world.addresses.otherwise = .connects(to: {
            Server { server in
                switch server.received.count {
                case 3: server.transport?.write([5, 0])
                case 4...: server.transport?.write([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
                default: break
                }
                // From here on it is the target.
                guard server.received.count > 4, let transport = server.transport as? any SwitchableTransport,
                    let target = responder.buildProtocol(.unspecified)
                else { return }
                transport.takeOver(target, onEnd: nil)
                target.makeConnection(transport)
            }
        })
        let proxies = try settings("socks5://proxy.test")
        #expect(fetch("h.test/a") { $0.proxies = proxies } == "200")
        #expect(fetch("h.test/b") { $0.proxies = proxies } == "200")
        #expect(lines == ["GET /a", "GET /b"] && dialled == ["127.0.0.1:1080"])
    }

    @Test("a proxy that refuses is a failure of connecting")
    func refused() throws {
        world.addresses.otherwise = .connects(to: {
            Server { $0.transport?.write("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") }
        })
        let proxies = try settings("http://proxy.test")
        world.fetch("h.test/", "page") {
            $0.url = "https://h.test/"
            $0.proxies = proxies
        }
        world.advance(1_000)
        #expect(world.log == ["page connect/denied"])
        #expect(
            world.errors["page"].map { "\($0)" }
                == "cannot connect to h.test:443 through http://proxy.test:80: the proxy answered 407 No")
    }
}
