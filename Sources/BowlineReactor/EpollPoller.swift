// epoll(7) behind the poller's contract: what every reactor on Linux runs on.
//
// Level-triggered: c-ares reads a TCP answer in two steps and would miss the second edge, and a protocol that reads
// once per event gets its next turn by itself. Only the eventfd is edge-triggered, which spares the read after a wake-up.

import CLinux
import Glibc

package final class EpollPoller: Poller {
    /// The token of the eventfd. No registration has it: tokens carry a descriptor in their lower half, never -1.
    private static let wakeToken = UInt64.max
    private static let initialBatch = 128
    private static let largestBatch = 4096

    private let epoll: Int32
    package let wakeDescriptor: Int32
    private var batch: UnsafeMutableBufferPointer<epoll_event>

    package init() throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError(errno, "epoll_create1") }
        do {
            wakeDescriptor = try makeWakeDescriptor()
        } catch {
            close(epoll)
            throw error
        }
        batch = .allocate(capacity: Self.initialBatch)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | EPOLLET.rawValue
        event.data.u64 = Self.wakeToken
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, wakeDescriptor, &event) == 0 else {
            throw SystemError(errno, "epoll_ctl")
        }
    }

    deinit {
        close(epoll)
        close(wakeDescriptor)
        batch.deallocate()
    }

    package func add(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        try control(EPOLL_CTL_ADD, descriptor, interest, token)
    }

    package func modify(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        try control(EPOLL_CTL_MOD, descriptor, interest, token)
    }

    package func remove(_ descriptor: Int32) {
        // Fails only if the owner closed the descriptor too early, in which case the kernel has forgotten it already.
        var event = epoll_event()
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    }

    package func wait(timeout: Int64?, into events: inout ContiguousArray<PollEvent>) throws(SystemError) {
        events.removeAll(keepingCapacity: true)
        let count = epoll_wait(epoll, batch.baseAddress, Int32(batch.count), millisecondsRoundedUp(timeout))
        guard count >= 0 else {
            if errno == EINTR { return }
            throw SystemError(errno, "epoll_wait")
        }
        for index in 0..<Int(count) {
            let event = batch[index]
            if event.data.u64 == Self.wakeToken { continue }
            events.append(PollEvent(token: event.data.u64, readiness: Readiness(epoll: event.events)))
        }
        if count == batch.count, batch.count < Self.largestBatch {
            let larger = batch.count * 2
            batch.deallocate()
            batch = .allocate(capacity: larger)
        }
    }

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ interest: Interest, _ token: UInt64
    ) throws(SystemError) {
        var event = epoll_event()
        event.events =
            (interest.contains(.read) ? EPOLLIN.rawValue : 0) | (interest.contains(.write) ? EPOLLOUT.rawValue : 0)
        event.data.u64 = token
        guard epoll_ctl(epoll, operation, descriptor, &event) == 0 else { throw SystemError(errno, "epoll_ctl") }
    }
}

@available(*, unavailable)
extension EpollPoller: Sendable {}

extension Readiness {
    fileprivate init(epoll events: UInt32) {
        var readiness: Readiness = []
        if events & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
        if events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
        if events & EPOLLERR.rawValue != 0 { readiness.insert(.error) }
        if events & EPOLLHUP.rawValue != 0 { readiness.insert(.hangup) }
        self = readiness
    }
}
