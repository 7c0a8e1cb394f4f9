// A non-blocking connect(2) under way: registered for writability, which is how the kernel reports success and failure.

import BowlineReactor
import CLinux
import Glibc

final class SocketDial: Dial, DescriptorHandler {
    private unowned let reactor: Reactor
    private let address: SocketAddress
    /// Nil when the attempt is over: the completion is called once, and not after `abandon`.
    private var completion: ((Result<any DialedConnection, DialError>) -> Void)?
    private var descriptor: Int32 = -1

    init(
        to address: SocketAddress, reactor: Reactor,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) {
        self.address = address
        self.reactor = reactor
        self.completion = completion
    }

    func begin(from local: SocketAddress?) {
        do {
            descriptor = try SocketCalls.socket(family: address.domain, type: SOCK_STREAM)
            if address.isIP { try SocketCalls.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
            if let local { try bind(to: local) }
            // A UNIX socket is connected, or refused, at once. So is TCP over loopback in truth, but the kernel says
            // EINPROGRESS all the same, and readiness comes with the next wait.
            let isConnected = try SocketCalls.connect(descriptor, address)
            try reactor.register(descriptor, .write, self)
            if isConnected { finish(.success(takeConnection())) }
        } catch {
            closeSocket()
            finish(.failure(DialError(error.code, error.call)))
        }
    }

    private func bind(to local: SocketAddress) throws(SystemError) {
        // Without this, a port is taken at bind for all destinations, and 28,000 connections use them all up.
        if case .ip(_, port: 0) = local {
            try SocketCalls.setOption(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        } else {
            try SocketCalls.setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        }
        try SocketCalls.bind(descriptor, local)
    }

    func descriptorReady(_ readiness: Readiness) {
        guard descriptor >= 0 else { return }
        let code = SocketCalls.takeError(descriptor)
        if code == 0 {
            finish(.success(takeConnection()))
        } else {
            closeSocket()
            finish(.failure(DialError(code)))
        }
    }

    func reactorStopped() {
        closeSocket()
        finish(.failure(DialError(ECANCELED)))
    }

    func abandon() {
        completion = nil
        closeSocket()
    }

    private func takeConnection() -> DialedSocket {
        let connection = DialedSocket(descriptor, peer: address, reactor: reactor)
        descriptor = -1
        return connection
    }

    private func finish(_ result: Result<any DialedConnection, DialError>) {
        let completion = self.completion
        self.completion = nil
        completion?(result)
    }

    private func closeSocket() {
        guard descriptor >= 0 else { return }
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        descriptor = -1
    }
}

@available(*, unavailable)
extension SocketDial: Sendable {}

/// A connected socket that waits for its protocol. It still stands in the reactor's table under its dial, which is
/// over: the race gives it to a protocol, or closes it, in the turn in which it was made.
final class DialedSocket: DialedConnection {
    private unowned let reactor: Reactor
    private var descriptor: Int32
    let peer: SocketAddress

    init(_ descriptor: Int32, peer: SocketAddress, reactor: Reactor) {
        self.descriptor = descriptor
        self.peer = peer
        self.reactor = reactor
    }

    deinit {
        close()
    }

    func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) -> any Transport {
        let connection = StreamConnection(descriptor, peer: peer, isTCP: peer.isIP, reactor: reactor)
        reactor.reassign(descriptor, .read, to: connection)
        descriptor = -1
        connection.start(`protocol`, onEnd: onEnd)
        return connection
    }

    func close() {
        guard descriptor >= 0 else { return }
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        descriptor = -1
    }
}

@available(*, unavailable)
extension DialedSocket: Sendable {}
