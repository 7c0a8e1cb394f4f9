// The contract of a poller, kept by each implementation.

import BowlineReactor
import CLinux
import Glibc
import TestSupport
import Testing

@Suite("Poller contract")
struct PollerContractTests {
    /// A poller with an array to wait into.
    private final class Waiting {
        let poller: any Poller
        var events: ContiguousArray<PollEvent> = []

        init(_ kind: PollerKind) throws {
            poller =
                switch kind {
                case .epoll: try EpollPoller()
                case .poll: try PollPoller()
                }
        }

        /// What is ready now, by token.
        func ready(timeout: Int64? = 0) throws -> [UInt64: Readiness] {
            try poller.wait(timeout: timeout, into: &events)
            return Dictionary(events.map { ($0.token, $0.readiness) }) { first, _ in first }
        }
    }

    @Test("a readable descriptor is reported under its token until it is read", arguments: bothPollers)
    func readable(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pair = SocketPair()
        try waiting.poller.add(pair.near, .read, token: 7 << 32 | 5)
        #expect(try waiting.ready() == [:])
        pair.send()
        #expect(try waiting.ready() == [7 << 32 | 5: .readable])
        #expect(try waiting.ready() == [7 << 32 | 5: .readable], "level-triggered")
        _ = pair.receive()
        #expect(try waiting.ready() == [:])
    }

    @Test("interest says what is reported, and can be changed", arguments: bothPollers)
    func interest(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pair = SocketPair()
        pair.send()
        try waiting.poller.add(pair.near, .write, token: 1)
        #expect(try waiting.ready() == [1: .writable])
        try waiting.poller.modify(pair.near, [.read, .write], token: 1)
        #expect(try waiting.ready() == [1: [.readable, .writable]])
        try waiting.poller.modify(pair.near, [], token: 1)
        #expect(try waiting.ready() == [:])
        try waiting.poller.modify(pair.near, .read, token: 2)
        #expect(try waiting.ready() == [2: .readable], "the token can change too")
    }

    @Test("a hang-up is reported without interest", arguments: bothPollers)
    func hangUp(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pair = SocketPair()
        try waiting.poller.add(pair.near, [], token: 1)
        pair.closeFar()
        #expect(try waiting.ready()[1]?.contains(.hangup) == true)
    }

    @Test("an error is reported without interest", arguments: bothPollers)
    func error(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { close(ends[1]) }
        try waiting.poller.add(ends[1], [], token: 1)
        close(ends[0])
        #expect(try waiting.ready()[1]?.contains(.error) == true)
    }

    @Test("what was removed is not reported, and can be added again", arguments: bothPollers)
    func remove(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pairs = (0..<3).map { _ in SocketPair() }
        for (token, pair) in pairs.enumerated() {
            pair.send()
            try waiting.poller.add(pair.near, .read, token: UInt64(token))
        }
        waiting.poller.remove(pairs[0].near)
        #expect(try waiting.ready() == [1: .readable, 2: .readable])
        waiting.poller.remove(pairs[2].near)
        waiting.poller.remove(pairs[2].near)
        #expect(try waiting.ready() == [1: .readable])
        try waiting.poller.add(pairs[0].near, .read, token: 9)
        #expect(try waiting.ready() == [1: .readable, 9: .readable])
    }

    @Test("misuse and unfit descriptors are refused with the errno of epoll_ctl", arguments: bothPollers)
    func refusals(_ kind: PollerKind) throws {
        let poller = try Waiting(kind).poller
        let pair = SocketPair()
        func code(_ call: () throws(SystemError) -> Void) -> CInt {
            do throws(SystemError) {
                try call()
                return 0
            } catch {
                return error.code
            }
        }
        #expect(code { () throws(SystemError) in try poller.modify(pair.near, .read, token: 1) } == ENOENT)
        #expect(code { () throws(SystemError) in try poller.add(pair.near, .read, token: 1) } == 0)
        #expect(code { () throws(SystemError) in try poller.add(pair.near, .read, token: 1) } == EEXIST)
        #expect(code { () throws(SystemError) in try poller.add(1 << 20, .read, token: 1) } == EBADF)
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        #expect(code { () throws(SystemError) in try poller.add(file, .read, token: 1) } == EPERM)
    }

    @Test("another thread's wake-up ends a wait and is no event", arguments: bothPollers)
    func wakeUp(_ kind: PollerKind) async throws {
        let ready = try await onThread {
            let waiting = try Waiting(kind)
            let descriptor = waiting.poller.wakeDescriptor
            let thread = try startThread { eventfd_write(descriptor, 1) }
            defer { pthread_join(thread, nil) }
            return try waiting.ready(timeout: nil)
        }
        #expect(ready == [:])
    }

    @Test("a wake-up before the wait ends it at once, and only once", arguments: bothPollers)
    func earlyWakeUp(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        for _ in 0..<3 {
            eventfd_write(waiting.poller.wakeDescriptor, 1)
            eventfd_write(waiting.poller.wakeDescriptor, 1)
            // An hour tells a wait that was ended from one that wasn't, however slow the machine is.
            let early = try timed { _ = try waiting.ready(timeout: 3_600_000_000_000) }
            #expect(early < .seconds(1_800))
            let late = try timed { _ = try waiting.ready(timeout: 5_000_000) }
            #expect(late >= .milliseconds(5))
        }
    }

    @Test("a wait is never shorter than its timeout", arguments: bothPollers)
    func roundedUp(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        for timeout: Int64 in [1, 999_999, 1_000_000, 1_000_001, 2_500_000] {
            #expect(try timed { _ = try waiting.ready(timeout: timeout) } >= .nanoseconds(timeout))
        }
        // A deadline that has passed: it comes back, where the system would take -1 for ever.
        #expect(try waiting.ready(timeout: -1) == [:])
    }

    @Test("a timeout beyond the system call's int doesn't overflow", arguments: bothPollers)
    func distant(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pair = SocketPair()
        pair.send()
        try waiting.poller.add(pair.near, .read, token: 1)
        #expect(try waiting.ready(timeout: .max) == [1: .readable])
    }

    @Test("every ready descriptor of many is reported", arguments: bothPollers)
    func many(_ kind: PollerKind) throws {
        let waiting = try Waiting(kind)
        let pairs = (0..<300).map { _ in SocketPair() }
        for (token, pair) in pairs.enumerated() {
            pair.send()
            try waiting.poller.add(pair.near, .read, token: UInt64(token))
        }
        var seen: Set<UInt64> = []
        for _ in 0..<10 { seen.formUnion(try waiting.ready().keys) }
        #expect(seen.count == 300)
    }

    @Test("a signal ends a wait without an event or an error", arguments: bothPollers)
    func interrupted(_ kind: PollerKind) async throws {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGUSR1, &action, nil)
        let ready = try await onThread {
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGUSR1)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            let waiting = try Waiting(kind)
            let waiter = pthread_self()
            let isDone = Flag()
            // Again and again: one that comes before the wait is lost.
            let thread = try startThread {
                while !isDone.isSet {
                    pthread_kill(waiter, SIGUSR1)
                    usleep(1000)
                }
            }
            defer {
                isDone.set()
                pthread_join(thread, nil)
            }
            return try waiting.ready(timeout: nil)
        }
        #expect(ready == [:])
    }

    @Test("a poller's own descriptors are closed with it")
    func descriptorsClosed() async {
        await #expect(processExitsWith: .success) {
            for kind in bothPollers {
                let before = openDescriptors()
                for _ in 0..<100 { _ = try Waiting(kind) }
                // The testing library may have opened one or two of its own meanwhile.
                require("\(kind) leaves descriptors") { openDescriptors() < before + 10 }
            }
        }
    }

    private func timed(_ body: () throws -> Void) rethrows -> Duration {
        try ContinuousClock().measure(body)
    }
}
