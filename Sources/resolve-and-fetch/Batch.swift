// Many jobs on one reactor, so many at once, in their order.

import Bowline

final class Batch {
    private let count: Int
    private let limit: Int
    private let start: (Int, @escaping () -> Void) -> Void
    private let finished: () -> Void
    private var next = 0
    private var running = 0
    private var isStarting = false
    private var isHalted = false

    /// - Parameters:
    ///   - start: begins a job; it calls the function that it is given once, when the job is over.
    ///   - finished: called when the last job is over.
    init(
        count: Int, limit: Int, start: @escaping (Int, @escaping () -> Void) -> Void, finished: @escaping () -> Void
    ) {
        self.count = count
        self.limit = limit
        self.start = start
        self.finished = finished
    }

    /// The jobs that were not begun.
    var unstarted: Range<Int> { next..<count }

    /// Begins nothing more.
    func halt() { isHalted = true }

    /// Begins as many jobs as may run.
    func run() {
        // A job that is over at once is counted by the loop that began it, not by a deeper one.
        guard !isStarting else { return }
        isStarting = true
        while running < limit, next < count, !isHalted {
            let index = next
            next += 1
            running += 1
            start(index) { [self] in
                running -= 1
                run()
            }
        }
        isStarting = false
        if running == 0, next == count, !isHalted {
            isHalted = true
            finished()
        }
    }
}

extension Batch {
    /// Runs jobs on a reactor until they are over, or a signal comes.
    ///
    /// - Throws: what keeps the reactor from running.
    static func run(
        on reactor: Reactor, count: Int, limit: Int, start: @escaping (Int, @escaping () -> Void) -> Void
    ) throws -> Range<Int> {
        let batch = Batch(count: count, limit: limit, start: start) { reactor.stop() }
        reactor.addSystemEventTrigger(.before, .shutdown) { batch.halt() }
        reactor.callWhenRunning { batch.run() }
        try reactor.run(signals: true)
        return batch.unstarted
    }
}
