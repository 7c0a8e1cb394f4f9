// Writes an address' text into the bytes of a new String, so that `description` costs one allocation at most.
// Used by the addresses only; the caller gives room for the longest text of its kind.

struct TextWriter {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

    mutating func append(_ character: Unicode.Scalar) { append(byte: UInt8(ascii: character)) }

    mutating func append(_ address: IPv4Address) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            append(decimal: address.bits >> shift & 0xFF)
            if shift > 0 { append(".") }
        }
    }

    mutating func append(decimal number: UInt32) {
        append(number, radix: 10)
    }

    mutating func append(hexadecimal number: UInt16) {
        append(UInt32(number), radix: 16)
    }

    private mutating func append(_ number: UInt32, radix: UInt32) {
        if number >= radix { append(number / radix, radix: radix) }
        let digit = UInt8(truncatingIfNeeded: number % radix)
        append(byte: digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }

    private mutating func append(byte: UInt8) {
        buffer[count] = byte
        count += 1
    }
}
