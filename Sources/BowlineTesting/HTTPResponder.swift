// A web server for tests and demonstrations: strict about what it is asked, and as wrong in what it answers as the test
// wants. What it may do is in HTTPResponder+Action.swift. It must never be right by itself: whatever it sends was asked
// for.

public import Bowline

/// Answers HTTP/1.1 requests as a closure says, and records them.
///
/// ```swift
/// let responder = try HTTPResponder(reactor: reactor) { request in
///     switch request.target {
///     case "/": .respond(HTTPResponder.Response("hello\n"))
///     case "/old": .respond(HTTPResponder.Response(status: 301, fields: [("Location", "/")]))
///     case "/slow": .delayed(by: .milliseconds(50), .respond(HTTPResponder.Response("at last\n")))
///     case "/cut": .cut(after: 40, .respond(HTTPResponder.Response("never whole")), then: .close)
///     default: .respond(HTTPResponder.Response("no such page\n", status: 404))
///     }
/// }
/// print("http://127.0.0.1:\(responder.port)/")
/// ```
/// It serves until `stop()`, or until its reactor stops. As a `ServerFactory` it can also be given to a port that
/// somebody else opens, or make protocols for a memory transport.
///
/// A request that breaks the rules (RFC 9112) is answered with 400 and the connection is closed.
public final class HTTPResponder: ServerFactory {
    /// One request as it arrived.
    public struct Request: Hashable, Sendable {
        /// The method; case matters.
        public let method: String
        /// The request target as it came.
        public let target: String
        /// The fields.
        public let fields: HTTPFieldSection
        /// The body, without its framing.
        public let body: [UInt8]
        /// Whether the client wants the connection to stay open.
        public let keepsConnection: Bool
        /// The other end.
        public let client: SocketAddress
        /// On which connection it came, counted from 1.
        public let connection: Int
        /// Which request for this target it is, from 1.
        public let count: Int
        /// When it was complete.
        public let time: ReactorInstant
    }

    /// Every request so far, in order.
    public private(set) var requests: [Request] = []
    /// What was wrong with the requests that were refused, in order.
    public private(set) var refusals: [HTTPParseError] = []
    /// How many connections were accepted.
    public private(set) var connectionCount = 0
    /// Decides what comes of each request. Called from the loop; may be replaced at any time.
    public var answers: (Request) -> Action

    /// How long requests may be.
    let limits: HTTPLimits
    let clock: any ReactorClock
    private var listener: ListeningPort?
    private var connections: [ObjectIdentifier: HTTPResponderConnection] = [:]
    private var counts: [String: Int] = [:]

    /// Creates a responder for a port that is opened elsewhere: `reactor.listenTCP(port:factory:)`.
    ///
    /// - Parameters:
    ///   - clock: what delays are measured by: the reactor, or a manual clock.
    ///   - limits: how long requests may be; longer ones are refused.
    ///   - answers: called from the loop with each request.
    public init(
        clock: any ReactorClock, limits: HTTPLimits = HTTPLimits(), answers: @escaping (Request) -> Action
    ) {
        self.clock = clock
        self.limits = limits
        self.answers = answers
        super.init()
    }

    /// Opens a port and begins to answer.
    ///
    /// - Parameters:
    ///   - interface: an address of this machine, a loopback one in tests.
    ///   - port: 0 lets the system choose.
    ///   - answers: called from the loop with each request.
    /// - Throws: the `SystemError` of socket, bind (EADDRINUSE) or listen.
    public convenience init(
        reactor: Reactor, interface: IPAddress = .v4(.loopback), port: UInt16 = 0,
        answers: @escaping (Request) -> Action
    ) throws {
        self.init(clock: reactor, answers: answers)
        listener = try reactor.listenTCP(port: port, interface: interface, factory: self)
    }

    /// Where it listens; nil if its port was opened elsewhere.
    public var address: SocketAddress? { listener?.address }

    /// The port that it listens on; 0 if its port was opened elsewhere.
    public var port: UInt16 { listener?.address.port ?? 0 }

    /// Closes the port and resets every connection. Stopping twice is once.
    public func stop() {
        listener?.stopListening()
        for connection in connections.values { connection.transport?.abortConnection() }
    }

    public override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        connectionCount += 1
        let connection = HTTPResponderConnection(self, number: connectionCount, client: address)
        connections[ObjectIdentifier(connection)] = connection
        return connection
    }

    // MARK: what connections tell

    func received(_ head: HTTPReceivedRequest, _ body: [UInt8], _ keeps: Bool, _ connection: HTTPResponderConnection)
        -> Request
    {
        let target = head.target
        counts[target, default: 0] += 1
        let request = Request(
            method: head.method, target: target, fields: head.fields, body: body, keepsConnection: keeps,
            client: connection.client, connection: connection.number, count: counts[target, default: 1],
            time: clock.now)
        requests.append(request)
        return request
    }

    func refused(_ error: HTTPParseError) {
        refusals.append(error)
    }

    func ended(_ connection: HTTPResponderConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }
}
