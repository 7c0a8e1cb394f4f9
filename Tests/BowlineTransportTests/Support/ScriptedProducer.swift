// A producer that records what it is told and does what its test says.

import Bowline

final class ScriptedProducer: PushProducer, PullProducer {
    enum Call: Hashable {
        case pause, resume, stop
    }

    var calls: [Call] = []
    var onResume: (() -> Void)?

    func pauseProducing() { calls.append(.pause) }

    func resumeProducing() {
        calls.append(.resume)
        onResume?()
    }

    func stopProducing() { calls.append(.stop) }
}
