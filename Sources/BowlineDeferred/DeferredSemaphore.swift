// So many at a time, in the order of asking. Made by users; nothing in Bowline itself needs one.

/// A number of tokens, to be had one at a time, for doing no more than so much at once.
///
/// ```swift
/// let semaphore = DeferredSemaphore(tokens: 10)
/// for url in ["http://a.example/", "http://b.example/"] {
///     semaphore.run { reactor.getPage(url) }
///         .addCallback { page in print(page.count) }
///         .addErrback { error in print(error) }
/// }
/// ```
///
/// It is of one thread, as Deferreds are: what it orders are operations, not threads.
public final class DeferredSemaphore {
    /// How many tokens there are in all.
    public let limit: Int

    /// How many tokens are free.
    public private(set) var tokens: Int

    private var line = WaitingLine<Deferred<Void>>()
    private var isHandingOut = false

    /// Creates a semaphore with all of its tokens free.
    ///
    /// - Parameter tokens: How many may be held at once, from 1.
    public init(tokens: Int) {
        precondition(tokens >= 1, "a DeferredSemaphore needs a token, or nobody would ever get one")
        limit = tokens
        self.tokens = tokens
    }

    /// How many wait for a token.
    public var waiting: Int { line.count }

    /// Asks for a token.
    ///
    /// - Returns: A Deferred that fires when the token is there: at once if one is free and nobody waits. Who gets one
    ///   calls ``release()`` when done. To cancel it is to step out of the line.
    public func acquire() -> Deferred<Void> {
        if tokens > 0, line.isEmpty {
            tokens -= 1
            return .succeeded(())
        }
        let ticket = line.nextTicket
        // Unowned would do while this waits in the line of this semaphore, but not if it is cancelled after that.
        let turn = Deferred<Void>(canceller: { [weak self] in self?.line.remove(ticket) })
        line.append(turn)
        return turn
    }

    /// Gives a token back, which goes to the one who has waited longest.
    ///
    /// A release more than there were acquisitions is an error of the program, and ends it.
    public func release() {
        precondition(tokens < limit, "a token was released that was not held")
        tokens += 1
        // A callback that releases at once comes back to this loop, and so the stack doesn't grow with the line.
        if isHandingOut { return }
        isHandingOut = true
        while tokens > 0, let next = line.popFirst() {
            tokens -= 1
            next.callback(())
        }
        isHandingOut = false
    }

    /// Calls `function` with a token held.
    ///
    /// - Parameter function: Is called once the token is there; it is given back when the function has returned.
    /// - Returns: A Deferred of what the function returns or throws. To cancel it is to step out of the line.
    @discardableResult
    public func run<Value>(_ function: @escaping () throws -> Value) -> Deferred<Value> {
        run { Deferred<Value>.succeeded(try function()) }
    }

    /// Calls `function` with a token held, and holds it until the Deferred that the function returns has fired.
    ///
    /// - Parameter function: Starts an operation. It is called once the token is there.
    /// - Returns: A Deferred of the operation's result. To cancel it is to step out of the line, or to cancel the
    ///   operation.
    @discardableResult
    public func run<Operation: DeferredConvertible>(
        _ function: @escaping () throws -> Operation
    ) -> Deferred<Operation.Value> {
        // Unowned: it is called from `release` or at once. But who holds a token holds the semaphore, and so the line.
        acquire().addCallback { [unowned self] in
            maybeDeferred(function).onResult { [self] _ in release() }
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DeferredSemaphore: Sendable {}
