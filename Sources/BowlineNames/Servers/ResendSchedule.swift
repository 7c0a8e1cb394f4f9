// Which queries are on their way, in the order in which they are due to be looked after. A line for each sending: within a
// line all wait equally long, so that the first to come is the first due, and no heap is needed. What is over leaves
// a line when it comes to its head.

import BowlineReactor
import DequeModule

struct ResendSchedule {
    enum Line: Int {
        /// Sent once; due when the server's usual time has passed.
        case first
        /// Due to be sent again, as soon as those before it have been.
        case late
        /// Due for its last sending.
        case second
        /// Due to be given up.
        case last
    }

    private var lines: [Deque<ServerQuery>] = [[], [], [], []]

    mutating func append(_ query: ServerQuery, to line: Line = .first) {
        dropOver(line)
        if !query.isOver { lines[line.rawValue].append(query) }
    }

    /// The first of a line that isn't over.
    mutating func first(_ line: Line) -> ServerQuery? {
        dropOver(line)
        return lines[line.rawValue].first
    }

    /// Takes the first of a line out of it if it is due.
    mutating func popLate(
        _ line: Line, before now: ReactorInstant, after due: (ServerQuery) -> ReactorInstant
    ) -> ServerQuery? {
        guard let query = first(line), due(query) <= now else { return nil }
        return lines[line.rawValue].popFirst()
    }

    /// Visits those that were sent once, the first first, as long as a condition holds.
    func forEachFirst(while condition: (ServerQuery) -> Bool, _ body: (ServerQuery) -> Void) {
        for query in lines[Line.first.rawValue] {
            guard condition(query) else { return }
            if !query.isOver { body(query) }
        }
    }

    /// The query with an id on the wire that a channel has in flight.
    /// - Complexity: O(queries in flight) for an id that nobody waits for. What is answered is among the first of its line, and
    ///   a window bounds the line: with 10,000 lookups at once, each of whose answers is cut short, this is 0.6 % of the time. An
    ///   index would cost every query.
    func find(_ id: UInt16, on channel: AresChannel) -> ServerQuery? {
        for line in lines {
            if let query = line.first(where: { $0.channel === channel && $0.id == id && !$0.isOver }) { return query }
        }
        return nil
    }

    mutating func removeAll() {
        for index in lines.indices { lines[index].removeAll(keepingCapacity: true) }
    }

    private mutating func dropOver(_ line: Line) {
        while let head = lines[line.rawValue].first, head.isOver { lines[line.rawValue].removeFirst() }
    }
}
