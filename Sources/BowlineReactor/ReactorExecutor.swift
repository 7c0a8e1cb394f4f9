// The Sendable face of one reactor: where other threads put work, and the executor that Swift concurrency sees.
//
// It is both a SerialExecutor and a TaskExecutor, and jobs are run with `runSynchronously(isolatedTo:taskExecutor:)`:
// only so does an `await` resume on this thread with one job. With a serial executor alone every continuation resumes
// on the global pool first and hops back: 8.7 µs instead of 0.5.

import Glibc
import Synchronization

/// Runs the jobs of Swift concurrency on its reactor's thread. Made by the reactor, reached through its handle.
public final class ReactorExecutor: SerialExecutor, TaskExecutor {
    enum Entry {
        case job(UnownedJob)
        case call(@Sendable (Reactor) -> Void)
    }

    private struct Inbox {
        var entries: ContiguousArray<Entry> = []
        var stopRequested = false
        /// The poller's eventfd while there is one. It is written under the lock, so that it can't be closed, and its
        /// number taken by something else, between the look and the write.
        var wakeDescriptor: Int32 = -1
    }

    private let inbox = Mutex(Inbox())

    /// pthread_self() of the thread inside `Reactor.run()`, 0 when none is.
    private let owner = Atomic<UInt>(0)

    /// Jobs that the reactor's thread itself enqueued. Unsafe to the compiler, and safe because every access stands
    /// behind `isCurrent` or is the loop's own: one thread, the owner.
    nonisolated(unsafe) private var ready: ContiguousArray<UnownedJob> = []

    init() {}

    /// Whether the caller is on the reactor's thread, inside `run()`.
    public var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: what Swift concurrency calls

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.append(job)
        } else {
            post(.job(job))
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }
    public func checkIsolated() {
        precondition(isCurrent, "this code must run on its reactor's thread, and does not")
    }

    // MARK: what any thread may do

    /// Queues something for the reactor's thread. Only the first of a burst pays for a wake-up.
    func post(_ entry: Entry) {
        inbox.withLock { inbox in
            inbox.entries.append(entry)
            if inbox.entries.count == 1 { Self.wake(inbox.wakeDescriptor) }
        }
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

    var hasReadyJobs: Bool { !ready.isEmpty }

    /// Runs one batch: what other threads queued and the jobs of this one, as far as they were there at the beginning.
    /// What they add waits for the next turn, so that no task can starve the sockets.
    /// - Returns: how many there were, and whether another thread asked to stop.
    func runBatch(on reactor: Reactor) -> (count: Int, stopRequested: Bool) {
        var entries = spareEntries
        spareEntries = []
        let stopRequested = inbox.withLock { inbox in
            swap(&inbox.entries, &entries)
            defer { inbox.stopRequested = false }
            return inbox.stopRequested
        }
        var jobs = spareJobs
        spareJobs = []
        swap(&ready, &jobs)

        let serial = asUnownedSerialExecutor()
        let tasks = asUnownedTaskExecutor()
        for entry in entries {
            switch entry {
            case .job(let job): job.runSynchronously(isolatedTo: serial, taskExecutor: tasks)
            case .call(let function): function(reactor)
            }
        }
        for job in jobs { job.runSynchronously(isolatedTo: serial, taskExecutor: tasks) }

        let count = entries.count + jobs.count
        entries.removeAll(keepingCapacity: true)
        jobs.removeAll(keepingCapacity: true)
        spareEntries = entries
        spareJobs = jobs
        return (count, stopRequested)
    }

    /// Emptied arrays whose storage the next batch uses again. The loop's own, like `ready`.
    nonisolated(unsafe) private var spareEntries: ContiguousArray<Entry> = []
    nonisolated(unsafe) private var spareJobs: ContiguousArray<UnownedJob> = []
}

/// The isolation domain of one reactor. Each reactor has its own, so two reactors are two domains to the compiler.
actor ReactorContext {
    nonisolated let executor: ReactorExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ executor: ReactorExecutor) { self.executor = executor }

    func run(_ body: nonisolated(nonsending) @escaping () async -> Void) async { await body() }
}
