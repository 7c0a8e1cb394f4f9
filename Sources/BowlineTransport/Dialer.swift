// One attempt to connect to one address. The race starts several; tests replace the dialer by a scripted one, and what
// comes of an attempt is a value behind a protocol, so that nothing above here knows of descriptors.

public import BowlineReactor

/// Begins connections to addresses.
///
/// ```swift
/// /// Counts what it passes on.
/// final class CountingDialer: Dialer {
///     private let next: any Dialer
///     private(set) var count = 0
///     init(_ next: any Dialer) { self.next = next }
///
///     func dial(
///         _ address: SocketAddress, from local: SocketAddress?,
///         completion: @escaping (Result<any DialedConnection, DialError>) -> Void
///     ) -> any Dial {
///         count += 1
///         return next.dial(address, from: local, completion: completion)
///     }
/// }
/// reactor.dialer = CountingDialer(reactor.dialer)
/// ```
public protocol Dialer: AnyObject {
    /// Begins to connect to `address`, from `local` if given (port 0: any).
    ///
    /// - Parameter completion: called once, from the loop or from inside this call, with the connection or with the
    ///   errno of its failure; not at all after `abandon()` of what is returned.
    func dial(
        _ address: SocketAddress, from local: SocketAddress?,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) -> any Dial
}

/// An attempt under way.
///
/// ```swift
/// let dial = reactor.dialer.dial(.ip(.v4(.loopback), port: 80), from: nil) { outcome in print(outcome) }
/// reactor.callLater(.milliseconds(250)) { dial.abandon() }
/// ```
public protocol Dial: AnyObject {
    /// Gives the attempt up and frees its descriptor; its completion isn't called any more.
    func abandon()
}

/// A connection that stands and has no protocol yet.
///
/// ```swift
/// let dial = reactor.dialer.dial(.ip(.v4(.loopback), port: 7), from: nil) { outcome in
///     guard case .success(let connection) = outcome else { return }
///     connection.start(Echo()) { reason in print(reason) }
/// }
/// reactor.callLater(.seconds(1)) { dial.abandon() }
/// ```
public protocol DialedConnection: AnyObject {
    /// Gives the connection to `protocol`, whose `makeConnection` is called from here. `onEnd` is called once, after
    /// `connectionLost`.
    @discardableResult
    func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) -> any Transport

    /// Closes it unused.
    func close()

    /// The other end.
    var peer: SocketAddress { get }
}

/// Says why an attempt to connect failed.
///
/// ```swift
/// print(DialError(111))      // connect: Connection refused
/// ```
public struct DialError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The errno value.
    public let code: CInt
    /// The C function that reported it: socket, bind or connect.
    public let call: String

    /// Creates the error of a call that failed with the errno `code`.
    public init(_ code: CInt, _ call: String = "connect") {
        self.code = code
        self.call = call
    }

    /// The call and what the system said of it.
    public var description: String { SystemError(code, call).description }
}

/// Dials with non-blocking sockets on a reactor: what a reactor's connectors use.
///
/// ```swift
/// let dialer = SocketDialer(reactor: reactor)
/// let dial = dialer.dial(.ip(.v6(.loopback), port: 80), from: nil) { outcome in
///     if case .failure(let error) = outcome { print(error) }
/// }
/// reactor.callLater(.seconds(1)) { dial.abandon() }
/// ```
public final class SocketDialer: Dialer {
    private unowned let reactor: Reactor

    /// Creates a dialer that waits on `reactor`.
    public init(reactor: Reactor) { self.reactor = reactor }

    /// Begins to connect with a socket of its own.
    public func dial(
        _ address: SocketAddress, from local: SocketAddress?,
        completion: @escaping (Result<any DialedConnection, DialError>) -> Void
    ) -> any Dial {
        let dial = SocketDial(to: address, reactor: reactor, completion: completion)
        dial.begin(from: local)
        return dial
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension SocketDialer: Sendable {}
