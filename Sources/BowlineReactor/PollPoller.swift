// poll(2) behind the poller's contract: slower with many descriptors, and there wherever a kernel is.

import CLinux
import Glibc

package final class PollPoller: Poller {
    package let wakeDescriptor: Int32
    /// The first entry is the eventfd; `tokens` runs beside it, `places` finds a descriptor's entry.
    private var watched: ContiguousArray<pollfd> = []
    private var tokens: ContiguousArray<UInt64> = []
    private var places: [Int32: Int] = [:]

    package init() throws(SystemError) {
        wakeDescriptor = try makeWakeDescriptor()
        watched.append(pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0))
        tokens.append(0)
    }

    deinit {
        close(wakeDescriptor)
    }

    package func add(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        // What epoll_ctl(2) would say.
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError(errno, "fstat") }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFREG, kind != S_IFDIR else { throw SystemError(EPERM, "poll") }
        guard places[descriptor] == nil else { throw SystemError(EEXIST, "poll") }
        places[descriptor] = watched.count
        watched.append(pollfd(fd: descriptor, events: interest.pollEvents, revents: 0))
        tokens.append(token)
    }

    package func modify(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        guard let place = places[descriptor] else { throw SystemError(ENOENT, "poll") }
        watched[place].events = interest.pollEvents
        tokens[place] = token
    }

    package func remove(_ descriptor: Int32) {
        guard let place = places.removeValue(forKey: descriptor) else { return }
        let last = watched.count - 1
        if place != last {
            watched[place] = watched[last]
            tokens[place] = tokens[last]
            places[watched[place].fd] = place
        }
        watched.removeLast()
        tokens.removeLast()
    }

    package func wait(timeout: Int64?, into events: inout ContiguousArray<PollEvent>) throws(SystemError) {
        events.removeAll(keepingCapacity: true)
        let count = watched.withUnsafeMutableBufferPointer {
            Glibc.poll($0.baseAddress, nfds_t($0.count), millisecondsRoundedUp(timeout))
        }
        guard count >= 0 else {
            if errno == EINTR { return }
            throw SystemError(errno, "poll")
        }
        if watched[0].revents != 0 {
            var counter: UInt64 = 0
            _ = read(wakeDescriptor, &counter, 8)
        }
        for index in 1..<watched.count where watched[index].revents != 0 {
            events.append(PollEvent(token: tokens[index], readiness: Readiness(poll: watched[index].revents)))
        }
    }
}

@available(*, unavailable)
extension PollPoller: Sendable {}

extension Interest {
    fileprivate var pollEvents: Int16 {
        (contains(.read) ? Int16(POLLIN) : 0) | (contains(.write) ? Int16(POLLOUT) : 0)
    }
}

extension Readiness {
    fileprivate init(poll events: Int16) {
        var readiness: Readiness = []
        if events & Int16(POLLIN) != 0 { readiness.insert(.readable) }
        if events & Int16(POLLOUT) != 0 { readiness.insert(.writable) }
        if events & (Int16(POLLERR) | Int16(POLLNVAL)) != 0 { readiness.insert(.error) }
        if events & Int16(POLLNVAL) != 0 { readiness.insert(.invalid) }
        if events & Int16(POLLHUP) != 0 { readiness.insert(.hangup) }
        self = readiness
    }
}
