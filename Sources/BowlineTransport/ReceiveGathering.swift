// When a connection floods: the system wakes its reader for every segment, and where bytes arrive as fast as memory
// moves, most of the time of both ends goes into waking and being woken. Then the system is to gather some first
// (SO_RCVLOWAT), for a millisecond at the most. StreamConnection+Input.swift asks here, and does it.
//
// Rejected: the same with every large body. Where bytes come at the pace of a network, gathering them delays them and
// saves next to nothing.

import BowlineReactor

/// The decision, without a clock or a socket: whether what one connection receives is a flood. An object, since hardly any
/// connection ever has one.
final class ReceiveGathering {
    /// So much in one read makes a connection worth being watched for a flood.
    static let largeRead = 64 * 1024
    /// How much is gathered: what one read takes.
    static let mark = Reactor.receiveBufferSize
    /// How long nothing may have been read until what there is, is taken without waiting for more. What ends a flood, or
    /// interrupts it, is late by no more than two of these, and by what the loop is busy with when they are over.
    static let patience: Duration = .milliseconds(1)
    /// A flood is so much ...
    static let flood = 64 * 1024 * 1024
    /// ... within this time: 1 GiB/s or more. The two milliseconds by which its end may be late are then a thirty-second part
    /// of the time that it took, or less if it went on; at 4 GiB/s an eighth.
    static let window: Duration = .milliseconds(64)

    private let flood: Int
    private var windowStart = ReactorInstant(nanoseconds: 0)
    private var windowBytes = 0
    private var hasReceived = false
    private(set) var isOn = false
    /// The connection's, while it is on.
    var timer: DelayedCall?

    init(flood: Int = ReceiveGathering.flood) { self.flood = flood }

    /// Takes note of a read.
    ///
    /// - Returns: whether to begin gathering.
    func received(_ count: Int, at now: ReactorInstant) -> Bool {
        hasReceived = true
        if isOn { return false }
        if now - windowStart > Self.window {
            windowStart = now
            windowBytes = 0
        }
        windowBytes += count
        isOn = windowBytes >= flood
        return isOn
    }

    /// Asked every `patience` while gathering.
    ///
    /// - Returns: whether to end it, since nothing was read meanwhile.
    func isStill() -> Bool {
        defer { hasReceived = false }
        if hasReceived { return false }
        isOn = false
        windowBytes = 0
        return true
    }
}
