// Threads for work that blocks: reading files, a database, a C library without an event loop. Never for names.
//
// Threads are started while the reactor runs, when there is work and none is idle, up to a bound, and are joined before
// the run ends. They never see anything of the reactor: a job has a number, and the Deferred of that number waits here,
// on the reactor's thread, until the result comes back through the handle.

import BowlineDeferred
import Glibc
import Synchronization

/// A bounded pool of threads that belongs to one reactor.
final class ThreadPool {
    /// A hung file server must not hang everything else, and a crowd of threads helps no disk.
    static let defaultLimit = 8

    /// Work on its way to a thread. Unchecked, and right because the closure is handed over whole: it was `sending`,
    /// nobody keeps it, and exactly one thread takes it out of the queue.
    private struct Job: @unchecked Sendable {
        var number: UInt64
        var run: () -> Void
    }

    /// What the pool's threads share. Each semaphore count is a job that was queued or a thread that is to end.
    private final class Shared: Sendable {
        struct State {
            var queue = JobQueue()
            /// Threads that have no job, or not yet.
            var idle = 0
            var isClosing = false
        }

        enum Order {
            case run(Job)
            case end
            /// The job was taken back.
            case nothing
        }

        let state = Mutex(State())
        let semaphore = Semaphore()

        func nextOrder() -> Order {
            semaphore.wait()
            return state.withLock { state in
                guard let job = state.queue.popFirst() else { return state.isClosing ? .end : .nothing }
                state.idle -= 1
                return .run(job)
            }
        }
    }

    /// Jobs first in, first out. An array with a head, since it is nearly always empty.
    private struct JobQueue {
        private var jobs: [Job] = []
        private var head = 0

        var count: Int { jobs.count - head }

        mutating func append(_ job: Job) { jobs.append(job) }

        mutating func popFirst() -> Job? {
            guard head < jobs.count else { return nil }
            let job = jobs[head]
            jobs[head].run = {}
            head += 1
            if head == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 64, head * 2 >= jobs.count {
                jobs.removeFirst(head)
                head = 0
            }
            return job
        }

        /// Takes a job out, for the caller to let go of: what it captured may come back here as it goes.
        mutating func remove(_ number: UInt64) -> Job? {
            guard let place = jobs[head...].firstIndex(where: { $0.number == number }) else { return nil }
            return jobs.remove(at: place)
        }

        /// Takes all out, for the caller to let go of.
        mutating func removeAll() -> [Job] {
            defer {
                jobs = []
                head = 0
            }
            return jobs
        }
    }

    /// Who waits for a job's result.
    private struct Waiting {
        var deferred: AnyObject
        var fail: (any Error) -> Void
    }

    private var shared = Shared()
    private var threads: [pthread_t] = []
    private var isOpen = false
    private var waiting: [UInt64: Waiting] = [:]
    private var nextNumber: UInt64 = 0

    var limit = ThreadPool.defaultLimit {
        didSet { grow() }
    }

    /// Queues `work`, for which `deferred` waits, and returns its number.
    func submit<Value>(
        _ deferred: Deferred<Value>, _ work: @escaping (_ number: UInt64) -> Void
    ) -> UInt64 {
        nextNumber += 1
        let number = nextNumber
        waiting[number] = Waiting(deferred: deferred, fail: { deferred.errback($0) })
        let job = Job(number: number, run: { work(number) })
        shared.state.withLock { $0.queue.append(job) }
        grow()
        shared.semaphore.signal()
        return number
    }

    /// Takes out the Deferred that waits for a job; nil if it has given up.
    func finish<Value>(_ number: UInt64, as type: Deferred<Value>.Type) -> Deferred<Value>? {
        // A number's Deferred has the type with which `submit` was called.
        waiting.removeValue(forKey: number).map { unsafeDowncast($0.deferred, to: type) }
    }

    /// Forgets a job, and takes it back if it hasn't begun.
    func giveUp(_ number: UInt64) {
        waiting[number] = nil
        // Let go of outside of the lock, and so for the other two.
        _ = shared.state.withLock { $0.queue.remove(number) }
    }

    /// Begins to start threads: for what was queued before, and for what comes.
    func open() {
        isOpen = true
        grow()
    }

    /// Ends the threads: jobs that didn't begin are dropped, the running ones are waited for.
    func close() {
        isOpen = false
        _ = shared.state.withLock { state in
            state.isClosing = true
            return state.queue.removeAll()
        }
        for _ in threads { shared.semaphore.signal() }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        shared = Shared()
    }

    /// Fails everybody who still waits, in the order in which they came.
    func failWaiting() {
        for number in waiting.keys.sorted() { waiting.removeValue(forKey: number)?.fail(ReactorStopped()) }
    }

    /// Starts as many threads as there are jobs without one, within the limit.
    private func grow() {
        while isOpen, threads.count < limit {
            let isNeeded = shared.state.withLock { state in
                guard state.idle < state.queue.count else { return false }
                state.idle += 1
                return true
            }
            guard isNeeded else { return }
            do {
                threads.append(try startThread { [shared] in Self.work(shared) })
            } catch {
                shared.state.withLock { $0.idle -= 1 }
                // Those that there are do the work. Without any, it would never be done.
                if threads.isEmpty { dropQueue(error) }
                return
            }
        }
    }

    private func dropQueue(_ error: SystemError) {
        _ = shared.state.withLock { $0.queue.removeAll() }
        for number in waiting.keys.sorted() { waiting.removeValue(forKey: number)?.fail(error) }
    }

    private static func work(_ shared: Shared) {
        while true {
            switch shared.nextOrder() {
            case .run(let job):
                job.run()
                shared.state.withLock { $0.idle += 1 }
            case .nothing: continue
            case .end: return
            }
        }
    }
}

@available(*, unavailable)
extension ThreadPool: Sendable {}
