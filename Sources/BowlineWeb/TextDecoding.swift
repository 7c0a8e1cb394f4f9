// From the bytes of a page to its text: which encoding, and the conversion. getPage's last step; no I/O of its own,
// though iconv(3) may load a table from disk the first time that it meets one of the rare encodings.

import Glibc

/// Decides how a body is encoded, and decodes it.
///
/// The order is that of browsers (WHATWG Encoding and HTML): a byte order mark, the charset of the Content-Type, a
/// `<meta>` in the first 1024 bytes, else UTF-8. What can't be decoded becomes U+FFFD; decoding never fails.
package enum TextDecoding {
    /// The text of a body, without content codings, under a head with these fields. O(length).
    package static func text(of body: [UInt8], _ fields: HTTPFieldSection) -> String {
        fields.withValue(of: "content-type") { text(of: body, contentType: $0) }
    }

    /// The text of a body.
    ///
    /// - Parameters:
    ///   - body: All of it, without content codings.
    ///   - contentType: The value of the Content-Type field, if there was one.
    /// - Complexity: O(length).
    package static func text(of body: [UInt8], contentType: UnsafeRawBufferPointer?) -> String {
        if let (encoding, length) = byteOrderMark(body) { return encoding.decode(body[length...]) }
        let declared = contentType.flatMap { MediaType($0) }
        if let encoding = declared?.charset.flatMap({ TextEncoding(label: $0) }) { return encoding.decode(body[...]) }
        if declared == nil || declared?.isMarkup == true, let encoding = MetaPrescan.encoding(of: body) {
            return encoding.decode(body[...])
        }
        return TextEncoding.utf8.decode(body[...])
    }

    private static func byteOrderMark(_ body: [UInt8]) -> (TextEncoding, Int)? {
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { return (.utf8, 3) }
        if body.starts(with: [0xFE, 0xFF]) { return (.utf16BigEndian, 2) }
        if body.starts(with: [0xFF, 0xFE]) { return (.utf16LittleEndian, 2) }
        return nil
    }
}

/// A Content-Type as far as decoding needs it (RFC 9110, 8.3).
struct MediaType {
    /// Whether a `<meta>` may tell the encoding.
    let isMarkup: Bool
    /// The charset parameter, unquoted.
    let charset: String?

    /// Reads a field value; nil if there is no type in it.
    init?(_ value: UnsafeRawBufferPointer) {
        let semicolon = value.firstIndex(of: UInt8(ascii: ";"))
        let type = HTTPOctets.trimmed(value, 0..<(semicolon ?? value.count))
        guard value[type].contains(UInt8(ascii: "/")) else { return nil }
        isMarkup =
            HTTPOctets.equal(value, type, "text/html") || HTTPOctets.equal(value, type, "application/xhtml+xml")
        // Most have no parameters: nothing is copied then.
        charset = semicolon.flatMap { Self.charset(ArraySlice(value[$0...])) }
    }

    private static func charset(_ parameters: ArraySlice<UInt8>) -> String? {
        var rest = parameters
        while let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) {
            rest = rest[(semicolon + 1)...]
            let nameEnd = rest.firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ";") } ?? rest.endIndex
            let name = lowercased(rest[..<nameEnd])
            rest = rest[nameEnd...]
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            var value: [UInt8] = []
            if rest.first == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                while let octet = rest.popFirst(), octet != UInt8(ascii: "\"") {
                    value.append(octet == UInt8(ascii: "\\") ? rest.popFirst() ?? octet : octet)
                }
            } else {
                value = Array(rest.prefix { $0 != UInt8(ascii: ";") })
            }
            if name == "charset" { return String(decoding: value, as: UTF8.self) }
        }
        return nil
    }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map(HTTPOctets.lower).filter { !HTTPOctets.isBlank($0) }, as: UTF8.self)
    }
}
