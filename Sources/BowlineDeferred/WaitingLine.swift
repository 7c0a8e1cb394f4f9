// First come, first served, and one may step out. Used by DeferredSemaphore and DeferredQueue, and by the pool of HTTP
// connections.

/// A queue whose elements can be removed by the ticket that each got.
package struct WaitingLine<Element> {
    // By ticket: stepping out leaves no hole to be skipped or freed later.
    private var elements: [Int: Element] = [:]
    private var head = 0
    /// The ticket of the next element to be added.
    package private(set) var nextTicket = 0

    package init() {}

    package var isEmpty: Bool { elements.isEmpty }
    package var count: Int { elements.count }

    package mutating func append(_ element: Element) {
        elements[nextTicket] = element
        nextTicket += 1
    }

    /// Who is served next.
    package var first: Element? {
        mutating get {
            // Those that stepped out are passed once.
            while head < nextTicket {
                if let element = elements[head] { return element }
                head += 1
            }
            return nil
        }
    }

    package mutating func popFirst() -> Element? {
        guard let element = first else { return nil }
        elements[head] = nil
        head += 1
        return element
    }

    package mutating func remove(_ ticket: Int) { elements[ticket] = nil }
}
