// TLS between a transport and a protocol: to the transport below it is a protocol, to the protocol above a transport, so
// that it runs over TCP, UNIX sockets, memory and itself. OpenSSL's bytes go through a BIO of ours (TLSCallbacks.swift):
// it reads from the buffer that the transport lends and writes into the transport's output. Two memory BIOs would copy
// everything once more each way; OpenSSL on the descriptor itself would need the sending, the limits and the closing of
// StreamConnection a second time, and could not be tested in virtual time.
//
// The promises of a transport hold: nothing is called from inside one of the protocol's calls. What the protocol asks is in
// this file; the handshake, the reading and the closing are in TLSConnection+Handshake, +Input and +Closing.

import BowlineReactor
import COpenSSL

package final class TLSConnection: SwitchableTransport {
    enum Phase {
        case handshaking
        case open
        /// OpenSSL is not called any more: it failed, or the connection is being dropped.
        case over
    }

    /// How far the closing of the writing direction has come.
    enum WriteClose {
        case none, requested, done
    }

    /// Above this many bytes that wait for the handshake a push producer is paused.
    static let highWaterMark = 64 * 1024

    let context: TLSContext
    let ssl: OpaquePointer
    /// What the server is called, without a dot at its end; nil on the server's side.
    let name: String?
    /// Whether OpenSSL compares the certificate with the name.
    private(set) var isNameSet = false

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// The transport below.
    @exclusivity(unchecked) package var transport: (any Transport)?
    @exclusivity(unchecked) var phase = Phase.handshaking
    /// The protocol above: nil until the handshake is over, unless TLS was started on a connection that had one.
    @exclusivity(unchecked) var upper: (any Protocol)?
    /// Called once, when the handshake has an outcome; gives the protocol that is to speak, or declines.
    @exclusivity(unchecked) var onHandshake: ((Result<TLSInfo, TLSError>) -> (any Protocol)?)?
    /// Called once, after `connectionLost`, whether the handshake came to its end or not. Where TLS is started on a
    /// connection that had one, it is that one.
    package var onEnd: ((ConnectionEnd) -> Void)?
    /// How it ends, where the transport below can't know that.
    var end: ConnectionEnd?
    /// What is wrong with the other end's certificate.
    var problem: TLSError?
    var handshakeTimer: DelayedCall?

    /// What has arrived and OpenSSL has not taken: only within `dataReceived`.
    @exclusivity(unchecked) var incoming = UnsafeRawBufferPointer(start: nil, count: 0)
    /// What arrived behind the point where reading was paused.
    @exclusivity(unchecked) var rest: [UInt8] = []
    /// How much of the first record's head has been looked at.
    @exclusivity(unchecked) var examined = 0
    @exclusivity(unchecked) var isReadPaused = false
    /// The peer has sent its close_notify.
    @exclusivity(unchecked) var isPeerDone = false

    /// Plain text that waits for the handshake.
    @exclusivity(unchecked) var early = OutputBuffer()
    @exclusivity(unchecked) var producer: Producer?
    @exclusivity(unchecked) var isProducerPaused = false
    @exclusivity(unchecked) var isClosing = false
    /// Registered below as a producer, so as to be asked when everything has left.
    @exclusivity(unchecked) var isCloser = false
    /// Closing waits for the peer's end.
    @exclusivity(unchecked) var isLingering = false
    @exclusivity(unchecked) var isCloseNotifySent = false
    @exclusivity(unchecked) var writeClose = WriteClose.none
    @exclusivity(unchecked) var hasReceived = false
    var lingerTimer: DelayedCall?
    /// How many bytes of records the transport below was given.
    @exclusivity(unchecked) var writtenBytes = 0

    /// What was agreed on, once the handshake is over.
    package var info: TLSInfo?
    /// How it ended, from shortly before `connectionLost` on.
    package var finalEnd: ConnectionEnd?

    /// Prepares one end of a TLS connection; it begins when a transport is attached.
    ///
    /// - Parameters:
    ///   - name: what the certificate of the server must be for; nil on the server's side.
    ///   - onHandshake: called once, from the loop, with the outcome of the handshake; returns the protocol for the
    ///     connection, or nil to decline it.
    package init(
        _ context: TLSContext, name: String?,
        onHandshake: @escaping (Result<TLSInfo, TLSError>) -> (any Protocol)?
    ) {
        self.context = context
        self.name = name.map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
        self.onHandshake = onHandshake
        guard let ssl = SSL_new(context.pointer), let bio = BIO_new(context.bioMethod) else {
            // They fail for want of memory only.
            fatalError("OpenSSL has no memory for a connection")
        }
        self.ssl = ssl
        let own = Unmanaged.passUnretained(self).toOpaque()
        BIO_set_data(bio, own)
        BIO_set_init(bio, 1)
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, own)
        if context.isServer { SSL_set_accept_state(ssl) } else { prepareClient() }
    }

    deinit {
        handshakeTimer?.cancel()
        lingerTimer?.cancel()
        SSL_free(ssl)
    }

    private func prepareClient() {
        SSL_set_connect_state(ssl)
        guard let name, !name.isEmpty else { return }
        let parameters = SSL_get0_param(ssl)
        if let address = IPAddress(name) {
            // RFC 6066, 3: literals are not sent as a server's name. A zone is this machine's matter.
            isNameSet = X509_VERIFY_PARAM_set1_ip_asc(parameters, "\(address.withoutZone)") == 1
        } else {
            X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            isNameSet = !name.utf8.contains(0) && X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1
            _ = bowline_SSL_set_tlsext_host_name(ssl, name)
        }
        if let session = context.sessions.take(for: name) {
            SSL_set_session(ssl, session)
            SSL_SESSION_free(session)
        }
    }

    // MARK: what the protocol asks

    package func write(_ bytes: RawSpan) {
        guard phase != .over, writeClose == .none, !isCloseNotifySent else { return }
        if phase == .handshaking {
            early.append(bytes)
            if early.count > Self.highWaterMark { pauseProducer() }
        } else {
            bytes.withUnsafeBytes { encrypt($0) }
        }
    }

    /// Has OpenSSL make records of the bytes, which go to the transport below.
    func encrypt(_ bytes: UnsafeRawBufferPointer) {
        var left = bytes
        while !left.isEmpty {
            ERR_clear_error()
            let count = SSL_write(ssl, left.baseAddress, CInt(clamping: left.count))
            guard count > 0 else {
                fail(TLSError.fromQueue())
                return
            }
            left = UnsafeRawBufferPointer(rebasing: left[Int(count)...])
        }
    }

    package func loseConnection() {
        guard phase != .over, !isClosing else { return }
        isClosing = true
        rest = []
        if phase == .open { beginClosing() }
    }

    package func loseWriteConnection() {
        guard phase != .over, !isClosing, writeClose == .none else { return }
        writeClose = .requested
        closeWritingIfIdle()
    }

    package func abortConnection() {
        guard finalEnd == nil else { return }
        end = end ?? .aborted
        phase = .over
        transport?.abortConnection()
    }

    package func pauseReading() {
        guard !isReadPaused else { return }
        isReadPaused = true
        if phase == .open, !isClosing { transport?.pauseReading() }
    }

    package func resumeReading() {
        guard isReadPaused else { return }
        isReadPaused = false
        guard phase == .open, !isClosing else { return }
        if rest.isEmpty {
            transport?.resumeReading()
        } else {
            context.clock.callLater(.zero) { [weak self] in self?.readRest() }
        }
    }

    package func registerProducer(_ producer: Producer) {
        precondition(self.producer == nil, "a producer is registered with this transport already")
        guard phase != .over else {
            producer.stop()
            return
        }
        self.producer = producer
        isProducerPaused = false
        if phase == .handshaking {
            if early.count > Self.highWaterMark { pauseProducer() }
            return
        }
        if isCloser {
            isCloser = false
            transport?.unregisterProducer()
        }
        transport?.registerProducer(producer)
    }

    package func unregisterProducer() {
        guard producer != nil else { return }
        producer = nil
        guard phase == .open else { return }
        transport?.unregisterProducer()
        if isClosing { closeWhenSent() } else { closeWritingIfIdle() }
    }

    private func pauseProducer() {
        guard case .push(let producer) = producer, !isProducerPaused else { return }
        isProducerPaused = true
        producer.pauseProducing()
    }

    // MARK: what is the transport's below

    package var peer: SocketAddress { transport?.peer ?? .unspecified }
    package var host: SocketAddress { transport?.host ?? .unspecified }

    package var isNoDelay: Bool {
        get { transport?.isNoDelay ?? false }
        set { transport?.isNoDelay = newValue }
    }

    package var isKeepAlive: Bool {
        get { transport?.isKeepAlive ?? false }
        set { transport?.isKeepAlive = newValue }
    }

    package var closeTimeout: Duration {
        get { transport?.closeTimeout ?? .zero }
        set { transport?.closeTimeout = newValue }
    }

    package var isConnected: Bool { phase != .over && !isClosing && transport?.isConnected == true }

    package var bufferedByteCount: Int { early.count + (transport?.bufferedByteCount ?? 0) }

    package var secured: TLSConnection? { upper as? TLSConnection }

    package func takeOver(
        _ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?
    ) -> (protocol: (any Protocol)?, onEnd: ((ConnectionEnd) -> Void)?) {
        defer {
            upper = `protocol`
            self.onEnd = onEnd
        }
        return (upper, self.onEnd)
    }
}

extension TLSConnection: PeekableTransport {
    /// Tickets count, too: nobody can tell a record's kind before it is decrypted.
    package var hasUnreadInput: Bool {
        !rest.isEmpty || isPeerDone || (transport as? any PeekableTransport)?.hasUnreadInput == true
    }
}

@available(*, unavailable)
extension TLSConnection: Sendable {}

extension IPAddress {
    fileprivate var withoutZone: IPAddress {
        if case .v6(let address) = self { .v6(IPv6Address(high: address.high, low: address.low)) } else { self }
    }
}
