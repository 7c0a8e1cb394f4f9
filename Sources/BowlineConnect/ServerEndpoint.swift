// A place to listen on, as a value that can be handed around.

public import BowlineReactor
public import BowlineTransport
import Glibc

/// Listens on one place, as often as it is free.
///
/// ```swift
/// let endpoint = try reactor.serverFromString("tcp:port=0:interface=127.0.0.1")
/// let port = try endpoint.listen(ServerFactory { Echo() })
/// print("listening on", port.address)
/// ```
public protocol ServerEndpoint: AnyObject {
    /// Listens, and gives each connection to a protocol of `factory`. It takes no time, so there is nothing to wait for.
    ///
    /// - Throws: `ListenError` with the address and the system's reason.
    func listen(_ factory: ServerFactory) throws(ListenError) -> ListeningPort
}

/// Reports that nothing could be listened on, and why.
///
/// ```swift
/// do throws(ListenError) {
///     _ = try TCPServerEndpoint(reactor, port: 80).listen(ServerFactory { Echo() })
/// } catch {
///     print(error)       // cannot listen on 0.0.0.0:80: Permission denied; ports below 1024 need a privilege
/// }
/// ```
public struct ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where.
    public let address: SocketAddress
    /// The call that failed, and its errno.
    public let cause: SystemError

    /// Creates the error.
    public init(address: SocketAddress, cause: SystemError) {
        self.address = address
        self.cause = cause
    }

    /// One line, with what to do where there is something to do.
    public var description: String {
        "cannot listen on \(address): \(SystemError.text(of: cause.code))\(advice.map { "; \($0)" } ?? "")"
    }

    private var advice: String? {
        switch (cause.code, address) {
        case (EADDRINUSE, .ip): "another socket listens there: stop it, or take another port"
        case (EADDRINUSE, .unix): "remove the file if no server uses it any more"
        case (EACCES, .ip(_, port: 1..<1024)): "ports below 1024 need a privilege"
        case (EADDRNOTAVAIL, _): "this machine doesn't have that address"
        case (EMFILE, _), (ENFILE, _): "raise the limit of open files (ulimit -n)"
        default: nil
        }
    }
}

/// Listens on a TCP port.
///
/// ```swift
/// let port = try TCPServerEndpoint(reactor, port: 0, interface: .v6(.loopback)).listen(ServerFactory { Echo() })
/// ```
public final class TCPServerEndpoint: ServerEndpoint {
    /// 0 lets the system choose.
    public let port: UInt16
    /// The local address; all IPv4 addresses if nil.
    public let interface: IPAddress?
    /// How many connections the system may hold that were not accepted yet.
    public let backlog: Int
    private let reactor: Reactor

    /// Creates an endpoint for listening ports of `reactor`.
    public init(_ reactor: Reactor, port: UInt16, interface: IPAddress? = nil, backlog: Int = 1024) {
        self.reactor = reactor
        self.port = port
        self.interface = interface
        self.backlog = backlog
    }

    /// Listens; see `ServerEndpoint`.
    public func listen(_ factory: ServerFactory) throws(ListenError) -> ListeningPort {
        do {
            return try reactor.listenTCP(port: port, interface: interface, backlog: backlog, factory: factory)
        } catch {
            throw ListenError(address: .ip(interface ?? .v4(.any), port: port), cause: error)
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension TCPServerEndpoint: Sendable {}

/// Listens on a TCP port for TLS connections.
///
/// ```swift
/// let identity = TLSIdentity(certificateFile: "/etc/app/chain.pem", keyFile: "/etc/app/key.pem")
/// let context = try TLSContext(server: TLSServerConfiguration(identity), clock: reactor)
/// let port = try TLSServerEndpoint(reactor, port: 443, context: context).listen(ServerFactory { Echo() })
/// ```
public final class TLSServerEndpoint: ServerEndpoint {
    private let endpoint: TCPServerEndpoint
    private let context: TLSContext

    /// Creates an endpoint for listening ports of `reactor`.
    public init(
        _ reactor: Reactor, port: UInt16, context: TLSContext, interface: IPAddress? = nil, backlog: Int = 1024
    ) {
        endpoint = TCPServerEndpoint(reactor, port: port, interface: interface, backlog: backlog)
        self.context = context
    }

    /// Listens; see `ServerEndpoint`.
    public func listen(_ factory: ServerFactory) throws(ListenError) -> ListeningPort {
        try endpoint.listen(TLSServerFactory(context, factory: factory))
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension TLSServerEndpoint: Sendable {}

/// Listens on a UNIX stream socket.
///
/// ```swift
/// let port = try UNIXServerEndpoint(reactor, path: "/run/app.sock").listen(ServerFactory { Echo() })
/// ```
public final class UNIXServerEndpoint: ServerEndpoint {
    /// The socket's file, which must not exist yet.
    public let path: String
    /// How many connections the system may hold that were not accepted yet.
    public let backlog: Int
    private let reactor: Reactor

    /// Creates an endpoint for listening ports of `reactor`.
    public init(_ reactor: Reactor, path: String, backlog: Int = 1024) {
        self.reactor = reactor
        self.path = path
        self.backlog = backlog
    }

    /// Listens; see `ServerEndpoint`.
    public func listen(_ factory: ServerFactory) throws(ListenError) -> ListeningPort {
        do {
            return try reactor.listenUNIX(path: path, backlog: backlog, factory: factory)
        } catch {
            throw ListenError(address: .unix(path: path), cause: error)
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension UNIXServerEndpoint: Sendable {}
