// A list that nearly always has one element: who waits for a question, which servers it was put to, the addresses of an
// answer. An array would be an allocation for each lookup.

package struct ShortList<Element>: RandomAccessCollection {
    /// The first, in place; nil if there is none.
    private var head: Element?
    private var others: [Element] = []

    package init() {}

    package var startIndex: Int { 0 }
    package var endIndex: Int { head == nil ? 0 : 1 + others.count }
    package var isEmpty: Bool { head == nil }
    package var first: Element? { head }

    package subscript(index: Int) -> Element {
        get {
            if index > 0 { return others[index - 1] }
            guard let head else { preconditionFailure("no element at \(index)") }
            return head
        }
        set {
            if index > 0 { others[index - 1] = newValue } else { head = newValue }
        }
    }

    package mutating func append(_ element: Element) {
        if head == nil { head = element } else { others.append(element) }
    }

    @discardableResult
    package mutating func remove(at index: Int) -> Element {
        if index > 0 { return others.remove(at: index - 1) }
        let removed = self[0]
        head = others.isEmpty ? nil : others.removeFirst()
        return removed
    }
}

extension ShortList {
    /// Changes the last element for which a condition holds, if there is one.
    package mutating func changeLast(where condition: (Element) -> Bool, _ change: (inout Element) -> Void) {
        if let index = others.lastIndex(where: condition) {
            change(&others[index])
        } else if var only = head.take() {
            // Moved out and back: a copy would be counted.
            if condition(only) { change(&only) }
            head = only
        }
    }

    /// Takes out the first element for which a condition holds, and returns it.
    package mutating func removeFirst(where condition: (Element) -> Bool) -> Element? {
        // Moved out, and back if it isn't the one: a copy would be counted.
        guard let candidate = head.take() else { return nil }
        if condition(candidate) {
            if !others.isEmpty { head = others.removeFirst() }
            return candidate
        }
        head = candidate
        return others.firstIndex(where: condition).map { others.remove(at: $0) }
    }

    /// Takes out all elements and lends them to a function, in their order.
    package mutating func drain(_ body: (Element) -> Void) {
        guard let first = head.take() else { return }
        let others = others
        self.others = []
        body(first)
        for other in others { body(other) }
    }
}

extension ShortList: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: Element...) {
        self.init(elements)
    }

    package init(_ elements: some Sequence<Element>) {
        for element in elements { append(element) }
    }
}

extension ShortList: Sendable where Element: Sendable {}
extension ShortList: Equatable where Element: Equatable {}
extension ShortList: Hashable where Element: Hashable {}
