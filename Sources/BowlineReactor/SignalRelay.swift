// SIGINT, SIGTERM and SIGHUP, only when a run asks for them. The handler does the one thing that is allowed in one: it
// writes a byte; the loop reads it like any other descriptor.

import Glibc
import Synchronization

/// The pipe's writing end, for the handler. -1 when no reactor handles signals: the exchange from -1 is what makes it
/// one reactor at a time.
private let signalPipe = Atomic<Int32>(-1)

/// How many threads are inside the handler. The pipe isn't closed before they are out.
private let insideHandler = Atomic<Int>(0)

/// Turns signals into events of one reactor while it runs, and gives back what it changed.
final class SignalRelay: DescriptorHandler {
    private static let handled = [SIGINT, SIGTERM, SIGHUP]

    private let readingEnd: Int32
    private let writingEnd: Int32
    private unowned let reactor: Reactor
    private var previous: [(signal: Int32, action: sigaction)] = []

    /// Takes the signals over, or changes nothing and throws `ReactorError.signalsTaken` or a `SystemError`.
    init(reactor: Reactor) throws {
        self.reactor = reactor
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(errno, "pipe") }
        (readingEnd, writingEnd) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        do {
            try reactor.register(readingEnd, .read, self)
        } catch {
            closePipe()
            throw error
        }
        guard signalPipe.compareExchange(expected: -1, desired: writingEnd, ordering: .sequentiallyConsistent).exchanged
        else {
            reactor.deregister(readingEnd)
            closePipe()
            throw ReactorError.signalsTaken
        }
        takeOver()
    }

    private func takeOver() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            let saved = errno
            insideHandler.add(1, ordering: .sequentiallyConsistent)
            let pipe = signalPipe.load(ordering: .sequentiallyConsistent)
            var byte = UInt8(truncatingIfNeeded: number)
            if pipe >= 0 { _ = write(pipe, &byte, 1) }
            insideHandler.subtract(1, ordering: .sequentiallyConsistent)
            errno = saved
        }
        action.sa_flags = SA_RESTART
        for signal in Self.handled {
            var old = sigaction()
            sigaction(signal, &action, &old)
            previous.append((signal, old))
        }
    }

    /// Puts the former handlers back and closes the pipe.
    func restore() {
        for (signal, action) in previous {
            var action = action
            sigaction(signal, &action, nil)
        }
        previous = []
        reactor.deregister(readingEnd)
        signalPipe.store(-1, ordering: .sequentiallyConsistent)
        while insideHandler.load(ordering: .sequentiallyConsistent) != 0 { sched_yield() }
        closePipe()
    }

    private func closePipe() {
        close(readingEnd)
        close(writingEnd)
    }

    func descriptorReady(_ readiness: Readiness) {
        var byte: UInt8 = 0
        while read(readingEnd, &byte, 1) == 1 {
            let signal = Int32(byte)
            if signal == SIGHUP {
                reactor.reload()
            } else {
                reactor.stop(by: signal)
            }
        }
    }

    func reactorStopped() {}
}

@available(*, unavailable)
extension SignalRelay: Sendable {}
