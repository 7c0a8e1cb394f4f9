// The datagrams that wait for the end of the turn, or for room in the socket: one run of bytes and an entry for each.
// A datagram may be lost anywhere on its way, so a full queue loses new ones instead of growing.

import CLinux
import Glibc

struct DatagramQueue: ~Copyable {
    private struct Entry {
        var length: Int
        /// Nil: to where the socket is connected.
        var address: SocketAddress?
    }

    private var bytes = OutputBuffer()
    private var entries: [Entry] = []
    /// Entries before this one have left.
    private var head = 0

    var isEmpty: Bool { head == entries.count }
    var count: Int { entries.count - head }
    var byteCount: Int { bytes.count }

    mutating func append(_ datagram: RawSpan, to address: SocketAddress?) {
        bytes.append(datagram)
        entries.append(Entry(length: datagram.byteCount, address: address))
    }

    /// Describes the first datagrams for sendmmsg(2), as many as `batch` takes; returns how many. They stay in the queue.
    func fill(_ batch: UnsafeMutableBufferPointer<bowline_datagram>) -> Int {
        let filled = min(batch.count, count)
        var offset = 0
        // sendmmsg reads through these pointers only, though the type of iovec lets it write.
        let start = bytes.unsent.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
        for index in 0..<filled {
            let entry = entries[head + index]
            batch[index].bytes = start.map { ($0 + offset).assumingMemoryBound(to: UInt8.self) }
            batch[index].length = UInt32(entry.length)
            batch[index].address_length = 0
            entry.address?.withSockaddr { pointer, length in
                withUnsafeMutableBytes(of: &batch[index].address) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(Int(length), $0.count)))
                }
                batch[index].address_length = length
            }
            offset += entry.length
        }
        return filled
    }

    /// Forgets the first `count` datagrams.
    mutating func removeFirst(_ count: Int) {
        let length = entries[head..<(head + count)].reduce(0) { $0 + $1.length }
        head += count
        if isEmpty { removeAll() } else if length > 0 { bytes.consume(length) }
    }

    /// Forgets all datagrams; the entries' storage is kept for the next turn.
    mutating func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
        head = 0
    }
}
