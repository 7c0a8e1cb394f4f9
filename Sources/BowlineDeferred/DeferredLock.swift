// One at a time, in the order of asking: a semaphore with a single token.

/// Something to be held by one operation at a time.
///
/// ```swift
/// let lock = DeferredLock()
/// lock.run { reactor.getPage("http://example.com/counter") }
///     .addCallback { page in print(page) }
/// ```
///
/// It is of one thread, as Deferreds are: what it orders are operations, not threads.
public final class DeferredLock {
    private let semaphore = DeferredSemaphore(tokens: 1)

    /// Creates a lock that nobody holds.
    public init() {}

    /// Whether somebody holds it.
    public var isLocked: Bool { semaphore.tokens == 0 }

    /// How many wait for it.
    public var waiting: Int { semaphore.waiting }

    /// Asks for the lock.
    ///
    /// - Returns: A Deferred that fires when the lock is held: at once if nobody held it. Who has it calls
    ///   ``release()`` when done. To cancel it is to step out of the line.
    public func acquire() -> Deferred<Void> { semaphore.acquire() }

    /// Gives up the lock, which goes to the one who has waited longest.
    ///
    /// Releasing a lock that nobody holds is an error of the program, and ends it.
    public func release() { semaphore.release() }

    /// Calls `function` with the lock held.
    ///
    /// - Parameter function: Is called once the lock is held; it is released when the function has returned.
    /// - Returns: A Deferred of what the function returns or throws. To cancel it is to step out of the line.
    @discardableResult
    public func run<Value>(_ function: @escaping () throws -> Value) -> Deferred<Value> { semaphore.run(function) }

    /// Calls `function` with the lock held, and holds it until the Deferred that the function returns has fired.
    ///
    /// - Parameter function: Starts an operation. It is called once the lock is held.
    /// - Returns: A Deferred of the operation's result. To cancel it is to step out of the line, or to cancel the
    ///   operation.
    @discardableResult
    public func run<Operation: DeferredConvertible>(
        _ function: @escaping () throws -> Operation
    ) -> Deferred<Operation.Value> {
        semaphore.run(function)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DeferredLock: Sendable {}
