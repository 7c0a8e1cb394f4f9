// The pending timers of one clock: a 4-ary heap in which every entry knows its place.
//
// Setting and cancelling are O(log n), and usually O(1): a new timeout is nearly always later than the others, so it
// stays at the end, and that is where it is cancelled from. Rejected: a binary heap without places (cancelling becomes
// a search: 254 µs with a million pending), lazy cancellation (a connector cancels nearly all, so the heap fills with
// the dead), a timing wheel (exact order among close deadlines needs sorting all the same).

/// Orders the pending calls of a clock by deadline; those of the same deadline in the order they were made.
package final class TimerQueue {
    private struct Entry {
        var deadline: Int64
        var sequence: UInt64
        /// Retained by hand while it stands in the heap: moving entries about must not touch reference counts.
        var call: Unmanaged<DelayedCall>

        func precedes(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && sequence < other.sequence)
        }
    }

    private static let arity = 4

    /// Raw storage, since the dynamic exclusivity and uniqueness checks of an array property cost more here than the
    /// work itself. Only this class touches it, and every index is a position below `count`.
    @exclusivity(unchecked) private var entries: UnsafeMutablePointer<Entry>
    @exclusivity(unchecked) private var capacity: Int
    @exclusivity(unchecked) package private(set) var count = 0
    @exclusivity(unchecked) private var nextSequence: UInt64 = 0

    /// The clock's time, which `DelayedCall.reset` counts from.
    let now: () -> ReactorInstant

    package init(now: @escaping () -> ReactorInstant) {
        self.now = now
        capacity = 64
        entries = .allocate(capacity: capacity)
    }

    deinit {
        removeAll()
        entries.deallocate()
    }

    /// The earliest deadline, or nil if nothing is pending. Complexity: O(1).
    package var earliest: ReactorInstant? {
        count == 0 ? nil : ReactorInstant(nanoseconds: entries[0].deadline)
    }

    /// The calls that are pending, in no particular order. Complexity: O(n).
    package var pending: [DelayedCall] {
        (0..<count).map { entries[$0].call.takeUnretainedValue() }
    }

    /// Adds a call that is due at `deadline`. Complexity: O(log n).
    package func add(at deadline: ReactorInstant, _ function: @escaping () -> Void) -> DelayedCall {
        let call = DelayedCall(queue: self, deadline: deadline, function: function)
        if count == capacity { grow() }
        let entry = Entry(
            deadline: deadline.nanoseconds, sequence: takeSequence(), call: Unmanaged.passRetained(call))
        count += 1
        siftUp(entry, from: count - 1)
        return call
    }

    /// Runs the calls that are due at `now` and were there when this began; one that is added meanwhile waits for the
    /// next time, so that a timer that sets itself anew can't keep the loop from its sockets.
    package func runDue(at now: ReactorInstant) {
        let limit = nextSequence
        while count > 0, entries[0].deadline <= now.nanoseconds, entries[0].sequence < limit {
            let call = entries[0].call.takeUnretainedValue()
            let function = call.function
            call.function = nil
            remove(call)
            function?()
        }
    }

    /// Takes every call out without running it.
    package func removeAll() {
        while count > 0 {
            let call = entries[count - 1].call.takeUnretainedValue()
            remove(call)
            // Last: the closure may own whatever cancels this very call as it goes.
            call.function = nil
        }
    }

    func remove(_ call: DelayedCall) {
        let hole = call.position
        let reference = entries[hole].call
        count -= 1
        if hole != count { settle(entries[count], at: hole) }
        call.position = -1
        reference.release()
    }

    func move(_ call: DelayedCall, to deadline: ReactorInstant) {
        call.deadline = deadline
        var entry = entries[call.position]
        entry.deadline = deadline.nanoseconds
        entry.sequence = takeSequence()
        settle(entry, at: call.position)
    }

    private func takeSequence() -> UInt64 {
        defer { nextSequence += 1 }
        return nextSequence
    }

    /// Puts `entry` into the free place `index`, then up or down to where it belongs.
    private func settle(_ entry: Entry, at index: Int) {
        if index > 0, entry.precedes(entries[(index - 1) / Self.arity]) {
            siftUp(entry, from: index)
        } else {
            siftDown(entry, from: index)
        }
    }

    private func siftUp(_ entry: Entry, from start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / Self.arity
            guard entry.precedes(entries[parent]) else { break }
            place(entries[parent], at: index)
            index = parent
        }
        place(entry, at: index)
    }

    private func siftDown(_ entry: Entry, from start: Int) {
        var index = start
        while true {
            let firstChild = index * Self.arity + 1
            guard firstChild < count else { break }
            var least = firstChild
            for child in (firstChild + 1)..<max(firstChild + 1, min(firstChild + Self.arity, count))
            where entries[child].precedes(entries[least]) {
                least = child
            }
            guard entries[least].precedes(entry) else { break }
            place(entries[least], at: index)
            index = least
        }
        place(entry, at: index)
    }

    private func place(_ entry: Entry, at index: Int) {
        entries[index] = entry
        entry.call._withUnsafeGuaranteedRef { $0.position = index }
    }

    private func grow() {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: entries, count: count)
        entries.deallocate()
        entries = larger
        capacity *= 2
    }
}

@available(*, unavailable)
extension TimerQueue: Sendable {}
