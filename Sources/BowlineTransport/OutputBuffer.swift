// What was written and has not left. One run of bytes, so that a turn's writes go out in one send: copying a small
// write costs less than an entry of a scatter list. Idle connections hold no storage: it is freed when it is empty.

import Glibc

struct OutputBuffer: ~Copyable {
    private static let initialCapacity = 512

    /// Invariant: `storage[head..<tail]` is what has not left.
    private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var head = 0
    private var tail = 0

    deinit { free(storage.baseAddress) }

    var count: Int { tail - head }
    var isEmpty: Bool { head == tail }

    /// The bytes to send next.
    var unsent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[head..<tail]) }

    mutating func append(_ bytes: RawSpan) {
        let addition = bytes.byteCount
        guard addition > 0 else { return }
        if tail + addition > storage.count { makeRoom(for: addition) }
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: storage[tail..<(tail + addition)]).copyMemory(from: source)
        }
        tail += addition
    }

    /// Forgets the first `count` bytes, which have left.
    mutating func consume(_ count: Int) {
        head += count
        if head == tail { removeAll() }
    }

    /// Forgets everything and frees the storage.
    mutating func removeAll() {
        free(storage.baseAddress)
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
        tail = 0
    }

    /// Moves the bytes to the front, of larger storage unless half of the present one is free.
    private mutating func makeRoom(for addition: Int) {
        let needed = count + addition
        var target = storage
        if needed > storage.count / 2 {
            // The first write of a turn is often the only one, so that nothing is added for more; growth doubles.
            let capacity = storage.count == 0 ? needed : needed * 2
            target = Self.allocate(max(Self.initialCapacity, capacity))
        }
        target.copyMemory(from: unsent)
        tail = count
        head = 0
        if target.baseAddress != storage.baseAddress {
            free(storage.baseAddress)
            storage = target
        }
    }

    /// By malloc(3), which has pieces that were freed at hand: Swift's own `allocate` calls posix_memalign, which hasn't,
    /// whatever the alignment is.
    private static func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
        guard let start = malloc(count) else { fatalError("no memory for \(count) bytes of output") }
        return UnsafeMutableRawBufferPointer(start: start, count: count)
    }
}
