// The octet classes of RFC 9110 and the few comparisons that parsing and formatting share. No state.

import Glibc

/// Octet classes and comparisons, on raw bytes.
///
/// Pointers, not spans, in the loops: each byte of a head passes here, and a bounds check per byte
/// costs more than the work. Every loop below stays inside the count that it was given.
enum HTTPOctets {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")

    /// The characters of a token (RFC 9110, 5.6.2) as two bit maps, for octets under 64 and under 128.
    /// Literals: a global that is computed costs a check on each use.
    private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    static func isToken(_ octet: UInt8) -> Bool {
        guard octet < 128 else { return false }
        return (octet < 64 ? tokenLow : tokenHigh) >> UInt64(octet & 63) & 1 == 1
    }

    static func isBlank(_ octet: UInt8) -> Bool { octet == space || octet == tab }

    static func isDigit(_ octet: UInt8) -> Bool { octet &- 0x30 < 10 }

    /// Whether an octet may stand in a field value: anything but the control characters, TAB excepted (RFC 9110, 5.5).
    static func isFieldContent(_ octet: UInt8) -> Bool { octet >= 0x20 && octet != 0x7F || octet == tab }

    /// The index of the first LF in `bytes[start...]`, or nil. The C function is `memchr`.
    static func lineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress, start < bytes.count else { return nil }
        guard let found = memchr(base + start, Int32(lineFeed), bytes.count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The first octet of `bytes[range]` that may not stand in a field value, or nil; eight octets a step.
    static func firstForbidden(in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UInt8? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = ones << 7
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let controls = (word &- ones &* 0x20) & ~word
            let deleted = word ^ (ones &* 0x7F)
            let deletes = (deleted &- ones) & ~deleted
            if (controls | deletes) & high != 0 {
                // Rare: a TAB, which is allowed, or the end of this message.
                for offset in index..<index + 8 where !isFieldContent(bytes[offset]) { return bytes[offset] }
            }
            index += 8
        }
        while index < range.upperBound {
            if !isFieldContent(bytes[index]) { return bytes[index] }
            index += 1
        }
        return nil
    }

    /// `range` without the blanks at both ends.
    static func trimmed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Whether `bytes[range]` is `lowercased` when ASCII case is ignored.
    static func equal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ lowercased: StaticString) -> Bool {
        guard range.count == lowercased.utf8CodeUnitCount else { return false }
        let expected = lowercased.utf8Start
        for offset in 0..<range.count where lower(bytes[range.lowerBound + offset]) != expected[offset] {
            return false
        }
        return true
    }

    /// Whether both texts are the same bytes: less than `==`, which also holds for what is only equivalent.
    static func areIdentical(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        let areEqual = left.utf8.withContiguousStorageIfAvailable { left in
            right.utf8.withContiguousStorageIfAvailable { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return left.isEmpty }
                return memcmp(first, second, left.count) == 0
            }
        }
        // Never nil but for strings that aren't Swift's own.
        return (areEqual ?? nil) ?? left.utf8.elementsEqual(right.utf8)
    }

    static func lower(_ octet: UInt8) -> UInt8 {
        octet &- UInt8(ascii: "A") < 26 ? octet | 0x20 : octet
    }

    /// Hands over the elements of a comma-separated list (RFC 9110, 5.6.1), trimmed, empty ones too; a comma
    /// inside a quoted string separates nothing.
    static func forEachElement(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = value.lowerBound
        var isQuoted = false
        var index = start
        while index < value.upperBound {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted:
                body(trimmed(bytes, start..<index))
                start = index + 1
            default: break
            }
            index += 1
        }
        body(trimmed(bytes, start..<value.upperBound))
    }

    /// The text of `bytes`: UTF-8 if it is that, else ISO-8859-1, which never fails.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var text = ""
        text.reserveCapacity(bytes.count * 2)
        for octet in bytes { text.unicodeScalars.append(Unicode.Scalar(octet)) }
        return text
    }
}
