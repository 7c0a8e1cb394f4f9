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

    /// Tells the value that its reactor stops: whatever waits on it must fail with `ReactorStopped` now. It stays in
    /// its slot for the next run. It is told again if, while everything closes, somebody may have begun anew.
    static func reactorStopped(_ value: Value)

    /// Tells the value to read its configuration anew (SIGHUP, where the reactor handles signals). Does nothing by
    /// default.
    static func reload(_ value: Value)
}

extension ReactorSlot {
    /// Does nothing.
    public static func reload(_ value: Value) {}
}

/// The slots of one reactor. There is a handful, so a search is faster than a dictionary.
///
/// Inlinable, with what it calls: the module that has the key knows the value's type, and reads it without asking the
/// runtime for generic metadata.
@usableFromInline
struct SlotTable {
    @usableFromInline var holders: [SlotHolder] = []

    init() {}

    @inlinable
    func value<Slot: ReactorSlot>(of slot: Slot.Type) -> Slot.Value? {
        holder(of: slot)?.value
    }

    @inlinable
    mutating func set<Slot: ReactorSlot>(_ value: Slot.Value, of slot: Slot.Type) {
        if let holder = holder(of: slot) {
            holder.value = value
        } else {
            holders.append(TypedSlotHolder<Slot>(value))
        }
    }

    /// Those that are there, the last made first: it may stand on those before it.
    var lastFirst: [SlotHolder] { holders.reversed() }

    @inlinable
    func holder<Slot: ReactorSlot>(of slot: Slot.Type) -> TypedSlotHolder<Slot>? {
        for holder in holders where holder.key == ObjectIdentifier(slot) {
            // The key is the type, and only `set` makes holders: one of this key is a TypedSlotHolder<Slot>.
            return unsafeDowncast(holder, to: TypedSlotHolder<Slot>.self)
        }
        return nil
    }
}

/// A slot's value without its type.
@usableFromInline
class SlotHolder {
    @usableFromInline let key: ObjectIdentifier

    @inlinable init(key: ObjectIdentifier) { self.key = key }

    @usableFromInline func tellStopped() {}
    @usableFromInline func tellReload() {}
}

/// A slot's value.
@usableFromInline
final class TypedSlotHolder<Slot: ReactorSlot>: SlotHolder {
    @exclusivity(unchecked) @usableFromInline var value: Slot.Value

    @inlinable
    init(_ value: Slot.Value) {
        self.value = value
        super.init(key: ObjectIdentifier(Slot.self))
    }

    @inlinable override func tellStopped() { Slot.reactorStopped(value) }
    @inlinable override func tellReload() { Slot.reload(value) }
}
