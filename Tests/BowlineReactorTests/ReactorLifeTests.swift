// How a reactor's life goes: starting, stopping, and what is told when.

import BowlineDeferred
import BowlineReactor
import Glibc
import TestSupport
import Testing

@Suite("A reactor's life")
struct ReactorLifeTests {
    @Test("triggers run by phase, those of one phase in the order of adding", arguments: bothPollers)
    func triggerOrder(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            for event in [SystemEvent.shutdown, .startup] {
                for phase in [SystemEventPhase.after, .during, .before] {
                    for number in 1...2 {
                        reactor.addSystemEventTrigger(phase, event) { log("\(phase) \(event) \(number)") }
                    }
                }
            }
            reactor.callWhenRunning { reactor.stop() }
        }
        let expected = ["startup", "shutdown"].flatMap { event in
            ["before", "during", "after"].flatMap { phase in (1...2).map { "\(phase) \(event) \($0)" } }
        }
        #expect(lines == expected)
    }

    @Test("the reactor runs from during startup until the loop has ended", arguments: bothPollers)
    func runningFlag(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            func note(_ moment: String) { log("\(moment): \(reactor.isRunning)") }
            note("set up")
            for event in [SystemEvent.startup, .shutdown] {
                for phase in [SystemEventPhase.before, .during, .after] {
                    reactor.addSystemEventTrigger(phase, event) { note("\(phase) \(event)") }
                }
            }
            reactor.callLater(.zero) {
                note("turn")
                reactor.stop()
                note("stopped")
            }
        }
        #expect(
            lines == [
                "set up: false", "before startup: false", "during startup: true", "after startup: true", "turn: true",
                "stopped: true", "before shutdown: true", "during shutdown: false", "after shutdown: false",
            ])
    }

    @Test("what waits before shutdown is waited for, whether it succeeds or fails", arguments: bothPollers)
    func shutdownWaits(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            struct Broken: Error {}
            let slow = Deferred<Void>()
            let failing = Deferred<Void>()
            failing.onFailure { _ in log("failed") }.addErrback { _ in }
            reactor.addShutdownTrigger {
                log("slow asked")
                reactor.callLater(.milliseconds(2)) {
                    log("slow done, running: \(reactor.isRunning)")
                    slow.callback()
                }
                return slow
            }
            reactor.addShutdownTrigger {
                reactor.callLater(.milliseconds(1)) { failing.errback(Broken()) }
                return failing.addErrback { _ in }
            }
            reactor.addSystemEventTrigger(.before, .shutdown) { log("asked last") }
            reactor.addSystemEventTrigger(.during, .shutdown) { log("closing") }
            reactor.callWhenRunning { reactor.stop() }
        }
        #expect(lines == ["slow asked", "asked last", "failed", "slow done, running: true", "closing"])
    }

    @Test("while something is waited for before shutdown, the loop waits as it always does", arguments: bothPollers)
    func shutdownIsIdle(_ kind: PollerKind) throws {
        let reactor = Reactor(poller: kind)
        var turns = 0
        reactor.addShutdownTrigger {
            turns = reactor.turnCount
            let waited = Deferred<Void>()
            reactor.callLater(.milliseconds(50)) { waited.callback() }
            return waited
        }
        reactor.callWhenRunning { reactor.stop() }
        try reactor.run()
        // One for the timer, and one or two for a wait that was rounded.
        #expect(reactor.turnCount - turns < 10)
    }

    @Test("a trigger can be taken back, once")
    func removeTrigger() async throws {
        let lines = try await run { reactor, log in
            let gone = reactor.addSystemEventTrigger(.during, .shutdown) { log("never") }
            let later = reactor.addSystemEventTrigger(.after, .startup) { log("never") }
            reactor.addSystemEventTrigger(.before, .startup) {
                log("from within: \(reactor.removeSystemEventTrigger(later))")
            }
            log("\(reactor.removeSystemEventTrigger(gone)) \(reactor.removeSystemEventTrigger(gone))")
            reactor.callWhenRunning { reactor.stop() }
        }
        #expect(lines == ["true false", "from within: true"])
    }

    @Test("callWhenRunning calls in order once the loop runs, and at once while it does", arguments: bothPollers)
    func whenRunning(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.callWhenRunning { log("first") }
            reactor.callWhenRunning {
                log("second")
                reactor.callWhenRunning { log("at once") }
                log("after")
            }
            reactor.callWhenRunning { reactor.stop() }
            log("set up")
        }
        #expect(lines == ["set up", "first", "second", "at once", "after"])
    }

    @Test("stop before run is remembered: startup triggers run, and no turn", arguments: bothPollers)
    func stopBeforeRun(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.stop()
            reactor.stop()
            reactor.callWhenRunning { log("started") }
            reactor.callLater(.zero) { log("never") }
            reactor.addSystemEventTrigger(.after, .shutdown) { log("ended after \(reactor.turnCount) turns") }
        }
        #expect(lines == ["started", "ended after 0 turns"])
    }

    @Test("the handle's stop before run is remembered too", arguments: bothPollers)
    func handleStopBeforeRun(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.handle.stop()
            reactor.addSystemEventTrigger(.after, .shutdown) { log("ended") }
        }
        #expect(lines == ["ended"])
    }

    @Test("stopping twice is stopping once, and a stopped reactor runs again", arguments: bothPollers)
    func restart(_ kind: PollerKind) async throws {
        let lines = try await onThread {
            let reactor = Reactor(poller: kind)
            let log = Log()
            for round in 1...3 {
                reactor.callWhenRunning { log("started \(round)") }
                reactor.addSystemEventTrigger(.during, .shutdown) {
                    log("closing \(round)")
                    reactor.stop()
                }
                reactor.callLater(.milliseconds(1)) {
                    reactor.stop()
                    reactor.stop()
                    reactor.handle.stop()
                }
                try reactor.run()
            }
            return log.lines
        }
        #expect(lines == (1...3).flatMap { ["started \($0)", "closing \($0)"] })
    }

    @Test("run inside run is refused, on the same reactor and on another")
    func runInsideRun() async throws {
        let lines = try await run { reactor, log in
            let other = Reactor()
            reactor.callWhenRunning {
                #expect(throws: ReactorError.alreadyRunning) { try reactor.run() }
                #expect(throws: ReactorError.threadTaken) { try other.run() }
                log("running: \(reactor.isRunning)")
                reactor.stop()
            }
        }
        #expect(lines == ["running: true"])
    }

    @Test("shutdown triggers don't run inside stop()", arguments: bothPollers)
    func stopIsLater(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            reactor.addSystemEventTrigger(.before, .shutdown) { log("shutdown") }
            reactor.callLater(.zero) {
                reactor.stop()
                log("stop returned")
            }
            reactor.callLater(.zero) { log("the turn goes on") }
        }
        #expect(lines == ["stop returned", "the turn goes on", "shutdown"])
    }

    @Test("a stopped reactor leaves no descriptor and no thread")
    func nothingLeft() async {
        await #expect(processExitsWith: .success) {
            for kind in bothPollers {
                let descriptors = openDescriptors()
                let threads = SharedLog()
                let reactor = Reactor(poller: kind)
                for _ in 0..<30 {
                    let pair = SocketPair()
                    for _ in 0..<20 { reactor.deferToThread { threads(threadFolder()) }.addErrback { _ in } }
                    reactor.spawn { [weak reactor] in
                        try? await reactor?.deferLater(.milliseconds(1)) {}.value
                        reactor?.stop()
                    }
                    let watch = Watch(pair.near)
                    try reactor.addReader(watch)
                    try reactor.run(signals: true)
                    require("the descriptor was not let go of") { watch.lost == 1 }
                    pair.closeNear()
                    pair.closeFar()
                    require("\(kind): threads are left") { threads.lines.allSatisfy { access($0, F_OK) != 0 } }
                }
                // The testing library may have opened one or two of its own meanwhile.
                require("\(kind): descriptors are left") { openDescriptors() < descriptors + 10 }
            }
        }
    }

    @Test("what is begun while the reactor closes is told too, and can't keep it for ever", arguments: bothPollers)
    func closingIsBounded(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            var pairs: [SocketPair] = []
            var lost = 0
            func open() throws {
                let pair = SocketPair()
                pairs.append(pair)
                try reactor.addReader(
                    Watch(pair.near) {
                        lost += 1
                        try? open()
                    })
            }
            try open()
            reactor.addSystemEventTrigger(.after, .shutdown) { log("told \(lost > 10), left \(reactor.readers.count)") }
            reactor.stop()
        }
        #expect(lines == ["told true, left 1"])
    }

    @Test("jobs and calls are drained when the reactor stops, timers are dropped", arguments: bothPollers)
    func drained(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let later = reactor.callLater(.seconds(1000)) { log("never") }
            reactor.callFromThread { _ in }
            reactor.callLater(.zero) {
                reactor.stop()
                reactor.spawn { log("task") }
                reactor.addSystemEventTrigger(.after, .shutdown) {
                    log("after shutdown, timer: \(later.isActive)")
                    reactor.spawn { log("last task") }
                }
            }
        }
        #expect(lines == ["task", "after shutdown, timer: false", "last task"])
    }
}
