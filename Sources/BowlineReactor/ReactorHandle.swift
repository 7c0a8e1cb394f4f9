// The one door to a reactor from other threads.

/// Reaches a reactor from any thread: the only thing of a reactor that may cross threads.
///
/// ```swift
/// let handle = reactor.handle
/// let thread = Task.detached {
///     handle.callFromThread { reactor in
///         reactor.callLater(.seconds(1)) { print("on the reactor's thread") }
///     }
/// }
/// ```
public struct ReactorHandle: Sendable {
    /// The executor whose jobs run on the reactor's thread; for `Task(executorPreference:)`.
    public let executor: ReactorExecutor

    /// Queues `function` for the reactor's thread and wakes the loop. Calls of one thread keep their order. A call made
    /// before `run()` waits for it; one made on the reactor's own thread runs in the next turn.
    ///
    /// Thread: any.
    public func callFromThread(_ function: @escaping @Sendable (Reactor) -> Void) {
        executor.post(.call(function))
    }

    /// Calls `function` with the object that `bound` stands for, on the reactor's thread.
    ///
    /// Thread: any. The ticket must have been made by this handle's reactor.
    public func call<Object: AnyObject>(_ bound: Bound<Object>, _ function: @escaping @Sendable (Object) -> Void) {
        precondition(bound.executor === executor, "this object belongs to another reactor")
        executor.post(.call { _ in function(bound.object) })
    }

    /// Asks the reactor to stop, as `Reactor.stop()` does. Thread: any.
    public func stop() {
        executor.requestStop()
    }
}

/// Stands for an object of a reactor where the object itself can't go: on other threads.
///
/// Made by `Reactor.bind(_:)`, used with `ReactorHandle.call(_:_:)`. It keeps the object alive and gives it back to the
/// reactor's thread when it is released itself, wherever that happens.
public final class Bound<Object: AnyObject>: Sendable {
    let executor: ReactorExecutor

    /// Unsafe to the compiler, and safe because it is read only by `ReactorHandle.call`'s closure on the reactor's
    /// thread; the reference itself is carried back there by `deinit`, so not even the last release happens elsewhere.
    nonisolated(unsafe) let object: Object

    init(_ object: Object, executor: ReactorExecutor) {
        self.object = object
        self.executor = executor
    }

    deinit {
        guard !executor.isCurrent else { return }
        let carried = Carried(object)
        executor.post(.call { _ in carried.drop() })
    }
}

/// Carries a reference to the thread that may release it. Unchecked, and right because nothing is done with the value
/// on the way: `drop` runs on the reactor's thread, after the sender has forgotten the reference.
final class Carried: @unchecked Sendable {
    private var object: AnyObject?

    init(_ object: AnyObject) { self.object = object }

    func drop() { object = nil }
}
