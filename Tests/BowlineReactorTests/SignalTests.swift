// run(signals: true), in processes of its own, since handlers belong to the process.

import BowlineDeferred
import BowlineReactor
import CLinux
import Glibc
import Testing

@Suite("Signals")
struct SignalTests {
    @Test("INT and TERM stop the reactor, which says by which")
    func stops() async {
        await #expect(processExitsWith: .success) {
            for (kind, signal) in [(PollerKind.epoll, SIGINT), (.poll, SIGTERM)] {
                let reactor = Reactor(poller: kind)
                reactor.callWhenRunning { kill(getpid(), signal) }
                try reactor.run(signals: true)
                require("\(signal) is not what stopped it") { reactor.lastSignal == signal }
                reactor.callWhenRunning { reactor.stop() }
                try reactor.run(signals: true)
                require("the last run was not stopped by a signal") { reactor.lastSignal == nil }
            }
        }
    }

    @Test("a second INT doesn't wait for what is to happen before shutdown")
    func insists() async {
        await #expect(processExitsWith: .success) {
            let reactor = Reactor()
            reactor.addShutdownTrigger {
                kill(getpid(), SIGINT)
                return Deferred<Void>()
            }
            reactor.callWhenRunning { kill(getpid(), SIGINT) }
            try reactor.run(signals: true)
            require("it wasn't a signal that stopped it") { reactor.lastSignal == SIGINT }
        }
    }

    @Test("HUP reloads what the slots carry, and the reactor goes on")
    func reloads() async {
        enum Configuration: ReactorSlot {
            final class Value { var reloads = 0 }
            static func makeDefault(for reactor: Reactor) -> Value { Value() }
            static func reactorStopped(_ value: Value) {}
            static func reload(_ value: Value) { value.reloads += 1 }
        }
        await #expect(processExitsWith: .success) {
            let reactor = Reactor()
            reactor.callWhenRunning {
                _ = reactor.removeAll()
                _ = reactor[Configuration.self]
                kill(getpid(), SIGHUP)
            }
            reactor.callLater(.milliseconds(20)) { reactor.stop() }
            try reactor.run(signals: true)
            require("HUP did not reload once") { reactor[Configuration.self].reloads == 1 }
        }
    }

    @Test("a second reactor gets signalsTaken, and changes nothing")
    func taken() async {
        await #expect(processExitsWith: .success) {
            let reactor = Reactor()
            reactor.callWhenRunning {
                let outcome = Flag()
                do {
                    let thread = try startThread {
                        let second = Reactor()
                        do {
                            try second.run(signals: true)
                        } catch ReactorError.signalsTaken {
                            require("the refused one left something") {
                                second.descriptorCount == 0 && !second.isRunning
                            }
                            second.callWhenRunning { second.stop() }
                            do { try second.run() } catch { fatalError("\(error)") }
                            outcome.set()
                        } catch {
                            fatalError("\(error)")
                        }
                    }
                    pthread_join(thread, nil)
                } catch {
                    fatalError("\(error)")
                }
                require("the second was not refused") { outcome.isSet }
                kill(getpid(), SIGTERM)
            }
            try reactor.run(signals: true)
            require("the first lost its signals") { reactor.lastSignal == SIGTERM }
        }
    }

    @Test("the former handlers are put back")
    func restored() async {
        await #expect(processExitsWith: .success) {
            func handler(_ signal: Int32) -> Int {
                var action = sigaction()
                sigaction(signal, nil, &action)
                return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            }
            signal(SIGHUP, SIG_IGN)
            signal(SIGINT) { _ in }
            let before = [SIGINT, SIGTERM, SIGHUP].map(handler)
            let reactor = Reactor()
            reactor.callWhenRunning {
                require("nothing was taken over") { handler(SIGTERM) != before[1] }
                reactor.stop()
            }
            try reactor.run(signals: true)
            require("a handler was not put back") { [SIGINT, SIGTERM, SIGHUP].map(handler) == before }
        }
    }

    @Test("without asking, a signal does what it always does")
    func unasked() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let reactor = Reactor()
            reactor.callWhenRunning { kill(getpid(), SIGTERM) }
            try reactor.run()
        }
    }

    @Test("a storm of signals while the reactor starts and stops kills nobody", .timeLimit(.minutes(10)))
    func storm() async {
        await #expect(processExitsWith: .success) {
            let isDone = Flag()
            signal(SIGINT, SIG_IGN)
            let thread = try startThread {
                while !isDone.isSet {
                    kill(getpid(), SIGINT)
                    sched_yield()
                }
            }
            let reactor = Reactor()
            for _ in 0..<200 { try reactor.run(signals: true) }
            isDone.set()
            pthread_join(thread, nil)
        }
    }
}
