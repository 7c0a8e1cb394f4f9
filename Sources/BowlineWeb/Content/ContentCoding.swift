// The content codings of HTTP, by name: which ones are asked for, and which ones a response says it has.

/// A coding that content can come in (RFC 9110, 8.4.1).
///
/// ```swift
/// print(ContentCoding(name: "X-GZIP") == .gzip)       // true
/// print(ContentCoding.brotli.rawValue)                // br
/// ```
public enum ContentCoding: String, Hashable, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 1950 inside of which is RFC 1951; many servers send the latter alone, which is understood, too.
    case deflate
    /// RFC 7932.
    case brotli = "br"
    /// RFC 8878, with a window of 8 MiB at most (RFC 9659).
    case zstd

    /// The coding of this name, whatever its case; nil if there is none.
    public init?(name: some StringProtocol) {
        switch name.lowercased() {
        case "gzip", "x-gzip": self = .gzip  // "x-gzip" is its equal (RFC 9110, 8.4.1.3).
        case "deflate": self = .deflate
        case "br": self = .brotli
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// Asks for all of them: the value of Accept-Encoding.
    package static let accepted = "gzip, deflate, br, zstd"

    /// Reads the values of Content-Encoding: the codings in the order in which they were applied.
    package static func list(_ values: [String]) throws(ContentDecodingError) -> [ContentCoding] {
        var codings: [ContentCoding] = []
        for value in values {
            for element in value.utf8.split(separator: UInt8(ascii: ",")) {
                let start = element.drop(while: HTTPOctets.isBlank)
                let end = start.lastIndex { !HTTPOctets.isBlank($0) }
                let name = end.map { String(decoding: start[...$0], as: UTF8.self) } ?? ""
                // It is no coding, and shouldn't be here, but some servers say so (RFC 9110, 8.4.1).
                if name.isEmpty || name.lowercased() == "identity" { continue }
                guard let coding = ContentCoding(name: name) else { throw .unknownCoding(name) }
                guard codings.count < ContentDecoder.maximumCodings else { throw .tooManyCodings }
                codings.append(coding)
            }
        }
        return codings
    }
}
