// Who waits for room at a server. Thousands may, so what they wait with is no more than themselves: a query is made when the
// turn has come. Used by the server alone, which says when there is room.

import DequeModule

struct QueryLine {
    /// Who stands so many places behind the one whose turn it is will be needed in a microsecond.
    private static let foresight = 2

    /// What is asked anew in another manner: before all others, who came later.
    private var again: Deque<ServerQuery> = []
    /// The line owns those in it: `append` retains each, and `popFirst` hands that on. None is left when its server goes, for
    /// a question holds its servers.
    private var waiting: Deque<Unmanaged<Question>> = []
    /// The names about which something is being asked, and who waits for that, where the server wants one question after
    /// the other (`single-request`).
    private var busyNames: [DomainName: Deque<Question>] = [:]

    /// Whether nobody waits for room.
    var isEmpty: Bool { waiting.isEmpty && again.isEmpty }
    /// How many wait for room; some of them may be over.
    var count: Int { waiting.count + again.count }

    /// What is to be asked anew.
    var allAgain: [ServerQuery] { Array(again) }

    /// Everybody else.
    var allOwners: [Question] {
        waiting.map { $0.takeUnretainedValue() }.filter { !$0.isOver } + busyNames.values.joined().filter { !$0.isOver }
    }

    mutating func append(_ owner: Question) { waiting.append(.passRetained(owner)) }

    mutating func popFirst() -> Question? {
        guard let first = waiting.popFirst() else { return nil }
        if waiting.count >= Self.foresight {
            Prefetch.object(at: UInt(bitPattern: waiting[Self.foresight - 1].toOpaque()), octets: 256)
        }
        return first.takeRetainedValue()
    }

    mutating func removeAll() {
        while popFirst() != nil {}
        self = QueryLine()
    }

    mutating func appendAgain(_ query: ServerQuery) { again.append(query) }

    mutating func popAgain() -> ServerQuery? { again.popFirst() }

    // MARK: one question about a name after the other

    /// Whether it is a question's turn as far as its name goes. If not, it waits until those before it have passed theirs.
    mutating func takesTurn(_ owner: Question) -> Bool {
        let name = owner.key.name
        guard busyNames[name] != nil else {
            busyNames[name] = []
            return true
        }
        busyNames[name]?.append(owner)
        return false
    }

    /// Takes note that a question about a name is done, and gives the one whose turn it is now.
    mutating func passTurn(of name: DomainName) -> Question? {
        guard var others = busyNames.removeValue(forKey: name) else { return nil }
        while let next = others.popFirst() {
            guard !next.isOver else { continue }
            busyNames[name] = others
            return next
        }
        return nil
    }
}
