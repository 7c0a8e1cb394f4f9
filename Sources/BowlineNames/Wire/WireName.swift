// Names inside a packet: skipping, comparing and reading them where they lie. The answer reader compares names in place
// and makes a DomainName of those only that it hands out. Everything here takes hostile bytes.

/// A walk over the labels of a name in a packet; it follows compression pointers.
package struct WireLabels {
    /// Where the next label (or pointer, or the root's zero) lies.
    package private(set) var offset: Int
    /// A pointer must lead before this. It falls with each jump, so a walk always ends.
    private var limit: Int
    private var length = 1
    private var pointers = 0
    /// The end of the name where it began: after its zero or its first pointer. Set once the walk has passed it.
    package private(set) var end: Int?

    /// A name has 127 labels at most, and no use for a pointer that leads to another pointer. Without this bound, a chain
    /// of thousands in one packet would be walked for each of its thousands of records.
    static let maximumPointers = 128

    /// Starts at the first length byte of a name.
    package init(at offset: Int) {
        self.offset = offset
        limit = offset
    }

    /// The place of the next label's octets, or nil after the last.
    @inline(__always)
    package mutating func next(_ packet: RawSpan) throws(WireError) -> (start: Int, count: Int)? {
        while true {
            guard offset < packet.byteCount else { throw .truncated }
            let octet = packet.octet(offset)
            if octet == 0 {
                if end == nil { end = offset + 1 }
                return nil
            }
            if octet <= 63 {
                let start = offset + 1
                offset = start + Int(octet)
                guard offset < packet.byteCount else { throw .truncated }
                length += Int(octet) + 1
                guard length <= DomainName.maximumWireOctets else { throw .nameTooLong }
                return (start, Int(octet))
            }
            guard octet >= 0xC0 else { throw .reservedLabel }
            guard offset + 1 < packet.byteCount else { throw .truncated }
            let target = Int(packet.uint16(offset) & 0x3FFF)
            // Offsets in a packet only: a name in a buffer of its own has no header, but no pointers either.
            guard target < limit, target >= DNSHeader.octets else { throw .badPointer }
            pointers += 1
            guard pointers <= Self.maximumPointers else { throw .tooManyPointers }
            if end == nil { end = offset + 2 }
            limit = target
            offset = target
        }
    }
}

/// What is done with a name in a packet.
package enum WireName {
    /// The offset after a name. Doesn't follow pointers: a name behind one is checked when it is read.
    @inline(__always)
    package static func skip(_ packet: RawSpan, at start: Int) throws(WireError) -> Int {
        var offset = start
        while true {
            guard offset < packet.byteCount else { throw .truncated }
            let octet = packet.octet(offset)
            if octet == 0 { return offset + 1 }
            if octet >= 0xC0 {
                guard offset + 1 < packet.byteCount else { throw .truncated }
                return offset + 2
            }
            guard octet <= 63 else { throw .reservedLabel }
            offset += Int(octet) + 1
            guard offset - start < DomainName.maximumWireOctets else { throw .nameTooLong }
        }
    }

    /// Whether the names at two offsets are the same in any case.
    package static func areEqual(_ packet: RawSpan, _ first: Int, _ second: Int) throws(WireError) -> Bool {
        if first == second { return true }
        var left = WireLabels(at: first)
        var right = WireLabels(at: second)
        while true {
            let a = try left.next(packet)
            let b = try right.next(packet)
            guard let a, let b else { return a == nil && b == nil }
            // Pointers to one place, the usual case.
            if a.start == b.start { return true }
            guard a.count == b.count else { return false }
            for index in 0..<a.count
            where ASCII.lowercase(packet.octet(a.start + index)) != ASCII.lowercase(packet.octet(b.start + index)) {
                return false
            }
        }
    }

    /// Whether the name at an offset is `name`, in any case.
    package static func matches(_ packet: RawSpan, at offset: Int, _ name: DomainName) throws(WireError) -> Bool {
        var text = name.text
        let comparison: Result<Bool?, WireError> = text.withUTF8 { text in
            do throws(WireError) {
                return .success(try compare(packet, offset, text))
            } catch {
                return .failure(error)
            }
        }
        if let isEqual = try comparison.get() { return isEqual }
        return try read(packet, at: offset) == name
    }

    /// Compares without escapes; nil if the text has one, which is rare enough to be slow.
    private static func compare(
        _ packet: RawSpan, _ offset: Int, _ text: UnsafeBufferPointer<UInt8>
    ) throws(WireError) -> Bool? {
        var labels = WireLabels(at: offset)
        var position = 0
        while let label = try labels.next(packet) {
            if position > 0 {
                guard position < text.count, text[position] == UInt8(ascii: ".") else { return false }
                position += 1
            }
            for index in 0..<label.count {
                guard position < text.count else { return false }
                let octet = text[position]
                if octet == UInt8(ascii: "\\") { return nil }
                // A dot inside a label would be escaped in the text; unescaped it only stands between labels.
                guard octet == ASCII.lowercase(packet.octet(label.start + index)), octet != UInt8(ascii: ".") else {
                    return false
                }
                position += 1
            }
        }
        return position == text.count
    }

    /// Reads a name for the cache and for people: folded and escaped.
    package static func read(_ packet: RawSpan, at offset: Int) throws(WireError) -> DomainName {
        DomainName(canonical: try text(packet, at: offset, folding: true))
    }

    /// Reads a name in the case in which it stands there.
    package static func spelling(_ packet: RawSpan, at offset: Int) throws(WireError) -> String {
        try text(packet, at: offset, folding: false)
    }

    /// Reads a name that was written by this module.
    static func canonical(_ wire: RawSpan, at offset: Int) -> DomainName? {
        try? read(wire, at: offset)
    }

    private static func text(_ packet: RawSpan, at offset: Int, folding: Bool) throws(WireError) -> String {
        // Each of at most 254 octets becomes at most 4 characters.
        let result: Result<String, WireError> = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) {
            buffer in
            do throws(WireError) {
                let count = try write(packet, offset, folding, buffer)
                return .success(String(decoding: UnsafeBufferPointer(rebasing: buffer[..<count]), as: UTF8.self))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func write(
        _ packet: RawSpan, _ offset: Int, _ folding: Bool, _ buffer: UnsafeMutableBufferPointer<UInt8>
    ) throws(WireError) -> Int {
        var labels = WireLabels(at: offset)
        var count = 0
        while let label = try labels.next(packet) {
            if count > 0 {
                buffer[count] = UInt8(ascii: ".")
                count += 1
            }
            for index in label.start..<(label.start + label.count) {
                let octet = packet.octet(index)
                switch octet {
                case UInt8(ascii: "."), UInt8(ascii: "\\"):
                    buffer[count] = UInt8(ascii: "\\")
                    buffer[count + 1] = octet
                    count += 2
                case 0x21...0x7E:
                    buffer[count] = folding ? ASCII.lowercase(octet) : octet
                    count += 1
                default:
                    buffer[count] = UInt8(ascii: "\\")
                    buffer[count + 1] = 0x30 + octet / 100
                    buffer[count + 2] = 0x30 + octet / 10 % 10
                    buffer[count + 3] = 0x30 + octet % 10
                    count += 4
                }
            }
        }
        return count
    }
}
