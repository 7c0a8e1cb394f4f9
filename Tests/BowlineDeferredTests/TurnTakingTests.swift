import Testing

@testable import BowlineDeferred

@Suite("Turns: DeferredLock, DeferredSemaphore, DeferredQueue")
struct TurnTakingTests {
    let log = Log()

    // D50
    @Test("a lock goes to those who wait in the order of asking")
    func lockOrder() {
        let lock = DeferredLock()
        for name in ["a", "b", "c"] { lock.acquire().addCallback { log(name) } }
        #expect(log.lines == ["a"])
        #expect(lock.isLocked && lock.waiting == 2)
        lock.release()
        lock.release()
        #expect(log.lines == ["a", "b", "c"])
        lock.release()
        #expect(!lock.isLocked)
    }

    // D50
    @Test("run holds the lock until its operation is done, well or badly")
    func lockRun() throws {
        let lock = DeferredLock()
        let operation = Deferred<Int>()
        let first = lock.run { operation }
        let second = lock.run { () -> Int in throw Trouble(1) }
        let third = lock.run { 3 }
        #expect(lock.waiting == 2)
        operation.callback(1)
        #expect(try first.result?.get() == 1)
        #expect(second.error as? Trouble == Trouble(1))
        #expect(try third.result?.get() == 3)
        #expect(!lock.isLocked)
        second.addErrback { _ in 0 }
    }

    // D50
    @Test("to cancel the wait for a lock is to step out of the line")
    func lockCancelWaiting() {
        let lock = DeferredLock()
        _ = lock.acquire()
        let second = lock.run { log("not this") }
        let third = lock.run { log("third") }
        second.cancel()
        #expect(second.isCancelled)
        #expect(lock.waiting == 1)
        lock.release()
        #expect(log.lines == ["third"])
        #expect(third.isFired && !lock.isLocked)
    }

    // D50
    @Test("to cancel what holds the lock cancels its operation, and lets the next one in")
    func lockCancelOperation() {
        let lock = DeferredLock()
        let operation = Deferred<Int>(canceller: { log("cancelled") })
        let held = lock.run { operation }
        lock.run { log("next") }
        held.cancel()
        #expect(log.lines == ["cancelled", "next"])
        #expect(held.isCancelled && !lock.isLocked)
        withExtendedLifetime(operation) {}
    }

    // D50
    @Test("releasing a lock that nobody holds ends the program")
    func lockOverRelease() async {
        await #expect(processExitsWith: .failure) { DeferredLock().release() }
    }

    @Test("a lock serves those who wait even if only its holder is left to keep it")
    func lockLifetime() {
        let operation = Deferred<Int>()
        do {
            let lock = DeferredLock()
            lock.run { operation }
            lock.run { log("second") }
        }
        operation.callback(1)
        #expect(log.lines == ["second"])
    }

    // D19, D50
    @Test("100,000 who wait for a lock get it without using up the stack")
    func lockLine() {
        let lock = DeferredLock()
        let first = lock.acquire()
        var count = 0
        for _ in 0..<100_000 { lock.run { count += 1 } }
        lock.release()
        #expect(count == 100_000)
        withExtendedLifetime(first) {}
    }

    // D51
    @Test("a semaphore lets so many in at once, and the next when one leaves")
    func semaphoreLimit() {
        let semaphore = DeferredSemaphore(tokens: 2)
        let operations = (0..<4).map { _ in Deferred<Int>() }
        for (index, operation) in operations.enumerated() {
            semaphore.run {
                log("start \(index)")
                return operation
            }
        }
        #expect(log.lines == ["start 0", "start 1"])
        operations[1].callback(0)
        #expect(log.lines == ["start 0", "start 1", "start 2"])
        #expect(semaphore.tokens == 0 && semaphore.waiting == 1 && semaphore.limit == 2)
        for index in [0, 2, 3] { operations[index].callback(0) }
        #expect(semaphore.tokens == 2)
    }

    // D51
    @Test("a semaphore needs a token", arguments: [0, -1])
    func semaphoreWithoutToken(tokens: Int) async {
        await #expect(processExitsWith: .failure) { [tokens = tokens as Int] in _ = DeferredSemaphore(tokens: tokens) }
    }

    // D51
    @Test("to cancel the wait for a token is to step out of the line")
    func semaphoreCancel() {
        let semaphore = DeferredSemaphore(tokens: 1)
        _ = semaphore.acquire()
        let waiting = semaphore.acquire()
        waiting.cancel()
        semaphore.release()
        #expect(waiting.isCancelled)
        #expect(semaphore.tokens == 1)
    }

    // D52
    @Test("a queue gives its elements in order, to those who wait in order")
    func queueOrder() throws {
        let queue = DeferredQueue<Int>()
        for number in 0..<3 { try queue.put(number) }
        for _ in 0..<5 { queue.get().addCallback { log("\($0)") } }
        #expect(log.lines == ["0", "1", "2"])
        #expect(queue.count == 0 && queue.waiting == 2)
        try queue.put(3)
        try queue.put(4)
        #expect(log.lines == ["0", "1", "2", "3", "4"])
    }

    // D52
    @Test("a queue has a size, and a limit to those who wait")
    func queueLimits() throws {
        let queue = DeferredQueue<Int>(size: 1, backlog: 1)
        try queue.put(1)
        #expect(throws: QueueOverflow.self) { try queue.put(2) }
        _ = queue.get()
        let waiting = queue.get()
        let refused = queue.get()
        #expect(!waiting.isFired)
        #expect(refused.error is QueueUnderflow)
        refused.addErrback { _ in 0 }
        #expect(throws: Never.self) { try queue.put(3) }
        #expect(try waiting.result?.get() == 3)
    }

    // D52
    @Test("a queue of size 0 only hands over")
    func queueOfNothing() throws {
        let queue = DeferredQueue<Int>(size: 0)
        #expect(throws: QueueOverflow.self) { try queue.put(1) }
        let waiting = queue.get()
        try queue.put(2)
        #expect(try waiting.result?.get() == 2)
    }

    // D52
    @Test("a cancelled wait at a queue loses no element")
    func queueCancel() throws {
        let queue = DeferredQueue<Int>(backlog: 2)
        let first = queue.get()
        let second = queue.get()
        first.cancel()
        #expect(queue.waiting == 1)
        try queue.put(1)
        #expect(first.isCancelled)
        #expect(try second.result?.get() == 1)
    }
}
