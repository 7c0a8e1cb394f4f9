// What a reader of the page has asked for: read from the URL, and written into every link, so that the page works as well
// without a script, and a reload shows the same.

struct InspectorQuery {
    /// How a table is sorted.
    struct Order: Equatable {
        var column: String
        var isDescending: Bool
    }

    /// So many rows of a table are shown at most.
    static let rowLimit = 200

    /// The words that a row of the cache must contain.
    var search = ""
    /// The order of the tables that don't have their own.
    var orders: [String: Order] = [:]
    /// The token, if the right one was presented; it is passed on in links and forms then.
    var token: String?
    /// What to tell: how many entries a flush has removed.
    var flushed: Int?

    init(_ form: FormFields, tables: [String], token: String?) {
        search = String((form["q"] ?? "").prefix(256))
        for table in tables {
            guard let text = form[table], !text.isEmpty else { continue }
            let isDescending = text.hasPrefix("-")
            orders[table] = Order(
                column: String(isDescending ? text.dropFirst() : text[...]), isDescending: isDescending)
        }
        self.token = token
        flushed = form["flushed"].flatMap { Int($0) }
    }

    /// The fields that stand for it.
    var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if let token { fields.append(("token", token)) }
        if !search.isEmpty { fields.append(("q", search)) }
        for (table, order) in orders.sorted(by: { $0.key < $1.key }) {
            fields.append((table, (order.isDescending ? "-" : "") + order.column))
        }
        return fields
    }

    /// A reference to a page, with the fields behind it.
    func reference(to path: String, anchor: String? = nil) -> String {
        let query = fields.map { "\(FormFields.encoded($0.name))=\(FormFields.encoded($0.value))" }
        return path + (query.isEmpty ? "" : "?" + query.joined(separator: "&")) + (anchor.map { "#\($0)" } ?? "")
    }

    /// The words of the search, in lower case.
    var words: [String] { search.lowercased().split(separator: " ").map(String.init) }
}
