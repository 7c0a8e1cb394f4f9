// What the tests of the reactor share: a thread to run one on, a log to compare, pipes and a clock that is moved by hand.

import BowlineReactor
import CLinux
import Glibc
import Synchronization
import TestSupport
import Testing

/// Both pollers: what every promise of a reactor is checked on.
let bothPollers = PollerKind.allCases

/// What happened, in order.
final class Log {
    var lines: [String] = []
    func callAsFunction(_ line: String) { lines.append(line) }
}

/// A shared log, for what several threads do.
final class SharedLog: Sendable {
    private let entries = Mutex<[String]>([])
    var lines: [String] { entries.withLock { $0 } }
    func callAsFunction(_ line: String) { entries.withLock { $0.append(line) } }
}

/// Something that is so once it was said.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

/// Runs a reactor that `setUp` prepares, on a thread of its own, and returns the log when it has stopped.
func run(
    _ kind: PollerKind = .epoll, _ setUp: @escaping @Sendable (Reactor, Log) throws -> Void
) async throws -> [String] {
    try await onThread {
        let reactor = Reactor(poller: kind)
        let log = Log()
        try setUp(reactor, log)
        try reactor.run()
        return log.lines
    }
}

/// Two connected UNIX stream sockets, closed with the object if they still are open.
final class SocketPair {
    var near: Int32
    var far: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends)
        (near, far) = (ends[0], ends[1])
    }

    deinit {
        closeNear()
        closeFar()
    }

    func closeNear() {
        if near >= 0 { close(near) }
        near = -1
    }

    func closeFar() {
        if far >= 0 { close(far) }
        far = -1
    }

    /// Makes the near end readable.
    func send(_ text: String = "x") { _ = write(far, text, text.utf8.count) }

    /// Reads what there is at the near end.
    func receive() -> String {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = read(near, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

/// A clock that is moved by hand.
final class HandClock: ReactorClock {
    private(set) var now = ReactorInstant(nanoseconds: 0)
    private(set) lazy var queue = TimerQueue(now: { [unowned self] in now })

    func callLater(_ delay: Duration, _ function: @escaping () -> Void) -> DelayedCall {
        queue.add(at: now + max(delay, .zero), function)
    }

    /// Moves on, stopping at each deadline on the way.
    func advance(by duration: Duration) {
        let target = now + duration
        while let next = queue.earliest, next <= target {
            now = max(now, next)
            queue.runDue(at: now)
        }
        now = target
    }
}

/// How many descriptors this process has open.
func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}

/// The calling thread's folder, as in `/proc/12/task/34`: it is there as long as the thread.
func threadFolder() -> String {
    var name = [UInt8](repeating: 0, count: 64)
    let count = name.withUnsafeMutableBytes {
        $0.withMemoryRebound(to: CChar.self) { bytes in
            bytes.baseAddress.map { readlink("/proc/thread-self", $0, bytes.count) } ?? 0
        }
    }
    return "/proc/" + String(decoding: name.prefix(max(0, count)), as: UTF8.self)
}

/// Ends an exit test's process with a failure unless something is so within 30 s: the kernel takes a moment to forget a
/// thread that was joined.
func require(_ sentence: String, _ condition: () -> Bool) {
    for _ in 0..<30_000 {
        if condition() { return }
        usleep(1000)
    }
    fatalError(sentence)
}
