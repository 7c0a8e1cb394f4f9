// Has a body written to its file by the thread pool while it arrives: a disk or a pipe that is slow must not keep the loop
// from its deadlines.

import Bowline

final class BodyWriter {
    /// Above this many bytes that are not written, the body is to wait.
    private static let highWaterMark = 1 << 20

    private let reactor: Reactor
    private let file: BodyFile
    private var unwritten: [UInt8] = []
    private var isWorking = false
    private var isClosing = false
    private var problem: (any Error)?
    /// Nil until all has been given.
    private var whenDone: (((any Error)?) -> Void)?
    private var shutdown: SystemEventTrigger?

    /// Called when there is room again after `isFull`.
    var hasRoom: () -> Void = {}
    /// Called when the file can't be written, before the end of the body.
    var hasFailed: () -> Void = {}

    init(_ path: String, on reactor: Reactor) {
        self.reactor = reactor
        file = BodyFile(path)
        // The threads are waited for at the end: a pipe that nobody reads must not keep them.
        shutdown = reactor.addSystemEventTrigger(.before, .shutdown) { [file] in file.abandon() }
        work { [file] in try file.open() }
    }

    var isFull: Bool { unwritten.count > Self.highWaterMark }

    func write(_ bytes: RawSpan) {
        guard problem == nil else { return }
        bytes.withUnsafeBytes { unwritten.append(contentsOf: $0) }
        proceed()
    }

    /// All has been given: calls `done` when the file is there, or with why it isn't.
    func finish(_ done: @escaping ((any Error)?) -> Void) {
        whenDone = done
        if problem != nil { tell() } else { proceed() }
    }

    /// What was to be written isn't whole.
    func abandon() {
        forget()
        unwritten = []
        file.abandon()
    }

    private func proceed() {
        guard !isWorking, problem == nil else { return }
        if !unwritten.isEmpty {
            let wasFull = isFull
            let bytes = unwritten
            unwritten = []
            work { [file] in try file.write(bytes) }
            if wasFull { hasRoom() }
        } else if whenDone != nil, !isClosing {
            isClosing = true
            work { [file] in try file.finish() }
        } else if isClosing {
            tell()
        }
    }

    private func work(_ job: sending @escaping () throws -> sending Void) {
        isWorking = true
        reactor.deferToThread(job).addBoth { [self] result in
            isWorking = false
            if case .failure(let error) = result { fail(error) } else { proceed() }
        }
    }

    private func fail(_ error: any Error) {
        problem = error
        unwritten = []
        file.abandon()
        if whenDone != nil { tell() } else { hasFailed() }
    }

    private func tell() {
        let done = whenDone
        forget()
        done?(problem)
    }

    private func forget() {
        if let shutdown { reactor.removeSystemEventTrigger(shutdown) }
        shutdown = nil
        whenDone = nil
        hasRoom = {}
        hasFailed = {}
    }
}
