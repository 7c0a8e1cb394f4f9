// Who asks: what goes out, to whom, and what is refused.

import Bowline
import BowlineTesting
import Testing

@Suite("Authorization")
struct AuthorizationTests {
    private func sent(_ authorization: HTTPAuthorization) -> String? {
        let world = WebWorld()
        world.fetch("h.test/a") { $0.authorization = authorization }
        world.advance()
        return world.responder.requests.first?.fields["authorization"] ?? world.log.first
    }

    @Test(
        "goes out as the RFCs write it",
        arguments: [
            // RFC 7617, 2 and 2.1; RFC 6750, 2.1.
            (HTTPAuthorization.basic(user: "Aladdin", password: "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            (.basic(user: "test", password: "123\u{A3}"), "Basic dGVzdDoxMjPCow=="),
            (.basic(user: "", password: ""), "Basic Og=="), (.basic(user: "a", password: "b:c"), "Basic YTpiOmM="),
            (.bearer("mF_9.B5f-4.1JqM"), "Bearer mF_9.B5f-4.1JqM"), (.bearer("a~+/=="), "Bearer a~+/=="),
        ])
    func written(_ authorization: HTTPAuthorization, _ field: String) {
        #expect(sent(authorization) == field)
    }

    @Test(
        "is refused, before anything is connected, if it can't be said",
        arguments: [
            HTTPAuthorization.basic(user: "a:b", password: "c"), .basic(user: "a\n", password: "c"),
            .basic(user: "a", password: "\0"), .basic(user: "a", password: "\u{7F}"), .bearer(""), .bearer("="),
            .bearer("a b"), .bearer("a=b"), .bearer("a\r\nX: y"), .bearer("\u{E9}"),
        ])
    func refused(_ authorization: HTTPAuthorization) {
        #expect(sent(authorization) == "a target/bad-target")
    }

    @Test("is refused beside an Authorization field")
    func twice() {
        let world = WebWorld()
        world.fetch("h.test/a") { request in
            request.authorization = .bearer("x")
            request.fields = [("authorization", "y")]
        }
        #expect(world.log == ["a target/bad-target"])
    }

    @Test("follows a redirect within its origin, and never to another or back")
    func redirected() {
        let world = WebWorld()
        world.responder.answers = { request in
            switch request.target {
            case "/a": .respond(.init(status: 307, fields: [("Location", "/same")]))
            case "/same": .respond(.init(status: 307, fields: [("Location", "http://i.test/other")]))
            case "/other": .respond(.init(status: 307, fields: [("Location", "http://h.test/back")]))
            default: .respond(.init())
            }
        }
        world.fetch("h.test/a") { $0.authorization = .bearer("x") }
        world.advance()
        #expect(world.log == ["a 200"])
        #expect(world.responder.requests.map { $0.fields["authorization"] } == ["Bearer x", "Bearer x", nil, nil])
    }

    @Test("goes along when the request is sent again")
    func retried() {
        let world = WebWorld()
        world.responder.answers = { $0.connection == 1 && $0.target == "/b" ? .close : .respond(.init()) }
        world.fetch("h.test/a")
        world.advance()
        world.fetch("h.test/b") { $0.authorization = .bearer("x") }
        world.advance()
        #expect(world.pages["b"]?.report.isRetried == true)
        #expect(world.responder.requests.map { $0.fields["authorization"] } == [nil, "Bearer x", "Bearer x"])
    }

    @Test("keeps its secrets when it is printed")
    func printed() {
        var request = PageRequest("http://h.test/")
        for authorization in [HTTPAuthorization.basic(user: "joe", password: "secret"), .bearer("secret")] {
            request.authorization = authorization
            #expect(!"\(request) \(authorization)".contains("secret"))
        }
    }
}
