// Who else must be told that the reactor stops: operations that are neither a descriptor nor a slot, such as work on a
// thread or a Deferred made from async code.

struct StopObservers {
    private var functions: [UInt64: () -> Void] = [:]
    private var nextID: UInt64 = 0

    var isEmpty: Bool { functions.isEmpty }

    mutating func add(_ function: @escaping () -> Void) -> UInt64 {
        nextID += 1
        functions[nextID] = function
        return nextID
    }

    mutating func remove(_ id: UInt64) {
        functions[id] = nil
    }

    /// Takes all out, in the order in which they were added.
    mutating func takeAll() -> [() -> Void] {
        defer { functions = [:] }
        return functions.sorted { $0.key < $1.key }.map(\.value)
    }
}

extension Reactor {
    /// Calls `function` when the reactor stops, unless the returned number is given to `forgetStopObserver` before.
    package func whenStopped(_ function: @escaping () -> Void) -> UInt64 {
        stopObservers.add(function)
    }

    package func forgetStopObserver(_ id: UInt64) {
        stopObservers.remove(id)
    }

    func tellStopObservers() {
        for function in stopObservers.takeAll() { function() }
    }
}
