// Pages that come encoded, over the whole client in virtual time: decoded as they come, within their limits, and no faster
// than somebody takes them.

import Bowline
import BowlineTesting
import Testing

@Suite("Encoded pages")
struct EncodedPageTests {
    let world = WebWorld()
    private let text = String(repeating: "hello, encoded world. ", count: 200)

    private func response(_ codings: [ContentCoding], _ body: [UInt8], status: Int = 200) -> HTTPResponder.Response {
        let encoded = codings.reduce(body) { $1.encode($0) }
        let names = codings.map(\.rawValue).joined(separator: ", ")
        return HTTPResponder.Response(encoded, status: status, fields: [("Content-Encoding", names)])
    }

    private func serve(_ action: HTTPResponder.Action) { world.responder.answers = { _ in action } }

    /// Fetches a page, and gives its status, or the phase and code of its failure.
    private func fetch(_ change: (inout PageRequest) -> Void = { _ in }) -> String? {
        world.fetch("h.test/page", "page", change)
        world.advance(1_000)
        return world.log.last
    }

    private var accepted: [String] {
        world.responder.requests.last?.fields.values(of: "accept-encoding") ?? []
    }

    @Test("are asked for and decoded, and their connection serves again", arguments: ContentCoding.allCases)
    func decoded(coding: ContentCoding) {
        serve(.respond(response([coding], Array(text.utf8))))
        #expect(fetch() == "page 200" && fetch() == "page 200")
        #expect(world.pages["page"]?.text == text && world.pages["page"]?.report.codings == [coding])
        #expect(accepted == ["gzip, deflate, br, zstd"])
        #expect(world.arrivals == ["page on 1", "page on 1"])
    }

    @Test("are decoded whatever the framing and the pieces, also when one coding is around another")
    func framing() {
        for framing in [HTTPResponder.Response.Framing.length, .chunked(7), .close] {
            var response = response([.zstd, .gzip], Array(text.utf8))
            response.framing = framing
            for pieces in [1, 1_000] {
                serve(.pieces(of: pieces, every: .zero, .respond(response)))
                #expect(fetch() == "page 200")
                #expect(world.pages["page"]?.text == text)
            }
        }
    }

    @Test("come as they are where decoding isn't wanted, and aren't asked for then")
    func notDecoded() {
        serve(.respond(response([.gzip], Array(text.utf8))))
        #expect(fetch { $0.decodesContent = false } == "page 200")
        #expect(world.pages["page"]?.body == ContentCoding.gzip.encode(Array(text.utf8)))
        #expect(accepted == [] && world.pages["page"]?.report.codings == [])
    }

    @Test("aren't asked for where the caller says which codings, or wants a part only; a part isn't decoded")
    func parts() {
        serve(.respond(response([.gzip], Array(text.utf8))))
        #expect(fetch { $0.fields = [("accept-encoding", "gzip")] } == "page 200")
        #expect(accepted == ["gzip"] && world.pages["page"]?.text == text)
        serve(.respond(HTTPResponder.Response(Array("part".utf8), status: 206, fields: [("Content-Encoding", "gzip")])))
        #expect(fetch { $0.fields = [("Range", "bytes=5-8")] } == "page 206")
        #expect(accepted == [] && world.pages["page"]?.text == "part")
    }

    @Test("without a body are no broken ones")
    func empty() {
        serve(.respond(HTTPResponder.Response([], status: 200, fields: [("Content-Encoding", "gzip")])))
        #expect(fetch() == "page 200" && fetch { $0.method = "HEAD" } == "page 200")
        var response = HTTPResponder.Response([], status: 200, fields: [("Content-Encoding", "br")])
        response.framing = .chunked(10)
        serve(.respond(response))
        #expect(fetch() == "page 200")
    }

    private static let content = Array("hello, hello, hello".utf8)
    private static let brokenContents: [(String, [UInt8])] = [
        ("gzip", ContentCoding.gzip.encode(content).dropLast(4)),
        ("gzip", ContentCoding.gzip.encode(content) + [0, 0]),
        ("br", ContentCoding.gzip.encode(content)), ("compress", content),
        ("gzip, zstd", ContentCoding.gzip.encode(content)), (String(repeating: "gzip, ", count: 50), content),
    ]

    @Test(
        "that can't be decoded fail with the code `encoding`, in one line, and the next page is fetched",
        arguments: brokenContents)
    func broken(name: String, body: [UInt8]) {
        serve(.respond(HTTPResponder.Response(body, status: 200, fields: [("Content-Encoding", name)])))
        #expect(fetch() == "page http/encoding")
        let words = world.errors["page"].map { "\($0)" } ?? ""
        #expect(words.hasPrefix("http://h.test/page: ") && !words.contains("\n"))
        serve(.respond(.init("next")))
        #expect(fetch() == "page 200")
    }

    @Test(
        "that are too large once they are decoded fail as those that are too large anyway",
        arguments: ContentCoding.allCases)
    func tooLarge(coding: ContentCoding) {
        let bomb = response([coding], [UInt8](repeating: 0, count: 8 << 20))
        serve(.respond(bomb))
        #expect(bomb.body.count < 1 << 16)
        #expect(fetch { $0.limits.bodyBytes = 1 << 20 } == "page http/too-large")
        #expect(fetch { $0.limits.bodyBytes = 8 << 20 } == "page 200")
        #expect(world.pages["page"]?.body.count == 8 << 20)
    }

    @Test("that redirect are followed, whatever they say of their body")
    func redirected() {
        world.responder.answers = { request in
            request.target == "/page"
                ? .respond(
                    HTTPResponder.Response(
                        Array("not zstd".utf8), status: 302,
                        fields: [("Location", "/next"), ("Content-Encoding", "zstd")]))
                : .respond(.init("there"))
        }
        #expect(fetch() == "page 200" && world.pages["page"]?.text == "there")
    }

    // MARK: streams

    /// Begins a streamed response of so many zeros.
    private func stream(_ count: Int) throws -> ResponseBody {
        serve(.respond(response([.gzip], [UInt8](repeating: 0, count: count))))
        var body: ResponseBody?
        world.agent.request(PageRequest("http://h.test/stream")).addCallback { body = $0.body }.addErrback {
            Issue.record($0)
        }
        world.advance(10)
        return try #require(body)
    }

    @Test("that are streamed are decoded no faster than they are taken, while their connection serves others")
    func backPressure() throws {
        let body = try stream(16 << 20)
        let most = ResponseBody.highWaterMark + ContentDecoder.pieceBytes
        var count = 0
        var isOver = false
        #expect(fetch() == "page 200")
        #expect(world.arrivals == ["stream on 1", "page on 1"])
        while !isOver {
            #expect(body.bufferedByteCount <= most)
            body.read().addCallback { piece in
                count += piece?.count ?? 0
                isOver = piece == nil
            }.addErrback { error in
                Issue.record(error)
                isOver = true
            }
            world.advance()
        }
        #expect(count == 16 << 20 && body.report.codings == [.gzip])
    }

    @Test("that nobody takes any more leave nothing behind")
    func cancelled() throws {
        var body: ResponseBody? = try stream(16 << 20)
        body?.cancel()
        body = nil
        world.advance()
        world.agent.closeIdleConnections()
        world.advance()
        #expect(world.open.isEmpty && world.time.delayedCalls.isEmpty)
    }

    @Test("that are not taken in time fail at the deadline, in the phase of receiving")
    func deadline() throws {
        let body = try stream(16 << 20)
        world.advance(60_000)
        var failure = ""
        while failure.isEmpty {
            body.read().addCallback { if $0 == nil { failure = "whole" } }.addErrback { failure = words($0) }
            world.advance()
        }
        #expect(failure == "receive/deadline")
        #expect(world.time.delayedCalls.isEmpty)
    }
}
