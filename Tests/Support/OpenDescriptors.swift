// What this process has open, for tests that count: each descriptor with what the system says it is.

import Glibc

package enum OpenDescriptors {
    /// The open descriptors below 1,024, with what each leads to: `socket:[4711]`, `anon_inode:inotify`, a path.
    package static func all() -> [Int32: String] {
        var found: [Int32: String] = [:]
        for descriptor in 0..<1024 as Range<Int32> {
            let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
                count = buffer.withMemoryRebound(to: CChar.self) { bytes in
                    bytes.baseAddress.map { max(0, readlink("/proc/self/fd/\(descriptor)", $0, bytes.count)) } ?? 0
                }
            }
            if !target.isEmpty { found[descriptor] = String(decoding: target, as: UTF8.self) }
        }
        return found
    }
}
