// Numbers in network order out of a packet. The offset must be inside: the loads trap where a check is missing, so a
// forgotten check is a crash in the fuzz test and never a read beyond the packet.

import Glibc

extension RawSpan {
    /// The octet at an offset.
    @inline(__always)
    package func octet(_ offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Two octets as a number.
    @inline(__always)
    package func uint16(_ offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Four octets as a number.
    @inline(__always)
    package func uint32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Eight octets as a number.
    @inline(__always)
    package func uint64(_ offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether the octets of a range are these.
    func hasOctets(_ octets: ArraySlice<UInt8>, at range: Range<Int>) -> Bool {
        guard octets.count == range.count else { return false }
        return extracting(range).withUnsafeBytes { mine in
            octets.withUnsafeBytes { theirs in
                guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else { return true }
                return memcmp(mine, theirs, range.count) == 0
            }
        }
    }

    /// A copy of some octets.
    package func octets(_ range: Range<Int>) -> [UInt8] {
        extracting(range).withUnsafeBytes { Array($0) }
    }
}
