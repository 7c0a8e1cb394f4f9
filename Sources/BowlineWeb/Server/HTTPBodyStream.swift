// The body of a response that is written while it is made. The writer holds one end, a server's connection the other; it
// never calls its writer from inside `write`.

/// A body in pieces, which its writer can pace by what the client takes.
///
/// ```swift
/// let stream = HTTPBodyStream()
/// var line = 0
/// func fill() {
///     while stream.isWritable, line < 1_000_000 {
///         line += 1
///         stream.write("line \(line)\n")
///     }
///     if line == 1_000_000 { stream.finish() }
/// }
/// stream.onWritable = fill        // called when the response begins, and whenever all has left
/// ```
public final class HTTPBodyStream {
    /// So much may wait for the response to begin, which it may never do, before the writer is told to wait.
    private static let earlyLimit = 64 * 1024

    /// What takes the pieces: the connection, while the response is sent.
    weak var connection: HTTPServerConnection?
    /// What was written before the response began.
    private var early: [UInt8] = []
    private var isFinished = false
    /// Whether the body is no longer sent: it is complete, or the client has gone.
    public private(set) var isEnded = false
    /// Whether what is written is taken: by the client, or before the response begins by some room here. Writing goes on to
    /// work when it isn't, and costs memory.
    public internal(set) var isWritable = true
    /// Called when the response begins, and each time that everything written has left after `isWritable` was false.
    public var onWritable: (() -> Void)?
    /// Called once when nothing more can be sent, though `finish` wasn't called: the client has gone, or wanted the head
    /// only. If it goes before the stream has been answered, whoever makes the answer is told by its canceller.
    public var onEnd: (() -> Void)?

    /// Creates a body without pieces.
    public init() {}

    /// Sends a piece. Does nothing after the end.
    public func write(_ bytes: [UInt8]) {
        guard !isFinished, !isEnded, !bytes.isEmpty else { return }
        if let connection { return connection.send(piece: bytes) }
        early += bytes
        if early.count >= Self.earlyLimit { isWritable = false }
    }

    /// Sends a piece of text.
    public func write(_ text: String) { write(Array(text.utf8)) }

    /// Says that there is no more.
    public func finish() {
        guard !isFinished, !isEnded else { return }
        isFinished = true
        guard let connection else { return }
        end(isLoss: false)
        connection.finishStream()
    }

    /// The response has begun.
    func begin(_ connection: HTTPServerConnection) {
        self.connection = connection
        if !early.isEmpty { connection.send(piece: early) }
        early = []
        if isFinished {
            end(isLoss: false)
            connection.finishStream()
        } else {
            onWritable?()
        }
    }

    /// Nothing more is sent.
    func end(isLoss: Bool) {
        guard !isEnded else { return }
        isEnded = true
        connection = nil
        early = []
        let onEnd = onEnd
        self.onEnd = nil
        onWritable = nil
        if isLoss, !isFinished { onEnd?() }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension HTTPBodyStream: Sendable {}
