// A connection without a socket: it records what its protocol does, and the test plays the peer. It behaves as a real
// connection does, including what is easy to get wrong: nothing is called back from inside a call to the transport.

public import Bowline

/// A transport in memory, whose peer is the test.
///
/// ```swift
/// let transport = MemoryTransport()
/// let echo = AccumulatingProtocol { echo, bytes in echo.transport?.write(bytes) }
/// transport.start(echo)
/// transport.deliver("hello")
/// print(transport.takeWrittenText())      // hello
/// ```
/// What a protocol asks for (to send, to close, to abort) is queued as on a real connection, and carried out by
/// `pump()`: when something is delivered, when a test calls it, or by itself on a clock that is given.
public final class MemoryTransport: Transport {
    /// Above this many unsent bytes a push producer is paused, as on a socket.
    private static let highWaterMark = 64 * 1024

    /// Where the connection is in its life.
    public enum State: Hashable, Sendable {
        case open
        /// `loseConnection` was called: what was written and the producer are waited for.
        case closing
        /// It has ended, and the protocol is told by the next `pump()` if it wasn't yet.
        case ended(ConnectionEnd)
    }

    /// What the peer does, until the protocol can be told.
    private enum Arrival {
        case bytes([UInt8])
        case end
        case loss(ConnectionEnd)
    }

    private enum WriteClose {
        case none, requested, done
    }

    /// Where the connection is in its life.
    public private(set) var state = State.open
    /// Whether the protocol asked for no more bytes.
    public private(set) var isReadingPaused = false
    /// Whether `loseWriteConnection` has been carried out.
    public var isWriteClosed: Bool { writeClose == .done }
    /// Who produces what is written.
    public private(set) var producer: Producer?
    /// Whether the push producer was told to pause.
    public private(set) var isProducerPaused = false

    /// Whether the peer takes nothing: what is written stays buffered, as when its window is full.
    public var isStalled = false {
        didSet { if !isStalled { queueFlush() } }
    }

    /// The other end, as the test named it.
    public let peer: SocketAddress
    /// This end, as the test named it.
    public let host: SocketAddress
    /// What was set last; without effect in memory.
    public var isNoDelay = true
    /// What was set last; without effect in memory.
    public var isKeepAlive = false
    /// How long a close waits for a stalled peer, where there is a clock.
    public var closeTimeout: Duration = .seconds(30)

    private let clock: (any ReactorClock)?
    /// Called when there is something to pump; a pair of transports puts its own here.
    var onWork: (() -> Void)?
    private var `protocol`: (any Protocol)?
    private var onEnd: ((ConnectionEnd) -> Void)?
    private var arrivals: [Arrival] = []
    /// What has left, and what has not.
    private var sent: [UInt8] = []
    private var output: [UInt8] = []
    private var isReadClosed = false
    private var writeClose = WriteClose.none
    private var isFlushQueued = false
    private var isTold = false
    private var isPumping = false
    private var pumpCall: DelayedCall?
    private var closeTimer: DelayedCall?

    /// Creates a connection between two addresses.
    ///
    /// - Parameter clock: pumps the transport by itself when it is advanced, and bounds closing by `closeTimeout`.
    ///   Without one the test pumps, and closing has no bound.
    public init(
        peer: SocketAddress = .ip(.v4(.loopback), port: 80), host: SocketAddress = .ip(.v4(.loopback), port: 49152),
        clock: (any ReactorClock)? = nil
    ) {
        self.peer = peer
        self.host = host
        self.clock = clock
    }

    /// Gives the connection its protocol, whose `makeConnection` is called from here. `onEnd` is called once, after
    /// `connectionLost`.
    public func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)? = nil) {
        precondition(self.protocol == nil && !isTold, "this connection has had its protocol")
        self.protocol = `protocol`
        self.onEnd = onEnd
        `protocol`.makeConnection(self)
        wake()
    }

    // MARK: what the test sees

    /// Everything that was written and not taken, whether it has left or not.
    public var written: [UInt8] { sent + output }

    /// Returns everything that was written, and forgets it.
    public func takeWritten() -> [UInt8] {
        defer {
            sent = []
            output = []
        }
        return written
    }

    /// Returns everything that was written as text, and forgets it. What isn't UTF-8 is repaired.
    public func takeWrittenText() -> String {
        String(decoding: takeWritten(), as: UTF8.self)
    }

    /// Returns what has left since it was last asked, for the other end of a pair.
    func takeSent() -> [UInt8] {
        defer { sent = [] }
        return sent
    }

    // MARK: what the test does as the peer

    /// Bytes arrive. They wait while reading is paused, or if this is called from inside the protocol.
    public func deliver(_ bytes: [UInt8]) {
        arrivals.append(.bytes(bytes))
        pump()
    }

    /// The UTF-8 of a text arrives.
    public func deliver(_ text: String) {
        deliver(Array(text.utf8))
    }

    /// The peer closes in order, or its writing direction only.
    public func deliverEnd() {
        arrivals.append(.end)
        pump()
    }

    /// The connection breaks: `.lost(ECONNRESET)` and its like. Told even when reading is paused.
    public func deliverLoss(_ reason: ConnectionEnd) {
        arrivals = [.loss(reason)]
        pump()
    }

    /// Carries out what is queued, until nothing is left to do. Does nothing from inside itself: the outer call goes on.
    public func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        pumpCall?.cancel()
        pumpCall = nil
        while step() {}
    }

    // MARK: what the protocol does

    /// Queues bytes, which leave with the next `pump()`.
    public func write(_ bytes: RawSpan) {
        guard !hasEnded, writeClose == .none else { return }
        bytes.withUnsafeBytes { output.append(contentsOf: $0) }
        queueFlush()
        if output.count > Self.highWaterMark { pauseProducer() }
    }

    /// Closes once everything has left and the producer is done.
    public func loseConnection() {
        guard state == .open else { return }
        state = .closing
        queueFlush()
    }

    /// Drops what has not left, and ends the connection as aborted.
    public func abortConnection() {
        guard !hasEnded else { return }
        output = []
        end(.aborted)
    }

    /// Closes the writing direction once everything has left.
    public func loseWriteConnection() {
        guard state == .open, writeClose == .none else { return }
        writeClose = .requested
        queueFlush()
    }

    /// Holds back what arrives.
    public func pauseReading() { isReadingPaused = true }

    /// Delivers what was held back, with the next `pump()`.
    public func resumeReading() {
        isReadingPaused = false
        if !arrivals.isEmpty { wake() }
    }

    /// Slows `producer` down as a socket does. A second one is a program error.
    public func registerProducer(_ producer: Producer) {
        precondition(self.producer == nil, "a producer is registered with this transport already")
        if hasEnded {
            producer.stop()
            return
        }
        self.producer = producer
        isProducerPaused = false
        switch producer {
        case .push: if output.count > Self.highWaterMark { pauseProducer() }
        case .pull: queueFlush()
        }
    }

    /// Lets a close that waited for the producer go on.
    public func unregisterProducer() {
        producer = nil
        if !hasEnded { queueFlush() }
    }

    /// Whether the connection stands and is not being closed.
    public var isConnected: Bool { state == .open }

    /// How many bytes have not left.
    public var bufferedByteCount: Int { output.count }

    // MARK: inside

    private var hasEnded: Bool {
        if case .ended = state { true } else { false }
    }

    private func queueFlush() {
        isFlushQueued = true
        wake()
    }

    /// Has the clock, or the pair, pump soon.
    private func wake() {
        if isPumping { return }
        if let onWork { return onWork() }
        guard let clock, pumpCall == nil else { return }
        pumpCall = clock.callLater(.zero) { [weak self] in
            self?.pumpCall = nil
            self?.pump()
        }
    }

    private func end(_ reason: ConnectionEnd) {
        guard !hasEnded else { return }
        state = .ended(reason)
        closeTimer?.cancel()
        closeTimer = nil
        wake()
    }

    /// Does one thing that is due; returns false when nothing is.
    private func step() -> Bool {
        if case .ended(let reason) = state { return tellEnd(reason) }
        if isFlushQueued {
            isFlushQueued = false
            flush()
            return true
        }
        guard let first = arrivals.first else { return false }
        switch first {
        case .loss(let reason):
            output = []
            end(reason)
        case _ where state == .closing:
            arrivals.removeFirst()
        case _ where isReadingPaused || isReadClosed || self.protocol == nil:
            return false
        case .bytes(let bytes):
            arrivals.removeFirst()
            if !bytes.isEmpty { `protocol`?.dataReceived(bytes.span.bytes) }
        case .end:
            arrivals.removeFirst()
            readEnd()
        }
        return true
    }

    private func tellEnd(_ reason: ConnectionEnd) -> Bool {
        guard !isTold else { return false }
        isTold = true
        stopProducer()
        let (`protocol`, onEnd) = (self.protocol, self.onEnd)
        self.protocol = nil
        self.onEnd = nil
        arrivals = []
        `protocol`?.connectionLost(reason)
        onEnd?(reason)
        return true
    }

    private func readEnd() {
        guard let halfCloseable = `protocol` as? any HalfCloseableProtocol else {
            stopProducer()
            if output.isEmpty { return end(.done) }
            state = .closing
            return queueFlush()
        }
        isReadClosed = true
        halfCloseable.readConnectionLost()
        if writeClose == .done { end(.done) }
    }

    private func flush() {
        if isStalled, !output.isEmpty { return startCloseTimer() }
        sent += output
        output = []
        resumeProducer()
        guard output.isEmpty, !hasEnded, producer == nil else { return }
        if state == .closing {
            end(.done)
        } else if writeClose == .requested {
            writeClose = .done
            (`protocol` as? any HalfCloseableProtocol)?.writeConnectionLost()
            if isReadClosed { end(.done) }
        }
    }

    private func startCloseTimer() {
        guard state == .closing, closeTimer == nil else { return }
        closeTimer = clock?.callLater(closeTimeout) { [weak self] in self?.end(.timedOut) }
    }

    private func pauseProducer() {
        guard case .push(let producer) = producer, !isProducerPaused else { return }
        isProducerPaused = true
        producer.pauseProducing()
    }

    private func stopProducer() {
        let stopped = producer
        producer = nil
        stopped?.stop()
    }

    private func resumeProducer() {
        switch producer {
        case .push(let producer) where isProducerPaused:
            isProducerPaused = false
            producer.resumeProducing()
        case .pull(let producer):
            producer.resumeProducing()
        default:
            break
        }
    }
}

extension MemoryTransport: SwitchableTransport {
    package var secured: TLSConnection? { self.protocol as? TLSConnection }

    package func takeOver(
        _ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?
    ) -> (protocol: (any Protocol)?, onEnd: ((ConnectionEnd) -> Void)?) {
        defer {
            self.protocol = `protocol`
            self.onEnd = onEnd
        }
        return (self.protocol, self.onEnd)
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension MemoryTransport: Sendable {}
