// Every system call of the toolkit's sockets: one tiny function each, which retries EINTR and returns a typed result.
// Nothing else in the toolkit calls these C functions, so a test can make any of them fail (see `SocketFaults`).

package import BowlineReactor
package import CLinux
import Glibc

/// What a call that moves bytes came to.
package enum TransferResult: Equatable {
    case bytes(Int)
    /// EAGAIN: nothing moved; readiness will tell when to try again.
    case wouldBlock
    case failed(CInt)
}

/// The identity of a UNIX socket's file: another server may have put its own at the same path meanwhile.
package struct SocketFile: Equatable {
    var device: dev_t
    var inode: ino_t
}

package enum SocketCalls {
    /// Opens a non-blocking, close-on-exec socket. The corresponding C function is `socket`.
    package static func socket(family: Int32, type: __socket_type) throws(SystemError) -> Int32 {
        if let code = SocketFaults.take(.socket) { throw SystemError(code, "socket") }
        let kind = Int32(type.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(family, kind, 0)
        guard descriptor >= 0 else { throw SystemError(errno, "socket") }
        return descriptor
    }

    /// Begins a connection; returns whether it is there already. The corresponding C function is `connect`.
    package static func connect(_ descriptor: Int32, _ address: SocketAddress) throws(SystemError) -> Bool {
        if let code = SocketFaults.take(.connect) { throw SystemError(code, "connect") }
        let code = address.withSockaddr { Glibc.connect(descriptor, $0, $1) == 0 ? 0 : errno }
        switch code {
        case 0: return true
        // An interrupted connect goes on by itself; calling again would only give EALREADY (connect(3p)).
        case EINPROGRESS, EINTR: return false
        default: throw SystemError(code, "connect")
        }
    }

    /// The corresponding C function is `bind`.
    package static func bind(_ descriptor: Int32, _ address: SocketAddress) throws(SystemError) {
        if let code = SocketFaults.take(.bind) { throw SystemError(code, "bind") }
        let code = address.withSockaddr { Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
        guard code == 0 else { throw SystemError(code, "bind") }
    }

    /// The corresponding C function is `listen`.
    package static func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError) {
        if let code = SocketFaults.take(.listen) { throw SystemError(code, "listen") }
        guard Glibc.listen(descriptor, backlog) == 0 else { throw SystemError(errno, "listen") }
    }

    /// Takes one connection; nil if none waits. The corresponding C function is `accept4`.
    package static func accept(_ descriptor: Int32) throws(SystemError) -> (descriptor: Int32, peer: SocketAddress?)? {
        if let code = SocketFaults.take(.accept) { throw SystemError(code, "accept4") }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let accepted = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                retrying { bowline_accept4(descriptor, pointer, &length, flags) }
            }
        }
        if accepted >= 0 { return (accepted, SocketAddress(&storage, length: length)) }
        // A connection that died in the queue is reported by some kernels; the next may be well.
        if errno == EAGAIN || errno == ECONNABORTED { return nil }
        throw SystemError(errno, "accept4")
    }

    /// Reads what has arrived; `.bytes(0)` is the end. The corresponding C function is `recv`.
    package static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        if let code = SocketFaults.take(.receive) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        let count = retrying { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
        return result(count)
    }

    /// Whether something can be read at once: bytes, the end or an error. Takes nothing of it. The corresponding C function
    /// is `recv` with MSG_PEEK.
    package static func isReadable(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        let count = retrying { recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) }
        return count >= 0 || errno != EAGAIN
    }

    /// Writes as much as there is room for, and raises no SIGPIPE. The corresponding C function is `send`.
    package static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> TransferResult {
        if let code = SocketFaults.take(.send) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        let count = retrying { Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        return result(count)
    }

    /// Receives up to `BOWLINE_BATCH` datagrams. The corresponding C function is `recvmmsg`.
    package static func receiveBatch(
        _ descriptor: Int32, _ datagrams: UnsafeMutableBufferPointer<bowline_datagram>
    ) -> TransferResult {
        if let code = SocketFaults.take(.receive) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        return result(retrying { Int(bowline_recvmmsg(descriptor, datagrams.baseAddress, UInt32(datagrams.count))) })
    }

    /// Sends up to `BOWLINE_BATCH` datagrams; the result counts datagrams. The corresponding C function is `sendmmsg`.
    package static func sendBatch(
        _ descriptor: Int32, _ datagrams: UnsafeBufferPointer<bowline_datagram>
    ) -> TransferResult {
        if let code = SocketFaults.take(.send) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        return result(retrying { Int(bowline_sendmmsg(descriptor, datagrams.baseAddress, UInt32(datagrams.count))) })
    }

    /// The most datagrams of a call in slots.
    package static let slotBatch = Int(BOWLINE_BATCH)

    /// Receives datagrams on a connected socket into slots of one size, up to `slotBatch` of them; the result counts
    /// datagrams. The corresponding C function is `recvmmsg`.
    package static func receiveSlots(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, slot: Int,
        lengths: UnsafeMutableBufferPointer<UInt32>
    ) -> TransferResult {
        if let code = SocketFaults.take(.receive) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        let count = UInt32(min(buffer.count / slot, lengths.count, slotBatch))
        let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return result(
            retrying { Int(bowline_recv_slots(descriptor, bytes, UInt32(slot), lengths.baseAddress, count)) })
    }

    /// Sends datagrams on a connected socket from slots of one size, those that `order` names; the result counts datagrams.
    /// The corresponding C function is `sendmmsg`.
    /// - Parameter cuts: whether neighbours of one length leave as one piece that the kernel cuts; see `cutsDatagrams`.
    package static func sendSlots(
        _ descriptor: Int32, from buffer: UnsafeRawBufferPointer, slot: Int, lengths: UnsafeBufferPointer<UInt32>,
        order: UnsafeBufferPointer<UInt8>, cuts: Bool
    ) -> TransferResult {
        if let code = SocketFaults.take(.send) { return code == EAGAIN ? .wouldBlock : .failed(code) }
        let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return result(
            retrying {
                Int(
                    bowline_send_slots(
                        descriptor, bytes, UInt32(slot), lengths.baseAddress, order.baseAddress,
                        UInt32(min(order.count, slotBatch)), cuts ? 1 : 0))
            })
    }

    /// Whether the kernel cuts a piece into datagrams (UDP_SEGMENT, Linux 4.18). One that doesn't know how would send it as
    /// one datagram.
    package static func cutsDatagrams(_ descriptor: Int32) -> Bool {
        option(descriptor, Int32(IPPROTO_UDP), UDP_SEGMENT) != nil
    }

    /// Closes one direction; fails silently where the peer has closed already. The corresponding C function is
    /// `shutdown`.
    package static func shutdownWriting(_ descriptor: Int32) {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends listening for whoever else holds the socket, too. The corresponding C function is `shutdown`.
    package static func shutdownListening(_ descriptor: Int32) {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// The corresponding C function is `close`. Linux frees the descriptor even when it reports EINTR: no retry.
    package static func close(_ descriptor: Int32) {
        _ = Glibc.close(descriptor)
    }

    /// Makes `close` reset the connection (SO_LINGER with 0 seconds).
    package static func resetOnClose(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Takes the error that is pending on a socket, 0 if none. The corresponding C function is `getsockopt(SO_ERROR)`.
    package static func takeError(_ descriptor: Int32) -> CInt {
        if let code = SocketFaults.take(.takeError) { return code }
        return option(descriptor, SOL_SOCKET, SO_ERROR) ?? errno
    }

    /// What identifies the file that a UNIX socket is bound to; nil if none is there. The corresponding C function is
    /// `lstat`.
    package static func socketFile(_ path: String) -> SocketFile? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return SocketFile(device: status.st_dev, inode: status.st_ino)
    }

    /// Removes the file of a UNIX socket. The corresponding C function is `unlink`.
    package static func removeSocketFile(_ path: String) {
        _ = unlink(path)
    }

    /// The corresponding C function is `setsockopt` with an int.
    package static func setOption(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: CInt
    ) throws(SystemError) {
        var value = value
        guard setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw SystemError(errno, "setsockopt")
        }
    }

    /// The corresponding C function is `getsockopt` with an int.
    package static func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, level, name, &value, &length) == 0 else { return nil }
        return value
    }

    /// The corresponding C function is `getsockname`.
    package static func localAddress(_ descriptor: Int32) -> SocketAddress? {
        address { getsockname(descriptor, $0, $1) }
    }

    /// The corresponding C function is `getpeername`.
    package static func peerAddress(_ descriptor: Int32) -> SocketAddress? {
        address { getpeername(descriptor, $0, $1) }
    }

    /// Which of the machine's addresses would be used to reach a destination; nil if there is no route. Connecting a
    /// datagram socket makes the kernel choose, and sends nothing. The corresponding C functions are `socket`, `connect`
    /// and `getsockname`.
    package static func sourceAddress(toward destination: IPAddress) -> IPAddress? {
        // Any port will do.
        let address = SocketAddress.ip(destination, port: 9)
        guard let descriptor = try? socket(family: address.domain, type: SOCK_DGRAM) else { return nil }
        defer { close(descriptor) }
        guard (try? connect(descriptor, address)) != nil else { return nil }
        return localAddress(descriptor)?.ipAddress
    }

    private static func address(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        return status == 0 ? SocketAddress(&storage, length: length) : nil
    }

    private static func retrying<Count: SignedInteger>(_ call: () -> Count) -> Count {
        while true {
            let count = call()
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func result(_ count: Int) -> TransferResult {
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }
}
