// CONNECT (RFC 9110, 9.3.6): what follows the head of a 2xx response comes from the target.

import BowlineTransport

struct HTTPConnectHandshake: ProxyHandshake {
    /// The largest head that is read.
    static let maximumHeadBytes = 16 * 1024
    /// The most 1xx responses before the final one, as in any exchange.
    static let maximumInterims = 32

    private let target: ProxiedTarget
    private let credentials: Proxy.Credentials?
    /// How much of the input has no end of a head in it.
    private var searched = 0
    private var interims = 0

    init(_ target: ProxiedTarget, _ credentials: Proxy.Credentials?) {
        self.target = target
        self.credentials = credentials
    }

    func begin() -> [UInt8] {
        let host =
            switch target.host {
            case .address(.v4(let quad)): "\(quad)"
            case .address(.v6(let address)): "[\(IPv6Address(high: address.high, low: address.low))]"
            case .name(let name): name
            }
        let authority = "\(host):\(target.port)"
        var head = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let credentials { head += "Proxy-Authorization: \(credentials.basic)\r\n" }
        return Array("\(head)\r\n".utf8)
    }

    mutating func next(_ input: inout ArraySlice<UInt8>) throws(ProxyError) -> ProxyStep {
        while let line = try takeHead(&input) {
            // "HTTP/1.1 200": a version, a space, three digits; a reason behind another space.
            let code = line.dropFirst(9).prefix(3)
            guard line.dropFirst(8).first == UInt8(ascii: " "), code.count == 3,
                line.dropFirst(12).first ?? 0x20 == 0x20, let status = Int(String(decoding: code, as: UTF8.self)),
                (100...999).contains(status)
            else { throw Self.foreign }
            switch status {
            case 100, 102..<200:
                interims += 1
                guard interims <= Self.maximumInterims else {
                    throw ProxyError(.malformed, "the proxy sends interim responses without end")
                }
            case 200..<300: return .done
            default: throw Self.failure(status, line.dropFirst(9))
            }
        }
        return .waits
    }

    /// Takes a head off the front of the input, and gives its first line; nil if it isn't all there.
    private mutating func takeHead(_ input: inout ArraySlice<UInt8>) throws(ProxyError) -> ArraySlice<UInt8>? {
        if !"HTTP/1.".utf8.elementsEqual(input.prefix(7)) {
            guard input.count < 7, "HTTP/1.".utf8.starts(with: input) else { throw Self.foreign }
            return nil
        }
        guard let end = endOfHead(input) else {
            guard input.count <= Self.maximumHeadBytes else { throw Self.foreign }
            searched = max(0, input.count - 3)
            return nil
        }
        let line = input.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        input = input[end...]
        searched = 0
        return line
    }

    /// The index behind an empty line; a line may end with LF alone (RFC 9112, 2.2).
    private func endOfHead(_ input: ArraySlice<UInt8>) -> Int? {
        var lineStart: Int?
        for index in input.indices.dropFirst(searched) where input[index] == UInt8(ascii: "\n") {
            let isEmpty = lineStart.map { index == $0 || index == $0 + 1 && input[$0] == UInt8(ascii: "\r") } ?? false
            if isEmpty { return index + 1 }
            lineStart = index + 1
        }
        return nil
    }

    private static let foreign = ProxyError(.malformed, "the proxy doesn't speak HTTP/1.1")

    private static func failure(_ status: Int, _ line: ArraySlice<UInt8>) -> ProxyError {
        let shown = String(decoding: line.prefix(80).filter { (0x20..<0x7F).contains($0) }, as: UTF8.self)
        let kind: ProxyError.Kind =
            switch status {
            case 407: .authentication
            case 403, 405: .forbidden
            case 502, 503: .unreachable
            case 504: .timedOut
            default: .failed
            }
        return ProxyError(kind, "the proxy answered \(shown)")
    }
}
