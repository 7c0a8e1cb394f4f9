// Lines for stdout that leave together, at the end of a turn: one system call for the many names that end in it.

import Bowline

final class OutputLines {
    private static let highWaterMark = 65_536

    private let reactor: Reactor
    private var pending: [UInt8] = []
    private var isQueued = false
    /// Why stdout takes nothing any more.
    private(set) var problem: SystemError?

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    func print(_ lines: [String]) {
        guard problem == nil else { return }
        for line in lines {
            pending += line.utf8
            pending.append(0x0A)
        }
        if pending.count >= Self.highWaterMark {
            flush()
        } else if !isQueued, !pending.isEmpty {
            isQueued = true
            reactor.callLater(.zero) { [self] in
                isQueued = false
                flush()
            }
        }
    }

    /// Writes what is left. Whoever stops the reactor does it himself.
    func flush() {
        guard problem == nil, !pending.isEmpty else { return }
        do throws(SystemError) {
            try Files.write(pending, to: 1)
        } catch {
            problem = error
            reactor.stop()
        }
        pending.removeAll(keepingCapacity: true)
    }
}
