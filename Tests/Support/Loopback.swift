// Blocking sockets on loopback, for finding a free port and for asking whether a server answers. No test of the library
// goes through these.

import Glibc

package enum Loopback {
    /// A port where nobody listens: "discard", below those that the system hands out.
    ///
    /// One that was free or was freed a moment ago is no such place. Another test may get it; and while a process is being
    /// started it holds the socket that was closed here for a moment more.
    package static let deadPort: UInt16 = 9

    /// A port of 127.0.0.1 (and ::1, where there is IPv6) that is free for TCP and UDP now.
    ///
    /// Another process may take it before its user does, so who starts a server tries again.
    package static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            guard let tcp = bound(SOCK_STREAM, 0) else { throw SupportError.system("bind") }
            defer { close(tcp) }
            let port = portNumber(of: tcp)
            guard let udp = bound(SOCK_DGRAM, port) else { continue }
            close(udp)
            return port
        }
        throw SupportError("no port is free for both TCP and UDP")
    }

    /// Whether a TCP connection to 127.0.0.1 is accepted.
    package static func accepts(_ port: UInt16) -> Bool {
        let socket = make(SOCK_STREAM)
        defer { close(socket) }
        return withAddress(port) { connect(socket, $0, $1) } == 0
    }

    /// Asks a DNS server on 127.0.0.1 one question over UDP: its reply, or nil if none comes in time.
    package static func ask(_ name: String, type: UInt16, port: UInt16, timeout: Duration = .seconds(1)) -> [UInt8]? {
        let socket = make(SOCK_DGRAM)
        defer { close(socket) }
        let id = UInt16.random(in: .min ... .max)
        var query = [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { query += [UInt8(label.utf8.count)] + Array(label.utf8) }
        query += [0, UInt8(type >> 8), UInt8(type & 0xff), 0, 1]
        guard withAddress(port, { connect(socket, $0, $1) }) == 0, send(socket, query, query.count, 0) == query.count
        else { return nil }
        var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = timeout.components
        guard poll(&polled, 1, CInt(seconds * 1000 + attoseconds / 1_000_000_000_000_000)) == 1 else { return nil }
        let reply = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
        }
        return reply.count >= 12 && Array(reply[0...1]) == Array(query[0...1]) ? reply : nil
    }

    private static func make(_ kind: __socket_type) -> CInt { socket(AF_INET, CInt(kind.rawValue), 0) }

    private static func bound(_ kind: __socket_type, _ port: UInt16) -> CInt? {
        let socket = make(kind)
        if withAddress(port, { bind(socket, $0, $1) }) == 0 { return socket }
        close(socket)
        return nil
    }

    private static func portNumber(of socket: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
