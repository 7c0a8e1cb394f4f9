// SIGINT, SIGTERM and SIGHUP, only when a run asks for them. The handler does the one thing that is allowed in one: it
// writes a byte; the loop reads it like any other descriptor.

import Glibc
import Synchronization

/// The pipe's writing end, for the handler. -1 when no reactor handles signals: the exchange from -1 is what makes it
/// one reactor at a time.
private let signalPipe = Atomic<Int32>(-1)

/// Turns signals into events of one reactor while it runs, and gives back what it changed.
final class SignalRelay: ReactorDescriptor {
    private static let handled = [SIGINT, SIGTERM, SIGHUP]

    let fileDescriptor: Int32
    private let writingEnd: Int32
    private unowned let reactor: Reactor
    private var previous: [(signal: Int32, action: sigaction)] = []

    init(reactor: Reactor) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(errno, "pipe") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        guard signalPipe.compareExchange(expected: -1, desired: ends[1], ordering: .acquiringAndReleasing).exchanged
        else {
            close(ends[0])
            close(ends[1])
            throw ReactorError.signalsTaken
        }
        fileDescriptor = ends[0]
        writingEnd = ends[1]
        self.reactor = reactor
        for signal in Self.handled {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe.load(ordering: .relaxed), &byte, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART
            var old = sigaction()
            sigaction(signal, &action, &old)
            previous.append((signal, old))
        }
        try reactor.addReader(self)
    }

    /// Puts the former handlers back and closes the pipe.
    func restore() {
        for (signal, action) in previous {
            var action = action
            sigaction(signal, &action, nil)
        }
        previous = []
        signalPipe.store(-1, ordering: .releasing)
        reactor.removeReader(self)
        close(fileDescriptor)
        close(writingEnd)
    }

    func readReady() {
        var byte: UInt8 = 0
        while read(fileDescriptor, &byte, 1) == 1 {
            switch Int32(byte) {
            case SIGHUP: reactor.reload()
            default:
                reactor.lastSignal = Int32(byte)
                reactor.stop()
            }
        }
    }

    func connectionLost(_ reason: any Error) {}
}
