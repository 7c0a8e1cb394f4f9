// How a value that is not Sendable goes from one thread to another, whole.

/// Carries a value to the one thread that takes it. Unchecked, and right because the sender has nothing else of the
/// value (what makes it returns it `sending`), and because `take` is called once, after the queue between the threads
/// has ordered it behind the making. The value is taken out: whoever releases this box last releases an empty one.
final class Handover<Value>: @unchecked Sendable {
    private var value: Value?

    /// Makes the value in its box, so that no other reference of this thread outlasts the making.
    init(_ make: () -> Value) { value = make() }

    func take() -> Value? {
        defer { value = nil }
        return value
    }
}
