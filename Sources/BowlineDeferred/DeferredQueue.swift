// Things to be fetched as they come, by those who may have to wait for them.

/// The error of putting into a ``DeferredQueue`` that is full.
///
/// ```swift
/// let queue = DeferredQueue<Int>(size: 1)
/// try queue.put(1)
/// do {
///     try queue.put(2)
/// } catch {
///     print(error)    // the queue is full
/// }
/// ```
public struct QueueOverflow: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}

    /// A sentence for logs.
    public var description: String { "the queue is full" }
}

/// The failure of waiting at a ``DeferredQueue`` where as many wait already as may.
///
/// ```swift
/// let queue = DeferredQueue<Int>(backlog: 0)
/// queue.get().addErrback { error in
///     print(error)    // too many wait at the queue already
///     return 0
/// }
/// ```
public struct QueueUnderflow: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}

    /// A sentence for logs.
    public var description: String { "too many wait at the queue already" }
}

/// A queue from which one can get what isn't there yet.
///
/// ```swift
/// let queue = DeferredQueue<String>()
/// queue.get().addCallback { line in print(line) }
/// try queue.put("hello")  // prints "hello"
/// ```
///
/// It is of one thread, as Deferreds are.
public final class DeferredQueue<Element> {
    /// How many elements it holds at most while nobody waits; `nil` for no limit.
    public let size: Int?
    /// How many may wait at once; `nil` for no limit.
    public let backlog: Int?

    private var elements = WaitingLine<Element>()
    private var getters = WaitingLine<Deferred<Element>>()

    /// Creates an empty queue.
    ///
    /// - Parameters:
    ///   - size: How many elements it holds at most while nobody waits, from 0; `nil` for no limit.
    ///   - backlog: How many may wait at once, from 0; `nil` for no limit.
    public init(size: Int? = nil, backlog: Int? = nil) {
        self.size = size
        self.backlog = backlog
    }

    /// How many elements are there to be had.
    public var count: Int { elements.count }

    /// How many wait for an element.
    public var waiting: Int { getters.count }

    /// Adds an element at the end, or hands it to the one who has waited longest, whose callbacks run before this
    /// returns.
    ///
    /// - Parameter element: What to add.
    /// - Throws: ``QueueOverflow`` if it is full.
    public func put(_ element: Element) throws(QueueOverflow) {
        if let getter = getters.popFirst() {
            getter.callback(element)
        } else if let size, elements.count >= size {
            throw QueueOverflow()
        } else {
            elements.append(element)
        }
    }

    /// Takes the element at the head, or waits for one.
    ///
    /// - Returns: A Deferred of the element, which fires at once if there is one. It fails with ``QueueUnderflow`` if as
    ///   many wait already as may. To cancel it is to step out of the line, and no element is lost by that.
    public func get() -> Deferred<Element> {
        if let element = elements.popFirst() { return .succeeded(element) }
        if let backlog, getters.count >= backlog { return .failed(QueueUnderflow()) }
        let ticket = getters.nextTicket
        let getter = Deferred<Element>(canceller: { [weak self] in self?.getters.remove(ticket) })
        getters.append(getter)
        return getter
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DeferredQueue: Sendable {}
