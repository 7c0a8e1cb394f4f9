// The Sendable face of one reactor: where other threads put work, and the executor that Swift concurrency sees.
//
// It is both a SerialExecutor and a TaskExecutor, and jobs are run with `runSynchronously(isolatedTo:taskExecutor:)`:
// only so does an `await` resume on this thread with one job. With a serial executor alone every continuation resumes
// on the global pool first and hops back: 8.7 µs instead of 0.5.

import Glibc
import Synchronization

/// Runs the jobs of Swift concurrency on its reactor's thread. Made by the reactor, reached through its handle.
///
/// ```swift
/// let executor = reactor.handle.executor
/// Task(executorPreference: executor) {
///     print(executor.isCurrent)    // true, once the reactor runs
/// }
/// ```
public final class ReactorExecutor: SerialExecutor, TaskExecutor {
    /// Work for the reactor's thread. Unchecked because of `release`, and right because nobody touches that reference
    /// on the way: its sender has given it up, and the reactor's thread drops it.
    enum Entry: @unchecked Sendable {
        case job(UnownedJob)
        case call(@Sendable (Reactor) -> Void)
        /// A reference that only the reactor's thread may drop.
        case release(Unmanaged<AnyObject>)
    }

    /// What other threads left.
    private struct Inbox {
        var entries: ContiguousArray<Entry> = []
        var stopRequested = false
        /// The reactor is gone: nothing that comes now will ever run.
        var isClosed = false
        /// The poller's eventfd while there is one. It is written under the lock, so that it can't be closed, and its
        /// number taken by something else, between the look and the write.
        var wakeDescriptor: Int32 = -1
    }

    /// What one batch did.
    struct Batch {
        var isEmpty: Bool
        var stopRequested: Bool
    }

    private let inbox = Mutex(Inbox())

    /// pthread_self() of the thread inside `Reactor.run()`, 0 when none is.
    private let owner = Atomic<UInt>(0)

    // These three are unsafe to the compiler, and safe because every access stands behind `isCurrent` or is the loop's
    // own: one thread, the owner.

    /// What the reactor's own thread queued.
    nonisolated(unsafe) private var ready: ContiguousArray<Entry> = []
    /// Emptied storage of the last batch, used again by the next.
    nonisolated(unsafe) private var spare: ContiguousArray<Entry> = []
    /// How many jobs of Swift concurrency have run.
    nonisolated(unsafe) private(set) var jobCount = 0

    init() {}

    /// Whether the caller is on the reactor's thread, inside `run()`.
    public var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: what Swift concurrency calls

    /// Queues a job for the reactor's thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        post(.job(UnownedJob(job)))
    }

    /// This executor as an actor names it.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// This executor as a task's preference.
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    /// Whether the caller is on the reactor's thread.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Traps unless the caller is on the reactor's thread.
    public func checkIsolated() {
        // fatalError, here and below: a precondition's sentence is lost in release builds.
        if !isCurrent { fatalError("this code must run on its reactor's thread, and does not") }
    }

    // MARK: what any thread may do

    /// Queues something for the reactor's thread. There, it costs no lock; elsewhere, only the first of a burst pays
    /// for a wake-up.
    func post(_ entry: Entry) {
        if isCurrent {
            ready.append(entry)
            return
        }
        let isDropped = inbox.withLock { inbox in
            if inbox.isClosed { return true }
            inbox.entries.append(entry)
            if inbox.entries.count == 1 { Self.wake(inbox.wakeDescriptor) }
            return false
        }
        if isDropped { Self.drop(entry) }
    }

    func requestStop() {
        inbox.withLock { inbox in
            inbox.stopRequested = true
            Self.wake(inbox.wakeDescriptor)
        }
    }

    private static func wake(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    // MARK: what the loop does

    /// Makes the calling thread the reactor's; returns false if another one, or this one, is inside `run()` already.
    func claim() -> Bool {
        owner.compareExchange(expected: 0, desired: UInt(pthread_self()), ordering: .acquiringAndReleasing).exchanged
    }

    func release() {
        owner.store(0, ordering: .releasing)
    }

    /// Says which eventfd wakes the loop; -1 when there is none. What was queued before wakes it at once.
    func setWakeDescriptor(_ descriptor: Int32) {
        inbox.withLock { inbox in
            inbox.wakeDescriptor = descriptor
            if !inbox.entries.isEmpty || inbox.stopRequested { Self.wake(descriptor) }
        }
    }

    /// Whether something waits that no wake-up will announce.
    var hasReady: Bool { !ready.isEmpty }

    /// Runs one batch: what other threads queued and then what this one did, as far as it was there at the beginning.
    /// What is added meanwhile waits for the next turn, so that no task can starve the sockets.
    func runBatch(on reactor: Reactor) -> Batch {
        var posted = spare
        spare = []
        let stopRequested = inbox.withLock { inbox in
            swap(&inbox.entries, &posted)
            defer { inbox.stopRequested = false }
            return inbox.stopRequested
        }
        var own: ContiguousArray<Entry> = []
        swap(&ready, &own)
        let batch = Batch(isEmpty: posted.isEmpty && own.isEmpty, stopRequested: stopRequested)
        run(&posted, on: reactor)
        spare = posted
        run(&own, on: reactor)
        if ready.isEmpty { ready = own }
        return batch
    }

    /// Runs and removes `entries`, keeping their storage.
    private func run(_ entries: inout ContiguousArray<Entry>, on reactor: Reactor) {
        let serial = asUnownedSerialExecutor()
        let tasks = asUnownedTaskExecutor()
        for entry in entries {
            switch entry {
            case .job(let job):
                jobCount &+= 1
                job.runSynchronously(isolatedTo: serial, taskExecutor: tasks)
            case .call(let function): function(reactor)
            case .release(let reference): reference.release()
            }
        }
        entries.removeAll(keepingCapacity: true)
    }

    /// Drops what will never run, now or later: the reactor goes. Jobs can't be dropped; their tasks stay suspended.
    func close() {
        let entries = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.entries = [] }
            return inbox.entries
        }
        for entry in entries { Self.drop(entry) }
        for entry in ready { Self.drop(entry) }
        ready = []
    }

    private static func drop(_ entry: Entry) {
        if case .release(let reference) = entry { reference.release() }
    }
}
