// What the tests of this folder share.
//
// The tests hold their sources with withExtendedLifetime: an optimised build releases an object after its last use, and
// a source that is released frees its chain.

@testable import BowlineDeferred

/// An error that tests can tell from another.
struct Trouble: Error, Equatable {
    let number: Int
    init(_ number: Int = 0) { self.number = number }
}

/// Counts how many of it are alive: what a closure captures, to see when the closure is freed.
final class Tracked {
    final class Counter { var alive = 0 }
    let counter: Counter

    init(_ counter: Counter) {
        self.counter = counter
        counter.alive += 1
    }

    deinit { counter.alive -= 1 }

    func touch() {}
}

/// What happened, in order.
final class Log {
    var lines: [String] = []
    func callAsFunction(_ line: String) { lines.append(line) }
}

extension Deferred {
    var isCancelled: Bool { error is CancelledError }
    var error: (any Error)? { if case .failure(let error)? = result { error } else { nil } }
}
