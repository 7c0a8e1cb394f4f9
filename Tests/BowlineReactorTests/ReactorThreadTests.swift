// Work that comes from other threads and work that goes to them.

import BowlineDeferred
import BowlineReactor
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("Threads and the reactor")
struct ReactorThreadTests {
    @Test("calls from a thread keep their order and run on the reactor's thread", arguments: bothPollers)
    func order(_ kind: PollerKind) async throws {
        let log = SharedLog()
        try await onThread {
            let reactor = Reactor(poller: kind)
            let handle = reactor.handle
            let home = pthread_self()
            let thread = try startThread {
                for number in 0..<10_000 {
                    handle.callFromThread { _ in log(pthread_self() == home ? "\(number)" : "elsewhere") }
                }
                handle.callFromThread { $0.stop() }
            }
            try reactor.run()
            pthread_join(thread, nil)
        }
        #expect(log.lines == (0..<10_000).map(String.init))
    }

    @Test("no call is lost among many threads", arguments: bothPollers)
    func manyThreads(_ kind: PollerKind) async throws {
        let count = try await onThread {
            let reactor = Reactor(poller: kind)
            let handle = reactor.handle
            let counter = reactor.bind(Counter())
            let total = Peak()
            let threads = try (0..<4).map { _ in
                try startThread {
                    for _ in 0..<5_000 {
                        handle.call(counter) { counter in
                            counter.count += 1
                            total.add(1)
                            if counter.count == 20_000 { handle.stop() }
                        }
                    }
                }
            }
            try reactor.run()
            for thread in threads { pthread_join(thread, nil) }
            return total.highest
        }
        #expect(count == 20_000)
    }

    @Test("a call from a thread wakes a loop that would wait for ever", arguments: bothPollers)
    func wakes(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let handle = reactor.handle
            reactor.callWhenRunning {
                Task.detached { handle.callFromThread { $0.stop() } }
            }
            log("no timer: \(reactor.delayedCalls.isEmpty)")
        }
        #expect(lines == ["no timer: true"])
    }

    @Test("a call made in a call runs in the next turn", arguments: bothPollers)
    func nested(_ kind: PollerKind) async throws {
        let log = SharedLog()
        _ = try await run(kind) { reactor, _ in
            @Sendable func again(_ reactor: Reactor, _ left: Int) {
                log("turn \(reactor.turnCount)")
                if left == 0 { reactor.stop() } else { reactor.callFromThread { again($0, left - 1) } }
            }
            reactor.callFromThread { again($0, 2) }
        }
        #expect(log.lines == ["turn 1", "turn 2", "turn 3"])
    }

    @Test("a call made before run waits for it", arguments: bothPollers)
    func beforeRun(_ kind: PollerKind) async throws {
        let log = SharedLog()
        _ = try await run(kind) { reactor, _ in
            reactor.callFromThread { log("call, running: \($0.isRunning)") }
            reactor.callWhenRunning { log("started") }
            reactor.callFromThread { $0.stop() }
            log("set up")
        }
        #expect(log.lines == ["set up", "started", "call, running: true"])
    }

    @Test("calls that always make calls starve neither timers nor descriptors", arguments: bothPollers)
    func noStarvation(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            @Sendable func forever(_ reactor: Reactor) { reactor.callFromThread(forever) }
            reactor.callFromThread(forever)
            let pair = SocketPair()
            pair.send()
            let watch = Watch(pair.near)
            watch.onRead = {
                log("read \(pair.receive())")
                reactor.callLater(.milliseconds(1)) {
                    log("timer")
                    reactor.stop()
                }
            }
            try reactor.addReader(watch)
        }
        #expect(lines == ["read x", "timer"])
    }

    @Test("a bound object is released on the reactor's thread, wherever its ticket ends", arguments: bothPollers)
    func boundRelease(_ kind: PollerKind) async throws {
        final class Resident {
            let log: SharedLog
            init(_ log: SharedLog) { self.log = log }
            deinit { log("released on the reactor's thread: \(Reactor.current != nil)") }
        }
        let log = SharedLog()
        _ = try await run(kind) { reactor, _ in
            let handle = reactor.handle
            let ticket = Handed(reactor.bind(Resident(log)))
            reactor.deferToThread {
                ticket.drop()
                log("dropped")
                handle.stop()
            }
        }
        #expect(log.lines.sorted() == ["dropped", "released on the reactor's thread: true"])
    }

    @Test("what is bound to or queued for a reactor that is gone is released")
    func reactorGone() {
        final class Token: Sendable {}
        weak var bound: Token?
        weak var captured: Token?
        weak var late: Token?
        let handle: ReactorHandle
        do {
            let reactor = Reactor()
            handle = reactor.handle
            let tokens = [Token(), Token(), Token()]
            (bound, captured, late) = (tokens[0], tokens[1], tokens[2])
            let (queued, posted) = (tokens[1], tokens[2])
            _ = reactor.bind(tokens[0])
            handle.callFromThread { _ in _ = queued }
            withExtendedLifetime(reactor) {}
            _ = posted
        }
        #expect(bound == nil && captured == nil && late == nil)
        do {
            let token = Token()
            late = token
            handle.callFromThread { _ in _ = token }
            handle.stop()
        }
        #expect(late == nil)
    }

    @Test("another reactor's ticket ends the program with a sentence")
    func foreignTicket() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let (one, two) = (Reactor(), Reactor())
            one.handle.call(two.bind(Counter())) { _ in }
        }
        #expect(text(result).contains("bound by another reactor"))
    }

    // MARK: deferToThread

    @Test("work runs on another thread and fires on the reactor's", arguments: bothPollers)
    func work(_ kind: PollerKind) async throws {
        struct Broken: Error {}
        let lines = try await run(kind) { reactor, log in
            let home = pthread_self()
            reactor.deferToThread { pthread_self() != home }
                .addCallback { isElsewhere in log("\(isElsewhere) \(pthread_self() == home)") }
                .addCallback { reactor.deferToThread { throw Broken() } }
                .addErrback { error in log("\(error) \(pthread_self() == home)") }
                .addBoth { _ in reactor.stop() }
        }
        #expect(lines == ["true true", "Broken() true"])
    }

    @Test("the pool starts with run and is bounded, and what waits is done in order", arguments: bothPollers)
    func bounded(_ kind: PollerKind) async throws {
        let log = SharedLog()
        let workers = Peak()
        _ = try await run(kind) { reactor, _ in
            reactor.threadLimit = 0
            #expect(reactor.threadLimit == 1)
            for number in 0..<20 {
                reactor.deferToThread { log("\(number)") }
            }
            reactor.addSystemEventTrigger(.before, .startup) { log("start") }
            reactor.deferToThread {}.addCallback {
                reactor.threadLimit = 3
                let all = (0..<30).map { _ in
                    reactor.deferToThread {
                        workers.add(1)
                        usleep(200)
                        workers.add(-1)
                    }
                }
                var left = all.count
                for work in all {
                    work.addCallback {
                        left -= 1
                        if left == 0 { reactor.stop() }
                    }
                }
            }
        }
        #expect(log.lines == ["start"] + (0..<20).map(String.init))
        #expect((1...3).contains(workers.highest))
    }

    @Test("at stop, work that began is waited for and work that didn't fails", arguments: bothPollers)
    func stopped(_ kind: PollerKind) async throws {
        let log = SharedLog()
        let lines = try await run(kind) { reactor, own in
            reactor.threadLimit = 1
            let handle = reactor.handle
            let isClosing = Flag()
            reactor.addSystemEventTrigger(.during, .shutdown) { isClosing.set() }
            reactor.deferToThread {
                handle.stop()
                while !isClosing.isSet { usleep(1000) }
                usleep(100_000)
                log("work")
                return 1
            }.addCallback { value in own("result \(value)") }
            reactor.deferToThread { log("never") }.addErrback { error in own("\(error)") }
            reactor.addSystemEventTrigger(.after, .shutdown) {
                reactor.deferToThread { log("never") }.addErrback { error in own("later: \(error)") }
            }
        }
        #expect(log.lines == ["work"])
        #expect(lines == ["result 1", "the reactor stopped", "later: the reactor stopped"])
    }

    @Test("cancelled work that didn't begin never does; one that did is given up", arguments: bothPollers)
    func cancelled(_ kind: PollerKind) async throws {
        let log = SharedLog()
        let lines = try await run(kind) { reactor, own in
            reactor.threadLimit = 1
            let handle = reactor.handle
            let began = Flag()
            let mayEnd = Flag()
            let running = reactor.deferToThread {
                began.set()
                handle.callFromThread { _ in mayEnd.set() }
                while !mayEnd.isSet { usleep(100) }
                log("work")
            }
            running.addErrback { error in own("running: \(error)") }
            let waiting = reactor.deferToThread { log("never") }
            waiting.addErrback { error in own("waiting: \(error)") }
            let last = reactor.deferToThread { log("last") }
            waiting.cancel()
            reactor.callWhenRunning {
                while !began.isSet { usleep(100) }
                running.cancel()
                last.addCallback { reactor.stop() }
            }
        }
        #expect(lines == ["waiting: the operation was cancelled", "running: the operation was cancelled"])
        #expect(log.lines == ["work", "last"])
    }

    @Test("work that is given up may own what gives up other work as it goes", arguments: bothPollers)
    func cancelledByRelease(_ kind: PollerKind) async throws {
        /// Gives up when it is released.
        final class Canceller {
            var work: Deferred<Void>?
            deinit { work?.cancel() }
        }
        let log = SharedLog()
        let lines = try await run(kind) { reactor, own in
            reactor.threadLimit = 1
            let mayEnd = Flag()
            let began = Flag()
            reactor.deferToThread {
                began.set()
                while !mayEnd.isSet { usleep(100) }
            }.addCallback { reactor.stop() }
            let canceller = Canceller()
            let ticket = reactor.bind(canceller)
            let first = reactor.deferToThread { [ticket] in log("never \(ticket)") }
            first.addErrback { error in own("first: \(error)") }
            canceller.work = reactor.deferToThread { log("never") }
            canceller.work?.addErrback { error in own("second: \(error)") }
            reactor.callWhenRunning {
                while !began.isSet { usleep(100) }
                // On to the next turn, in which nobody but the work has the ticket.
                reactor.callLater(.milliseconds(1)) {
                    first.cancel()
                    mayEnd.set()
                }
            }
        }
        #expect(Set(lines) == ["first: the operation was cancelled", "second: the operation was cancelled"])
        #expect(log.lines == [])
    }

    @Test("a result is released on the reactor's thread")
    func resultRelease() async throws {
        final class Parcel {
            let log: SharedLog
            init(_ log: SharedLog) { self.log = log }
            deinit { if Reactor.current == nil { log("released elsewhere") } }
        }
        let log = SharedLog()
        _ = try await run { reactor, _ in
            var left = 500
            for _ in 0..<left {
                reactor.deferToThread { Parcel(log) }.addCallback { (_: Parcel) in
                    left -= 1
                    if left == 0 { reactor.stop() }
                }
            }
        }
        #expect(log.lines == [])
    }
}

/// What a test counts with.
final class Counter { var count = 0 }

/// Counts up and down, from any thread, and knows how far it got.
final class Peak: Sendable {
    private let counts = Mutex((now: 0, highest: 0))
    var highest: Int { counts.withLock { $0.highest } }
    func add(_ number: Int) {
        counts.withLock { $0 = ($0.now + number, max($0.highest, $0.now + number)) }
    }
}

/// Holds the last reference to something until a thread drops it.
final class Handed<Object: AnyObject & Sendable>: Sendable {
    private let object: Mutex<Object?>
    init(_ object: Object) { self.object = Mutex(object) }
    func drop() { object.withLock { $0 = nil } }
}

/// What an exit test's process wrote to the standard error stream.
func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
}
