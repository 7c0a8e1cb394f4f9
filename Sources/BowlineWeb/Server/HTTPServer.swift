// A small HTTP/1.1 server on the toolkit's own listening: what the inspector stands on. This file is its door and what its
// connections share; what one connection does is in HTTPServerConnection.swift.

public import BowlineDeferred
public import BowlineReactor
public import BowlineTransport
import Glibc

/// Answers HTTP/1.1 and HTTP/1.0 requests (RFC 9112) as a closure says, strictly and within limits.
///
/// ```swift
/// let server = try reactor.listenHTTP(port: 0) { request in
///     request.path == "/" ? HTTPServerResponse("hello\n") : .notFound
/// }
/// print("http://127.0.0.1:\(server.address?.port ?? 0)/")
/// server.stop().addCallback { print("every client has had its answer") }
/// ```
/// Requests of one connection are answered in order, also when they come before the answers. What breaks the rules is
/// answered with 400, 408, 413, 414, 417, 431, 501 or 505, and its connection closed. Over TLS it listens if a context is given,
/// and counts a connection from its first byte on. As a `ServerFactory` it can be given to any listening port, which then is
/// whoever's who has opened it: `stop` declines what comes, and the port has to be stopped beside it.
public final class HTTPServer: ServerFactory {
    /// What clients are granted.
    public let options: HTTPServerOptions
    /// How many requests were handed to the closure.
    public private(set) var requestCount = 0
    /// How many requests were refused before that, because they break the rules or the limits.
    public private(set) var refusedCount = 0
    /// How many connections were closed at once because too many were open.
    public private(set) var declinedCount = 0
    /// How many TLS handshakes came to nothing.
    public private(set) var failedHandshakeCount = 0
    /// Whether `stop` was called.
    public private(set) var isStopping = false

    /// Not held: it is the reactor, which holds the port that holds this.
    unowned let clock: any ReactorClock
    /// Seconds since 1970, for Date.
    package var wallClock: () -> Int = { time(nil) }
    private let makeAnswer: (HTTPServerRequest) -> Deferred<HTTPServerResponse>
    /// Nil without TLS, and where somebody else puts it between.
    private var tls: TLSContext?
    /// Nil again when it listens no more: it holds this.
    private var listener: ListeningPort?
    private var connections: [ObjectIdentifier: HTTPServerConnection] = [:]
    private var stopped: Deferred<Void>?
    private var hasStopped = false
    private var graceTimer: DelayedCall?

    /// Creates a server for a port that is opened elsewhere: `reactor.listenTCP(port:factory:)`.
    ///
    /// - Parameters:
    ///   - clock: what deadlines are measured by: the reactor, or a manual clock.
    ///   - answers: called from the loop with each request; what it throws is answered with 500.
    public init(
        clock: any ReactorClock, options: HTTPServerOptions = HTTPServerOptions(),
        answers: @escaping (HTTPServerRequest) throws -> HTTPServerResponse
    ) {
        self.clock = clock
        self.options = options
        makeAnswer = { request in maybeDeferred { try answers(request) } }
        super.init()
    }

    /// Creates a server whose answers may come later. A Deferred whose client goes away is cancelled.
    public init<Answer: DeferredConvertible<HTTPServerResponse>>(
        clock: any ReactorClock, options: HTTPServerOptions = HTTPServerOptions(),
        answers: @escaping (HTTPServerRequest) throws -> Answer
    ) {
        self.clock = clock
        self.options = options
        makeAnswer = { request in maybeDeferred { try answers(request) } }
        super.init()
    }

    /// Where it listens, or did; nil if its port was opened elsewhere.
    public private(set) var address: SocketAddress?

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    /// Stops in order: accepts nothing more, closes what is idle, and lets what was begun come to its end.
    ///
    /// - Parameter grace: after so long, what is still open is reset.
    /// - Returns: fires when the last connection has ended; the same Deferred on each call.
    @discardableResult
    public func stop(within grace: Duration = .seconds(10)) -> Deferred<Void> {
        if let stopped { return stopped }
        isStopping = true
        let stopped = Deferred<Void>()
        self.stopped = stopped
        listener?.stopListening()
        for connection in connections.values { connection.serverStops() }
        graceTimer = clock.callLater(grace) { [weak self] in
            guard let self else { return }
            for connection in self.connections.values { connection.abort() }
        }
        fireIfStopped()
        return stopped
    }

    /// Declines a connection beyond the limit.
    public override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        guard connections.count < options.maximumConnections, !isStopping else {
            declinedCount += 1
            return nil
        }
        let connection = HTTPServerConnection(self)
        connections[ObjectIdentifier(connection)] = connection
        guard let tls else { return connection }
        return connection.secured(by: tls) { [weak self] in self?.failedHandshakeCount += 1 }
    }

    /// Listens. Called once, by the reactor's door.
    func listen(on reactor: Reactor, port: UInt16, interface: IPAddress?, tls: TLSContext?) throws(SystemError) {
        // fatalError, since a precondition's message is lost in release builds.
        if tls?.isServer == false { fatalError("a server needs the context of a server") }
        self.tls = tls
        let listener = try reactor.listenTCP(port: port, interface: interface, factory: self)
        address = listener.address
        self.listener = listener
    }

    /// Its port has closed.
    public override func stopFactory() { listener = nil }

    // MARK: what connections tell

    func answer(_ request: HTTPServerRequest) -> Deferred<HTTPServerResponse> {
        requestCount += 1
        return makeAnswer(request)
    }

    func refused() { refusedCount += 1 }

    func ended(_ connection: HTTPServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        fireIfStopped()
    }

    private func fireIfStopped() {
        guard isStopping, connections.isEmpty, let stopped, !hasStopped else { return }
        hasStopped = true
        graceTimer?.cancel()
        graceTimer = nil
        stopped.callback(())
    }
}

extension Reactor {
    /// Listens for HTTP requests and answers them.
    ///
    /// - Parameters:
    ///   - port: 0 lets the system choose; the server's `address` tells.
    ///   - interface: the local address to listen on; all IPv4 addresses if nil.
    ///   - tls: made of a `TLSServerConfiguration`, whose `handshakeTimeout` bounds each handshake; nil for plain HTTP.
    ///   - answers: called from the loop with each request; what it throws is answered with 500.
    /// - Throws: the `SystemError` of socket, bind (EADDRINUSE, EACCES) or listen.
    public func listenHTTP(
        port: UInt16, interface: IPAddress? = nil, tls: TLSContext? = nil,
        options: HTTPServerOptions = HTTPServerOptions(),
        answers: @escaping (HTTPServerRequest) throws -> HTTPServerResponse
    ) throws(SystemError) -> HTTPServer {
        let server = HTTPServer(clock: self, options: options, answers: answers)
        try server.listen(on: self, port: port, interface: interface, tls: tls)
        return server
    }

    /// Listens for HTTP requests; the answers may come later.
    public func listenHTTP<Answer: DeferredConvertible<HTTPServerResponse>>(
        port: UInt16, interface: IPAddress? = nil, tls: TLSContext? = nil,
        options: HTTPServerOptions = HTTPServerOptions(),
        answers: @escaping (HTTPServerRequest) throws -> Answer
    ) throws(SystemError) -> HTTPServer {
        let server = HTTPServer(clock: self, options: options, answers: answers)
        try server.listen(on: self, port: port, interface: interface, tls: tls)
        return server
    }
}
