// Socket addresses as text, and through `struct sockaddr` and back; the kernel has the last word.

import Bowline
import CLinux
import Glibc
import Testing

@Suite("Socket addresses")
struct AddressSocketTests {
    static let addresses: [SocketAddress] = [
        .ip(.v4(IPv4Address(192, 0, 2, 1)), port: 80), .ip(.v6(.loopback), port: 65535),
        .ip(.v6(IPv6Address(high: 0xFE80 << 48, low: 1, zone: 3)), port: 0),
        .unix(path: "/run/app.sock"), .unix(path: "ä"), .unix(path: "\0app"), .unix(path: "\0a\0b"), .unix(path: ""),
        .unix(path: String(repeating: "p", count: 107)), .unix(path: "\0" + String(repeating: "a", count: 107)),
    ]

    @Test("an address survives the way through sockaddr", arguments: addresses)
    func roundTrip(address: SocketAddress) {
        #expect(copied(address).flatMap { SocketAddress($0.storage, length: $0.length) } == address)
    }

    @Test(
        "a description is what tools write",
        arguments: [
            (.ip(.v4(.loopback), port: 80), "127.0.0.1:80"), (.ip(.v6(.loopback), port: 80), "[::1]:80"),
            (.ip(.v6(IPv6Address(high: 0xFE80 << 48, low: 1, zone: 3)), port: 1), "[fe80::1%3]:1"),
            (.unix(path: "/run/app.sock"), "unix:/run/app.sock"), (.unix(path: "\0app"), "unix:@app"),
        ] as [(SocketAddress, String)])
    func description(address: SocketAddress, text: String) {
        #expect(address.description == text)
    }

    @Test("the kernel reports the address that a socket was bound to")
    func kernel() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        let wanted = SocketAddress.ip(.v4(IPv4Address(127, 1, 2, 3)), port: 0)
        try #require(wanted.withSockaddr { bind(listener, $0, $1) } == 0)
        let bound = try #require(name(of: listener))
        #expect(bound.ipAddress == wanted.ipAddress)
        #expect(bound.port != 0)
    }

    @Test("an abstract name binds and comes back")
    func abstract() throws {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        #expect(name(of: listener) == .unix(path: ""))
        let wanted = SocketAddress.unix(path: "\0bowline-address-test-\(getpid())")
        try #require(wanted.withSockaddr { bind(listener, $0, $1) } == 0)
        #expect(name(of: listener) == wanted)
    }

    @Test(
        "a path that is too long or has a NUL inside is refused by the kernel",
        arguments: [
            String(repeating: "p", count: 108), "\0" + String(repeating: "a", count: 108), "/tmp/a\0b",
            String(repeating: "p", count: 5000),
        ])
    func refused(path: String) {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        let result = SocketAddress.unix(path: path).withSockaddr { bind(socket, $0, $1) == 0 ? 0 : errno }
        #expect(result == EINVAL)
    }

    @Test("a length that doesn't fit the family, or another family, is no address")
    func misfits() throws {
        for address in Self.addresses where address.ipAddress != nil {
            let (storage, length) = try #require(copied(address))
            #expect(SocketAddress(storage, length: length - 1) == nil)
            #expect(SocketAddress(storage, length: 0) == nil)
        }
        var netlink = sockaddr_storage()
        netlink.ss_family = sa_family_t(AF_NETLINK)
        #expect(SocketAddress(&netlink, length: 12) == nil)
        var unnamed = sockaddr_storage()
        unnamed.ss_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &unnamed) { $0[2] = 0xFF }
        #expect(SocketAddress(&unnamed, length: 3) == nil)
    }

    /// What `withSockaddr` shows, kept; nil if it didn't fit in `sockaddr_storage`.
    private func copied(_ address: SocketAddress) -> (storage: [sockaddr_storage], length: socklen_t)? {
        address.withSockaddr { pointer, length in
            var storage = sockaddr_storage()
            guard Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
            memcpy(&storage, pointer, Int(length))
            return ([storage], length)
        }
    }

    private func name(of descriptor: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return result == 0 ? SocketAddress(&storage, length: length) : nil
    }
}
