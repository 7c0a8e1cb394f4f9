// What the receivers of lines, netstrings and counted strings have in common: input is cut into messages however it
// arrives. A message that lies whole in what was read is lent from there; only what is incomplete is copied and kept.

/// Cuts what arrives into messages. Not for use itself: `LineReceiver`, `NetstringReceiver` and the
/// `IntNStringReceiver`s say how.
///
/// Messages come in the order in which they arrived and the same ones however the bytes were split on their way. Once
/// the connection is being closed, none come any more.
///
/// ```swift
/// final class Slow: LineReceiver {
///     var reactor: Reactor?
///     override func lineReceived(_ line: RawSpan) {
///         pauseReading()
///         reactor?.callLater(.seconds(1)) { [self] in resumeReading() }      // one line a second
///     }
/// }
/// ```
open class FramingReceiver: Protocol {
    /// The transport, from `makeConnection` on.
    public var transport: (any Transport)?

    /// Whether messages are held back.
    public private(set) var isPaused = false

    /// What arrived and could not be used yet.
    private var held: [UInt8] = []
    /// Set while messages are delivered: what is put back or resumed meanwhile is left to the loop that does so.
    private var isDelivering = false
    /// Set while TLS begins and bytes from before it may be left.
    private var refuseEarlyBytes: ((Int) -> Void)?

    init() {}

    /// The connection is there and can be written to. Does nothing by default.
    open func connectionMade() {}

    /// The connection has ended, and nothing comes after this. Does nothing by default.
    open func connectionLost(_ reason: ConnectionEnd) {}

    /// Holds messages back, also those that have arrived, and stops reading.
    public func pauseReading() {
        isPaused = true
        transport?.pauseReading()
    }

    /// Delivers what was held back, from inside this call unless that is itself inside a delivery, and reads again.
    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        deliverHeld()
        if !isPaused { transport?.resumeReading() }
    }

    /// Takes what arrives apart. For the transport to call.
    public final func dataReceived(_ bytes: RawSpan) {
        precondition(!isDelivering, "bytes were delivered from inside the delivery of others")
        if isPaused || !held.isEmpty {
            bytes.withUnsafeBytes { held.append(contentsOf: $0) }
            deliverHeld()
        } else {
            isDelivering = true
            let used = deliver(bytes)
            isDelivering = false
            bytes.withUnsafeBytes { held.append(contentsOf: $0[used...]) }
            refuseHeldBytes()
            // What was put back while delivering may hold messages too.
            deliverHeld()
        }
    }

    /// Puts bytes before everything that wasn't delivered yet.
    func putBack(_ bytes: [UInt8]) {
        held.insert(contentsOf: bytes, at: 0)
    }

    /// Delivers what stands at the beginning of `bytes`, which start where the last message ended. Returns how many
    /// bytes that took, 0 if there is not yet a whole message. For subclasses in this module.
    func deliverNext(_ bytes: RawSpan) -> Int { bytes.byteCount }

    /// Whether messages may be delivered now.
    private var canDeliver: Bool { !isPaused && refuseEarlyBytes == nil && transport?.isConnected != false }

    /// Delivers as much as there is, and returns how many bytes were used.
    private func deliver(_ bytes: RawSpan) -> Int {
        var used = 0
        while used < bytes.byteCount, canDeliver {
            let count = deliverNext(bytes.extracting(used..<bytes.byteCount))
            used += count
            // Bytes that were put back come first.
            if count == 0 || !held.isEmpty { break }
        }
        return used
    }

    /// Delivers what is held, as far as it makes messages, unless this is called from inside a delivery.
    func deliverHeld() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        var hasMoved = true
        while hasMoved, !held.isEmpty, canDeliver {
            var bytes: [UInt8] = []
            swap(&bytes, &held)
            let used = deliver(bytes.span.bytes)
            hasMoved = used > 0 || !held.isEmpty
            bytes.removeFirst(used)
            if held.isEmpty { swap(&bytes, &held) } else { held += bytes }
        }
        if transport?.isConnected == false { held = [] }
        refuseHeldBytes()
    }

    /// Where TLS has just begun: what is left came before it.
    private func refuseHeldBytes() {
        guard let refuse = refuseEarlyBytes else { return }
        refuseEarlyBytes = nil
        guard !held.isEmpty else { return }
        let count = held.count
        held = []
        refuse(count)
    }
}

extension FramingReceiver: EarlyByteHolder {
    package func securingBegan(_ refuse: @escaping (Int) -> Void) {
        refuseEarlyBytes = refuse
        // From inside a delivery, what is left of that is seen when it is over.
        if !isDelivering { refuseHeldBytes() }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension FramingReceiver: Sendable {}
