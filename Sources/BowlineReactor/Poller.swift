// The contract between the loop and the kernel's readiness interfaces: five functions. epoll is what runs; poll(2) is
// there to keep the contract honest, and for kernels and sandboxes without epoll. A kqueue poller fits behind it too.

import CLinux
import Glibc

/// Says which readiness of a descriptor somebody waits for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let read = Interest(rawValue: 1)
    package static let write = Interest(rawValue: 2)
}

/// Says what the kernel reported of a descriptor. Errors and hang-ups are reported whatever the interest.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: 1)
    package static let writable = Readiness(rawValue: 2)
    /// An error is pending on the descriptor (EPOLLERR).
    package static let error = Readiness(rawValue: 4)
    /// Both directions are closed (EPOLLHUP).
    package static let hangup = Readiness(rawValue: 8)
    /// The descriptor was closed without being removed (POLLNVAL; epoll forgets such a one silently).
    package static let invalid = Readiness(rawValue: 16)

    // What is asked of every event, on the bits: `contains` and `isDisjoint` of a literal go through the standard library's
    // generic sets, unspecialised, and were 5 % of an echo server's time.

    package var isReadable: Bool { rawValue & 1 != 0 }
    package var isWritable: Bool { rawValue & 2 != 0 }
    /// An error or a hang-up.
    package var isTroubled: Bool { rawValue & (4 | 8) != 0 }
}

/// One report of the kernel: the token under which the descriptor was added, and what it is ready for.
package struct PollEvent: Sendable {
    package var token: UInt64
    package var readiness: Readiness
}

/// Waits for readiness of many descriptors, level-triggered. Used by the loop only, on its thread, but for the waker.
package protocol Poller: AnyObject {
    /// Watches `descriptor`; each event about it carries `token`. An empty interest still reports errors and hang-ups.
    func add(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError)

    /// Changes what is waited for on a descriptor that was added.
    func modify(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(SystemError)

    /// Forgets `descriptor`. It must still be open: the kernel finds the registration by it.
    func remove(_ descriptor: Int32)

    /// Waits until something is ready, `timeout` nanoseconds have passed (nil: for ever) or the waker was used, and
    /// puts what happened into `events`, in place of what was there. A timeout is rounded up, so that no caller spins.
    func wait(timeout: Int64?, into events: inout ContiguousArray<PollEvent>) throws(SystemError)

    /// The descriptor of an eventfd: eight bytes written to it, from any thread, end a wait.
    var wakeDescriptor: Int32 { get }
}

/// The implementations of `Poller`.
///
/// ```swift
/// for kind in PollerKind.allCases {
///     let reactor = Reactor(poller: kind)
///     reactor.callLater(.milliseconds(1)) { reactor.stop() }
///     try reactor.run()
/// }
/// ```
public enum PollerKind: Sendable, CaseIterable {
    /// epoll(7): cost in the number of ready descriptors.
    case epoll
    /// poll(2): cost in the number of watched descriptors.
    case poll

    func make() throws(SystemError) -> any Poller {
        switch self {
        case .epoll: try EpollPoller()
        case .poll: try PollPoller()
        }
    }
}

/// Rounds a wait up to the milliseconds of epoll_wait and poll, and down to what their int holds: a loop that wakes
/// before its timer would spin, and one with a far timer just waits again.
func millisecondsRoundedUp(_ nanoseconds: Int64?) -> Int32 {
    guard let nanoseconds else { return -1 }
    guard nanoseconds > 0 else { return 0 }
    return Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1))
}

/// Makes the eventfd that wakes a poller.
func makeWakeDescriptor() throws(SystemError) -> Int32 {
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard descriptor >= 0 else { throw SystemError(errno, "eventfd") }
    return descriptor
}
