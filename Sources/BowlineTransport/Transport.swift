// What a protocol does with its connection, whatever the connection is: TCP, a UNIX socket, memory in a test.

/// One connection as its protocol sees it.
///
/// Writing never blocks and never calls back from inside: bytes are queued and leave at the end of the turn, those of a
/// turn in one system call.
/// ```swift
/// func greet(_ transport: any Transport) {
///     transport.write("hello\r\n")
///     transport.loseConnection()      // after the bytes have left
/// }
/// ```
public protocol Transport: AnyObject {
    /// Queues bytes for sending. After the connection was lost, or its writing side closed, they are dropped silently.
    /// After `loseConnection` they are still sent.
    func write(_ bytes: RawSpan)

    /// Closes in order: stops reading, sends what was written, waits for a registered producer to finish, then closes.
    /// `connectionLost(.done)` follows. Bounded by `closeTimeout` if the peer doesn't take the bytes.
    ///
    /// What the peer has sent and nobody has read makes the system reset the connection on close (RFC 1122, 4.2.2.13),
    /// which can cost the peer the last bytes: a protocol that answers before it has read everything uses
    /// `loseWriteConnection` and waits for the peer's end.
    func loseConnection()

    /// Closes at once and resets the connection; what was written and not sent is dropped. `connectionLost(.aborted)`
    /// follows from the loop, not from inside this call.
    func abortConnection()

    /// Sends what was written, then closes the writing direction only; the peer sees the end and may go on sending.
    func loseWriteConnection()

    /// Stops reading: nothing arrives until `resumeReading`, and the peer is slowed down by its window.
    func pauseReading()

    /// Reads again after `pauseReading`.
    func resumeReading()

    /// Says who produces what is written, so that the transport can slow it down: a push producer is paused above the
    /// high-water mark and resumed when the buffer is empty; a pull producer is asked whenever it is empty.
    /// A second producer is a program error. On a connection that is gone, the producer is stopped at once.
    func registerProducer(_ producer: Producer)

    /// Says that the producer is done. A close that waited for it goes on.
    func unregisterProducer()

    /// The other end.
    var peer: SocketAddress { get }

    /// This end. Unspecified (`0.0.0.0:0`) if it is first asked for after the connection has ended.
    var host: SocketAddress { get }

    /// Whether small writes leave without waiting for acknowledgements (TCP_NODELAY); on by default. No effect where
    /// the connection isn't TCP.
    var isNoDelay: Bool { get set }

    /// Whether the system probes an idle connection (SO_KEEPALIVE); off by default.
    var isKeepAlive: Bool { get set }

    /// Whether the connection stands: false from the moment when `connectionLost` is certain.
    var isConnected: Bool { get }

    /// How many bytes are written and not yet taken by the system.
    var bufferedByteCount: Int { get }

    /// How long `loseConnection` waits for a peer that takes nothing of what was written; 30 s by default. Afterwards
    /// the connection is reset and ends with `.timedOut`.
    var closeTimeout: Duration { get set }
}

extension Transport {
    /// Queues bytes for sending, as `write(_:)` of a span does.
    public func write(_ bytes: [UInt8]) {
        write(bytes.span.bytes)
    }

    /// Queues the UTF-8 of a text for sending.
    public func write(_ text: String) {
        write(text.utf8Span.span.bytes)
    }

    /// Queues several pieces for sending, in order.
    public func writeSequence(_ pieces: some Sequence<[UInt8]>) {
        for piece in pieces { write(piece) }
    }
}

/// Who produces what is written to a transport.
///
/// ```swift
/// final class Zeros: PullProducer {
///     private unowned let transport: any Transport
///     init(_ transport: any Transport) { self.transport = transport }
///     func resumeProducing() { transport.write([UInt8](repeating: 0, count: 4096)) }
///     func stopProducing() {}
/// }
/// transport.registerProducer(.pull(Zeros(transport)))
/// ```
public enum Producer {
    /// Writes by itself until it is told to pause.
    case push(any PushProducer)
    /// Writes a piece each time it is asked.
    case pull(any PullProducer)
}

/// Writes to a transport by itself, and can be slowed down.
///
/// ```swift
/// /// Reads from one connection no faster than the other takes it.
/// final class Valve: PushProducer {
///     private unowned let source: any Transport
///     init(_ source: any Transport) { self.source = source }
///     func pauseProducing() { source.pauseReading() }
///     func resumeProducing() { source.resumeReading() }
///     func stopProducing() { source.loseConnection() }
/// }
/// func pipe(from source: any Transport, to sink: any Transport) {
///     sink.registerProducer(.push(Valve(source)))
/// }
/// ```
public protocol PushProducer: AnyObject {
    /// Stop writing for now: the transport's buffer is full.
    func pauseProducing()
    /// Write again: the buffer is empty.
    func resumeProducing()
    /// Stop for good: the connection is gone.
    func stopProducing()
}

/// Writes to a transport when it is asked to.
///
/// ```swift
/// final class Lines: PullProducer {
///     private unowned let transport: any Transport
///     private var lines = ["one", "two", "three"]
///     init(_ transport: any Transport) { self.transport = transport }
///     func resumeProducing() {
///         if lines.isEmpty { return transport.unregisterProducer() }
///         transport.write(lines.removeFirst() + "\r\n")
///     }
///     func stopProducing() { lines = [] }
/// }
/// transport.registerProducer(.pull(Lines(transport)))
/// ```
public protocol PullProducer: AnyObject {
    /// Write the next piece, or unregister when there is none.
    func resumeProducing()
    /// Stop for good: the connection is gone.
    func stopProducing()
}

extension Producer {
    /// Tells the producer that its connection is gone.
    package func stop() {
        switch self {
        case .push(let producer): producer.stopProducing()
        case .pull(let producer): producer.stopProducing()
        }
    }
}
