// The page: whole and usable without a script, which only keeps it up to date and sorts and searches without a reload.

import BowlineNames
import BowlineReactor

struct InspectorPage {
    /// The names of the tables in URLs.
    static let tables = ["cache", "inflight", "servers", "connections"]

    private let view: InspectorView
    private let query: InspectorQuery

    init(_ view: InspectorView, _ query: InspectorQuery) {
        self.view = view
        self.query = query
    }

    var html: String {
        var markup = Markup()
        markup.raw(
            """
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Bowline inspector</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
            <link rel="stylesheet" href="/inspector.css"><script src="/inspector.js" defer></script></head><body>
            <a class="skip" href="#main">Skip to the tables</a>

            """)
        writeHeader(into: &markup)
        markup.raw("<main id=\"main\">")
        writeFigures(into: &markup)
        writeCache(into: &markup)
        section("inflight", "In flight", view.snapshot.inFlight.count, into: &markup) {
            InspectorTables.inFlight.write(view.snapshot.inFlight, query, into: &$0)
        }
        section("servers", "Servers", view.snapshot.servers.count, into: &markup) {
            InspectorTables.servers(view.snapshot.time).write(view.snapshot.servers, query, into: &$0)
        }
        section("connections", "Connections", view.sockets.count, into: &markup) {
            InspectorTables.connections.write(view.sockets, query, into: &$0)
        }
        writeCounters(into: &markup)
        markup.raw("</main></body></html>\n")
        return markup.html
    }

    private func writeHeader(into markup: inout Markup) {
        markup.raw("<header><h1>Bowline <span>inspector</span></h1><nav aria-label=\"Sections\">")
        for (id, title) in [
            ("cache", "Cache"), ("inflight", "In flight"), ("servers", "Servers"), ("connections", "Connections"),
            ("counters", "Counters"),
        ] {
            markup.raw("<a href=\"#\(id)\">\(title)</a>")
        }
        markup.raw("</nav><p id=\"live\" role=\"status\">")
        markup.text("up \(InspectorText.duration(view.uptime))")
        markup.raw("</p><button id=\"theme\" type=\"button\" hidden>Theme</button></header>")
    }

    /// The numbers that are looked at first.
    private func writeFigures(into markup: inout Markup) {
        let cache = view.snapshot.cache
        let failing = view.snapshot.servers.filter { $0.state == .failing }.count
        markup.raw("<dl class=\"figures\" data-live=\"figures\">")
        for (title, value, note) in [
            (
                "Entries", InspectorText.count(view.snapshot.entries.count),
                "\(InspectorText.count(cache.inserts)) put in"
            ),
            (
                "Hit rate", InspectorText.share(cache.hits, of: cache.lookups),
                "\(InspectorText.count(cache.lookups)) lookups"
            ),
            ("In flight", InspectorText.count(view.snapshot.inFlight.count), "questions"),
            (
                "Servers", InspectorText.count(view.snapshot.servers.count),
                failing == 0 ? "none failing" : "\(failing) failing"
            ),
            ("Sockets", InspectorText.count(view.sockets.count), "open"),
        ] {
            markup.raw("<div><dt>\(title)</dt><dd>")
            markup.text(value)
            markup.element("small", "", note)
            markup.raw("</dd></div>")
        }
        markup.raw("</dl>")
    }

    private func writeCache(into markup: inout Markup) {
        let entries = view.entries(query)
        section("cache", "Cache", entries.count, into: &markup) { markup in
            markup.raw("<div class=\"tools\"><form id=\"search\" method=\"get\" action=\"/\" role=\"search\">")
            for (name, value) in query.fields where name != "q" {
                markup.raw(
                    "<input type=\"hidden\" name=\"\(Markup.escaped(name))\" value=\"\(Markup.escaped(value))\">")
            }
            markup.raw(
                "<label class=\"unseen\" for=\"q\">Search the cache</label><input id=\"q\" type=\"search\" name=\"q\" "
                    + "placeholder=\"name, type, address, state …\" autocomplete=\"off\" value=\"")
            markup.text(query.search)
            markup.raw("\"><button type=\"submit\">Search</button></form>")
            if let token = query.token { markup.flushForm(token, query, name: nil) }
            markup.raw("<p id=\"note\" role=\"status\">")
            if let flushed = query.flushed { markup.text("\(InspectorText.count(flushed)) flushed.") }
            markup.raw("</p></div>")
            InspectorTables.cache(view.snapshot.time, token: query.token, back: query).write(
                entries, query, into: &markup)
            if query.token == nil {
                markup.element("p", "class=\"faint\"", "Open the printed address with its token to flush entries.")
            }
        }
    }

    private func writeCounters(into markup: inout Markup) {
        section("counters", "Counters", nil, into: &markup) { markup in
            markup.raw("<dl class=\"counters\" data-live=\"counters\">")
            for counter in InspectorCounter.all(view) {
                markup.raw("<div title=\"\(Markup.escaped(counter.help))\">")
                markup.element("dt", "", counter.title)
                markup.element("dd", counter.value == 0 ? "class=\"faint\"" : "", InspectorText.count(counter.value))
                markup.raw("</div>")
            }
            markup.raw("</dl><p class=\"faint\">As JSON: ")
            for name in ["cache", "inflight", "servers", "connections", "counters"] {
                var plain = query
                plain.orders = [:]
                markup.raw("<a href=\"\(Markup.escaped(plain.reference(to: "/\(name).json")))\">\(name)</a> ")
            }
            markup.raw("· <a href=\"\(Markup.escaped(query.reference(to: "/metrics")))\">metrics</a></p>")
        }
    }

    private func section(
        _ id: String, _ title: String, _ count: Int?, into markup: inout Markup, _ body: (inout Markup) -> Void
    ) {
        markup.raw("<section id=\"\(id)\" aria-labelledby=\"h-\(id)\"><h2 id=\"h-\(id)\">\(title)")
        if let count {
            markup.raw(" <span class=\"size\" data-live=\"size-\(id)\">\(InspectorText.count(count))</span>")
        }
        markup.raw("</h2>")
        body(&markup)
        markup.raw("</section>")
    }
}
