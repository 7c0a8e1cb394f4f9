// What a callback may return to be waited for. A protocol, and not simply `Deferred`, because the compiler takes a
// closure of several statements without `return` for one that returns any class that it is offered as an overload.

/// Something that is, or stands for, a ``Deferred``: a callback that returns one is waited for.
///
/// ```swift
/// struct Download: DeferredConvertible {
///     let finished: Deferred<Int>
///     var deferred: Deferred<Int> { finished }
/// }
/// ```
public protocol DeferredConvertible<Value> {
    /// The type of the value to come.
    associatedtype Value

    /// The Deferred to wait for.
    var deferred: Deferred<Value> { get }
}

extension Deferred: DeferredConvertible {
    /// This Deferred itself.
    @inlinable public final var deferred: Deferred<Value> { self }
}
