// Where tests make a socket call fail: the kernel refuses to be out of descriptors just when a test wants it.

import Glibc
import Synchronization

/// Makes calls of `SocketCalls` fail with a chosen errno, on the thread that asks for it and on no other.
package enum SocketFaults {
    package enum Call: Hashable, Sendable {
        case socket, connect, bind, listen, accept, receive, send, takeError
    }

    private struct Key: Hashable {
        var thread: UInt
        var call: Call
    }

    /// Looked at before every call: one relaxed load is what the seam costs where no test uses it.
    private static let isArmed = Atomic<Bool>(false)
    private static let planned = Mutex<[Key: [CInt]]>([:])

    /// Lets the next calls of this kind on this thread fail, one after the other, with these errno values; 0 lets one
    /// through.
    package static func plan(_ call: Call, _ codes: CInt...) {
        planned.withLock { $0[Key(thread: UInt(pthread_self()), call: call), default: []] += codes }
        isArmed.store(true, ordering: .releasing)
    }

    /// Forgets what is planned on this thread and was not used up.
    package static func clear() {
        let thread = UInt(pthread_self())
        planned.withLock { $0 = $0.filter { $0.key.thread != thread } }
    }

    static func take(_ call: Call) -> CInt? {
        guard isArmed.load(ordering: .relaxed) else { return nil }
        return planned.withLock { planned in
            let key = Key(thread: UInt(pthread_self()), call: call)
            guard var codes = planned[key], !codes.isEmpty else { return nil }
            let code = codes.removeFirst()
            planned[key] = codes.isEmpty ? nil : codes
            return code == 0 ? nil : code
        }
    }
}
