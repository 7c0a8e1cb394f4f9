// A list that nearly always has one element: who waits for a question, which servers it was put to. An array would be an
// allocation for each lookup.

struct ShortList<Element>: RandomAccessCollection {
    /// The first, in place; nil if there is none.
    private var head: Element?
    private var others: [Element] = []

    var startIndex: Int { 0 }
    var endIndex: Int { head == nil ? 0 : 1 + others.count }

    subscript(index: Int) -> Element {
        get {
            if index > 0 { return others[index - 1] }
            guard let head else { preconditionFailure("no element at \(index)") }
            return head
        }
        set {
            if index > 0 { others[index - 1] = newValue } else { head = newValue }
        }
    }

    mutating func append(_ element: Element) {
        if head == nil { head = element } else { others.append(element) }
    }

    @discardableResult
    mutating func remove(at index: Int) -> Element {
        if index > 0 { return others.remove(at: index - 1) }
        let removed = self[0]
        head = others.isEmpty ? nil : others.removeFirst()
        return removed
    }
}
