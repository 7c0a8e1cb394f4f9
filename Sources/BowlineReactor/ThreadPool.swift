// Threads for work that blocks: reading files, a database, a C library without an event loop. Never for names.
//
// Threads are started when there is work and none is idle, up to a bound, and end with the reactor's run. Results come
// back through the reactor's handle, so nothing of the reactor is ever touched from here.

import Glibc
import Synchronization

/// A bounded pool of threads that belongs to one reactor.
final class ThreadPool {
    static let defaultLimit = 8

    /// Work on its way to a thread. Unchecked, and right because the closure is handed over whole: it was `sending`,
    /// nobody keeps it, and exactly one thread takes it out of the queue.
    struct Job: @unchecked Sendable {
        var run: () -> Void
        /// Called on the reactor's thread instead of `run`, when the reactor stops first.
        var abandon: () -> Void
    }

    /// What the pool's threads share.
    final class Shared: Sendable {
        struct State {
            var queue: [Job] = []
            var threads = 0
            var idle = 0
            var closing = false
        }

        let state = Mutex(State())
        /// Counts jobs and stop requests: a thread waits on it, so that no condition variable is needed.
        let semaphore = Semaphore()
        let ended = Semaphore()
    }

    private var shared = Shared()
    var limit = ThreadPool.defaultLimit

    /// Queues a job, and starts a thread for it if none is idle and the limit allows.
    func submit(_ job: Job) {
        let shared = self.shared
        let mustStart = shared.state.withLock { state in
            state.queue.append(job)
            guard state.idle < state.queue.count, state.threads < limit else { return false }
            state.threads += 1
            return true
        }
        if mustStart { startThread { Self.work(shared) } }
        shared.semaphore.signal()
    }

    /// Ends the threads: jobs that didn't begin are abandoned, the running ones are waited for.
    func stop() {
        let (abandoned, threads) = shared.state.withLock { state in
            defer {
                state.queue = []
                state.closing = true
            }
            return (state.queue, state.threads)
        }
        for _ in 0..<threads { shared.semaphore.signal() }
        for _ in 0..<threads { shared.ended.wait() }
        shared = Shared()
        for job in abandoned { job.abandon() }
    }

    private static func work(_ shared: Shared) {
        while true {
            shared.state.withLock { $0.idle += 1 }
            shared.semaphore.wait()
            let (job, closing) = shared.state.withLock { state in
                state.idle -= 1
                return (state.queue.isEmpty ? nil : state.queue.removeFirst(), state.closing)
            }
            if let job { job.run() } else if closing { break }
        }
        shared.ended.signal()
    }
}

@available(*, unavailable)
extension ThreadPool: Sendable {}

/// sem_t(7) with an address of its own.
final class Semaphore: Sendable {
    /// Unsafe to the compiler, and safe because sem_post and sem_wait are the synchronisation: POSIX makes both safe
    /// from any thread, and the memory lives as long as this object.
    nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0, errno == EINTR {}
    }
}

/// Starts a detached thread with all signals blocked, so that those of the process reach the threads that expect them.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var blocked = sigset_t()
    var previous = sigset_t()
    sigfillset(&blocked)
    pthread_sigmask(SIG_SETMASK, &blocked, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }

    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(body)).toOpaque()
    let status = pthread_create(&thread, nil, { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
    }, argument)
    precondition(status == 0, "a thread could not be started: \(SystemError.text(of: status))")
    pthread_detach(thread)
}
