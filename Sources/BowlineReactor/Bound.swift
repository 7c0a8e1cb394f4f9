// The ticket with which other threads name an object that they may not touch.

/// Stands for an object of a reactor where the object itself can't go: on other threads.
///
/// It keeps the object alive, and when it is released itself, wherever that happens, the reactor's thread releases the
/// object.
/// ```swift
/// final class Counter { var count = 0 }
/// let counter = reactor.bind(Counter())
/// let handle = reactor.handle
/// Task.detached {
///     handle.call(counter) { counter in counter.count += 1 }
/// }
/// ```
public final class Bound<Object>: Sendable {
    let executor: ReactorExecutor

    /// Retained by hand, so that `deinit` can pass the reference on: a stored property would be released by whatever
    /// thread ends this ticket. Unsafe to the compiler, and safe because the object is read only by
    /// `ReactorHandle.call`'s closure, on the reactor's thread.
    nonisolated(unsafe) private let reference: Unmanaged<Box>

    /// Holds what may be no class to the compiler: `any Transport` is what users have.
    private final class Box {
        let object: Object

        init(_ object: Object) { self.object = object }
    }

    var object: Object { reference.takeUnretainedValue().object }

    init(_ object: Object, executor: ReactorExecutor) {
        reference = .passRetained(Box(object))
        self.executor = executor
    }

    deinit {
        if executor.isCurrent {
            reference.release()
        } else {
            executor.post(.release(.fromOpaque(reference.toOpaque())))
        }
    }
}
