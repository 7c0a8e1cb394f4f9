// What has waited among thousands has left the processor's caches, and each of its lines costs a hundred nanoseconds when it is
// needed. Where it is known a little before whose turn comes next, it can be fetched while something else is done.

import CLinux

enum Prefetch {
    /// What a cache line has on every processor that Linux runs on in numbers; with other lines it is fetched less well.
    private static let line = 64

    /// Begins to fetch the memory of an object, and doesn't touch it.
    /// - Parameters:
    ///   - address: its bits: a reference would be counted, which is what has to wait for the memory.
    ///   - octets: how large it is, about.
    @inline(__always)
    static func object(at address: UInt, octets: Int) {
        for offset in stride(from: 0, to: octets, by: line) {
            bowline_prefetch(UnsafeRawPointer(bitPattern: address &+ UInt(offset)))
        }
    }
}
