// A DNS server for tests and demonstrations: real sockets on the reactor, UDP and TCP at one port, and answers that the
// test decides question by question. What it may do wrong is in FakeDNSServer+Action.swift. It must never be right by
// itself: whatever it sends was asked for.

public import Bowline

/// Answers DNS questions on a port of the loopback interface as a closure says, and records them.
///
/// ```swift
/// let server = try FakeDNSServer(reactor: reactor) { question in
///     switch question.name.text {
///     case "h.test": .addresses([.v4(.loopback)])
///     case "slow.test": .delayed(by: .milliseconds(50), .addresses([.v4(.loopback)]))
///     case "flaky.test" where question.count == 1: .drop
///     case "big.test": .truncated(overTCP: .addresses([.v4(.loopback)]))
///     default: .nxdomain()
///     }
/// }
/// var configuration = ResolverConfiguration()
/// configuration.servers = [server.address]
/// reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration)
/// ```
/// It serves until `stop()`, or until its reactor stops, and is kept alive meanwhile. To stand for a server that is down,
/// stop it: questions to its address are refused from then on.
public final class FakeDNSServer {
    /// One question as it arrived.
    public struct Question: Hashable, Sendable {
        /// How a question came.
        public enum Transport: String, Hashable, Sendable {
            /// As a datagram.
            case udp
            /// On a connection.
            case tcp
        }

        /// The name asked for.
        public let name: DomainName
        /// The name with the case of the wire.
        public let spelling: String
        /// The type asked for.
        public let type: RecordType
        /// The id that the answer must have.
        public let id: UInt16
        /// How it came.
        public let transport: Transport
        /// Where it came from; its port is the one that a forger would have to guess.
        public let client: SocketAddress
        /// The largest datagram that the client takes by its EDNS record; nil if it sent none.
        public let payloadSize: UInt16?
        /// When it came.
        public let time: ReactorInstant
        /// Which question for this name and type it is, from 1, over both transports.
        public let count: Int
    }

    /// Ports are tried until one is free for both transports.
    private static let portAttempts = 100

    /// Where it listens, for UDP and TCP.
    public let address: SocketAddress
    /// Every question so far, in order.
    public private(set) var questions: [Question] = []
    /// How many packets came that are no question, and were dropped.
    public private(set) var unreadableCount = 0
    /// How many TCP connections were accepted.
    public private(set) var connectionCount = 0
    /// Decides what comes of each question. May be replaced at any time.
    public var answers: (Question) -> Action

    private unowned let reactor: Reactor
    /// A clock that a test turns by hand. The reactor isn't held: it holds this.
    private let givenClock: (any ReactorClock)?
    private var clock: any ReactorClock { givenClock ?? reactor }
    private var isStopped = false
    private var datagrams: DatagramPort?
    private var listener: ListeningPort?
    /// Sockets that answers come from which were asked elsewhere; made when they are needed.
    private var strangers: [SocketAddress: DatagramPort] = [:]
    private var connections: [ObjectIdentifier: FakeDNSConnection] = [:]
    private var counts: [Asked: Int] = [:]

    private struct Asked: Hashable {
        var name: DomainName
        var type: RecordType
    }

    /// Binds a port and begins to answer.
    ///
    /// - Parameters:
    ///   - interface: an address of this machine, a loopback one in tests.
    ///   - port: 0 lets the system choose.
    ///   - servesTCP: if false, connections are refused.
    ///   - clock: what delays are measured with, if that isn't the reactor.
    ///   - answers: called from the loop with each question.
    /// - Throws: the `SystemError` of socket or bind (EADDRINUSE if the port is taken for one of the transports).
    public init(
        reactor: Reactor, interface: IPAddress = .v4(.loopback), port: UInt16 = 0, servesTCP: Bool = true,
        clock: (any ReactorClock)? = nil, answers: @escaping (Question) -> Action
    ) throws {
        self.reactor = reactor
        givenClock = clock
        self.answers = answers
        let connections = FakeDNSConnections()
        let sockets = try Self.bind(reactor, interface, port, servesTCP, connections)
        datagrams = sockets.datagrams
        listener = sockets.listener
        address = sockets.datagrams.address
        sockets.receiver.server = self
        connections.server = self
    }

    private struct Sockets {
        var receiver: FakeDNSDatagrams
        var datagrams: DatagramPort
        var listener: ListeningPort?
    }

    private static func bind(
        _ reactor: Reactor, _ interface: IPAddress, _ port: UInt16, _ servesTCP: Bool,
        _ connections: FakeDNSConnections
    ) throws(SystemError) -> Sockets {
        var attemptsLeft = portAttempts
        while true {
            let receiver = FakeDNSDatagrams()
            let datagrams = try reactor.listenUDP(
                port: port, interface: interface, maxPacketSize: 4096, protocol: receiver)
            guard servesTCP, case .ip(_, let chosen) = datagrams.address else {
                return Sockets(receiver: receiver, datagrams: datagrams)
            }
            do {
                let listener = try reactor.listenTCP(
                    port: chosen, interface: interface, factory: ServerFactory { connections.accept() })
                return Sockets(receiver: receiver, datagrams: datagrams, listener: listener)
            } catch {
                // Taken by another program's TCP: the next port that the system chooses may be free for both.
                datagrams.stopListening()
                attemptsLeft -= 1
                if port != 0 || attemptsLeft == 0 { throw error }
            }
        }
    }

    /// Closes the port and every connection. What was to be sent later isn't. Stopping twice is once.
    public func stop() {
        guard !isStopped else { return }
        isStopped = true
        datagrams?.stopListening()
        datagrams = nil
        listener?.stopListening()
        listener = nil
        for stranger in strangers.values { stranger.stopListening() }
        strangers = [:]
        for connection in connections.values { connection.transport?.abortConnection() }
        connections = [:]
    }

    /// Forgets the questions so far; counts begin anew.
    public func forgetQuestions() {
        questions = []
        counts = [:]
    }

    // MARK: questions

    /// A packet has arrived.
    func received(_ packet: RawSpan, from client: SocketAddress, over connection: FakeDNSConnection?) {
        guard !isStopped else { return }
        guard let message = try? DNSMessage(reading: packet), !message.header.flags.contains(.response),
            let asked = message.questions.first, message.questions.count == 1
        else {
            unreadableCount += 1
            return
        }
        let key = Asked(name: asked.name, type: asked.type)
        counts[key, default: 0] += 1
        let question = Question(
            name: asked.name, spelling: asked.spelling, type: asked.type, id: message.header.id,
            transport: connection == nil ? .udp : .tcp, client: client, payloadSize: message.edns?.payloadSize,
            time: clock.now, count: counts[key, default: 1])
        questions.append(question)
        perform(answers(question), for: question, over: connection, .whole)
    }

    func connected(_ connection: FakeDNSConnection) {
        connectionCount += 1
        connections[ObjectIdentifier(connection)] = connection
    }

    func disconnected(_ connection: FakeDNSConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    // MARK: answers

    private func perform(
        _ action: Action, for question: Question, over connection: FakeDNSConnection?, _ delivery: FakeDNSDelivery
    ) {
        guard !isStopped else { return }
        switch action {
        case .reply(let reply):
            send(reply.octets(for: question), for: question, over: connection, delivery)
        case .raw(let octets):
            send(octets, for: question, over: connection, delivery)
        case .forged(let forgery, let reply):
            forge(forgery, reply, for: question, over: connection, delivery)
        case .truncated(let whole):
            if connection == nil {
                var cut = Reply()
                cut.isTruncated = true
                send(cut.octets(for: question), for: question, over: nil, delivery)
            } else {
                perform(whole, for: question, over: connection, delivery)
            }
        case .drop:
            break
        case .delayed(let delay, let action):
            clock.callLater(delay) { [weak self] in
                self?.perform(action, for: question, over: connection, delivery)
            }
        case .sequence(let actions):
            for action in actions { perform(action, for: question, over: connection, delivery) }
        case .pieces(let size, let action):
            perform(action, for: question, over: connection, .pieces(size))
        case .half(let action, let ending):
            perform(action, for: question, over: connection, .half(ending))
        case .together(let count, let action):
            perform(action, for: question, over: connection, .together(count))
        case .close:
            connection?.transport?.loseConnection()
        case .reset:
            connection?.transport?.abortConnection()
        }
    }

    private func send(
        _ octets: [UInt8], for question: Question, over connection: FakeDNSConnection?, _ delivery: FakeDNSDelivery
    ) {
        if let connection {
            connection.send(octets, delivery, clock: clock)
        } else if case .half = delivery {
            datagrams?.write(Array(octets.prefix(octets.count / 2)), to: question.client)
        } else {
            datagrams?.write(octets, to: question.client)
        }
    }

    private func forge(
        _ forgery: Forgery, _ reply: Reply, for question: Question, over connection: FakeDNSConnection?,
        _ delivery: FakeDNSDelivery
    ) {
        guard let origin = forgery.origin(of: address), connection == nil else {
            send(reply.octets(for: question, forgery), for: question, over: connection, delivery)
            return
        }
        guard case .ip(let interface, let port) = origin else { return }
        if strangers[origin] == nil {
            strangers[origin] = try? reactor.listenUDP(
                port: port, interface: interface, protocol: FakeDNSDatagrams())
        }
        strangers[origin]?.write(reply.octets(for: question), to: question.client)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension FakeDNSServer: Sendable {}

/// Receives datagrams for a server, or for nobody.
private final class FakeDNSDatagrams: DatagramProtocol {
    var port: DatagramPort?
    var server: FakeDNSServer?

    func datagramReceived(_ bytes: RawSpan, from sender: SocketAddress) {
        server?.received(bytes, from: sender, over: nil)
    }

    func stopProtocol() {
        // The reactor may have stopped without the server's being told.
        server?.stop()
        server = nil
    }
}

/// Makes the connections of a server that is made after its listener. It doesn't keep the server, the datagrams do.
private final class FakeDNSConnections {
    weak var server: FakeDNSServer?

    func accept() -> FakeDNSConnection? {
        server.map { FakeDNSConnection($0) }
    }
}
