// A table of the page: what its columns are, how they are sorted, and its HTML. The order can be asked for by URL; a script
// sorts by the same values, which stand in each cell.

/// What a column is sorted by.
enum InspectorSortKey: Comparable {
    case number(Double)
    case text(String)
    /// Comes last, whatever the direction.
    case nothing

    var attribute: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): text
        case .nothing: ""
        }
    }
}

struct InspectorColumn<Row> {
    var key: String
    var title: String
    /// What it means, for who points at it.
    var hint: String
    var isNumeric = false
    var order: (Row) -> InspectorSortKey
    var cell: (Row, inout Markup) -> Void
}

struct InspectorTable<Row> {
    /// Its name in URLs and anchors.
    var id: String
    /// What it is, for who can't see where it stands.
    var caption: String
    /// What is said when it has no rows.
    var emptiness: String
    var columns: [InspectorColumn<Row>]
    /// What makes a row the same row after a change.
    var key: (Row) -> String
    /// What a search looks into, in lower case; nil where there is none.
    var search: ((Row) -> String)?

    /// The rows in the order asked for.
    func sorted(_ rows: [Row], _ query: InspectorQuery) -> [Row] {
        guard let order = query.orders[id], let column = columns.first(where: { $0.key == order.column }) else {
            return rows
        }
        let keyed = rows.enumerated().map { (index: $0.offset, key: column.order($0.element), row: $0.element) }
        return keyed.sorted { left, right in
            if left.key == right.key { return left.index < right.index }
            if left.key == .nothing || right.key == .nothing { return right.key == .nothing }
            return order.isDescending ? left.key > right.key : left.key < right.key
        }.map(\.row)
    }

    func write(_ rows: [Row], _ query: InspectorQuery, into markup: inout Markup) {
        markup.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"")
        markup.text(caption)
        markup.raw("\"><table id=\"table-\(id)\" data-table=\"\(id)\"><caption>")
        markup.text(caption)
        markup.raw("</caption><thead><tr>")
        for column in columns { writeHead(column, query, into: &markup) }
        markup.raw("</tr></thead><tbody>")
        for row in sorted(rows, query).prefix(InspectorQuery.rowLimit) {
            let words = search.map { " data-s=\"\(Markup.escaped($0(row)))\"" } ?? ""
            markup.raw("<tr data-key=\"\(Markup.escaped(key(row)))\"\(words)>")
            for column in columns {
                markup.raw("<td class=\"c-\(column.key)\(column.isNumeric ? " number" : "")\" data-v=\"")
                markup.text(column.order(row).attribute)
                markup.raw("\">")
                column.cell(row, &markup)
                markup.raw("</td>")
            }
            markup.raw("</tr>")
        }
        if rows.isEmpty {
            markup.raw("<tr class=\"empty\"><td colspan=\"\(columns.count)\">")
            markup.text(emptiness)
            markup.raw("</td></tr>")
        }
        markup.raw("</tbody></table></div><p class=\"faint\" data-live=\"more-\(id)\">")
        if rows.count > InspectorQuery.rowLimit {
            let advice = search == nil ? "; /\(id).json has all" : ": search for others"
            markup.text(
                "The first \(InspectorQuery.rowLimit) of \(InspectorText.count(rows.count)) rows\(advice).")
        }
        markup.raw("</p>")
    }

    private func writeHead(_ column: InspectorColumn<Row>, _ query: InspectorQuery, into markup: inout Markup) {
        guard !column.title.isEmpty else {
            markup.raw("<th scope=\"col\"><span class=\"unseen\">\(Markup.escaped(column.hint))</span></th>")
            return
        }
        let order = query.orders[id].flatMap { $0.column == column.key ? $0 : nil }
        // Numbers are looked at from the top.
        let isDescending = order.map { !$0.isDescending } ?? column.isNumeric
        var next = query
        next.orders[id] = InspectorQuery.Order(column: column.key, isDescending: isDescending)
        let sorted = order.map { " aria-sort=\"\($0.isDescending ? "descending" : "ascending")\"" } ?? ""
        markup.raw(
            "<th scope=\"col\"\(column.isNumeric ? " class=\"number\"" : "")\(sorted)><a data-column=\"\(column.key)\" href=\""
        )
        markup.text(next.reference(to: "/", anchor: id))
        markup.raw("\" title=\"\(Markup.escaped(column.hint))\">\(Markup.escaped(column.title))</a></th>")
    }
}
