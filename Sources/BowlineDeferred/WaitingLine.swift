// First come, first served, and one may step out. Used by DeferredSemaphore and DeferredQueue.

/// A queue whose elements can be removed by the ticket that each got.
struct WaitingLine<Element> {
    // By ticket: stepping out leaves no hole to be skipped or freed later.
    private var elements: [Int: Element] = [:]
    private var head = 0
    /// The ticket of the next element to be added.
    private(set) var nextTicket = 0

    var isEmpty: Bool { elements.isEmpty }
    var count: Int { elements.count }

    mutating func append(_ element: Element) {
        elements[nextTicket] = element
        nextTicket += 1
    }

    mutating func popFirst() -> Element? {
        while head < nextTicket {
            defer { head += 1 }
            if let element = elements.removeValue(forKey: head) { return element }
        }
        return nil
    }

    mutating func remove(_ ticket: Int) { elements[ticket] = nil }
}
