// A domain name, once it has been checked: the value that goes between the layers instead of a string. Whoever holds one
// need not ask again whether it is empty, too long or in capitals. It is the key of the cache, so it carries its hash.
// It never holds an IP address literal on purpose; whether a text is one is decided before a name is made of it.

/// An absolute domain name: checked, in lower case, without the trailing dot.
///
/// Two names that differ in case or in a trailing dot are equal (RFC 4343). An international name is held in its ASCII
/// form; ``unicode`` gives the other.
///
/// ```swift
/// let name = try DomainName("WWW.Bücher.example.")
/// print(name)                                            // www.xn--bcher-kva.example
/// print(name.unicode)                                    // www.bücher.example
/// print(name.isEqualOrBelow(try DomainName("example")))  // true
/// ```
public struct DomainName: Sendable {
    /// The name in presentation form: lower case, labels joined by dots, "" for the root.
    ///
    /// In names from the wire a dot or backslash within a label stands as `\.` or `\\`, and an octet outside of printable
    /// ASCII as `\DDD` (RFC 1035, 5.1). So two names are equal exactly if their texts are.
    public let text: String

    /// The hash of `text`, taken once: names are looked up far more often than made. Seeded per process, so that a
    /// stranger can't choose names that collide.
    package let storedHash: Int

    /// The root of all names.
    public static let root = DomainName(canonical: "")

    /// The longest label, in octets (RFC 1035, 2.3.4).
    package static let maximumLabelOctets = 63
    /// The longest name on the wire, in octets with the length bytes and the root's zero (RFC 1035, 2.3.4).
    package static let maximumWireOctets = 255

    /// Takes a text that is known to be canonical.
    package init(canonical text: String) {
        self.text = text
        storedHash = text.withOctets { NameHash.hash(UnsafeRawBufferPointer($0)) }
    }

    /// A hash of the name together with a type, for tables of both: good, for the name's is, and the type only has to spread
    /// A and AAAA.
    @inline(__always)
    func hash(with type: RecordType) -> Int { storedHash &+ Int(type.rawValue) &* 0x9E37_79B9 }

    /// Whether this is the root, the empty name.
    public var isRoot: Bool { text.isEmpty }

    /// Whether the name is `other` or below it: `a.b` is below `b` and below the root, `ab` isn't.
    public func isEqualOrBelow(_ other: DomainName) -> Bool {
        text.withOctets { mine in
            other.text.withOctets { theirs in Self.isEqualOrBelow(mine, theirs) }
        }
    }

    /// The same for canonical texts: octet by octet, where a String compares characters.
    static func isEqualOrBelow(_ mine: UnsafeBufferPointer<UInt8>, _ theirs: UnsafeBufferPointer<UInt8>) -> Bool {
        if theirs.isEmpty { return true }
        guard mine.count >= theirs.count else { return false }
        let start = mine.count - theirs.count
        for index in theirs.indices where mine[start + index] != theirs[index] { return false }
        if start == 0 { return true }
        guard mine[start - 1] == UInt8(ascii: ".") else { return false }
        // An odd number of backslashes makes that dot a part of a label.
        return mine[..<(start - 1)].reversed().prefix { $0 == UInt8(ascii: "\\") }.count.isMultiple(of: 2)
    }

    /// Whether the last label is a number, as in "1.2.3" or "0x7f": no such name can exist in the DNS, but a URL's host
    /// that ends so is (or fails to be) an IPv4 address (WHATWG URL, "ends in a number"). A resolver refuses it.
    public var endsInNumber: Bool {
        text.withOctets { bytes in
            let last = bytes[(bytes.lastIndex(of: UInt8(ascii: ".")).map { $0 + 1 } ?? 0)...]
            guard let first = last.first, (0x30...0x39).contains(first) else { return false }
            if last.allSatisfy({ (0x30...0x39).contains($0) }) { return true }
            guard first == UInt8(ascii: "0"), last.dropFirst().first == UInt8(ascii: "x") else { return false }
            return last.dropFirst(2).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        }
    }

    /// The labels from left to right, each as its octets. None for the root.
    ///
    /// - Complexity: O(length of the name).
    public var labels: [[UInt8]] {
        var labels: [[UInt8]] = []
        let wire = wireFormat
        var offset = 0
        while offset < wire.count, wire[offset] > 0 {
            let end = offset + 1 + Int(wire[offset])
            labels.append(Array(wire[(offset + 1)..<end]))
            offset = end
        }
        return labels
    }

    /// The name as it goes on the wire: each label after its length, then a zero (RFC 1035, 3.1).
    ///
    /// - Complexity: O(length of the name).
    public var wireFormat: [UInt8] {
        // A canonical text always encodes.
        Self.wireFormat(ofSpelling: text) ?? [0]
    }
}

extension DomainName: Hashable {
    /// Compares case-insensitively, for both are in lower case.
    public static func == (left: DomainName, right: DomainName) -> Bool {
        left.storedHash == right.storedHash && left.text == right.text
    }

    /// Feeds the stored hash; O(1).
    public func hash(into hasher: inout Hasher) {
        hasher.combine(storedHash)
    }
}

extension DomainName: CustomStringConvertible {
    /// The text, and "." for the root.
    public var description: String { isRoot ? "." : text }
}
