// What a lower module carries for an upper one: the reactor knows nothing of resolvers or agents, and yet
// `reactor.resolver` is where users look for one. An upper module defines a key; the reactor keeps its value.

/// Names a value that a reactor carries for a module above it.
///
/// The module conforms a type of its own and wraps `reactor[MyKey.self]` in a property with a good name.
/// ```swift
/// final class Counter { var count = 0 }
/// enum CounterSlot: ReactorSlot {
///     static func makeDefault(for reactor: Reactor) -> Counter { Counter() }
///     static func reactorStopped(_ value: Counter) { value.count = 0 }
/// }
/// reactor[CounterSlot.self].count += 1
/// ```
public protocol ReactorSlot {
    /// What is carried.
    associatedtype Value

    /// Makes the value when it is first asked for and nobody has set one.
    static func makeDefault(for reactor: Reactor) -> Value

    /// Tells the value that its reactor stops: whatever waits on it must fail with `ReactorStopped` now.
    static func reactorStopped(_ value: Value)

    /// Tells the value to read its configuration anew (SIGHUP, where the reactor handles signals). Does nothing by
    /// default.
    static func reload(_ value: Value)
}

extension ReactorSlot {
    public static func reload(_ value: Value) {}
}

/// The slots of one reactor.
struct SlotTable {
    private struct Entry {
        var value: Any
        var stopped: () -> Void
        var reload: () -> Void
    }

    private var entries: [ObjectIdentifier: Entry] = [:]

    func value<Slot: ReactorSlot>(of slot: Slot.Type) -> Slot.Value? {
        entries[ObjectIdentifier(slot)]?.value as? Slot.Value
    }

    mutating func set<Slot: ReactorSlot>(_ value: Slot.Value, of slot: Slot.Type) {
        entries[ObjectIdentifier(slot)] = Entry(
            value: value, stopped: { Slot.reactorStopped(value) }, reload: { Slot.reload(value) })
    }

    func tellStopped() {
        for entry in entries.values { entry.stopped() }
    }

    func tellReload() {
        for entry in entries.values { entry.reload() }
    }
}
