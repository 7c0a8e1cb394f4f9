// The sockets of c-ares: it makes its system calls through these functions, and each socket stands in the reactor's table.
// With functions of our own, no write raises SIGPIPE (c-ares' own writev on TCP does), a server's address may have a zone, a
// socket costs no further fcntl calls, and datagrams go and come in batches: what is asked in a turn leaves at its end in
// one sendmmsg, and one recvmmsg brings what c-ares then reads piece by piece.

import BowlineReactor
import BowlineTransport
import CAres
import Glibc

/// A socket that c-ares uses, from its opening to its closing.
final class AresSocket: DescriptorHandler {
    let descriptor: Int32
    let isTCP: Bool
    private unowned let channel: AresChannel
    private var isRegistered = false

    init(_ descriptor: Int32, isTCP: Bool, channel: AresChannel) {
        self.descriptor = descriptor
        self.isTCP = isTCP
        self.channel = channel
    }

    /// Waits for what c-ares wants to know of the socket.
    func setInterest(_ interest: Interest, in reactor: Reactor) {
        if isRegistered {
            reactor.setInterest(interest, of: descriptor)
        } else {
            // For want of kernel memory it may fail. Unheard, the queries end by their timeout; nothing better can be
            // done inside c-ares.
            isRegistered = (try? reactor.register(descriptor, interest, self)) != nil
        }
    }

    func close(in reactor: Reactor) {
        if isRegistered { reactor.deregisterBeforeClose(descriptor) }
        SocketCalls.close(descriptor)
    }

    func descriptorReady(_ readiness: Readiness) {
        channel.process(self, readiness)
    }

    func reactorStopped() {
        // Only the resolver can tell those who wait, and it is told too.
        isRegistered = false
    }
}

@available(*, unavailable)
extension AresSocket: Sendable {}

/// What c-ares calls instead of the system. Each function gets the channel as its last argument, and returns -1 with
/// errno where it fails.
enum AresSocketFunctions {
    /// c-ares keeps the pointer, so this lives for as long as the process. Unsafe to the compiler, which can't know that
    /// nobody writes to it: it is filled in here, and c-ares only reads.
    nonisolated(unsafe) static let table: UnsafePointer<ares_socket_functions> = {
        let table = UnsafeMutablePointer<ares_socket_functions>.allocate(capacity: 1)
        table.initialize(
            to: ares_socket_functions(
                asocket: { family, type, _, context in
                    AresChannel.with(context) { $0.openSocket(family, type) }
                },
                aclose: { descriptor, context in AresChannel.with(context) { $0.closeSocket(descriptor) } },
                aconnect: { descriptor, _, _, context in
                    AresChannel.with(context) { connect(descriptor, $0.address) }
                },
                arecvfrom: { descriptor, buffer, count, _, sender, length, context in
                    let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: count)
                    return AresChannel.with(context) { channel in
                        channel.receive(descriptor, into: buffer).notingSender(channel.rawAddress, in: sender, length)
                    }
                },
                asendv: { descriptor, vectors, count, context in
                    let vectors = UnsafeBufferPointer(start: vectors, count: Int(count))
                    return AresChannel.with(context) { $0.send(descriptor, vectors) }
                }))
        return UnsafePointer(table)
    }()

    /// Connects to the channel's one server, whose address has its zone, which c-ares' copy lacks.
    private static func connect(_ descriptor: Int32, _ server: SocketAddress) -> CInt {
        do {
            if try SocketCalls.connect(descriptor, server) { return 0 }
            errno = EINPROGRESS
        } catch {
            errno = error.code
        }
        return -1
    }

    static func receiveStream(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch SocketCalls.receive(descriptor, into: buffer) {
        case .bytes(let count): return count
        case .wouldBlock: errno = EAGAIN
        case .failed(let code): errno = code
        }
        return -1
    }

    static func sendStream(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) -> Int {
        var sent = 0
        for vector in vectors {
            let bytes = UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
            switch SocketCalls.send(descriptor, bytes) {
            case .bytes(let count):
                sent += count
                if count < bytes.count { return sent }
            case .wouldBlock:
                errno = EAGAIN
                return sent > 0 ? sent : -1
            case .failed(let code):
                errno = code
                return sent > 0 ? sent : -1
            }
        }
        return sent
    }
}

extension Int {
    /// Fills in the sender of what was received: the socket is connected, so the kernel lets nobody else in.
    fileprivate func notingSender(
        _ server: [UInt8], in sender: UnsafeMutablePointer<sockaddr>?,
        _ length: UnsafeMutablePointer<ares_socklen_t>?
    ) -> Int {
        guard self >= 0, let sender, let length else { return self }
        // c-ares gives room for an address of its server's family.
        let room = UnsafeMutableRawBufferPointer(start: sender, count: Int(length.pointee))
        server.withUnsafeBytes { address in
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: address.prefix(room.count)))
        }
        length.pointee = ares_socklen_t(server.count)
        return self
    }
}
