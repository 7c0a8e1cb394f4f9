// A listening socket: accepts what waits, in bounded portions, and survives running out of descriptors.

public import BowlineReactor
import CLinux
import Glibc

/// Accepts connections on an address until it is stopped.
///
/// Made by `listenTCP` and `listenUNIX`, and kept alive by its reactor.
/// ```swift
/// let port = try reactor.listenTCP(port: 0, factory: ServerFactory { Echo() })
/// print("listening on", port.address)
/// port.stopListening()
/// ```
public final class ListeningPort {
    /// So many connections are accepted for one event before others get their turn.
    private static let acceptsPerEvent = 64
    /// Wait so long when descriptors ran out and there was none to shed with.
    private static let retryDelay: Duration = .milliseconds(100)

    /// Where it listens; the port is the real one where 0 was asked for.
    public let address: SocketAddress

    /// Not weak, which would slow down every use of the reactor by anybody. A port that is listening is never without
    /// its reactor, unless that was dropped without having been run.
    private unowned let reactor: Reactor
    private let factory: Factory
    private var descriptor: Int32
    /// Held for the moment when no other descriptor is to be had: closing it makes room to accept one connection and
    /// close that, which its client sees, instead of a listener that spins on an event it can't consume.
    private var reserve: Int32
    private var isPaused = false
    /// The file that listening on a UNIX path has made.
    private var file: SocketFile?

    /// Whether it still accepts.
    public var isListening: Bool { descriptor >= 0 }

    /// How many connections were closed unserved because descriptors ran out.
    public private(set) var shedCount = 0

    init(
        at address: SocketAddress, backlog: Int32, reusePort: Bool, factory: Factory, reactor: Reactor
    ) throws(SystemError) {
        self.reactor = reactor
        self.factory = factory
        let descriptor = try SocketCalls.socket(family: address.domain, type: SOCK_STREAM)
        do {
            if address.isIP {
                try SocketCalls.setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
                // What is accepted inherits this: one call, instead of one for each connection.
                try SocketCalls.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
                if address.domain == AF_INET6 {
                    try SocketCalls.setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
                }
            }
            if reusePort { try SocketCalls.setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
            try SocketCalls.bind(descriptor, address)
            try SocketCalls.listen(descriptor, backlog: backlog)
        } catch {
            SocketCalls.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.address = SocketCalls.localAddress(descriptor) ?? address
        reserve = Self.openReserve()
        if let path = filePath { file = SocketCalls.socketFile(path) }
    }

    deinit {
        // Only when the reactor went away without having been stopped: while it stands, its table holds this object.
        if isListening { closeSockets() }
    }

    func start() throws(SystemError) {
        do {
            try reactor.register(descriptor, .read, self)
        } catch {
            closeSockets()
            throw error
        }
        factory.begin()
    }

    /// Stops accepting and frees the port; the file of a UNIX socket is removed, unless another has taken its place.
    /// Connections that were accepted go on. Stopping twice is once. From now on who connects is refused, also while
    /// another thread starts a process; only the abstract name of a UNIX socket is free no sooner than that has executed.
    public func stopListening() {
        guard isListening else { return }
        reactor.deregisterBeforeClose(descriptor)
        closeSockets()
        factory.end()
    }

    private func closeSockets() {
        // A process that another thread is starting holds a copy until it executes: closed only, the socket would go on
        // taking connections that nobody accepts.
        SocketCalls.shutdownListening(descriptor)
        SocketCalls.close(descriptor)
        descriptor = -1
        if reserve >= 0 { SocketCalls.close(reserve) }
        reserve = -1
        if let path = filePath, let file, SocketCalls.socketFile(path) == file { SocketCalls.removeSocketFile(path) }
    }

    /// The path of a UNIX socket; nil for an abstract name, which has no file.
    private var filePath: String? {
        guard case .unix(let path) = address, path.utf8.first != 0 else { return nil }
        return path
    }

    private func acceptConnections() {
        for _ in 0..<Self.acceptsPerEvent {
            guard isListening else { return }
            do {
                guard let accepted = try SocketCalls.accept(descriptor) else { return }
                serve(accepted.descriptor, accepted.peer)
            } catch {
                switch error.code {
                case EMFILE, ENFILE: shedConnection()
                case ENOBUFS, ENOMEM: pause()
                default: break
                }
                return
            }
        }
    }

    private func serve(_ accepted: Int32, _ peer: SocketAddress?) {
        guard let made = factory.buildProtocol(peer ?? .unspecified) else {
            SocketCalls.close(accepted)
            return
        }
        let connection = StreamConnection(accepted, peer: peer, isTCP: address.isIP, reactor: reactor)
        do {
            try reactor.register(accepted, .read, connection)
        } catch {
            // For want of kernel memory. The protocol has not been told of its connection, which closes its descriptor.
            return
        }
        connection.start(made, onEnd: nil)
    }

    /// Accepts one connection into the reserved descriptor and closes it.
    private func shedConnection() {
        guard reserve >= 0 else {
            pause()
            return
        }
        SocketCalls.close(reserve)
        reserve = -1
        if let accepted = try? SocketCalls.accept(descriptor) {
            SocketCalls.close(accepted.descriptor)
            shedCount += 1
        }
        reserve = Self.openReserve()
    }

    /// Looks away for a moment: the event would come again at once, and nothing can be done about it.
    private func pause() {
        guard !isPaused else { return }
        isPaused = true
        reactor.setInterest([], of: descriptor)
        reactor.callLater(Self.retryDelay) { [weak self] in
            guard let self, self.isListening else { return }
            self.isPaused = false
            if self.reserve < 0 { self.reserve = Self.openReserve() }
            self.reactor.setInterest(.read, of: self.descriptor)
        }
    }

    private static func openReserve() -> Int32 {
        open("/dev/null", O_RDONLY | O_CLOEXEC)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ListeningPort: Sendable {}

extension ListeningPort: DescriptorHandler {
    package func descriptorReady(_ readiness: Readiness) {
        acceptConnections()
    }

    package func reactorStopped() {
        stopListening()
    }
}

extension Reactor {
    /// Listens for TCP connections and gives each to a protocol of `factory`.
    ///
    /// - Parameters:
    ///   - port: 0 lets the system choose; the returned port's `address` tells.
    ///   - interface: the local address to listen on; all IPv4 addresses if nil.
    ///   - backlog: how many connections the system may hold that were not accepted yet.
    ///   - reusePort: let several listeners, one for each reactor, share the port (SO_REUSEPORT).
    /// - Throws: the `SystemError` of socket, bind (EADDRINUSE, EACCES) or listen.
    public func listenTCP(
        port: UInt16, interface: IPAddress? = nil, backlog: Int = 1024, reusePort: Bool = false, factory: ServerFactory
    ) throws(SystemError) -> ListeningPort {
        let address = SocketAddress.ip(interface ?? .v4(.any), port: port)
        return try listen(at: address, backlog: backlog, reusePort: reusePort, factory: factory)
    }

    /// Listens for connections on a UNIX stream socket. A file that stands at `path` is an error (EADDRINUSE), even if
    /// nobody listens on it; the one that this makes is removed when listening stops.
    ///
    /// - Parameters:
    ///   - path: at most 107 octets, or an abstract name, which begins with NUL.
    ///   - backlog: how many connections the system may hold that were not accepted yet.
    /// - Throws: the `SystemError` of socket, bind or listen.
    public func listenUNIX(
        path: String, backlog: Int = 1024, factory: ServerFactory
    ) throws(SystemError) -> ListeningPort {
        try listen(at: .unix(path: path), backlog: backlog, reusePort: false, factory: factory)
    }

    private func listen(
        at address: SocketAddress, backlog: Int, reusePort: Bool, factory: ServerFactory
    ) throws(SystemError) -> ListeningPort {
        let port = try ListeningPort(
            at: address, backlog: Int32(clamping: backlog), reusePort: reusePort, factory: factory, reactor: self)
        try port.start()
        return port
    }
}
