// One download: asks for the page, or for what is missing of it, and has its bytes written by the thread pool, no faster than
// the disk takes them. The bytes stand under another name until all of them are there.

import BowlineDeferred
import BowlineReactor
import BowlineTransport

final class PageDownload {
    /// Above this many bytes that are not written, the body isn't taken.
    static let highWaterMark = 1 << 20

    /// Why there will be no file.
    private enum Ending {
        case whole
        case failed(any Error)
    }

    private let path: String
    private let reactor: Reactor
    private let agent: Agent
    private let observer: ((DownloadProgress) -> Void)?
    private var request: PageRequest
    /// Nil when it has fired, or nobody wants it any more.
    private var result: Deferred<Download>?

    private var file: (any DownloadFile)?
    /// What is under way: a job of the pool, or the request.
    private var pending: (any Cancellable)?
    private var response: StreamedResponse?
    private var resumedAt = 0
    /// Of which version the bytes are that are gone on with; nil if there are none.
    private var resumedVersion: String?
    /// How many bytes are in the file.
    private var byteCount = 0
    private var expectedByteCount: Int?
    private var unwritten: [UInt8] = []
    private var isWriting = false
    private var isBodyPaused = false
    private var ending: Ending?

    init(
        _ request: PageRequest, to path: String, _ reactor: Reactor, observer: ((DownloadProgress) -> Void)?
    ) {
        self.request = request
        self.path = path
        self.reactor = reactor
        agent = reactor.agent
        self.observer = observer
        // A part of encoded content fits to no other: each encoding may come out differently.
        self.request.decodesContent = false
        if !request.fields.contains(where: { $0.name.lowercased() == "accept-encoding" }) {
            self.request.fields.append(("Accept-Encoding", "identity"))
        }
    }

    /// Begins.
    ///
    /// - Parameter open: opens the file; called from the thread pool.
    func start(_ open: @escaping @Sendable () throws -> any DownloadFile) -> Deferred<Download> {
        let result = Deferred<Download>(canceller: { [self] in abandon() })
        self.result = result
        job({ () throws -> (any DownloadFile, (byteCount: Int, validator: String)?) in
            let file = try open()
            return (file, file.resumption())
        }) { [self] file, resumption in
            self.file = file
            ask(resumption)
        }
        return result
    }

    // MARK: the request

    /// Asks for the page, or for what is missing of it.
    private func ask(_ resumption: (byteCount: Int, validator: String)?) {
        var request = self.request
        resumedVersion = resumption?.validator
        if let (byteCount, validator) = resumption {
            resumedAt = byteCount
            request.fields += [("Range", "bytes=\(byteCount)-"), ("If-Range", validator)]
        } else {
            resumedAt = 0
        }
        let asked = agent.request(request)
        pending = asked.addBoth { [self] outcome in
            pending = nil
            guard result != nil else { return }
            switch outcome {
            case .success(let response): take(response)
            case .failure(let error): end(.failed(error))
            }
        }
    }

    private func take(_ response: StreamedResponse) {
        let range = ContentRange(response.head.fields["content-range"])
        let goesOn = resumedVersion.map { ContentRange.confirms($0, response.head.fields) } ?? false
        switch response.status {
        case 206 where goesOn && range?.first == resumedAt:
            expectedByteCount = range?.size
            byteCount = resumedAt
            receive(response)
        case 416 where goesOn && range?.size == resumedAt:
            // The last attempt had all of it, and ended before it said so.
            response.body.cancel()
            byteCount = resumedAt
            self.response = response
            end(.whole)
        case 206, 416:
            // Not what was asked for, or not surely of the same version. The whole page is.
            response.body.cancel()
            if resumedAt > 0 { ask(nil) } else { refuse(response) }
        case 200..<300:
            let validator = ContentRange.validator(response.head.fields)
            resumedAt = 0
            expectedByteCount = response.head.fields["content-length"].flatMap { Int($0) }
            job({ [file] in try file?.begin(validator: validator) }) { [self] in receive(response) }
        default:
            refuse(response)
        }
    }

    private func refuse(_ response: StreamedResponse) {
        response.body.cancel()
        let page = PageResponse(report: response.report, head: response.head, body: [])
        end(.failed(PageError(phase: .http, reason: .status(page), report: response.report)))
    }

    private func receive(_ response: StreamedResponse) {
        self.response = response
        response.body.deliver(to: self)
    }

    // MARK: the file

    /// Has the pool do something with the file, and goes on with its result.
    private func job<Value>(
        _ work: sending @escaping () throws -> sending Value, then next: @escaping (Value) -> Void
    ) {
        pending = reactor.deferToThread(work).addBoth { [self] outcome in
            pending = nil
            guard result != nil else { return }
            switch outcome {
            case .success(let value): next(value)
            case .failure(let error as SystemError): end(.failed(DownloadError(path: path, cause: error)))
            case .failure(let error): end(.failed(error))
            }
        }
    }

    private func write() {
        guard !isWriting, result != nil else { return }
        if unwritten.isEmpty {
            if ending != nil { finish() }
            return
        }
        isWriting = true
        let (bytes, place) = (unwritten, byteCount)
        unwritten = []
        job({ [file] in try file?.write(bytes, at: place) }) { [self] in
            isWriting = false
            byteCount += bytes.count
            observer?(DownloadProgress(byteCount: byteCount, expectedByteCount: expectedByteCount))
            if isBodyPaused {
                isBodyPaused = false
                response?.body.resume()
            }
            write()
        }
    }

    /// There will be nothing more to write.
    private func end(_ ending: Ending) {
        guard self.ending == nil || isWriting else { return }
        if case .failed(let error) = ending, error is DownloadError || error is ReactorStopped {
            // What isn't written can't be.
            unwritten = []
            isWriting = false
            response?.body.cancel()
        }
        self.ending = ending
        write()
    }

    private func finish() {
        guard let file, let ending else {
            if case .failed(let error) = ending { fire(.failure(error)) }
            return
        }
        switch ending {
        case .failed(let error):
            guard byteCount == 0, resumedAt == 0, !(error is ReactorStopped) else {
                fire(.failure(error))
                return
            }
            // An empty part is of no use to anybody.
            isWriting = true
            job({ file.discard() }) { [self] in fire(.failure(error)) }
        case .whole:
            guard let report = response?.report else { return }
            if let expected = expectedByteCount, byteCount != expected {
                let reason = HTTPParseError.truncatedBody(received: byteCount, expected: expected)
                fire(.failure(PageError(phase: .receive, reason: .response(reason), report: report)))
                return
            }
            isWriting = true
            let download = Download(path: path, byteCount: byteCount, resumedAt: resumedAt, report: report)
            job({ try file.finish() }) { [self] in fire(.success(download)) }
        }
    }

    private func fire(_ outcome: Swift.Result<Download, any Error>) {
        let result = self.result
        self.result = nil
        response = nil
        // Now, and not when the pool's thread has let go of its reference: somebody may try again at once.
        file?.unlock()
        file = nil
        switch outcome {
        case .success(let download): result?.callback(download)
        case .failure(let error): result?.errback(error)
        }
    }

    /// Nobody wants it any more. What is in the file stays, for the next attempt.
    private func abandon() {
        result = nil
        let (pending, response) = (self.pending, self.response)
        self.pending = nil
        self.response = nil
        file = nil
        pending?.cancel()
        response?.body.cancel()
    }
}

extension PageDownload: BodyConsumer {
    func bodyReceived(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { unwritten.append(contentsOf: $0) }
        if unwritten.count > Self.highWaterMark, !isBodyPaused {
            isBodyPaused = true
            response?.body.pause()
        }
        write()
    }

    func bodyEnded(_ failure: PageError?) {
        end(failure.map { .failed($0) } ?? .whole)
    }
}

@available(*, unavailable)
extension PageDownload: Sendable {}

/// Something that can be given up.
private protocol Cancellable {
    func cancel()
}

extension Deferred: Cancellable {}
