// One connected stream socket, TCP or UNIX, and the protocol that speaks on it. Made by a dial that succeeded or by a
// listening port; kept alive by the reactor's table while it is registered, and by whoever holds it as a transport.
//
// It never calls its protocol from inside one of the protocol's calls: reading happens when the loop says so, sending
// at the end of the turn, and endings are delivered in a phase of their own. What the protocol may ask is in this file;
// the two directions and the end are in StreamConnection+Input, +Output and +End.

import BowlineReactor
import CLinux
import Glibc

/// A connected stream socket as a transport.
final class StreamConnection: SwitchableTransport {
    /// Where the connection is in its life; it only goes forward.
    enum Phase {
        case open
        /// Sending what was written, then closing: `loseConnection` was called, or the peer sent its end.
        case closing
        /// The descriptor is closed; `connectionLost` is to come, with this reason.
        case closed(ConnectionEnd)
        /// `connectionLost` was delivered.
        case finished
    }

    /// How far the closing of the writing direction has come.
    enum WriteClose {
        case none, requested, done
    }

    /// Above this many unsent bytes a push producer is paused.
    static let highWaterMark = 64 * 1024

    /// Strong, which costs nothing to use. The reactor holds a connection only until it is closed, so there is no circle
    /// beyond that.
    let reactor: Reactor
    let descriptor: Int32
    let isTCP: Bool
    @exclusivity(unchecked) var phase = Phase.open
    @exclusivity(unchecked) var `protocol`: (any Protocol)?
    @exclusivity(unchecked) var output = OutputBuffer()
    @exclusivity(unchecked) var isFlushQueued = false
    /// The system took less than there was: writability is waited for.
    @exclusivity(unchecked) var isBlocked = false
    @exclusivity(unchecked) var isReadPaused = false
    /// The peer sent its end, and the protocol goes on writing.
    @exclusivity(unchecked) var isReadClosed = false
    @exclusivity(unchecked) var writeClose = WriteClose.none
    @exclusivity(unchecked) var isProducerPaused = false
    @exclusivity(unchecked) var producer: Producer?
    /// Set while the descriptor is out of the reactor's table, because a hang-up came while reading was paused: the
    /// number under which the reactor tells this connection that it stops.
    var hangUpObserver: UInt64?
    /// Set once a large piece has arrived; see `ReceiveGathering`.
    @exclusivity(unchecked) var gathering: ReceiveGathering?
    var closeTimer: DelayedCall?
    var onEnd: ((ConnectionEnd) -> Void)?
    private var knownPeer: SocketAddress?
    private var knownHost: SocketAddress?

    var closeTimeout: Duration = .seconds(30)

    /// Takes over a connected, non-blocking descriptor, which its maker registers with the reactor.
    init(_ descriptor: Int32, peer: SocketAddress?, isTCP: Bool, reactor: Reactor) {
        self.descriptor = descriptor
        self.reactor = reactor
        self.isTCP = isTCP
        knownPeer = peer
    }

    deinit {
        // Of a connection that could not be registered: any other is closed before it is let go.
        if !isClosed { SocketCalls.close(descriptor) }
    }

    /// Gives the connection its protocol and begins. `onEnd` is called once, after `connectionLost`.
    func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) {
        self.protocol = `protocol`
        self.onEnd = onEnd
        `protocol`.makeConnection(self)
    }

    var secured: TLSConnection? { self.protocol as? TLSConnection }

    func takeOver(
        _ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?
    ) -> (protocol: (any Protocol)?, onEnd: ((ConnectionEnd) -> Void)?) {
        defer {
            self.protocol = `protocol`
            self.onEnd = onEnd
        }
        return (self.protocol, self.onEnd)
    }

    // MARK: what the protocol asks

    func write(_ bytes: RawSpan) {
        guard !isClosed, writeClose == .none else { return }
        output.append(bytes)
        queueFlush()
        if output.count > Self.highWaterMark { pauseProducer() }
    }

    func loseConnection() {
        guard case .open = phase else { return }
        beginClosing()
    }

    func abortConnection() {
        guard !isClosed else { return }
        SocketCalls.resetOnClose(descriptor)
        close(.aborted)
    }

    func loseWriteConnection() {
        guard case .open = phase, writeClose == .none else { return }
        writeClose = .requested
        queueFlush()
    }

    func pauseReading() {
        guard !isReadPaused else { return }
        isReadPaused = true
        updateInterest()
    }

    func resumeReading() {
        guard isReadPaused else { return }
        isReadPaused = false
        guard case .open = phase else { return }
        if hangUpObserver == nil { updateInterest() } else { watchAgain() }
    }

    func registerProducer(_ producer: Producer) {
        precondition(self.producer == nil, "a producer is registered with this transport already")
        if isClosed {
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

    func unregisterProducer() {
        producer = nil
        if !isClosed { queueFlush() }
    }

    var isConnected: Bool {
        if case .open = phase { true } else { false }
    }

    var bufferedByteCount: Int { output.count }

    var isClosed: Bool {
        switch phase {
        case .open, .closing: false
        case .closed, .finished: true
        }
    }

    // MARK: addresses and options

    var peer: SocketAddress {
        if let knownPeer { return knownPeer }
        let address = (isClosed ? nil : SocketCalls.peerAddress(descriptor)) ?? .unspecified
        knownPeer = address
        return address
    }

    var host: SocketAddress {
        if let knownHost { return knownHost }
        let address = (isClosed ? nil : SocketCalls.localAddress(descriptor)) ?? .unspecified
        knownHost = address
        return address
    }

    var isNoDelay: Bool {
        get { isTCP && option(Int32(IPPROTO_TCP), TCP_NODELAY) }
        set { if isTCP { setOption(Int32(IPPROTO_TCP), TCP_NODELAY, newValue) } }
    }

    var isKeepAlive: Bool {
        get { option(SOL_SOCKET, SO_KEEPALIVE) }
        set { setOption(SOL_SOCKET, SO_KEEPALIVE, newValue) }
    }

    private func option(_ level: Int32, _ name: Int32) -> Bool {
        !isClosed && (SocketCalls.option(descriptor, level, name) ?? 0) != 0
    }

    private func setOption(_ level: Int32, _ name: Int32, _ value: Bool) {
        guard !isClosed else { return }
        // Fails only where the connection is gone, which its protocol learns by itself.
        try? SocketCalls.setOption(descriptor, level, name, value ? 1 : 0)
    }

    // MARK: interest

    /// Whether the loop is to read.
    var isReading: Bool {
        guard case .open = phase else { return false }
        return !isReadPaused && !isReadClosed
    }

    private var wantedInterest: Interest {
        var interest: Interest = isBlocked ? .write : []
        if isReading { interest.insert(.read) }
        return interest
    }

    func updateInterest() {
        guard !isClosed else { return }
        reactor.setInterest(wantedInterest, of: descriptor)
    }

    /// Joins the loop again after a hang-up that came while reading was paused. What is left to read, and the end behind
    /// it, are found by reading, which the next turn does: polling is level-triggered.
    private func watchAgain() {
        forgetHangUp()
        do {
            try reactor.register(descriptor, wantedInterest, self)
        } catch {
            close(.lost(error.code))
        }
    }

    func forgetHangUp() {
        guard let observer = hangUpObserver else { return }
        reactor.forgetStopObserver(observer)
        hangUpObserver = nil
    }
}

extension StreamConnection: PeekableTransport {
    var hasUnreadInput: Bool { isClosed || isReadClosed || SocketCalls.isReadable(descriptor) }
}

@available(*, unavailable)
extension StreamConnection: Sendable {}
