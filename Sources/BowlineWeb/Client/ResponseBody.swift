// The body of a streamed response: between the connection that gives it and whoever takes it, at their own pace. What
// nobody has taken yet is kept here, up to a mark; then the connection isn't read, and the server has to wait.

import BowlineConnect
public import BowlineDeferred
import BowlineReactor

/// Takes a body as it arrives.
///
/// ```swift
/// final class Counter: BodyConsumer {
///     private var count = 0
///     func bodyReceived(_ bytes: RawSpan) { count += bytes.byteCount }
///     func bodyEnded(_ failure: PageError?) { print(failure.map { "\($0)" } ?? "\(count) bytes") }
/// }
/// ```
public protocol BodyConsumer: AnyObject {
    /// A part of the body. The bytes are lent: copy what must stay. `body.pause()` and `body.cancel()` may be called
    /// from here.
    func bodyReceived(_ bytes: RawSpan)
    /// The end, once: nil if the body is whole, else why it isn't.
    func bodyEnded(_ failure: PageError?)
}

/// The body of a response, as it comes: pulled, pushed, awaited or collected, one of these.
///
/// ```swift
/// let response = try await reactor.agent.request(PageRequest("http://example.com/large")).value
/// for try await piece in response.body { print(piece.count) }
/// ```
/// ```swift
/// func measure(_ response: StreamedResponse) -> Deferred<Int> {
///     response.body.collect().addCallback { bytes in bytes.count }
/// }
/// ```
/// A body that is let go before its end closes its connection.
public final class ResponseBody {
    /// Above this many bytes that nobody has taken, nothing more is read.
    public static let highWaterMark = 256 * 1024

    private enum Taker {
        case nobody
        case reader(Deferred<[UInt8]?>)
        case consumer(any BodyConsumer)
    }

    private enum End {
        case whole
        case failed(PageError)
        case cancelled
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    /// Nil when the last byte has come, or nobody wants it any more.
    @exclusivity(unchecked) private var fetch: PageFetch?
    @exclusivity(unchecked) private var taker = Taker.nobody
    @exclusivity(unchecked) private var end: End?
    @exclusivity(unchecked) private var buffer: [UInt8] = []
    @exclusivity(unchecked) private var isPaused = false
    @exclusivity(unchecked) private var isReadingStopped = false
    @exclusivity(unchecked) private var isDeliveryQueued = false
    private let environment: any ConnectEnvironment
    /// The record of the fetch, complete when the body has ended.
    @exclusivity(unchecked) public private(set) var report: PageReport
    /// The fields behind the body, if there were any; nil before its end.
    @exclusivity(unchecked) public private(set) var trailers: HTTPFieldSection?

    init(_ fetch: PageFetch, _ report: PageReport, _ environment: any ConnectEnvironment) {
        self.fetch = fetch
        self.report = report
        self.environment = environment
    }

    deinit { fetch?.bodyAbandoned() }

    /// How many bytes have come that nobody has taken.
    public var bufferedByteCount: Int { buffer.count }

    // MARK: taking

    /// Gives what has come since the last time, or waits for more.
    ///
    /// - Returns: fires with a part of the body, or with nil at its end; fails with the `PageError` that kept it from
    ///   being whole. `cancel()` closes the connection. One read at a time.
    public func read() -> Deferred<[UInt8]?> {
        guard case .nobody = taker else {
            // fatalError, here and below: a precondition's sentence is lost in release builds.
            fatalError("a body is read by one reader at a time, and not while a consumer has it")
        }
        if !buffer.isEmpty {
            let piece = buffer
            buffer = []
            regulate()
            return .succeeded(piece)
        }
        switch end {
        case .whole: return .succeeded(nil)
        case .failed(let error): return .failed(error)
        case .cancelled: return .failed(CancelledError())
        case nil: break
        }
        // The canceller keeps the body, until the read has fired.
        let reading = Deferred<[UInt8]?>(canceller: { [self] in
            taker = .nobody
            cancel()
        })
        taker = .reader(reading)
        return reading
    }

    /// Gives the whole body. The request's `limits.bodyBytes` bounds it.
    public func collect() -> Deferred<[UInt8]> {
        if case .cancelled = end { return .failed(CancelledError()) }
        let collector = BodyCollector()
        let collected = Deferred<[UInt8]>(canceller: { [self] in
            taker = .nobody
            cancel()
        })
        collector.collected = collected
        deliver(to: collector)
        return collected
    }

    /// Hands the body to a consumer, from the loop, as it comes; nothing of one that was cancelled.
    public func deliver(to consumer: any BodyConsumer) {
        guard case .nobody = taker else { fatalError("a body has one taker") }
        taker = .consumer(consumer)
        fetch?.keep(self)
        queueDelivery()
    }

    /// Stops delivering to the consumer; what comes is kept up to the mark, and then the server has to wait. A failure is
    /// told all the same, and what is kept is lost with it.
    public func pause() { isPaused = true }

    /// Delivers again.
    public func resume() {
        guard isPaused else { return }
        isPaused = false
        queueDelivery()
    }

    /// Gives the rest up: the connection is closed before this returns, and a read or a collection under way is cancelled. A
    /// consumer is told nothing any more.
    public func cancel() {
        let taker = self.taker
        self.taker = .nobody
        buffer = []
        if end == nil {
            end = .cancelled
            report.end = environment.clock.now
        }
        let fetch = self.fetch
        self.fetch = nil
        fetch?.bodyAbandoned()
        switch taker {
        case .reader(let reading): reading.cancel()
        case .consumer(let collector as BodyCollector): collector.collected?.cancel()
        case .consumer, .nobody: break
        }
    }

    // MARK: what the fetch tells

    func received(_ bytes: RawSpan) {
        switch taker {
        case .consumer(let consumer) where !isPaused && buffer.isEmpty:
            consumer.bodyReceived(bytes)
        case .reader(let reading):
            taker = .nobody
            reading.callback(bytes.withUnsafeBytes { [UInt8]($0) })
        default:
            bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
            regulate()
        }
    }

    func ended(_ failure: PageError?, _ report: PageReport, _ trailers: HTTPFieldSection?) {
        guard end == nil else { return }
        fetch = nil
        self.report = report
        self.trailers = trailers
        end = failure.map { .failed($0) } ?? .whole
        switch taker {
        case .nobody: break
        case .reader(let reading):
            taker = .nobody
            if let failure { reading.errback(failure) } else { reading.callback(nil) }
        case .consumer:
            // Who has paused and whose body failed need not wait for bytes of no use to hear of it.
            if failure != nil, isPaused { buffer = [] }
            // What came before the end is handed over first, and not from inside another call of the consumer.
            if buffer.isEmpty { tellEnd() } else { queueDelivery() }
        }
    }

    // MARK: the pace

    /// Has the connection read, or not, as there is room.
    private func regulate() {
        let stops = buffer.count > Self.highWaterMark
        guard stops != isReadingStopped else { return }
        // Between the mark and nothing it stays as it is: no switching to and fro.
        if !stops, !buffer.isEmpty { return }
        isReadingStopped = stops
        fetch?.pauseBody(stops)
    }

    private func queueDelivery() {
        guard !isDeliveryQueued, !buffer.isEmpty || end != nil else { return }
        isDeliveryQueued = true
        environment.deliverLater(self)
    }

    private func tellEnd() {
        guard case .consumer(let consumer) = taker, let end else { return }
        taker = .nobody
        switch end {
        case .whole: consumer.bodyEnded(nil)
        case .failed(let error): consumer.bodyEnded(error)
        case .cancelled: break
        }
    }
}

extension ResponseBody: TurnDelivery {
    package func deliver() {
        isDeliveryQueued = false
        guard !isPaused, case .consumer(let consumer) = taker else { return }
        if !buffer.isEmpty {
            let bytes = buffer
            buffer = []
            consumer.bodyReceived(bytes.span.bytes)
            regulate()
        }
        if !isPaused, buffer.isEmpty { tellEnd() }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension ResponseBody: Sendable {}

/// Puts a body together.
private final class BodyCollector: BodyConsumer {
    var collected: Deferred<[UInt8]>?
    private var bytes: [UInt8] = []

    func bodyReceived(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { self.bytes.append(contentsOf: $0) }
    }

    func bodyEnded(_ failure: PageError?) {
        let collected = self.collected
        self.collected = nil
        if let failure { collected?.errback(failure) } else { collected?.callback(bytes) }
    }
}

extension ResponseBody: AsyncSequence {
    /// A part of the body.
    public typealias Element = [UInt8]

    /// Waits for one part of the body after the other.
    ///
    /// ```swift
    /// let response = try await reactor.agent.request(PageRequest("http://example.com/")).value
    /// var parts = response.body.makeAsyncIterator()
    /// while let part = try await parts.next() { print(part.count) }
    /// ```
    public struct AsyncIterator: AsyncIteratorProtocol {
        let body: ResponseBody

        /// The next part; nil at the end. Thread: the reactor's.
        public nonisolated(nonsending) mutating func next() async throws -> [UInt8]? {
            try await body.read().value
        }
    }

    /// Reads the body from where it is.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
