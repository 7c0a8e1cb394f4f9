// Many jobs on one reactor, so many at once, in their order. Where they come from they may not all be there yet.

import Bowline
import Glibc

final class Batch<Job> {
    enum Next {
        case job(Job)
        /// There will be more; `run()` is to be called then.
        case later
        case end
    }

    private let limit: Int
    private let next: () -> Next
    private let start: (Job, @escaping () -> Void) -> Void
    private let finished: () -> Void
    private var running = 0
    private var isStarting = false
    private var isHalted = false
    private var isAtEnd = false

    /// - Parameters:
    ///   - next: gives the jobs, one after the other.
    ///   - start: begins a job; it calls the function that it is given once, when the job is over.
    ///   - finished: called when the last job is over.
    init(
        limit: Int, next: @escaping () -> Next, start: @escaping (Job, @escaping () -> Void) -> Void,
        finished: @escaping () -> Void
    ) {
        self.limit = limit
        self.next = next
        self.start = start
        self.finished = finished
    }

    /// Begins nothing more.
    func halt() { isHalted = true }

    /// Begins as many jobs as may run.
    func run() {
        // A job that is over at once is counted by the loop that began it, not by a deeper one.
        guard !isStarting else { return }
        isStarting = true
        begin()
        isStarting = false
        if running == 0, isAtEnd, !isHalted {
            isHalted = true
            finished()
        }
    }

    private func begin() {
        while running < limit, !isAtEnd, !isHalted {
            switch next() {
            case .job(let job):
                running += 1
                start(job) { [self] in
                    running -= 1
                    run()
                }
            case .later: return
            case .end: isAtEnd = true
            }
        }
    }
}

extension Batch {
    /// Runs what is there of jobs, and what comes, on a reactor until they are over, or a signal comes.
    ///
    /// - Parameter arrival: is given the function to call when there are more after a `later`.
    /// - Throws: what keeps the reactor from running.
    static func run(
        on reactor: Reactor, limit: Int, next: @escaping () -> Next, arrival: (@escaping () -> Void) -> Void = { _ in },
        start: @escaping (Job, @escaping () -> Void) -> Void
    ) throws {
        let batch = Batch(limit: limit, next: next, start: start) { reactor.stop() }
        arrival { batch.run() }
        reactor.addSystemEventTrigger(.before, .shutdown) { batch.halt() }
        // A terminal that is closed ends a command, unless it was begun with nohup; the reactor would reload names.
        let hangUp = signal(SIGHUP, SIG_DFL)
        signal(SIGHUP, hangUp)
        reactor.callWhenRunning {
            signal(SIGHUP, hangUp)
            batch.run()
        }
        try reactor.run(signals: true)
    }

    /// Runs jobs that are all there.
    ///
    /// - Returns: those that were not begun.
    static func run(
        _ jobs: [Job], on reactor: Reactor, limit: Int, start: @escaping (Job, @escaping () -> Void) -> Void
    ) throws -> ArraySlice<Job> {
        var rest = jobs[...]
        try run(on: reactor, limit: limit, next: { rest.popFirst().map(Next.job) ?? .end }, start: start)
        return rest
    }
}
