// The value that is not there yet: how it is made and fired, and how its result is read. Made by whoever does the
// work, and held by them until it is done. What one adds to it is in Deferred+Callbacks.swift; how results travel, in
// DeferredNode.swift. A Deferred never calls back from another thread or a later turn of the loop: all is synchronous.

/// A value that is not there yet, or the error in its place.
///
/// Whoever does the work makes a Deferred, returns it, and later fires it once: with ``callback(_:file:line:)`` or
/// ``errback(_:file:line:)``. Whoever waits adds functions. Each addition returns a new Deferred, of what the function
/// returns, so that a chain reads from top to bottom:
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
    /// The value, if `flags` say that there is one; a failure is in `failure`.
    @exclusivity(unchecked) @usableFromInline final var slot = Slot()

    @inlinable
    override init(made: CallSite, flags: Flags, step: Step? = nil, canceller: (() -> Void)? = nil) {
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
        noteMade()
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
        noteMade()
    }

    deinit {
        if flags.contains(.succeeded) {
            slot.deinitialize(as: Value.self)
        } else if flags.isUnhandled, let failure {
            UnhandledFailures.report(UnhandledFailure(error: failure, origin: made))
        }
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
        let deferred = Deferred(file: file, line: line)
        deferred.callback(value, file: file, line: line)
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
    public final func callback(_ value: consuming Value, file: StaticString = #fileID, line: UInt = #line) {
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
        if let value { .success(value) } else { failure.map { .failure($0) } }
    }

    /// The value of what a link of Deferred<Value> followed, and now takes the result of.
    ///
    /// The type needs no check: only `follow` and `adopt` of this class attach links that ask for its value.
    @inlinable
    static func value(of upstream: DeferredNode?) -> Value? {
        guard let upstream, upstream.flags.contains(.succeeded) else { return nil }
        return unsafeDowncast(upstream, to: Deferred<Value>.self).slot.read(as: Value.self)
    }

    /// The value, if that is the result.
    @inlinable final var value: Value? {
        flags.contains(.succeeded) ? slot.read(as: Value.self) : nil
    }

    /// Has `value`, without delivering it.
    @inlinable
    final func succeed(_ value: consuming Value) {
        slot.initialize(to: value)
        flags.insert(.succeeded)
        settled()
    }

    /// What this is, and where it stands, as in `Deferred<Int>: pending`.
    public var description: String {
        let state =
            switch result {
            case .success(let value)?: "\(value)"
            case .failure(let error)?: "failed: \(error)"
            case nil:
                if flags.contains(.adopting), let upstream {
                    "waiting on the \(upstream.kind) made at \(upstream.made)"
                } else {
                    "pending"
                }
            }
        return "\(kind): \(state)"
    }

    override final var kind: String { "Deferred<\(Value.self)>" }
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
