// An idle reactor does nothing at all: it makes no turn, and so no system call.

import BowlineReactor
import Glibc
import TestSupport
import Testing

@Suite("Idle reactor")
struct IdleTests {
    /// Runs a reactor for 300 ms that something else measures, and returns how many turns it made meanwhile.
    private func turns(_ kind: PollerKind, _ setUp: @escaping @Sendable (Reactor) throws -> Void) async throws -> Int {
        try await onThread {
            let reactor = Reactor(poller: kind)
            try setUp(reactor)
            let handle = reactor.handle
            // From another thread, so that the measuring is no timer of the reactor's.
            let thread = try startThread {
                usleep(300_000)
                handle.stop()
            }
            try reactor.run()
            pthread_join(thread, nil)
            return reactor.turnCount
        }
    }

    @Test("a reactor with nothing to do makes one turn: the one that ends with its stop", arguments: bothPollers)
    func nothing(_ kind: PollerKind) async throws {
        #expect(try await turns(kind) { _ in } == 1)
    }

    @Test("open descriptors and a pending timer of 5 s cost no turn", arguments: bothPollers)
    func pending(_ kind: PollerKind) async throws {
        let count = try await turns(kind) { reactor in
            reactor.callLater(.seconds(5)) {}
            let pair = SocketPair()
            let watch = Watch(pair.near)
            try reactor.addReader(watch)
            reactor.addSystemEventTrigger(.after, .shutdown) { withExtendedLifetime((pair, watch)) {} }
        }
        #expect(count == 1)
    }

    @Test("a burst of calls from a thread costs a few turns, and then none")
    func burst() async throws {
        let count = try await turns(.epoll) { reactor in
            let handle = reactor.handle
            reactor.callWhenRunning {
                for _ in 0..<1000 { handle.callFromThread { _ in } }
            }
        }
        // One for the calls and one for the stop; a single one if the machine slept until both were there.
        #expect((1...2).contains(count))
    }
}
