// A non-blocking connect(2) under way: registered for writability, which is how the kernel reports success and failure.
// When it has succeeded, the same object is the connection that waits for its protocol: it keeps its place in the
// reactor's table, so that the descriptor is added to the poller once in its life.

import BowlineReactor
import CLinux
import Glibc

final class SocketDial: Dial, DialedConnection, DescriptorHandler {
    private enum Phase {
        case dialing((Result<any DialedConnection, DialError>) -> Void)
        /// Waits for `start` or `close`, which who dialed must call in the same turn.
        case connected
        /// The reactor stopped while it waited: whoever starts it is told so.
        case stopped
        /// Failed, abandoned, closed or handed on: the descriptor is no longer this object's.
        case over
    }

    /// Where Linux begins to choose ports from (ip_local_port_range), unless it was told otherwise.
    private static let firstEphemeralPort: UInt16 = 32768

    private unowned let reactor: Reactor
    let peer: SocketAddress
    private var phase: Phase
    private var descriptor: Int32 = -1

    init(
        to address: SocketAddress, reactor: Reactor,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) {
        peer = address
        self.reactor = reactor
        phase = .dialing(completion)
    }

    deinit {
        // Only when the reactor went away without having been stopped: while it stands, its table holds this object.
        if descriptor >= 0 { SocketCalls.close(descriptor) }
    }

    func begin(from local: SocketAddress?) {
        do {
            descriptor = try SocketCalls.socket(family: peer.domain, type: SOCK_STREAM)
            if peer.isIP { try SocketCalls.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
            if let local { try bind(to: local) }
            // A UNIX socket is connected, or refused, at once. So is TCP over loopback in truth, but the kernel says
            // EINPROGRESS all the same, and readiness comes with the next wait.
            let isConnected = try SocketCalls.connect(descriptor, peer)
            try reactor.register(descriptor, .write, self)
            if isConnected { succeed() }
        } catch {
            fail(DialError(error.code, error.call))
        }
    }

    private func bind(to local: SocketAddress) throws(SystemError) {
        if case .ip(_, port: 0) = local {
            // Without this, a port is taken at bind for all destinations, and 28,000 connections use them all up.
            try SocketCalls.setOption(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        } else if local.isIP {
            try SocketCalls.setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        }
        try SocketCalls.bind(descriptor, local)
    }

    func abandon() {
        guard case .dialing = phase else { return }
        phase = .over
        closeSocket()
    }

    // MARK: what the loop reports

    func descriptorReady(_ readiness: Readiness) {
        guard case .dialing = phase else {
            // Nobody has taken the connection in its turn: at least the loop must not spin.
            reactor.setInterest([], of: descriptor)
            return
        }
        // A failed connect reports an error and a hang-up, so that one that reports neither needn't be asked.
        let code = readiness.isTroubled ? SocketCalls.takeError(descriptor) : 0
        if code != 0 {
            fail(DialError(code))
        } else if isConnectedToItself {
            fail(DialError(ECONNREFUSED))
        } else {
            succeed()
        }
    }

    func reactorStopped() {
        if case .connected = phase {
            phase = .stopped
            closeSocket()
        } else {
            fail(DialError(ECANCELED))
        }
    }

    /// Dialing a local port on which nobody listens, the kernel may choose that very port for this end, and then TCP's
    /// simultaneous open joins the socket to itself (Go's net has the same guard).
    private var isConnectedToItself: Bool {
        guard let port = peer.port, port >= Self.firstEphemeralPort, peer.ipAddress?.isLoopback == true else {
            return false
        }
        return SocketCalls.localAddress(descriptor) == peer
    }

    private func succeed() {
        guard case .dialing(let completion) = phase else { return }
        phase = .connected
        completion(.success(self))
    }

    private func fail(_ error: DialError) {
        guard case .dialing(let completion) = phase else { return }
        phase = .over
        closeSocket()
        completion(.failure(error))
    }

    private func closeSocket() {
        guard descriptor >= 0 else { return }
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        descriptor = -1
    }

    // MARK: the connection

    func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) -> any Transport {
        let connection = StreamConnection(descriptor, peer: peer, isTCP: peer.isIP, reactor: reactor)
        switch phase {
        case .connected:
            reactor.reassign(descriptor, .read, to: connection)
            descriptor = -1
        case .stopped:
            connection.endUnopened(.stopped)
        case .dialing, .over:
            preconditionFailure("this connection was started or closed already")
        }
        phase = .over
        connection.start(`protocol`, onEnd: onEnd)
        return connection
    }

    func close() {
        guard case .connected = phase else { return }
        phase = .over
        closeSocket()
    }
}

@available(*, unavailable)
extension SocketDial: Sendable {}
