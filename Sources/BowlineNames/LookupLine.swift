// The lookups that wait, in the order of their deadlines, with one timer for all of them: thousands are in flight at once,
// nearly all with the same patience, and nearly none ever uses it up. One that ends stays in the line until it comes to its
// head, or until the line has more such than others.

import BowlineReactor
import DequeModule

final class LookupLine {
    /// So many that have ended don't matter.
    private static let tolerance = 64

    let clock: any ReactorClock
    private unowned let owner: AnyObject
    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var line: Deque<Lookup> = []
    /// How many in the line haven't ended.
    @exclusivity(unchecked) private var waiting = 0
    @exclusivity(unchecked) private var timer: DelayedCall?
    /// When the timer is due.
    @exclusivity(unchecked) private var timerDue = ReactorInstant.distantFuture
    /// The owner, as long as a lookup waits.
    @exclusivity(unchecked) private var keeper: AnyObject?

    /// - Parameter owner: whose lookups these are: it lives until the last of them has ended.
    init(of owner: AnyObject, clock: any ReactorClock) {
        self.owner = owner
        self.clock = clock
    }

    /// Takes in a lookup that begins to wait; it is told when its deadline has come.
    /// - Complexity: O(1) if no other waits longer, else O(n).
    func enter(_ lookup: Lookup) {
        if waiting == 0 { keeper = owner }
        waiting += 1
        if let last = line.last, lookup.deadline < last.deadline {
            line.insert(lookup, at: place(before: lookup.deadline))
        } else {
            line.append(lookup)
        }
        arm()
    }

    /// Lets go of a lookup that waits no longer.
    func leave(_ lookup: Lookup) {
        waiting -= 1
        if waiting == 0 {
            timer?.cancel()
            timer = nil
            line.removeAll(keepingCapacity: true)
            keeper = nil
            return
        }
        while let first = line.first, !first.isWaiting { line.removeFirst() }
        if line.count > 2 * waiting + Self.tolerance { line = Deque(line.filter(\.isWaiting)) }
    }

    /// Lets go of all, and returns those that wait.
    func removeAll() -> [Lookup] {
        let lookups = Array(line.filter(\.isWaiting))
        timer?.cancel()
        timer = nil
        line = []
        waiting = 0
        keeper = nil
        return lookups
    }

    /// Where one with a deadline goes: behind those with the same, so that they end in the order in which they began.
    private func place(before deadline: ReactorInstant) -> Int {
        var range = 0..<line.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = line[middle].deadline <= deadline ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    /// Sees to it that the first is told in time. That another has become the first is seen when the timer is due.
    private func arm() {
        guard let deadline = line.first?.deadline else { return }
        if timer != nil, timerDue <= deadline { return }
        timer?.cancel()
        timerDue = deadline
        timer = clock.callLater(deadline - clock.now) { [self] in
            timer = nil
            tellLate()
        }
    }

    private func tellLate() {
        while let first = line.first, !first.isWaiting || first.deadline <= clock.now {
            // Whoever is told may end others, and the line with them.
            if first.isWaiting { first.timeOut() } else { line.removeFirst() }
        }
        arm()
    }
}

@available(*, unavailable)
extension LookupLine: Sendable {}
