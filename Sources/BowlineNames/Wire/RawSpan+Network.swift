// Numbers in network order out of a packet. The offset must be inside: the loads trap where a check is missing, so a
// forgotten check is a crash in the fuzz test and never a read beyond the packet.

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

    /// A copy of some octets.
    package func octets(_ range: Range<Int>) -> [UInt8] {
        extracting(range).withUnsafeBytes { Array($0) }
    }
}
