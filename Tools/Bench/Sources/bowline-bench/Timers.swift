// `timers`: setting and cancelling a timer while a million are pending, beside SwiftNIO's scheduled tasks.

import Bowline

private let pending = 1_000_000

func timers(_ setting: Setting) -> [Comparison] {
    [
        Comparison(
            bench: "timers", name: "set, up to 1,000,000 pending", unit: "ns", better: .lower, target: Budget.timerSet,
            referenceName: "SwiftNIO scheduleTask",
            ours: .measured { try measure().set }, reference: .peer(setting.peer("nio-bench", "timer-set")), pairs: 3),
        Comparison(
            bench: "timers", name: "cancel, of 1,000,000 pending", unit: "ns", better: .lower,
            target: Budget.timerCancel, referenceName: "SwiftNIO Scheduled.cancel",
            ours: .measured { try measure().cancel }, reference: .peer(setting.peer("nio-bench", "timer-cancel")),
            pairs: 3),
    ]
}

private func measure() throws -> (set: Double, cancel: Double) {
    let reactor = Reactor()
    var result = (set: 0.0, cancel: 0.0)
    reactor.callWhenRunning {
        var calls: [DelayedCall] = []
        calls.reserveCapacity(pending)
        result.set = nanoseconds {
            for i in 0..<pending { calls.append(reactor.callLater(.milliseconds(10_000 + i % 5_000)) {}) }
        }
        result.cancel = nanoseconds { for call in calls { call.cancel() } }
        reactor.stop()
    }
    try reactor.run()
    return (result.set / Double(pending), result.cancel / Double(pending))
}
