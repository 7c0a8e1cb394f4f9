// An address that stays silent: a listener on [::1] whose queue is full, so that the kernel drops further attempts.
// Where there is no IPv6, there is nothing to make silent.

import Glibc

final class BlackHole {
    private var descriptors: [CInt] = []
    /// Whether it could be made.
    private(set) var isSilent = false
    /// A queue of length 0 takes one connection, by Linux' arithmetic; the others are there in case it takes more.
    private static let fillers = 4

    init(port: UInt16) {
        let listener = Self.makeSocket()
        guard listener >= 0 else { return }
        descriptors.append(listener)
        guard Self.withAddress(port, { bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0 else { return }
        for _ in 0..<Self.fillers {
            let filler = Self.makeSocket()
            guard filler >= 0 else { return }
            descriptors.append(filler)
            _ = Self.withAddress(port) { connect(filler, $0, $1) }
        }
        isSilent = true
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    private static func makeSocket() -> CInt {
        socket(AF_INET6, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
