// Whether a server is worth asking first. A value; the server that owns it tells it what happened.

import BowlineReactor

struct ServerHealth {
    /// How long a server that has just been found failing is left in peace; twice as long each time it fails again.
    static let firstPause: Duration = .seconds(1)
    static let longestPause: Duration = .seconds(60)
    /// So many questions in a row that were refused, not answered or ended in an error make a server a failing one. One
    /// that isn't there at all, as ICMP says, is one at once.
    static let tolerance = 3

    /// Questions in a row that came to nothing.
    private(set) var failures = 0
    private var pauses = 0
    /// When it is to be asked again; nil while it is well.
    private(set) var retryTime: ReactorInstant?

    var isFailing: Bool { retryTime != nil }

    mutating func noteAnswer() {
        guard failures > 0 || retryTime != nil else { return }
        self = ServerHealth()
    }

    mutating func noteFailure(isGone: Bool, at now: ReactorInstant) {
        failures += 1
        if let retryTime {
            // What was already on its way when the pause began says nothing new.
            if now < retryTime { return }
        } else if !isGone, failures < Self.tolerance {
            return
        }
        pause(from: now)
    }

    /// Whether it is time to see whether it has recovered. Asked once for each time, it waits for the next afterwards.
    mutating func takeProbe(at now: ReactorInstant) -> Bool {
        guard let retryTime, now >= retryTime else { return false }
        pause(from: now)
        return true
    }

    private mutating func pause(from now: ReactorInstant) {
        // 2^6 first pauses are more than the longest.
        retryTime = now + min(Self.firstPause * (1 << min(pauses, 6)), Self.longestPause)
        pauses += 1
    }
}
