// The head that an agent keeps written: it must never be sent for a request that would have made another one.

import Bowline
import BowlineTesting
import Testing

@testable import BowlineWeb

@Suite("The head that is kept")
struct WrittenHeadTests {
    /// What differs from a plain GET of the same place, each in one thing.
    private static let changes: [@Sendable (inout PageRequest) -> Void] = [
        { _ in },
        { $0.decodesContent = false },
        { $0.reusesConnections = false },
        { $0.method = "HEAD" },
        { $0.method = "get" },
        { $0.fields = [("X-One", "1")] },
        { $0.fields = [("User-Agent", "mine")] },
        { $0.omittedFields = ["User-Agent"] },
        { $0.authorization = .bearer("token") },
        { $0.body = [] },
        { $0.body = Array("a=b".utf8) },
        { $0.url += "other" },
        { $0.url += "#fragment" },
    ]

    @Test("a request says the same, whatever was sent before it")
    func everyOrder() async throws {
        let (alone, after) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            let requests = Self.changes.map { change in
                var request = PageRequest("http://127.0.0.1:\(server.port)/")
                change(&request)
                return request
            }
            for request in requests { _ = try await Agent(reactor).fetch(request).value }
            let alone = server.requests.map(\.fields.text)
            let agent = Agent(reactor)
            for request in requests {
                for next in requests {
                    _ = try await agent.fetch(request).value
                    _ = try await agent.fetch(next).value
                }
            }
            return (alone, server.requests.dropFirst(alone.count).map(\.fields.text))
        }
        #expect(alone.count == Self.changes.count)
        #expect(Set(alone).count == alone.count - 1, "all differ but the fragment, which isn't sent")
        #expect(after == alone.flatMap { first in alone.flatMap { [first, $0] } })
    }

    @Test("cookies that come with a response go with the next request for the same page")
    func cookies() async throws {
        let heads = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init(fields: [("Set-Cookie", "a=b")])) }
            let url = "http://127.0.0.1:\(server.port)/"
            _ = try await reactor.getPage(url).value
            reactor.agent.cookies = CookieJar()
            _ = try await reactor.getPage(url).value
            _ = try await reactor.getPage(url).value
            reactor.agent.cookies = nil
            _ = try await reactor.getPage(url).value
            return server.requests.map(\.fields.text)
        }
        #expect(heads.map { $0.contains("Cookie: a=b\r\n") } == [false, false, true, false])
    }

    @Test("a URL with credentials is refused, also after the same one without, and leaves nothing to be sent")
    func credentials() async throws {
        let (refused, heads) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            _ = try await reactor.getPage("http://127.0.0.1:\(server.port)/").value
            var refused = false
            do {
                _ = try await reactor.getPage("http://user:secret@127.0.0.1:\(server.port)/").value
            } catch let error as PageError where error.phase == .target {
                refused = true
            }
            _ = try await reactor.getPage("http://127.0.0.1:\(server.port)/").value
            return (refused, server.requests.map(\.fields.text))
        }
        #expect(refused)
        #expect(heads.count == 2)
        #expect(Set(heads).count == 1)
    }

    @Test("requests that wait for a connection, and those that an observer begins, send their own head")
    func interleaved() async throws {
        let targets = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            reactor.agent.limits.connectionsPerHost = 1
            let pages = ["/a", "/b", "/b", "/a", "/a", "/c"].map {
                reactor.getPage("http://127.0.0.1:\(server.port)\($0)")
            }
            for page in pages { _ = try await page.value }
            reactor.agent.limits.connectionsPerHost = 2
            var inner: Deferred<String>?
            var watched = PageRequest("http://127.0.0.1:\(server.port)/c")
            watched.observer = { [unowned reactor] event in
                guard case .reusing = event else { return }
                inner = reactor.getPage("http://127.0.0.1:\(server.port)/d")
            }
            _ = try await reactor.getPage(watched).value
            if let inner { _ = try await inner.value }
            _ = try await reactor.getPage("http://127.0.0.1:\(server.port)/c").value
            return server.requests.map(\.target)
        }
        #expect(targets.prefix(6) == ["/a", "/b", "/b", "/a", "/a", "/c"])
        #expect(targets.dropFirst(6).sorted() == ["/c", "/c", "/d"])
        #expect(targets.last == "/c")
    }

    @Test("a request that waits for its connection takes its head along, and leaves the agent the memory")
    func memory() async throws {
        let (places, targets) = try await onReactor { reactor in
            let server = try HTTPResponder(reactor: reactor) { _ in .respond(.init()) }
            let agent = Agent(reactor)
            var places: [UInt] = []
            var pages: [Deferred<String>] = []
            for target in ["/a", "/b", "/c"] {
                pages.append(agent.getPage("http://127.0.0.1:\(server.port)\(target)"))
                places.append(agent.writtenHead.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
            }
            for page in pages { _ = try await page.value }
            return (places, server.requests.map(\.target).sorted())
        }
        #expect(Set(places).count == 1)
        #expect(targets == ["/a", "/b", "/c"])
    }
}
