// The value that is not there yet: how it is made and fired, and how its result is read. Made by whoever does the
// work, and held by them until it is done. What one adds to it is in Deferred+Callbacks.swift; how results travel, in
// DeferredNode.swift. A Deferred never calls back from another thread or a later turn of the loop: all is synchronous.

/// A value that is not there yet, or the error in its place.
///
/// Whoever does the work makes a Deferred, returns it, and later fires it once: with ``callback(_:)`` or
/// ``errback(_:)``. Whoever waits adds functions. Each addition returns a new Deferred, of what the function returns,
/// so that a chain reads from top to bottom:
///
/// ```swift
/// let port = Deferred<Int>()
/// port.addCallback { number in "example.com:\(number)" }
///     .addCallback { authority in print(authority) }
///     .addErrback { error in print("failed:", error) }
/// port.callback(80)  // prints "example.com:80"
/// ```
///
/// A callback that throws fails its link: the next errback down the chain gets the error. A callback that returns a
/// Deferred makes its link wait for that one. Functions run when the result is there: at once if it is there already,
/// in the order of adding, never one within another, and with a bounded stack however long the chain is.
/// Several functions added to the same Deferred each see *its* result: they are branches.
///
/// Who holds the Deferred that is to be fired keeps its chain alive; the chain needs no other owner. If that holder
/// lets go without firing, the whole chain is freed and no function runs. A failure that reaches a Deferred which
/// nobody follows is told to ``UnhandledFailures`` when that is released.
///
/// A Deferred stays on the thread where it was made.
public class Deferred<Value>: DeferredNode, CustomStringConvertible {
    @usableFromInline
    enum Outcome {
        case pending
        case success(Value)
        case failure(any Error)
    }

    @exclusivity(unchecked) @usableFromInline final var outcome: Outcome

    @inlinable
    init(made: CallSite, flags: Flags, outcome: Outcome = .pending, step: Step? = nil, canceller: (() -> Void)? = nil) {
        self.outcome = outcome
        super.init(made: made, flags: flags, step: step, canceller: canceller)
    }

    /// Creates a Deferred that waits to be fired.
    ///
    /// - Parameters:
    ///   - canceller: Stops the work, if the last of those who wait for it gives up. It is called at most once, may
    ///     fire the Deferred itself, and is freed as soon as the Deferred has fired.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    @inlinable
    public convenience init(canceller: (() -> Void)? = nil, file: StaticString = #fileID, line: UInt = #line) {
        self.init(made: CallSite(file: file, line: line), flags: [], canceller: canceller)
    }

    /// Creates a Deferred that waits to be fired, with a canceller that is handed the Deferred.
    ///
    /// - Parameters:
    ///   - canceller: Stops the work, if the last of those who wait for it gives up, and may fire the Deferred that it
    ///     is given. It is called at most once, and freed as soon as the Deferred has fired.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    @inlinable
    public convenience init(
        canceller: @escaping (Deferred<Value>) -> Void, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.init(made: CallSite(file: file, line: line), flags: [])
        // Unowned: the canceller belongs to the Deferred, which is alive while it is being cancelled.
        self.canceller = { [unowned self] in canceller(self) }
    }

    deinit {
        if flags.isUnhandled, let failure { UnhandledFailures.report(failure, of: self) }
    }

    /// Creates a Deferred that has its value already.
    ///
    /// - Parameters:
    ///   - value: The result.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    /// - Returns: A fired Deferred: callbacks added to it run at once.
    @inlinable
    public static func succeeded(
        _ value: Value, file: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        let site = CallSite(file: file, line: line)
        let deferred = Deferred(made: site, flags: .fired, outcome: .success(value))
        deferred.fired = site
        return deferred
    }

    /// Creates a Deferred that has failed already.
    ///
    /// - Parameters:
    ///   - error: The result.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    /// - Returns: A fired Deferred: errbacks added to it run at once.
    @inlinable
    public static func failed(
        _ error: any Error, file: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Value> {
        let deferred = Deferred(file: file, line: line)
        deferred.errback(error, file: file, line: line)
        return deferred
    }

    // MARK: Firing

    /// Fires with a value: those who wait are called before this returns.
    ///
    /// Only the Deferred that one made is fired, and once. Firing it again, or firing what `addCallback` and its like
    /// returned, is an error of the program and ends it, with a message that names the places.
    ///
    /// - Parameters:
    ///   - value: The result.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    @inlinable
    public final func callback(_ value: Value, file: StaticString = #fileID, line: UInt = #line) {
        guard mayFire(CallSite(file: file, line: line)) else { return }
        succeed(value)
        deliver()
    }

    /// Fires with an error: those who wait are called before this returns.
    ///
    /// Only the Deferred that one made is fired, and once. Firing it again, or firing what `addCallback` and its like
    /// returned, is an error of the program and ends it, with a message that names the places.
    ///
    /// - Parameters:
    ///   - error: The result.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    @inlinable
    public final func errback(_ error: any Error, file: StaticString = #fileID, line: UInt = #line) {
        guard mayFire(CallSite(file: file, line: line)) else { return }
        fail(error)
        deliver()
    }

    // MARK: The result

    /// The result, if it is there: for those who waited, as with `addWaiter`.
    package final var result: Result<Value, any Error>? {
        switch outcome {
        case .pending: nil
        case .success(let value): .success(value)
        case .failure(let error): .failure(error)
        }
    }

    @usableFromInline override final var failure: (any Error)? {
        if case .failure(let error) = outcome { error } else { nil }
    }

    /// Has `value`, without delivering it.
    @inlinable
    final func succeed(_ value: Value) {
        outcome = .success(value)
        settled()
    }

    @usableFromInline
    override final func fail(_ error: any Error) {
        outcome = .failure(error)
        settled()
    }

    /// What this is, and where it stands, as in `Deferred<Int>: pending`.
    public var description: String {
        let state =
            switch outcome {
            case .pending:
                if flags.contains(.adopting), let upstream {
                    "waiting on the \(type(of: upstream)) made at \(upstream.made)"
                } else {
                    "pending"
                }
            case .success(let value): "\(value)"
            case .failure(let error): "failed: \(error)"
            }
        return "Deferred<\(Value.self)>: \(state)"
    }
}

extension Deferred where Value == Void {
    /// Fires with nothing but the news: those who wait are called before this returns.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    @inlinable
    public final func callback(file: StaticString = #fileID, line: UInt = #line) {
        callback((), file: file, line: line)
    }
}
