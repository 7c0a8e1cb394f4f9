// What goes to stdout. It leaves at the end of a turn: one system call for the many targets that end in it. A reader that takes
// nothing for a while holds up only what would have to be written: what is under way goes on, and no deadline passes for want
// of a reader. A body that is written while it comes is what would have to be written: it waits, and its time passes.

import Bowline
import Glibc

final class StandardOutput: ReactorDescriptor {
    /// Stdout, or the same pipe or terminal opened once more.
    let fileDescriptor: CInt
    /// Whether it was: then it doesn't block, whoever shares stdout, and a write takes as much as there is room for.
    private let isReopened: Bool
    /// What waits for a reader when nothing further is begun.
    private static let highWaterMark = 65_536
    /// So much a pipe that may block takes without blocking when poll(2) says that it can be written to (PIPE_BUF).
    private static let piece = 4_096

    private static let pipeSize: CInt = 262_144
    /// F_SETPIPE_SZ of fcntl(2), which Glibc's overlay lacks.
    private static let setPipeSize: CInt = 1_031

    /// How long whoever was interrupted waits for a reader that takes nothing, in milliseconds.
    private static let lastPatience: CInt = 1_000

    private let reactor: Reactor
    /// Whether it never has to be waited for: a file, or what can't be polled.
    private var isImmediate: Bool
    let isTerminal = isatty(STDOUT_FILENO) == 1
    private var pending: [UInt8] = []
    private var written = 0
    private var isQueued = false
    private var isWidened = false
    private var isWaiting = false
    /// To be called when there is room again, for more to begin.
    var onRoom: () -> Void = {}
    /// The same, for the body that comes as it is written.
    var onBodyRoom: () -> Void = {}
    /// Why stdout takes nothing any more.
    private(set) var problem: SystemError?
    /// After the loop: how long a reader is waited for that takes nothing, in milliseconds; -1 for as long as it takes.
    private var patience: CInt?
    /// Whether its reader was given up.
    private var isLeft = false

    init(_ reactor: Reactor) {
        self.reactor = reactor
        var status = stat()
        let kind = fstat(STDOUT_FILENO, &status) == 0 ? status.st_mode & S_IFMT : 0
        isImmediate = kind == S_IFREG
        let reopened = kind == S_IFIFO || isTerminal ? Self.reopened() : nil
        fileDescriptor = reopened ?? STDOUT_FILENO
        isReopened = reopened != nil
    }

    deinit {
        if isReopened { close(fileDescriptor) }
    }

    /// Stdout's pipe or terminal by a description of its own, which can be non-blocking without those knowing who share
    /// stdout. Nil if the system doesn't let us: it may be another user's.
    private static func reopened() -> CInt? {
        let descriptor = open("/proc/self/fd/\(STDOUT_FILENO)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Whether so much waits for its reader that nothing is to be begun that would add to it.
    var isFull: Bool { isWaiting && pending.count - written >= Self.highWaterMark }

    /// Writes lines.
    func print(_ lines: [String]) {
        guard problem == nil, !isLeft, !lines.isEmpty else { return }
        for line in lines {
            pending += line.utf8
            pending.append(0x0A)
        }
        proceedSoon()
    }

    /// Writes bytes of a body.
    func write(_ bytes: [UInt8]) {
        guard problem == nil, !isLeft, !bytes.isEmpty else { return }
        widenPipe()
        pending += bytes
        proceedSoon()
    }

    /// Has a pipe take as much as one read brings: with its usual 64 KiB both ends wait for each other all the time.
    private func widenPipe() {
        guard isReopened, !isWidened else { return }
        isWidened = true
        // A wish: it isn't granted to somebody who has many pipes already, and means nothing to a terminal.
        _ = fcntl(fileDescriptor, Self.setPipeSize, Self.pipeSize)
    }

    private func proceedSoon() {
        if isWaiting { return }
        if pending.count - written >= Self.highWaterMark {
            if patience == nil { proceed() } else { flush() }
        } else if !isQueued, patience == nil {
            isQueued = true
            reactor.callLater(.zero) { [self] in
                isQueued = false
                if !isWaiting { proceed() }
            }
        }
    }

    /// Writes what can be written without waiting.
    private func proceed() {
        while written < pending.count, problem == nil {
            guard isImmediate || isReopened || isReady, writeOnce() else { return wait() }
        }
        pending.removeAll(keepingCapacity: true)
        written = 0
        guard isWaiting else { return }
        isWaiting = false
        reactor.removeWriter(self)
        guard problem == nil else { return }
        onBodyRoom()
        onRoom()
    }

    /// Writes what one call takes; false if it takes nothing now.
    private func writeOnce() -> Bool {
        let left = pending.count - written
        let count = isImmediate || isReopened ? left : min(Self.piece, left)
        let result = pending.withUnsafeBytes { bytes in
            Glibc.write(fileDescriptor, bytes.baseAddress.map { $0 + written }, count)
        }
        if result >= 0 {
            written += result
        } else if errno == EAGAIN {
            // It is our own, or whoever shares stdout has made it non-blocking.
            return false
        } else if errno != EINTR {
            fail(SystemError(errno, "write"))
        }
        return true
    }

    /// Whether something can be written at once, or writing tells at once why not.
    private var isReady: Bool {
        var polled = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&polled, 1, 0) != 0
    }

    private func wait() {
        if isWaiting { return }
        do throws(SystemError) {
            try reactor.addWriter(self)
            isWaiting = true
        } catch {
            // What can't be waited for needn't.
            isImmediate = true
            proceed()
        }
    }

    /// The loop is over: from now on, whoever writes waits for the reader. Who was interrupted is to end soon, whatever it does.
    func endLoop(isInterrupted: Bool) {
        patience = isInterrupted ? Self.lastPatience : -1
        isWaiting = false
        onRoom = {}
        onBodyRoom = {}
    }

    func writeReady() { proceed() }

    func connectionLost(_ reason: any Error) { isWaiting = false }

    private func fail(_ error: SystemError) {
        problem = error
        reactor.stop()
    }

    /// Writes on a terminal what is left, before something is said there on stderr.
    func keepOrder() {
        if isTerminal { flush() }
    }

    /// Writes what is left, and tells people if it can't be written; the failure comes back.
    func finish() -> Failure? {
        flush()
        guard let problem else { return nil }
        let failure = Failure.output("stdout", problem)
        Console.complain(failure)
        return failure
    }

    /// Writes what is left, however long that takes; after an interruption only as long as somebody reads.
    private func flush() {
        while problem == nil, written < pending.count {
            var polled = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
            guard isImmediate || poll(&polled, 1, patience ?? -1) != 0 else {
                isLeft = true
                break
            }
            _ = writeOnce()
        }
        pending.removeAll(keepingCapacity: true)
        written = 0
    }
}
