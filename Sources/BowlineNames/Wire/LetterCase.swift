// The case of the letters of a name that is asked (0x20): thrown like dice for each question, so that an answer that doesn't
// repeat it wasn't made by somebody who saw the question. Kept as the dice, not as the name that they made: a question in
// flight is one number, and what was sent can be written again whenever it is needed.

import Glibc

/// Says which letters of a name are capitals.
package struct LetterCase: Hashable, Sendable {
    /// A bit for each octet of the name on the wire, the lowest for the first; after the last bit it begins anew.
    private let bits: UInt64

    /// All small: the name as it is kept.
    package static let small = LetterCase(bits: 0)

    package init(bits: UInt64) {
        self.bits = bits
    }

    /// Gives the letters of a name on the wire their case; what isn't a small letter of ASCII stays what it is, as the length
    /// octets, which are below every letter.
    func apply(to name: UnsafeMutableRawBufferPointer) {
        if bits == 0 { return }
        var dice = bits
        var offset = 0
        // Eight at a time, then one by one: this is done twice for each question.
        while offset + 8 <= name.count {
            let octets = UInt64(littleEndian: name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let capitals = octets & ~((Self.letters(octets) & Self.spread(dice)) >> 2)
            name.storeBytes(of: capitals.littleEndian, toByteOffset: offset, as: UInt64.self)
            dice = dice &>> 8 | dice &<< 56
            offset += 8
        }
        while offset < name.count {
            let octet = name[offset]
            if octet &- 0x61 < 26 { name[offset] = octet & ~UInt8(truncatingIfNeeded: (dice & 1) &<< 5) }
            dice = dice &>> 1 | dice &<< 63
            offset += 1
        }
    }

    /// The highest bit of each octet that is a small letter.
    private static func letters(_ octets: UInt64) -> UInt64 {
        let low = octets & 0x7F7F_7F7F_7F7F_7F7F
        // Sums that reach 0x80 from "a" on, and from what is behind "z".
        let first = low &+ 0x1F1F_1F1F_1F1F_1F1F
        let beyond = low &+ 0x0505_0505_0505_0505
        return first & ~beyond & ~octets & 0x8080_8080_8080_8080
    }

    /// The lowest eight dice, each as the highest bit of an octet.
    private static func spread(_ dice: UInt64) -> UInt64 {
        let each = (dice & 0xFF) &* 0x0101_0101_0101_0101 & 0x8040_2010_0804_0201
        return (each &+ 0x7F7F_7F7F_7F7F_7F7F) & 0x8080_8080_8080_8080
    }
}

extension DomainName {
    /// Writes the name as it goes on the wire.
    ///
    /// - Parameter buffer: with room for `maximumWireOctets`.
    /// - Returns: how many octets it takes.
    /// - Complexity: O(length of the name); no allocation, unless the name has an escape.
    func write(_ letterCase: LetterCase, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count: Int
        if let plain = text.withOctets({ Self.writePlain($0, into: buffer) }) {
            count = plain
        } else {
            let wire = wireFormat
            buffer.copyBytes(from: wire)
            count = wire.count
        }
        letterCase.apply(to: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
        return count
    }

    /// The same for a canonical text without escapes; nil if it has one.
    private static func writePlain(
        _ text: UnsafeBufferPointer<UInt8>, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int? {
        // With the first length octet and the root's.
        guard text.count + 2 <= min(buffer.count, maximumWireOctets) else { return nil }
        if text.isEmpty {
            buffer[0] = 0
            return 1
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyMemory(from: UnsafeRawBufferPointer(text))
        // The length of a label takes the place of the dot before it.
        var label = 0
        for index in text.indices {
            let octet = text[index]
            if octet == UInt8(ascii: ".") {
                buffer[label] = UInt8(truncatingIfNeeded: index &- label)
                label = index &+ 1
            } else if octet == UInt8(ascii: "\\") {
                return nil
            }
        }
        buffer[label] = UInt8(truncatingIfNeeded: text.count - label)
        buffer[text.count + 1] = 0
        return text.count + 2
    }
}

extension RawSpan {
    /// Whether the octets of a range are a name in this case, letter for letter and without compression.
    func spells(_ name: DomainName, _ letterCase: LetterCase, at range: Range<Int>) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: DomainName.maximumWireOctets, alignment: 1) { buffer in
            let count = name.write(letterCase, into: buffer)
            guard count == range.count else { return false }
            return extracting(range).withUnsafeBytes { octets in
                guard let mine = octets.baseAddress, let theirs = buffer.baseAddress else { return true }
                return memcmp(mine, theirs, count) == 0
            }
        }
    }
}
