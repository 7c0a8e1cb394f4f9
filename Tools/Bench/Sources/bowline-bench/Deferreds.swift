// `deferred`: a chain of four on a Deferred that fires later, beside SwiftNIO's futures doing the same.

import Bowline

func deferred(_ setting: Setting) -> [Comparison] {
    [
        Comparison(
            bench: "deferred", name: "chain of 4, one waits for another", unit: "ns", better: .lower,
            target: Budget.deferredChain, referenceName: "SwiftNIO futures",
            ours: .measured { chains(2_000_000) }, reference: .peer(setting.peer("nio-bench", "futures")))
    ]
}

/// Nanoseconds for a chain, from its making to the last callback.
private func chains(_ count: Int) -> Double {
    var sum = 0
    let taken = nanoseconds {
        for i in 0..<count {
            let first = Deferred<Int>()
            first
                .addCallback { $0 + 1 }
                .addCallback { Deferred.succeeded($0 + 1) }
                .addCallback { $0 * 2 }
                .onSuccess { sum &+= $0 }
            first.callback(i)
        }
    }
    precondition(sum == (0..<count).reduce(0) { $0 + ($1 + 2) * 2 })
    return taken / Double(count)
}
