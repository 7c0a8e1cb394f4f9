// What goes to stdout. It leaves at the end of a turn: one system call for the many targets that end in it. A reader that takes
// nothing for a while holds up only what would have to be written: what is under way goes on, and no deadline passes for want
// of a reader. A body that is written while it comes is what would have to be written: it waits, and its time passes.

import Bowline
import Glibc

final class StandardOutput: ReactorDescriptor {
    let fileDescriptor = STDOUT_FILENO
    /// What waits for a reader when nothing further is begun.
    private static let highWaterMark = 65_536
    /// So much a pipe takes without blocking when poll(2) says that it can be written to (PIPE_BUF).
    private static let piece = 4_096

    /// How long whoever was interrupted waits for a reader that takes nothing, in milliseconds.
    private static let lastPatience: CInt = 1_000

    private let reactor: Reactor
    /// Whether it never has to be waited for: a file, or what can't be polled.
    private var isImmediate: Bool
    let isTerminal = isatty(STDOUT_FILENO) == 1
    private var pending: [UInt8] = []
    private var written = 0
    private var isQueued = false
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
        isImmediate = fstat(STDOUT_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
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

    /// Writes bytes.
    func write(_ bytes: [UInt8]) {
        guard problem == nil, !isLeft, !bytes.isEmpty else { return }
        pending += bytes
        proceedSoon()
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
            guard isImmediate || isReady else { return wait() }
            let count = isImmediate ? pending.count - written : min(Self.piece, pending.count - written)
            let result = pending.withUnsafeBytes { bytes in
                Glibc.write(fileDescriptor, bytes.baseAddress.map { $0 + written }, count)
            }
            if result >= 0 {
                written += result
            } else if errno == EAGAIN {
                // Whoever shares the descriptor has made it non-blocking.
                return wait()
            } else if errno != EINTR {
                fail(SystemError(errno, "write"))
            }
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
            let end = isImmediate ? pending.count : min(written + Self.piece, pending.count)
            do throws(SystemError) {
                try Files.write(Array(pending[written..<end]), to: fileDescriptor)
                written = end
            } catch {
                fail(error)
            }
        }
        pending.removeAll(keepingCapacity: true)
        written = 0
    }
}
