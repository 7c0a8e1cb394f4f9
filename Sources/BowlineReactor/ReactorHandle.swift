// The one door to a reactor from other threads.

/// Reaches a reactor from any thread: the only thing of a reactor that may cross threads.
///
/// ```swift
/// let handle = reactor.handle
/// Task.detached {
///     handle.callFromThread { reactor in
///         reactor.callLater(.seconds(1)) { print("on the reactor's thread") }
///     }
/// }
/// ```
public struct ReactorHandle: Sendable {
    /// The executor whose jobs run on the reactor's thread; for `Task(executorPreference:)`.
    public let executor: ReactorExecutor

    /// Queues `function` for the reactor's thread and wakes the loop. Calls of one thread keep their order. A call made
    /// before `run()` waits for it; one made on the reactor's own thread runs in the next turn. When the reactor is
    /// gone, the function is released and never called.
    ///
    /// Thread: any.
    public func callFromThread(_ function: @escaping @Sendable (Reactor) -> Void) {
        executor.post(.call(function))
    }

    /// Calls `function` with the object that `bound` stands for, on the reactor's thread, as `callFromThread` does.
    ///
    /// Thread: any. The ticket must have been made by this handle's reactor; another's ends the program.
    public func call<Object>(_ bound: Bound<Object>, _ function: @escaping @Sendable (Object) -> Void) {
        if bound.executor !== executor {
            fatalError("this object was bound by another reactor: use that reactor's handle")
        }
        executor.post(.call { _ in function(bound.object) })
    }

    /// Asks the reactor to stop, as `Reactor.stop()` does. Thread: any.
    public func stop() {
        executor.requestStop()
    }
}
