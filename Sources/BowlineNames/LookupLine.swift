// The lookups that wait, in the order of their deadlines, with one timer for all of them: thousands are in flight at once,
// nearly all with the same patience, and nearly none ever uses it up. So nearly every one enters at the end, and leaves from
// wherever it stands: a list linked through the lookups themselves. One with less patience than those before it stands in a
// second line, sorted, where it stays after it has ended until it comes to the head, or until there are more such than others.

import BowlineReactor
import DequeModule

final class LookupLine {
    /// So many that have ended don't matter.
    private static let tolerance = 64

    let clock: any ReactorClock
    private unowned let owner: AnyObject
    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    // The list owns each lookup in it: `link` retains it, and the one way out, `unlink`, releases it. As a lookup owns its
    // line, there is none in it when it goes.
    @exclusivity(unchecked) private var head: Unmanaged<Lookup>?
    @exclusivity(unchecked) private var tail: Unmanaged<Lookup>?
    /// Those that had less patience than others before them.
    @exclusivity(unchecked) private var impatient: Deque<Lookup> = []
    @exclusivity(unchecked) private var impatientCount = 0
    /// How many wait, in both.
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
    /// - Complexity: O(1) if no other waits longer, else O(n) in those that had less patience than others.
    func enter(_ lookup: Lookup) {
        if waiting == 0 { keeper = owner }
        waiting += 1
        lookup.isWaiting = true
        if comesLast(lookup.deadline) {
            link(lookup)
        } else {
            lookup.isImpatient = true
            impatientCount += 1
            impatient.insert(lookup, at: place(before: lookup.deadline))
        }
        if timer == nil || lookup.deadline < timerDue { arm(at: lookup.deadline) }
    }

    /// Lets go of a lookup that waits no longer; nothing if it doesn't stand here.
    func leave(_ lookup: Lookup) {
        guard lookup.isWaiting else { return }
        lookup.isWaiting = false
        waiting -= 1
        if lookup.isImpatient {
            impatientCount -= 1
            dropEnded()
        } else {
            unlink(lookup)
        }
        if waiting == 0 { rest() }
    }

    /// Lets go of all, and returns those that wait, in the order of their deadlines.
    func removeAll() -> [Lookup] {
        var lookups: [Lookup] = []
        while let first {
            lookups.append(first)
            leave(first)
        }
        return lookups
    }

    private func rest() {
        timer?.cancel()
        timer = nil
        keeper = nil
    }

    /// Whether one with a deadline comes after all others, and of those in the second line not even together with one.
    private func comesLast(_ deadline: ReactorInstant) -> Bool {
        if let tail, deadline < tail._withUnsafeGuaranteedRef(\.deadline) { return false }
        guard let last = impatient.last else { return true }
        return last.deadline < deadline
    }

    // MARK: the list

    private func link(_ lookup: Lookup) {
        let reference = Unmanaged.passRetained(lookup)
        lookup.previous = tail
        lookup.next = nil
        if let tail { tail._withUnsafeGuaranteedRef { $0.next = reference } } else { head = reference }
        tail = reference
    }

    private func unlink(_ lookup: Lookup) {
        let before = lookup.previous
        let after = lookup.next
        if let before { before._withUnsafeGuaranteedRef { $0.next = after } } else { head = after }
        if let after { after._withUnsafeGuaranteedRef { $0.previous = before } } else { tail = before }
        lookup.previous = nil
        lookup.next = nil
        Unmanaged.passUnretained(lookup).release()
    }

    // MARK: those that had less patience

    /// Where one with a deadline goes: behind those with the same, so that they end in the order in which they began.
    private func place(before deadline: ReactorInstant) -> Int {
        var range = 0..<impatient.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range =
                impatient[middle].deadline <= deadline
                ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    private func dropEnded() {
        while let first = impatient.first, !first.isWaiting { impatient.removeFirst() }
        if impatient.count > 2 * impatientCount + Self.tolerance { impatient = Deque(impatient.filter(\.isWaiting)) }
    }

    // MARK: time

    /// Whose deadline comes first, of both lines. Of two with the same, the one in the list came first: see `comesLast`.
    private var first: Lookup? {
        guard let other = impatient.first else { return head?.takeUnretainedValue() }
        guard let head = head?.takeUnretainedValue() else { return other }
        return head.deadline <= other.deadline ? head : other
    }

    /// Sees to it that the first is told in time. That another has become the first is seen when the timer is due.
    private func arm(at deadline: ReactorInstant) {
        timer?.cancel()
        timerDue = deadline
        timer = clock.callLater(deadline - clock.now) { [self] in
            timer = nil
            tellLate()
        }
    }

    private func tellLate() {
        // Whoever is told leaves, and may end others.
        while let first, first.deadline <= clock.now { first.timeOut() }
        if let first, timer == nil || first.deadline < timerDue { arm(at: first.deadline) }
    }
}

@available(*, unavailable)
extension LookupLine: Sendable {}
