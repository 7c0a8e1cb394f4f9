// Two connections in memory joined end to end: what one sends, the other receives.

public import Bowline
import Glibc

/// Carries bytes and endings between two memory transports.
///
/// ```swift
/// let server = AccumulatingProtocol { server, bytes in server.transport?.write(bytes) }
/// let client = AccumulatingProtocol()
/// let pump = MemoryPump.joining(client: client, server: server)
/// client.transport?.write("ping")
/// pump.flush()
/// print(client.text)      // ping
/// ```
/// Nothing moves before `flush()`, or, with a clock, before the clock advances; and only while the pump is kept.
public final class MemoryPump {
    /// The end of who dials.
    public let client: MemoryTransport
    /// The end of who is dialed.
    public let server: MemoryTransport

    /// At most so many bytes are delivered at once; 1 shows a protocol that depends on where packets end.
    public var portion: Int

    private let clock: (any ReactorClock)?
    private var flushCall: DelayedCall?
    private var isFlushing = false
    /// Which of the two has told the other that it will send no more.
    private var isClientEndTold = false
    private var isServerEndTold = false

    /// Joins two transports.
    ///
    /// - Parameters:
    ///   - portion: at most so many bytes at once, at least 1.
    ///   - clock: moves bytes by itself when it is advanced.
    public init(
        _ client: MemoryTransport, _ server: MemoryTransport, portion: Int = .max, clock: (any ReactorClock)? = nil
    ) {
        precondition(portion > 0, "a portion has at least one byte")
        self.client = client
        self.server = server
        self.portion = portion
        self.clock = clock
        client.onWork = { [weak self] in self?.wake() }
        server.onWork = { [weak self] in self?.wake() }
        wake()
    }

    /// Joins two protocols by a connection from 127.0.0.1:49152 to 127.0.0.1:80, both of which are made on return.
    public static func joining(
        client: any Protocol, server: any Protocol, portion: Int = .max, clock: (any ReactorClock)? = nil
    ) -> MemoryPump {
        let near = SocketAddress.ip(.v4(.loopback), port: 49152)
        let far = SocketAddress.ip(.v4(.loopback), port: 80)
        let pump = MemoryPump(
            MemoryTransport(peer: far, host: near, clock: clock), MemoryTransport(peer: near, host: far, clock: clock),
            portion: portion, clock: clock)
        pump.server.start(server)
        pump.client.start(client)
        return pump
    }

    /// Moves bytes both ways until nothing moves any more. Does nothing from inside itself.
    public func flush() {
        guard !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        flushCall?.cancel()
        flushCall = nil
        while true {
            client.pump()
            server.pump()
            let moved = move(from: client, to: server, &isClientEndTold)
            if !(move(from: server, to: client, &isServerEndTold) || moved) { break }
        }
        client.pump()
        server.pump()
    }

    private func move(from source: MemoryTransport, to target: MemoryTransport, _ isEndTold: inout Bool) -> Bool {
        var bytes = source.takeSent()[...]
        let hasMoved = !bytes.isEmpty
        while !bytes.isEmpty {
            target.deliver(Array(bytes.prefix(portion)))
            bytes = bytes.dropFirst(portion)
        }
        guard !isEndTold else { return hasMoved }
        switch source.state {
        case .ended(.done):
            isEndTold = true
            target.deliverEnd()
        case .ended:
            isEndTold = true
            target.deliverLoss(.lost(ECONNRESET))
        case .open where source.isWriteClosed, .closing where source.isWriteClosed:
            isEndTold = true
            target.deliverEnd()
        default:
            return hasMoved
        }
        return true
    }

    private func wake() {
        guard let clock, flushCall == nil, !isFlushing else { return }
        flushCall = clock.callLater(.zero) { [weak self] in
            self?.flushCall = nil
            self?.flush()
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension MemoryPump: Sendable {}
