// The place in a Deferred where its value will be. Used by `Deferred` alone, which knows by its flags whether the value
// is there.
//
// Not an Optional, for speed: to free a property of type `Value?`, unspecialised code (and the deinit of a generic
// class is never specialised) looks up the metadata of Optional<Value> in a table of the runtime, which costs 25 ns for
// each Deferred. The metadata of `Value` itself is at hand.

/// Room for one value of any type: in place if it is small, else in memory of its own.
@usableFromInline
struct Slot {
    // Six words: a String, an Array, a struct of a few fields such as what a lookup came to. Memory of its own costs as much
    // as the Deferred itself: UnsafeMutablePointer's comes from posix_memalign.
    @usableFromInline var words: (UInt, UInt, UInt, UInt, UInt, UInt) = (0, 0, 0, 0, 0, 0)

    @inlinable init() {}

    /// Whether a value of this type is kept in place. The compiler knows where it knows the type.
    @inlinable
    static func fits<Value>(_: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= MemoryLayout<(UInt, UInt, UInt, UInt, UInt, UInt)>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<UInt>.alignment
    }

    /// Puts the value in.
    @inlinable
    mutating func initialize<Value>(to value: consuming Value) {
        if Self.fits(Value.self) {
            let value = value
            withUnsafeMutableBytes(of: &words) {
                // In range, as it fits. The memory is bound to Value from here to `deinitialize`.
                _ = $0.baseAddress.unsafelyUnwrapped.initializeMemory(as: Value.self, to: value)
            }
        } else {
            let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
            pointer.initialize(to: value)
            words.0 = UInt(bitPattern: pointer)
        }
    }

    /// The value. It must have been put in, as this type.
    @inlinable
    func read<Value>(as: Value.Type) -> Value {
        if Self.fits(Value.self) {
            withUnsafeBytes(of: words) {
                $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Value.self).pointee
            }
        } else {
            UnsafeMutablePointer<Value>(bitPattern: words.0).unsafelyUnwrapped.pointee
        }
    }

    /// Frees the value, which must have been put in, as this type.
    @inlinable
    mutating func deinitialize<Value>(as: Value.Type) {
        if Self.fits(Value.self) {
            if _isPOD(Value.self) { return }
            withUnsafeMutableBytes(of: &words) {
                _ = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Value.self).deinitialize(count: 1)
            }
        } else {
            let pointer = UnsafeMutablePointer<Value>(bitPattern: words.0).unsafelyUnwrapped
            pointer.deinitialize(count: 1)
            pointer.deallocate()
        }
    }
}
