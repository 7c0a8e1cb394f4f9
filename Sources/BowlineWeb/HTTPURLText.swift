// The grammar of URLs on bytes: which may stand where, how an authority is cut, how a path is normalised.
// Used by HTTPURL only. Nothing here knows a base or a scheme.

import BowlineNames
import BowlineTransport

enum HTTPURLText {
    /// Refuses what stands nowhere in a URL: spaces and control characters, and a backslash before the fragment, which
    /// browsers take for a slash and others for a character of the host or the path.
    static func check(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) {
        var isFragment = false
        for octet in bytes {
            if octet <= 0x20 || octet == 0x7F || octet == UInt8(ascii: "\\") && !isFragment {
                throw .forbiddenCharacter(Unicode.Scalar(octet))
            }
            if octet == UInt8(ascii: "#") { isFragment = true }
        }
    }

    /// The text of a reference that a server has sent. Octets that are no UTF-8 are encoded one by one, as browsers and curl
    /// do: which characters they are meant for nobody can know, and what was meant is these octets.
    static func reference(_ bytes: ArraySlice<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var encoded: [UInt8] = []
        append(bytes, to: &encoded) { $0 >= 0x80 }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// A reference with the blanks inside it encoded, and without those around it. In a host or a port an encoded blank is
    /// as wrong as a bare one.
    static func encodingBlanks(_ reference: String) -> String {
        let space = UInt8(ascii: " ")
        guard reference.utf8.contains(space) else { return reference }
        let bytes = Array(reference.utf8)
        var encoded: [UInt8] = []
        let start = bytes.firstIndex { $0 != space } ?? bytes.endIndex
        let end = (bytes.lastIndex { $0 != space } ?? start - 1) + 1
        append(bytes[start..<end], to: &encoded) { $0 == space }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The index of the colon after a scheme (RFC 3986, 3.1), or nil.
    static func schemeEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: ":") where index > bytes.startIndex: return index
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if index == bytes.startIndex { return nil }
            default: return nil
            }
        }
        return nil
    }

    // MARK: - Authority

    /// User information, host and port, as they stand between the two slashes and the path (RFC 3986, 3.2).
    struct Authority {
        var userInfo: String?
        var host: HTTPURL.Host
        var port: UInt16?

        init(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) {
            var rest = bytes
            if let at = rest.firstIndex(of: UInt8(ascii: "@")) {
                let info = rest[..<at]
                guard info.allSatisfy(mayStandInUserInfo), !rest[(at + 1)...].contains(UInt8(ascii: "@")) else {
                    throw .badUserInfo
                }
                if !info.isEmpty { userInfo = String(decoding: info, as: UTF8.self) }
                rest = rest[(at + 1)...]
            }
            if rest.first == UInt8(ascii: "[") {
                guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { throw .badIPv6Address }
                host = try Self.ipv6Address(rest[(rest.startIndex + 1)..<end])
                rest = rest[(end + 1)...]
                guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { throw .badIPv6Address }
            } else {
                let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
                host = try Self.host(rest[..<end])
                rest = rest[end...]
            }
            port = try Self.port(rest.dropFirst())
        }

        private static func host(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> HTTPURL.Host {
            guard !bytes.isEmpty else { throw .noHost }
            let text = String(decoding: bytes, as: UTF8.self)
            if let address = IPv4Address(text) { return .ipv4(address) }
            let name: DomainName
            do throws(NameError) { name = try DomainName(text) } catch { throw .badName(error) }
            guard !name.isRoot else { throw .noHost }
            // Also after IDNA: wide digits become plain ones there.
            guard !name.endsInNumber else { throw .numericHost(text) }
            return .name(name, isAbsolute: text.unicodeScalars.last.map(IDNA.dots.contains) == true)
        }

        /// Without a zone: it has no meaning beyond this machine, and browsers refuse it.
        private static func ipv6Address(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> HTTPURL.Host {
            guard !bytes.contains(UInt8(ascii: "%")) else { throw .zonedAddress }
            guard let address = IPv6Address(String(decoding: bytes, as: UTF8.self)) else { throw .badIPv6Address }
            return .ipv6(address)
        }

        /// Nothing after the colon means the default (RFC 3986, 3.2.3).
        private static func port(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> UInt16? {
            guard !bytes.isEmpty else { return nil }
            var value = 0
            for octet in bytes {
                guard HTTPOctets.isDigit(octet), value <= Int(UInt16.max) else {
                    throw .badPort(String(decoding: bytes, as: UTF8.self))
                }
                value = value * 10 + Int(octet &- 0x30)
            }
            guard value > 0, let port = UInt16(exactly: value) else {
                throw .badPort(String(decoding: bytes, as: UTF8.self))
            }
            return port
        }
    }

    /// unreserved, percent-encoded, sub-delims and the colon (RFC 3986, 3.2.1).
    private static func mayStandInUserInfo(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~%!$&'()*+,;=:".utf8.contains(octet)
        }
    }

    // MARK: - Path, query, fragment

    /// What follows the authority, cut at `?` and `#`, as it came.
    struct Parts {
        var path: ArraySlice<UInt8>
        var query: ArraySlice<UInt8>?
        var fragment: ArraySlice<UInt8>?

        init(_ bytes: ArraySlice<UInt8>) {
            var rest = bytes
            if let number = rest.firstIndex(of: UInt8(ascii: "#")) {
                fragment = rest[(number + 1)...]
                rest = rest[..<number]
            }
            if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
                query = rest[(mark + 1)...]
                rest = rest[..<mark]
            }
            path = rest
        }
    }

    // The sets of the WHATWG URL standard, so that a server sees what browsers send; all of non-ASCII besides.

    static func mustBeEncodedInPath(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"), UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "}"):
            true
        default: octet >= 0x80
        }
    }

    static func mustBeEncodedInQuery(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "'"): true
        default: octet >= 0x80
        }
    }

    static func mustBeEncodedInFragment(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "`"): true
        default: octet >= 0x80
        }
    }

    /// Appends `bytes`, those that must be encoded as %XX. A % that is there stays as it is.
    static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8], encoding isEncoded: (UInt8) -> Bool) {
        let digits: StaticString = "0123456789ABCDEF"
        for octet in bytes {
            if isEncoded(octet) {
                output.append(UInt8(ascii: "%"))
                output.append(digits.utf8Start[Int(octet >> 4)])
                output.append(digits.utf8Start[Int(octet & 15)])
            } else {
                output.append(octet)
            }
        }
    }

    /// Appends a path without its dot segments (RFC 3986, 5.2.4); `%2e` counts as a dot, as it does for browsers and
    /// for servers that decode first. An empty path becomes a slash.
    static func appendPath(_ path: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let start = output.count
        var rest = path.first == UInt8(ascii: "/") ? path.dropFirst() : path
        while true {
            let end = rest.firstIndex(of: UInt8(ascii: "/"))
            let segment = rest[..<(end ?? rest.endIndex)]
            switch dots(segment) {
            case 1:
                if end == nil { output.append(UInt8(ascii: "/")) }
            case 2:
                let slash = output[start...].lastIndex(of: UInt8(ascii: "/")) ?? start
                output.removeSubrange(slash...)
                if end == nil { output.append(UInt8(ascii: "/")) }
            default:
                output.append(UInt8(ascii: "/"))
                append(segment, to: &output, encoding: mustBeEncodedInPath)
            }
            guard let end else { return }
            rest = rest[(end + 1)...]
        }
    }

    /// 1 for `.`, 2 for `..`, encoded or not; 0 for any other segment.
    private static func dots(_ segment: ArraySlice<UInt8>) -> Int {
        guard segment.count <= 6, let first = segment.first, first == UInt8(ascii: ".") || first == UInt8(ascii: "%")
        else { return 0 }
        var count = 0
        var rest = segment
        while !rest.isEmpty {
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
            } else if rest.count >= 3, rest.prefix(3).map(HTTPOctets.lower).elementsEqual("%2e".utf8) {
                rest = rest.dropFirst(3)
            } else {
                return 0
            }
            count += 1
        }
        return count <= 2 ? count : 0
    }
}
