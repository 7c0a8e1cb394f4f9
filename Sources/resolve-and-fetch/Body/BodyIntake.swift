// Takes the body of a target's response: counts it, has its digest made and its file written, shows how far it has come.

import Bowline

final class BodyIntake: BodyConsumer {
    /// What is wanted of a body besides its size.
    struct Wishes {
        var hasDigest = false
        /// Whether the body is kept in memory, for stdout.
        var isKept = false
        /// Stdout, if the body goes there as it comes.
        var stdout: StandardOutput?
        /// The file to write it to.
        var file: String?
        /// Whether the heads stand before it in the file, and on stdout.
        var hasHeads = false
        /// Whether its progress is shown while it comes.
        var hasProgress = false
    }

    /// What has come, and what it came to.
    enum End {
        case whole(FetchedResponse)
        case failed(PageError)
        case unwritten(any Error)
        /// The body has come, but it wasn't written within the time for everything.
        case late
    }

    private let response: StreamedResponse
    private var deadlineTimer: DelayedCall?
    private let digest: SHA256?
    private let isKept: Bool
    private let stdout: StandardOutput?
    private let writer: BodyWriter?
    private let progress: ProgressDisplay?
    private var byteCount = 0
    private var kept: [UInt8] = []
    private var done: ((End, PageReport) -> Void)?

    /// Takes the body from here on.
    ///
    /// - Parameters:
    ///   - heads: the text of all heads on the way to this response.
    ///   - budget: how long everything may take, from the start of the fetch.
    ///   - done: called once, when the body is where it is to be, or isn't.
    init(
        _ response: StreamedResponse, heads: String, _ wishes: Wishes, within budget: Duration, on reactor: Reactor,
        _ done: @escaping (End, PageReport) -> Void
    ) {
        self.response = response
        self.done = done
        digest = wishes.hasDigest ? SHA256() : nil
        isKept = wishes.isKept
        stdout = wishes.stdout
        writer = wishes.file.map { BodyWriter($0, on: reactor) }
        progress = wishes.hasProgress ? ProgressDisplay(of: response, on: reactor) : nil
        writer?.hasRoom = { response.body.resume() }
        writer?.hasFailed = { [weak self] in
            // The body, which is to go, may be the only one that holds this.
            guard let self else { return }
            response.body.cancel()
            finish()
        }
        if wishes.hasHeads {
            writer?.write(Array(heads.utf8).span.bytes)
            stdout?.write(Array(heads.utf8))
        }
        stdout?.onBodyRoom = { response.body.resume() }
        if let writer {
            // The fetch, which has a deadline of its own, may be over long before the file is.
            deadlineTimer = reactor.callLater(response.report.start + budget - reactor.now) { [weak self] in
                guard let self else { return }
                writer.abandon()
                response.body.cancel()
                end(.late)
            }
        }
        response.body.deliver(to: self)
    }

    func bodyReceived(_ bytes: RawSpan) {
        byteCount += bytes.byteCount
        digest?.update(bytes)
        progress?.byteCount = byteCount
        if isKept { bytes.withUnsafeBytes { kept.append(contentsOf: $0) } }
        if let stdout {
            stdout.write(bytes.withUnsafeBytes { Array($0) })
            if stdout.isFull { response.body.pause() }
        }
        guard let writer else { return }
        writer.write(bytes)
        if writer.isFull { response.body.pause() }
    }

    func bodyEnded(_ failure: PageError?) {
        guard let failure else { return finish() }
        writer?.abandon()
        end(.failed(failure))
    }

    private func finish() {
        guard let writer else { return end(.whole(received())) }
        writer.finish { [self] problem in
            end(problem.map { .unwritten($0) } ?? .whole(received()))
        }
    }

    private func received() -> FetchedResponse {
        FetchedResponse(
            head: response.head, byteCount: byteCount, digest: digest?.hex(), kept: kept,
            isOnStdout: stdout != nil)
    }

    private func end(_ end: End) {
        progress?.end()
        stdout?.onBodyRoom = {}
        deadlineTimer?.cancel()
        deadlineTimer = nil
        let done = self.done
        self.done = nil
        done?(end, response.report)
    }
}
