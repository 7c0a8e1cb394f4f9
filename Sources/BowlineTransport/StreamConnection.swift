// One connected stream socket, TCP or UNIX, and the protocol that speaks on it. Made by a dial that succeeded or by a
// listening port; kept alive by the reactor's table while it is registered, and by whoever holds it as a transport.
//
// It never calls its protocol from inside one of the protocol's calls: reading happens when the loop says so, sending
// at the end of the turn, and endings are delivered in a phase of their own.

import BowlineReactor
import CLinux
import Glibc

/// A connected stream socket as a transport.
final class StreamConnection: Transport {
    /// Where the connection is in its life; it only goes forward.
    private enum Phase {
        case open
        /// `loseConnection` was called: sending what was written, then closing.
        case closing
        /// The descriptor is closed; `connectionLost` is to come, with this reason.
        case closed(ConnectionEnd)
        /// `connectionLost` was delivered.
        case finished
    }

    /// Above this many unsent bytes a push producer is paused.
    private static let highWaterMark = 64 * 1024
    /// So many reads that fill the whole buffer are made for one event before others get their turn.
    private static let readsPerEvent = 4

    private unowned let reactor: Reactor
    private let descriptor: Int32
    private let isTCP: Bool
    @exclusivity(unchecked) private var phase = Phase.open
    @exclusivity(unchecked) private var `protocol`: (any Protocol)?
    @exclusivity(unchecked) private var output = OutputBuffer()
    @exclusivity(unchecked) private var isFlushQueued = false
    /// The system took less than there was: writability is waited for.
    @exclusivity(unchecked) private var isBlocked = false
    @exclusivity(unchecked) private var isReadPaused = false
    /// The peer sent its end, and the protocol goes on writing.
    @exclusivity(unchecked) private var isReadClosed = false
    @exclusivity(unchecked) private var writeClose = WriteClose.none
    /// A hang-up came while reading was paused: the descriptor is out of the table, since level-triggered polling would
    /// report it without end.
    @exclusivity(unchecked) private var isHungUp = false
    private var producer: Producer?
    private var isProducerPaused = false
    private var closeTimer: DelayedCall?
    private var onEnd: ((ConnectionEnd) -> Void)?
    private var knownPeer: SocketAddress?
    private var knownHost: SocketAddress?

    /// How far the closing of the writing direction has come.
    private enum WriteClose {
        case none, requested, done
    }

    var closeTimeout: Duration = .seconds(30)

    /// Takes over a connected, non-blocking descriptor. It is watched from `start` on.
    init(_ descriptor: Int32, peer: SocketAddress?, isTCP: Bool, reactor: Reactor) {
        self.descriptor = descriptor
        self.reactor = reactor
        self.isTCP = isTCP
        knownPeer = peer
    }

    /// Gives the connection its protocol and begins. `onEnd` is called once, after `connectionLost`.
    func start(_ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?) {
        self.protocol = `protocol`
        self.onEnd = onEnd
        `protocol`.makeConnection(self)
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
        phase = .closing
        updateInterest()
        queueFlush()
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
        if isHungUp {
            // What is left to read, and the end behind it, are found by reading: the loop does so once it watches again.
            isHungUp = false
            do {
                try reactor.register(descriptor, wantedInterest, self)
            } catch {
                close(.lost(error.code))
            }
        } else {
            updateInterest()
        }
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
        get { isTCP && !isClosed && SocketCalls.option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY) != 0 }
        set { setOption(Int32(IPPROTO_TCP), TCP_NODELAY, newValue, onlyTCP: true) }
    }

    var isKeepAlive: Bool {
        get { !isClosed && (SocketCalls.option(descriptor, SOL_SOCKET, SO_KEEPALIVE) ?? 0) != 0 }
        set { setOption(SOL_SOCKET, SO_KEEPALIVE, newValue, onlyTCP: false) }
    }

    private func setOption(_ level: Int32, _ name: Int32, _ value: Bool, onlyTCP: Bool) {
        guard !isClosed, isTCP || !onlyTCP else { return }
        // Fails only where the connection is gone, which its protocol learns by itself.
        try? SocketCalls.setOption(descriptor, level, name, value ? 1 : 0)
    }

    var isConnected: Bool {
        if case .open = phase { true } else { false }
    }

    var bufferedByteCount: Int { output.count }

    private var isClosed: Bool {
        switch phase {
        case .open, .closing: false
        case .closed, .finished: true
        }
    }

    // MARK: interest

    private var wantedInterest: Interest {
        var interest: Interest = isBlocked ? .write : []
        if case .open = phase, !isReadPaused, !isReadClosed { interest.insert(.read) }
        return interest
    }

    private func updateInterest() {
        guard !isClosed else { return }
        reactor.setInterest(wantedInterest, of: descriptor)
    }

    // MARK: reading

    private func readReady() {
        let buffer = reactor.receiveBuffer
        for _ in 0..<Self.readsPerEvent {
            guard case .open = phase, !isReadPaused, !isReadClosed else { return }
            switch SocketCalls.receive(descriptor, into: buffer) {
            case .bytes(0):
                readEnd()
                return
            case .bytes(let count):
                // The buffer is lent for the length of the call, and the reactor reads nothing else meanwhile.
                let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                `protocol`?.dataReceived(bytes)
                if count < buffer.count { return }
            case .wouldBlock:
                return
            case .failed(let code):
                close(.lost(code))
                return
            }
        }
    }

    private func readEnd() {
        guard let halfCloseable = `protocol` as? any HalfCloseableProtocol else {
            close(.done)
            return
        }
        isReadClosed = true
        updateInterest()
        halfCloseable.readConnectionLost()
        closeIfBothDirectionsAre()
    }

    private func closeIfBothDirectionsAre() {
        if isReadClosed, writeClose == .done, !isClosed { close(.done) }
    }

    // MARK: writing

    private func queueFlush() {
        guard !isFlushQueued, !isBlocked else { return }
        isFlushQueued = true
        reactor.flushThisTurn(self)
    }

    /// Sends what there is, and then does what waited for that.
    private func send() {
        while !output.isEmpty {
            switch SocketCalls.send(descriptor, output.unsent) {
            case .bytes(let count):
                output.consume(count)
                closeTimer?.reset(closeTimeout)
            case .wouldBlock:
                if !isBlocked {
                    isBlocked = true
                    updateInterest()
                }
                startCloseTimer()
                return
            case .failed(let code):
                close(.lost(code))
                return
            }
        }
        if isBlocked {
            isBlocked = false
            updateInterest()
        }
        outputDrained()
    }

    private func outputDrained() {
        resumeProducer()
        guard output.isEmpty, !isClosed else { return }
        if case .closing = phase, producer == nil {
            close(.done)
        } else if writeClose == .requested, producer == nil {
            writeClose = .done
            SocketCalls.shutdownWriting(descriptor)
            (`protocol` as? any HalfCloseableProtocol)?.writeConnectionLost()
            closeIfBothDirectionsAre()
        }
    }

    /// Bounds a close whose peer doesn't take what was written: the time counts from the last progress.
    private func startCloseTimer() {
        guard case .closing = phase, closeTimer == nil else { return }
        closeTimer = reactor.callLater(closeTimeout) { [unowned self] in
            SocketCalls.resetOnClose(descriptor)
            close(.timedOut)
        }
    }

    // MARK: producers

    private func pauseProducer() {
        guard case .push(let producer) = producer, !isProducerPaused else { return }
        isProducerPaused = true
        producer.pauseProducing()
    }

    /// The buffer is empty: a paused push producer goes on, a pull producer writes its next piece.
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

    // MARK: the end

    /// Closes the descriptor now and tells everybody in the delivery phase.
    private func close(_ reason: ConnectionEnd) {
        guard !isClosed else { return }
        phase = .closed(reason)
        closeTimer?.cancel()
        closeTimer = nil
        output.removeAll()
        reactor.deregisterBeforeClose(descriptor)
        SocketCalls.close(descriptor)
        reactor.deliverThisTurn(self)
    }
}

@available(*, unavailable)
extension StreamConnection: Sendable {}

extension StreamConnection: DescriptorHandler {
    func descriptorReady(_ readiness: Readiness) {
        if isBlocked, !readiness.isDisjoint(with: [.writable, .error, .hangup]) { send() }
        if isClosed { return }
        if !readiness.isDisjoint(with: [.error, .hangup]), !wantedInterest.contains(.read) {
            troubleWhileNotReading()
        } else if !readiness.isDisjoint(with: [.readable, .error, .hangup]) {
            readReady()
        }
    }

    /// An error ends the connection even when nobody reads. A mere hang-up waits for `resumeReading`, since there may
    /// be bytes left to read.
    private func troubleWhileNotReading() {
        let code = SocketCalls.takeError(descriptor)
        if code != 0 {
            close(.lost(code))
        } else if isReadPaused, case .open = phase, !isReadClosed {
            isHungUp = true
            reactor.deregister(descriptor)
        } else {
            close(.done)
        }
    }

    func reactorStopped() {
        close(.stopped)
    }
}

extension StreamConnection: TurnFlush {
    func flush() {
        isFlushQueued = false
        guard !isClosed, !isBlocked else { return }
        send()
    }
}

extension StreamConnection: TurnDelivery {
    /// The one place where an ending is told.
    func deliver() {
        guard case .closed(let reason) = phase else { return }
        phase = .finished
        producer?.stop()
        producer = nil
        let `protocol` = self.protocol
        let onEnd = self.onEnd
        // The protocol holds its transport and the transport its protocol: this is where that ends.
        self.protocol = nil
        self.onEnd = nil
        `protocol`?.connectionLost(reason)
        onEnd?(reason)
    }
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
