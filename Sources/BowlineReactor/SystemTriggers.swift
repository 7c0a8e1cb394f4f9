// What is to be called when a reactor starts and stops, in three phases each.

import BowlineDeferred

/// When a trigger runs, seen from the event.
///
/// ```swift
/// for phase in [SystemEventPhase.before, .during, .after] {
///     reactor.addSystemEventTrigger(phase, .startup) { print(phase, "startup") }
/// }
/// ```
public enum SystemEventPhase: Sendable, Hashable {
    case before, during, after
}

/// What triggers can wait for.
///
/// ```swift
/// reactor.addSystemEventTrigger(.during, .shutdown) { print("closing everything") }
/// ```
public enum SystemEvent: Sendable, Hashable {
    case startup, shutdown
}

/// Identifies a trigger, for taking it back.
///
/// ```swift
/// let trigger = reactor.addSystemEventTrigger(.after, .shutdown) { print("closed") }
/// print(reactor.removeSystemEventTrigger(trigger))    // true: it won't be called
/// ```
public struct SystemEventTrigger: Hashable, Sendable {
    let id: UInt64
}

/// Counts what is still waited for.
final class Countdown {
    var count = 0
}

struct SystemTriggers {
    private struct Entry {
        var id: UInt64
        var phase: SystemEventPhase
        var event: SystemEvent
        var function: () -> Deferred<Void>?
    }

    private var entries: [Entry] = []
    private var nextID: UInt64 = 0

    mutating func add(
        _ phase: SystemEventPhase, _ event: SystemEvent, _ function: @escaping () -> Deferred<Void>?
    ) -> SystemEventTrigger {
        nextID += 1
        entries.append(Entry(id: nextID, phase: phase, event: event, function: function))
        return SystemEventTrigger(id: nextID)
    }

    mutating func remove(_ trigger: SystemEventTrigger) -> Bool {
        guard let place = entries.firstIndex(where: { $0.id == trigger.id }) else { return false }
        entries.remove(at: place)
        return true
    }

    /// Takes out the first trigger of a phase.
    mutating func take(_ phase: SystemEventPhase, _ event: SystemEvent) -> (() -> Deferred<Void>?)? {
        guard let place = entries.firstIndex(where: { $0.phase == phase && $0.event == event }) else { return nil }
        return entries.remove(at: place).function
    }
}

extension Reactor {
    /// Runs the triggers of one phase, one at a time: each may add or remove others.
    func fire(_ phase: SystemEventPhase, _ event: SystemEvent) {
        while let entry = triggers.take(phase, event) { _ = entry() }
    }

    /// Runs the triggers before shutdown. The countdown reaches 0 when each Deferred that they gave has fired.
    func fireBeforeShutdown() -> Countdown {
        let waiting = Countdown()
        while let entry = triggers.take(.before, .shutdown) {
            guard let deferred = entry() else { continue }
            waiting.count += 1
            // Looks, and leaves a failure to be reported.
            deferred.onResult { _ in waiting.count -= 1 }
        }
        return waiting
    }
}
