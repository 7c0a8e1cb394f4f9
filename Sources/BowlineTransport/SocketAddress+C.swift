// The border to `struct sockaddr`: the only place that knows byte orders, AF_ numbers and sun_path.
// Sockets pass addresses through here to bind(2), connect(2), sendto(2) and back from accept(2) and getsockname(2).

package import CLinux
import Glibc

extension IPv4Address {
    /// Makes an address from C's, which is in network order.
    package init(_ address: in_addr) { self.init(bits: UInt32(bigEndian: address.s_addr)) }

    /// C's form of the address.
    package var inAddr: in_addr { in_addr(s_addr: bits.bigEndian) }
}

extension IPv6Address {
    /// Makes an address from C's and an interface index, 0 for none.
    package init(_ address: in6_addr, zone: UInt32 = 0) {
        let (high, low) = unsafeBitCast(address, to: (UInt64, UInt64).self)
        self.init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low), zone: zone)
    }

    /// C's form of the address, without the zone.
    package var in6Addr: in6_addr {
        // in6_addr is sixteen octets and nothing else; only its alignment is smaller than that of the pair.
        unsafeBitCast((high.bigEndian, low.bigEndian), to: in6_addr.self)
    }
}

extension SocketAddress {
    /// The number that socket(2) wants: `AF_INET`, `AF_INET6` or `AF_UNIX`.
    package var domain: CInt {
        switch self {
        case .ip(let address, _): address.family.domain
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with C's form of the address and its length; the pointer is valid during the call only.
    ///
    /// A UNIX path that is too long or has a NUL inside (which the kernel would read as the end, and so mean another
    /// file) gets a length that bind(2) and connect(2) refuse with EINVAL: the error takes the way of all others.
    package func withSockaddr<Result, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var storage = sockaddr_storage()
        let length = fill(&storage)
        return try withUnsafePointer(to: &storage) { pointer throws(Failure) in
            // sockaddr is the common head of all members of the family, which sockaddr_storage was made to hold.
            try UnsafeRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) { head throws(Failure) in
                try body(head, length)
            }
        }
    }

    private func fill(_ storage: inout sockaddr_storage) -> socklen_t {
        withUnsafeMutableBytes(of: &storage) { bytes in
            switch self {
            case .ip(.v4(let address), let port):
                var name = sockaddr_in()
                name.sin_family = sa_family_t(AF_INET)
                name.sin_port = port.bigEndian
                name.sin_addr = address.inAddr
                bytes.storeBytes(of: name, as: sockaddr_in.self)
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            case .ip(.v6(let address), let port):
                var name = sockaddr_in6()
                name.sin6_family = sa_family_t(AF_INET6)
                name.sin6_port = port.bigEndian
                name.sin6_addr = address.in6Addr
                name.sin6_scope_id = address.zone
                bytes.storeBytes(of: name, as: sockaddr_in6.self)
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            case .unix(let path):
                return Self.fill(bytes, path: path)
            }
        }
    }

    private static func fill(_ bytes: UnsafeMutableRawBufferPointer, path: String) -> socklen_t {
        bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        var path = path
        return path.withUTF8 { path in
            let isAbstract = path.first == 0
            let needed = path.isEmpty || isAbstract ? path.count : path.count + 1
            guard needed <= pathCapacity, isAbstract || !path.contains(0) else { return refusedLength }
            UnsafeMutableRawBufferPointer(rebasing: bytes[pathOffset...]).copyBytes(from: path)
            return socklen_t(pathOffset + needed)
        }
    }

    /// Makes an address from C's; nil for another family, a length that doesn't fit it, or a path that isn't UTF-8.
    /// `sin6_flowinfo` is dropped.
    package init?(_ pointer: UnsafePointer<sockaddr_storage>, length: socklen_t) {
        let bytes = UnsafeRawBufferPointer(
            start: pointer, count: min(Int(length), MemoryLayout<sockaddr_storage>.size))
        guard bytes.count >= pathOffset else { return nil }
        switch CInt(pointer.pointee.ss_family) {
        case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
            let name = bytes.load(as: sockaddr_in.self)
            self = .ip(.v4(IPv4Address(name.sin_addr)), port: UInt16(bigEndian: name.sin_port))
        case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
            let name = bytes.load(as: sockaddr_in6.self)
            let address = IPv6Address(name.sin6_addr, zone: name.sin6_scope_id)
            self = .ip(.v6(address), port: UInt16(bigEndian: name.sin6_port))
        case AF_UNIX:
            let path = bytes[pathOffset...]
            // An abstract name is as long as `length` says; a path may or may not carry its closing NUL (unix(7), BUGS).
            let end = path.first == 0 ? path.endIndex : path.firstIndex(of: 0) ?? path.endIndex
            guard let text = String(validating: path[..<end], as: UTF8.self) else { return nil }
            self = .unix(path: text)
        default:
            return nil
        }
    }
}

/// Where `sun_path` begins in `sockaddr_un`: after the family.
private let pathOffset = MemoryLayout<sa_family_t>.size
/// What `sun_path` holds: 108 octets.
private let pathCapacity = MemoryLayout<sockaddr_un>.size - pathOffset
/// One more than any UNIX address has, but inside sockaddr_storage: EINVAL.
private let refusedLength = socklen_t(MemoryLayout<sockaddr_un>.size + 1)
