// A foreign descriptor that counts what it is told.

import BowlineReactor

final class Watch: ReactorDescriptor {
    private let number: Int32
    private let onLost: () -> Void
    private(set) var asked = 0
    private(set) var lost = 0
    private(set) var reason: (any Error)?
    var onRead: () -> Void = {}
    var onWrite: () -> Void = {}

    init(_ number: Int32, onLost: @escaping () -> Void = {}) {
        self.number = number
        self.onLost = onLost
    }

    var fileDescriptor: Int32 {
        asked += 1
        return number
    }

    func readReady() { onRead() }
    func writeReady() { onWrite() }

    func connectionLost(_ reason: any Error) {
        lost += 1
        self.reason = reason
        onLost()
    }
}
