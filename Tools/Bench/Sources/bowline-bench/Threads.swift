// `threads`: functions handed to a running reactor by another thread, until the last has run, beside SwiftNIO's execute.

import Bowline
import Glibc
import Synchronization

func threads(_ setting: Setting) -> [Comparison] {
    [
        Comparison(
            bench: "threads", name: "callFromThread", unit: "ns", better: .lower, target: Budget.callFromThread,
            referenceName: "SwiftNIO execute",
            ours: .measured { try callsFromThread(1_000_000) }, reference: .peer(setting.peer("nio-bench", "execute")))
    ]
}

private func callsFromThread(_ count: Int) throws -> Double {
    let ran = Ran()
    let reactor = Reactor()
    let handle = reactor.handle
    var start = ContinuousClock.now
    let caller = Caller {
        for _ in 0..<count { handle.callFromThread { _ in _ = ran.number.add(1, ordering: .relaxed) } }
        handle.stop()
    }
    reactor.callWhenRunning {
        start = .now
        caller.start()
    }
    try reactor.run()
    let taken = (ContinuousClock.now - start).components
    caller.join()
    precondition(ran.number.load(ordering: .relaxed) == count)
    return (Double(taken.seconds) * 1e9 + Double(taken.attoseconds) / 1e9) / Double(count)
}

private final class Ran: Sendable {
    let number = Atomic(0)
}

/// A thread that runs one function.
private final class Caller {
    private let body: @Sendable () -> Void
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() {
        let box = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { box in
                guard let box else { return nil }
                Unmanaged<Caller>.fromOpaque(box).takeRetainedValue().body()
                return nil
            }, box)
    }

    func join() { pthread_join(thread, nil) }
}
