// SOCKS version 5 (RFC 1928), with user and password (RFC 1929). The target's name goes to the proxy.

import BowlineTransport

struct SOCKS5Handshake: ProxyHandshake {
    private enum State {
        case method, authentication, reply
    }

    private static let version: UInt8 = 5
    private static let withoutAuthentication: UInt8 = 0
    private static let userAndPassword: UInt8 = 2

    private let target: ProxiedTarget
    private let credentials: Proxy.Credentials?
    private var state = State.method

    init(_ target: ProxiedTarget, _ credentials: Proxy.Credentials?) {
        self.target = target
        self.credentials = credentials
    }

    func begin() -> [UInt8] {
        credentials == nil
            ? [Self.version, 1, Self.withoutAuthentication]
            : [Self.version, 2, Self.withoutAuthentication, Self.userAndPassword]
    }

    mutating func next(_ input: inout ArraySlice<UInt8>) throws(ProxyError) -> ProxyStep {
        switch state {
        case .method:
            if let first = input.first, first != Self.version { throw Self.foreign }
            guard let answer = Self.take(2, &input) else { return .waits }
            switch (answer[1], credentials) {
            case (Self.withoutAuthentication, _):
                state = .reply
                return .sends(request)
            case (Self.userAndPassword, let credentials?):
                state = .authentication
                let (user, password) = (Array(credentials.user.utf8), Array(credentials.password.utf8))
                // The version of this negotiation is 1.
                return .sends([1, UInt8(user.count)] + user + [UInt8(password.count)] + password)
            case (0xFF, nil): throw ProxyError(.authentication, "the proxy wants a user and a password")
            case (0xFF, _): throw ProxyError(.authentication, "the proxy takes no user and password")
            default: throw Self.foreign
            }
        case .authentication:
            guard let answer = Self.take(2, &input) else { return .waits }
            guard answer[1] == 0 else {
                throw ProxyError(.authentication, "the proxy doesn't know this user with this password")
            }
            state = .reply
            return .sends(request)
        case .reply:
            if let first = input.first, first != Self.version { throw Self.foreign }
            let head = Array(input.prefix(5))
            guard head.count >= 2 else { return .waits }
            guard head[1] == 0 else { throw Self.failure(head[1]) }
            guard head.count == 5 else { return .waits }
            // The address that the proxy connects from is of no use here.
            let addressOctets: Int
            switch head[3] {
            case 1: addressOctets = 4
            case 3: addressOctets = 1 + Int(head[4])
            case 4: addressOctets = 16
            default: throw Self.foreign
            }
            guard Self.take(4 + addressOctets + 2, &input) != nil else { return .waits }
            return .done
        }
    }

    private var request: [UInt8] {
        var request: [UInt8] = [Self.version, 1, 0]
        switch target.host {
        case .address(.v4(let quad)):
            request.append(1)
            request += Self.octets(quad.bits)
        case .address(.v6(let address)):
            request.append(4)
            request += Self.octets(address.high) + Self.octets(address.low)
        case .name(let name):
            request += [3, UInt8(name.utf8.count)] + Array(name.utf8)
        }
        return request + Self.octets(target.port)
    }

    private static func octets(_ number: some FixedWidthInteger) -> [UInt8] {
        stride(from: number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func take(_ count: Int, _ input: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard input.count >= count else { return nil }
        defer { input = input.dropFirst(count) }
        return Array(input.prefix(count))
    }

    private static let foreign = ProxyError(.malformed, "the proxy doesn't speak SOCKS version 5")

    /// RFC 1928, 6.
    private static func failure(_ code: UInt8) -> ProxyError {
        switch code {
        case 2: ProxyError(.forbidden, "the proxy's rules forbid it")
        case 3: ProxyError(.unreachable, "the proxy says that the network is unreachable")
        case 4: ProxyError(.unreachable, "the proxy says that the host is unreachable")
        case 5: ProxyError(.refused, "the proxy says that the connection was refused")
        case 6: ProxyError(.timedOut, "the proxy says that the host didn't answer in time")
        case 7: ProxyError(.failed, "the proxy knows no command to connect")
        case 8: ProxyError(.failed, "the proxy doesn't know this kind of address")
        default: ProxyError(.failed, "the proxy failed (reply \(code))")
        }
    }
}
