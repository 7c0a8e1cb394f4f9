// A proxy's text, as in environment variables and on command lines.

struct ProxyText {
    let kind: Proxy.Kind
    let host: String
    let port: UInt16
    let credentials: Proxy.Credentials?

    init(_ text: String) throws(ProxyError) {
        var rest = text[...]
        var scheme = "http"
        if let separator = rest.firstRange(of: "://") {
            scheme = rest[..<separator.lowerBound].lowercased()
            rest = rest[separator.upperBound...]
        }
        switch scheme {
        case "http": kind = .http
        case "https": kind = .https
        case "socks5", "socks5h": kind = .socks5
        default:
            throw ProxyError(
                .badProxy, "\(scheme.debugDescription) is no kind of proxy: write http://, https:// or socks5://")
        }
        if rest.last == "/" { rest.removeLast() }
        if let at = rest.lastIndex(of: "@") {
            credentials = try Self.credentials(rest[..<at])
            rest = rest[rest.index(after: at)...]
        } else {
            credentials = nil
        }
        var portText: Substring?
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { throw Self.unreadable(text) }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { throw Self.unreadable(text) }
            portText = behind.isEmpty ? nil : behind.dropFirst()
        } else {
            let halves = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard halves.count <= 2, let first = halves.first else { throw Self.unreadable(text) }
            host = String(first)
            portText = halves.count == 2 ? halves[1] : nil
        }
        guard let portText else {
            port =
                switch kind {
                case .http: 80
                case .https: 443
                case .socks5: 1080
                }
            return
        }
        guard let number = EndpointText.number(String(portText), in: 1...65535) else { throw Self.unreadable(text) }
        port = UInt16(number)
    }

    private static func credentials(_ text: Substring) throws(ProxyError) -> Proxy.Credentials {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return Proxy.Credentials(
            user: try decoded(halves[0]), password: halves.count == 2 ? try decoded(halves[1]) : "")
    }

    private static func decoded(_ text: Substring) throws(ProxyError) -> String {
        var octets: [UInt8] = []
        var rest = text.utf8[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
                throw ProxyError(.badProxy, "user and password are percent-encoded: a % is followed by two digits")
            }
            octets.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// Doesn't repeat a text that may hold a password.
    private static func unreadable(_ text: String) -> ProxyError {
        let shown = text.lastIndex(of: "@").map { "…" + text[$0...] } ?? text
        return ProxyError(
            .badProxy, "\(shown.debugDescription) is no proxy: write it as in http://proxy.example.com:3128")
    }
}
