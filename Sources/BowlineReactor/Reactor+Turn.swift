// One turn of the loop, read from top to bottom. "The reactor's scheduling derives from the readiness of descriptors,
// and from nothing else": there is no tick and no polling; an idle reactor sits in one system call for ever.

/// Something whose result is delivered in the phase for completed work: never inside the C library, or the call, that
/// completed it.
package protocol TurnDelivery: AnyObject {
    func deliver()
}

/// Something that was written to in this turn and sends all of it at the end, in one system call.
package protocol TurnFlush: AnyObject {
    func flush()
}

extension Reactor {
    /// Runs one turn.
    func turn() throws(SystemError) {
        turnCount &+= 1

        // 1. Wait: for a descriptor, the next timer, or another thread; not at all if work is queued.
        turnClock.release()
        try openPoller().wait(timeout: waitTime, into: &events)

        // 2. Read the clock, once.
        turnClock.advance()

        // 3. Dispatch readiness. An event for a registration that ended earlier in this batch finds no handler.
        for index in events.indices {
            let event = events[index]
            descriptors.handler(for: event.token)?.descriptorReady(event.readiness)
        }

        // 4. Run what other threads and Swift concurrency queued, as far as it was there when the phase began.
        if executor.runBatch(on: self).stopRequested { stopRequested = true }

        // 5. Run due timers; one that is added meanwhile waits for the next turn.
        timers.runDue(at: turnClock.now)

        // 6. Deliver completed work: name lookups, and outcomes that must not arrive inside the call that caused them.
        deliveries.run { $0.deliver() }

        // 7. Flush: every transport that was written to in this turn sends all of it in one system call.
        flushes.run { $0.flush() }
    }

    /// How long the wait may take, in nanoseconds: 0 if work is queued, nil for as long as it takes.
    private var waitTime: Int64? {
        if executor.hasReady || !deliveries.isEmpty || !flushes.isEmpty { return 0 }
        // The turns after a stop wait for what is to happen before everything is closed, like any others.
        if stopRequested, phase != .stopping { return 0 }
        guard let deadline = timers.earliest else { return nil }
        // Compared first: a deadline may lie so far back that the difference doesn't fit.
        let now = turnClock.now
        return deadline > now ? deadline.nanoseconds - now.nanoseconds : 0
    }

    /// Queues `work` for the delivery phase of this turn, or of the next if that phase has begun.
    package func deliverThisTurn(_ work: any TurnDelivery) {
        deliveries.append(work)
    }

    /// Queues `work` for the flush at the end of this turn. A transport asks once until it is flushed.
    package func flushThisTurn(_ work: any TurnFlush) {
        flushes.append(work)
    }
}
