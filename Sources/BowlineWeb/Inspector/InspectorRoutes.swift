// What the inspector answers: which path shows what, and the one that changes something. Every answer leaves through
// `guarded`, which adds the fields that keep a browser from doing more with it than showing it.

import BowlineNames
import BowlineReactor
import BowlineTransport

final class InspectorRoutes {
    /// Sockets beyond so many aren't asked about.
    static let socketLimit = 1_000
    /// Rows of JSON that are made at once: about a millisecond.
    private static let rowsPerTurn = 100

    /// Not held: it holds the port that holds these.
    private unowned let reactor: Reactor
    private let access: InspectorAccess
    private let start: ReactorInstant
    /// How many requests the inspector's own server has answered and refused.
    var counts: () -> (answered: Int, refused: Int) = { (0, 0) }

    init(_ reactor: Reactor, _ access: InspectorAccess) {
        self.reactor = reactor
        self.access = access
        start = reactor.now
    }

    func answer(_ request: HTTPServerRequest) -> HTTPServerResponse {
        guarded(access.refusal(of: request) ?? route(request))
    }

    private func route(_ request: HTTPServerRequest) -> HTTPServerResponse {
        switch request.path {
        case "/flush": request.method == "POST" ? flush(request) : .methodNotAllowed(["POST"])
        case "/inspector.css": get(request) { HTTPServerResponse(InspectorStyle.text, type: "text/css; charset=utf-8") }
        case "/inspector.js":
            get(request) { HTTPServerResponse(InspectorScript.text, type: "text/javascript; charset=utf-8") }
        case "/": reading(request) { .page(InspectorPage(view(), query($0, request)).html) }
        case "/cache.json": reading(request) { rows(of: view(), query($0, request)) }
        case "/inflight.json": reading(request) { _ in .json(view().inFlightJSON) }
        case "/servers.json": reading(request) { _ in .json(view().serversJSON) }
        case "/connections.json": reading(request) { _ in .json(view().connectionsJSON) }
        case "/counters.json": reading(request) { _ in .json(view().countersJSON) }
        case "/metrics":
            reading(request) { _ in
                HTTPServerResponse(view().metrics, type: "text/plain; version=0.0.4; charset=utf-8")
            }
        default: .notFound
        }
    }

    private func get(_ request: HTTPServerRequest, _ make: () -> HTTPServerResponse) -> HTTPServerResponse {
        request.method == "GET" || request.method == "HEAD" ? make() : .methodNotAllowed(["GET", "HEAD"])
    }

    private func reading(_ request: HTTPServerRequest, _ make: (FormFields) -> HTTPServerResponse) -> HTTPServerResponse
    {
        get(request) {
            let form = FormFields(request.query ?? "")
            return access.refusalToRead(request, form) ?? make(form)
        }
    }

    private func query(_ form: FormFields, _ request: HTTPServerRequest) -> InspectorQuery {
        let token = access.hasToken(request, form) ? access.token : nil
        return InspectorQuery(form, tables: InspectorPage.tables, token: token)
    }

    private func view() -> InspectorView {
        InspectorView(
            snapshot: reactor.resolver.snapshot(now: reactor.now), sockets: reactor.sockets(limit: Self.socketLimit),
            uptime: reactor.now - start, requests: counts())
    }

    /// The rows of the cache, which may be very many: made as the client takes them, and some in each turn, so that none gets
    /// long.
    private func rows(of view: InspectorView, _ query: InspectorQuery) -> HTTPServerResponse {
        let stream = HTTPBodyStream()
        var rest = view.entries(query)[...]
        var isFirst = true
        var isWaiting = false
        func write() {
            isWaiting = false
            guard stream.isWritable, !stream.isEnded else { return }
            var piece = isFirst ? "[" : ""
            for entry in rest.prefix(Self.rowsPerTurn) {
                piece += isFirst ? "" : ", "
                piece += view.json(entry).text
                isFirst = false
            }
            rest = rest.dropFirst(Self.rowsPerTurn)
            if rest.isEmpty {
                stream.write(piece + "]\n")
                stream.finish()
            } else {
                stream.write(piece)
                writeSoon()
            }
        }
        func writeSoon() {
            guard !isWaiting else { return }
            isWaiting = true
            reactor.callLater(.zero, write)
        }
        stream.onWritable = writeSoon
        return HTTPServerResponse(stream: stream, type: "application/json")
    }

    // MARK: changing

    /// Flushes the name of the form, or all names with `all`.
    private func flush(_ request: HTTPServerRequest) -> HTTPServerResponse {
        let type = (request.fields["content-type"] ?? "").lowercased().prefix { $0 != ";" }
        let isForm = type == "application/x-www-form-urlencoded"
        guard isForm || request.body.isEmpty else { return .explained(415, "send the fields of a form") }
        let form = FormFields(String(decoding: request.body, as: UTF8.self)) + FormFields(request.query ?? "")
        if let refusal = access.refusalToChange(request, form) { return refusal }
        let removed: Int
        if let text = form["name"] {
            // As somebody types it, or as the table shows it.
            guard let name = (try? DomainName(text)) ?? DomainName(described: text) else {
                return .explained(400, "there is no such name to flush")
            }
            removed = reactor.resolver.cache.flush(name, now: reactor.now)
        } else if form["all"] != nil {
            removed = reactor.resolver.cache.flush(now: reactor.now)
        } else {
            return .explained(400, "say what to flush: name=NAME, or all=1")
        }
        guard form["back"] != nil else { return .json(.object([("flushed", .integer(removed))])) }
        // A browser's form: back to the page as it was, by GET, so that a reload flushes nothing.
        let page = query(form, request).reference(to: "/")
        let separator = page.contains("?") ? "&" : "?"
        return .status(303, fields: [("Location", "\(page)\(separator)flushed=\(removed)")])
    }

    private func guarded(_ response: HTTPServerResponse) -> HTTPServerResponse {
        var response = response
        response.fields += [
            // Not no-referrer: with that, a browser sends the origin "null" with a form, which is refused as anybody's.
            ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("X-Frame-Options", "DENY"),
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
        ]
        return response
    }
}

@available(*, unavailable)
extension InspectorRoutes: Sendable {}

extension HTTPServerResponse {
    fileprivate static func page(_ html: String) -> HTTPServerResponse {
        HTTPServerResponse(html, type: "text/html; charset=utf-8")
    }

    fileprivate static func json(_ value: JSON) -> HTTPServerResponse {
        HTTPServerResponse(value.text + "\n", type: "application/json")
    }
}
