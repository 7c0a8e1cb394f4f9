// Random bits that nobody can guess, for ids, spellings and ports: from the kernel, a page at a time, since a system call for
// each name would cost more than asking it.

import CLinux
import Glibc

struct RandomBits {
    private var pool = [UInt64](repeating: 0, count: 512)
    private var used = 512
    private var ids: UInt64 = 0
    private var idsLeft = 0

    /// Sixty-four bits, used for nothing else.
    mutating func next() -> UInt64 {
        if used == pool.count { refill() }
        defer { used += 1 }
        return pool[used]
    }

    /// An id for the wire.
    mutating func nextID() -> UInt16 {
        if idsLeft == 0 {
            ids = next()
            idsLeft = 4
        }
        defer {
            ids >>= 16
            idsLeft -= 1
        }
        return UInt16(truncatingIfNeeded: ids)
    }

    private mutating func refill() {
        var generator = SystemRandomNumberGenerator()
        let filled = pool.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
        if filled != pool.count * 8 {
            for index in pool.indices { pool[index] = generator.next() }
        }
        used = 0
    }
}
