// The loop's owner: what a reactor consists of and how its life goes. One turn of it is in Reactor+Turn.swift.
//
// Everything here belongs to one thread, the one inside `run()`, and to nobody before that. The class is not Sendable,
// so the compiler keeps its objects together; other threads have the handle.

public import BowlineDeferred
import Glibc

/// Waits for descriptors, timers and other threads, and calls whoever is concerned: the loop at the end of every
/// connection.
///
/// ```swift
/// let reactor = Reactor()
/// reactor.callLater(.seconds(1)) {
///     print("a second later")
///     reactor.stop()
/// }
/// try reactor.run()
/// ```
/// There is no global reactor: make as many as there are threads to run them. A reactor that stopped may run again.
///
/// What is under way — a lookup, a connection, a page — keeps its reactor until it ends. One that isn't to be run after all
/// ends it as any other does, and is freed then: by `stop()` and `run()`, which returns at once.
///
/// Thread: all methods belong to the thread that is inside `run()` (before it, to the one that will call it). Other
/// threads use ``handle``.
public final class Reactor: ReactorClock {
    /// Where a reactor is in its life.
    enum Phase {
        /// Not inside `run()`.
        case idle
        /// "Before startup" triggers run.
        case starting
        case running
        /// "Before shutdown" triggers have run, and the loop goes on until what they wait for has come.
        case stopping
        /// The loop has ended, and everything that waits is told.
        case closing
    }

    /// How often whoever is told of the stop may begin something new that is told in turn.
    private static let closingRounds = 100

    let kind: PollerKind
    let executor = ReactorExecutor()
    let context: ReactorContext
    let timers: TimerQueue
    let turnClock = TurnClock()

    @exclusivity(unchecked) var phase = Phase.idle
    @exclusivity(unchecked) var stopRequested = false
    @exclusivity(unchecked) var poller: (any Poller)?
    @exclusivity(unchecked) var descriptors = DescriptorTable()
    @exclusivity(unchecked) var events: ContiguousArray<PollEvent> = []
    let deliveries = TurnQueue<any TurnDelivery>()
    let flushes = TurnQueue<any TurnFlush>()

    /// How many turns the loop has made since the reactor was made: what an idle reactor doesn't add to.
    @exclusivity(unchecked) package internal(set) var turnCount = 0
    /// Whether what waits before shutdown isn't waited for any more.
    @exclusivity(unchecked) private var isHurried = false

    /// How many jobs of Swift concurrency have run on this reactor's thread.
    package var jobCount: Int { executor.jobCount }

    @exclusivity(unchecked) @usableFromInline var slots = SlotTable()
    var triggers = SystemTriggers()
    var stopObservers = StopObservers()
    var foreign = ForeignDescriptors()
    let awaits = PendingAwaits()
    let threads = ThreadPool()

    /// The buffer that transports of this reactor lend to their protocols while they read: one for all, since only one
    /// of them is called at a time. Made when first asked for.
    package var receiveBuffer: UnsafeMutableRawBufferPointer {
        if let madeReceiveBuffer { return madeReceiveBuffer }
        let made = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.receiveBufferSize, alignment: 64)
        madeReceiveBuffer = made
        return made
    }
    @exclusivity(unchecked) private var madeReceiveBuffer: UnsafeMutableRawBufferPointer?
    /// Four times what loopback carries in a segment, and no more than the processor's second cache holds. Small reads
    /// touch the beginning only, so that the rest takes no memory.
    package static let receiveBufferSize = 256 * 1024

    /// Creates a reactor that waits with `poller`.
    public init(poller kind: PollerKind = .epoll) {
        self.kind = kind
        context = ReactorContext(executor)
        timers = TimerQueue(now: { [turnClock] in turnClock.now })
    }

    deinit {
        executor.close()
        madeReceiveBuffer?.deallocate()
    }

    // MARK: life

    /// Whether the loop runs: true from the "during startup" triggers until it has stopped.
    public var isRunning: Bool { phase == .running || phase == .stopping }

    /// Whether what is begun now would fail with `ReactorStopped`, since the reactor is closing everything.
    package var isClosing: Bool { phase == .closing }

    /// Runs the loop on the calling thread until `stop()`; returns when everything that waited has been told.
    ///
    /// What was set up before is carried out now. When `stop()` was called before, the startup triggers run and the
    /// reactor stops at once.
    /// - Parameter signals: handle SIGINT and SIGTERM by stopping and SIGHUP by reloading names, until this returns.
    ///   One reactor of a process at a time can. The second one to stop doesn't wait for shutdown triggers.
    /// - Throws: `ReactorError.alreadyRunning`, `.threadTaken` or `.signalsTaken`, or the `SystemError` of the poller.
    public func run(signals: Bool = false) throws {
        if let other = Self.current, other !== self { throw ReactorError.threadTaken }
        guard executor.claim() else { throw ReactorError.alreadyRunning }
        Self.setCurrent(self)
        defer {
            phase = .idle
            Self.setCurrent(nil)
            executor.release()
        }
        lastSignal = nil
        isHurried = false
        let relay = signals ? try SignalRelay(reactor: self) : nil
        defer { relay?.restore() }
        try openPoller()
        // What stops working in the middle is closed as if it had been asked to.
        defer { closeEverything() }

        // Starting is like a turn: what it sets up counts from one moment, and reads the clock once.
        turnClock.advance()
        phase = .starting
        fire(.before, .startup)
        threads.open()
        phase = .running
        fire(.during, .startup)
        fire(.after, .startup)
        while !stopRequested { try turn() }
        phase = .stopping
        let waiting = fireBeforeShutdown()
        while waiting.count > 0, !isHurried { try turn() }
    }

    /// Asks the loop to stop after the present turn: triggers run, whatever waits fails with `ReactorStopped`, every
    /// connection is closed, `run()` returns. Never throws; before `run()` it is remembered; twice is once.
    public func stop() {
        stopRequested = true
    }

    /// A signal asks the loop to stop. A second one ends the wait for what was to happen before that: whoever has to press
    /// Ctrl-C again has waited long enough.
    func stop(by signal: Int32) {
        lastSignal = signal
        if phase == .stopping { isHurried = true }
        stop()
    }

    private func closeEverything() {
        phase = .closing
        fire(.during, .shutdown)
        threads.close()
        // The results of work that was waited for.
        _ = executor.runBatch(on: self)
        // Whoever is told may begin something new, which is told in the next round. A program that always does is
        // cut off.
        for _ in 0..<Self.closingRounds {
            tellEverybody()
            if executor.runBatch(on: self).isEmpty, isQuiet { break }
            deliveries.run { $0.deliver() }
            flushes.run { $0.flush() }
        }
        fire(.after, .shutdown)
        _ = executor.runBatch(on: self)

        timers.removeAll()
        descriptors = DescriptorTable()
        foreign = ForeignDescriptors()
        executor.setWakeDescriptor(-1)
        poller = nil
        stopRequested = false
        turnClock.release()
    }

    private func tellEverybody() {
        for holder in slots.lastFirst { holder.tellStopped() }
        for descriptor in descriptors.descriptors {
            guard let handler = descriptors.handler(at: descriptor) else { continue }
            deregister(descriptor)
            handler.reactorStopped()
        }
        tellStopObservers()
        threads.failWaiting()
        awaits.failAll()
        timers.removeAll()
    }

    /// Whether nobody is left to be told.
    private var isQuiet: Bool {
        deliveries.isEmpty && flushes.isEmpty && descriptors.count == 0 && timers.count == 0 && stopObservers.isEmpty
    }

    /// The poller, opened when the first descriptor is registered or the loop begins. It is closed when the loop ends,
    /// so that a stopped reactor holds no descriptor.
    @discardableResult
    func openPoller() throws(SystemError) -> any Poller {
        if let poller { return poller }
        let opened = try kind.make()
        executor.setWakeDescriptor(opened.wakeDescriptor)
        poller = opened
        return opened
    }

    /// The signal that stopped the last run, if one did: SIGINT or SIGTERM.
    public internal(set) var lastSignal: Int32?

    // MARK: doors

    /// What other threads use to reach this reactor.
    public var handle: ReactorHandle { ReactorHandle(executor: executor) }

    /// Makes a Sendable ticket for an object of this reactor, for use with `ReactorHandle.call(_:_:)`.
    public func bind<Object>(_ object: Object) -> Bound<Object> {
        Bound(object, executor: executor)
    }

    /// Queues `function` as `ReactorHandle.callFromThread` does. Thread: the reactor's; others have the handle.
    public func callFromThread(_ function: @escaping @Sendable (Reactor) -> Void) {
        handle.callFromThread(function)
    }

    /// The value that this reactor carries for the module that defines `slot`; made when first asked for.
    @inlinable
    public subscript<Slot: ReactorSlot>(slot: Slot.Type) -> Slot.Value {
        get {
            if let value = slots.value(of: slot) { return value }
            let value = slot.makeDefault(for: self)
            slots.set(value, of: slot)
            return value
        }
        set { slots.set(newValue, of: slot) }
    }

    /// Tells every slot to read its configuration anew, as SIGHUP does.
    public func reload() {
        for holder in slots.lastFirst { holder.tellReload() }
    }

    // MARK: time

    /// The time of the present turn, or of this moment when the loop isn't in one.
    public var now: ReactorInstant { turnClock.now }

    /// Calls `function` once, `delay` from the time of this turn, in a turn of its own.
    ///
    /// A negative delay counts as zero. Calls that are due together run in the order in which they were made.
    /// - Returns: What cancels or moves the call.
    /// - Complexity: O(log *n*) in the number of pending calls; O(1) if it is due after all others.
    @discardableResult
    public func callLater(_ delay: Duration, _ function: @escaping () -> Void) -> DelayedCall {
        timers.add(at: turnClock.now + max(delay, .zero), function)
    }

    /// The calls that are still to come, in no particular order. Complexity: O(n).
    public var delayedCalls: [DelayedCall] { timers.pending }

    // MARK: system events

    /// Calls `function` when the loop runs: now if it does, else when it has started, in the order of asking.
    public func callWhenRunning(_ function: @escaping () -> Void) {
        if isRunning { function() } else { _ = addSystemEventTrigger(.after, .startup, function) }
    }

    /// Adds something to be called once at the next start or stop. Triggers of one phase run in the order of adding.
    /// - Returns: what `removeSystemEventTrigger(_:)` takes.
    @discardableResult
    public func addSystemEventTrigger(
        _ phase: SystemEventPhase, _ event: SystemEvent, _ function: @escaping () -> Void
    ) -> SystemEventTrigger {
        triggers.add(phase, event) {
            function()
            return nil
        }
    }

    /// Adds something to be called before the reactor stops, and to be waited for: nothing is closed until the Deferred
    /// of every such trigger has fired. A failure doesn't keep the reactor, and is reported by `UnhandledFailures`.
    @discardableResult
    public func addShutdownTrigger(
        waitingFor function: @escaping () -> Deferred<Void>
    ) -> SystemEventTrigger {
        triggers.add(.before, .shutdown, function)
    }

    /// Takes a trigger back. Returns false if it has run or was removed.
    @discardableResult
    public func removeSystemEventTrigger(_ trigger: SystemEventTrigger) -> Bool {
        triggers.remove(trigger)
    }
}

@available(
    *, unavailable,
    message: "a reactor stays on the thread that made it: send its handle elsewhere, and come back with callFromThread"
)
extension Reactor: Sendable {}
