// sem_t(7) with an address of its own. What the threads of a pool wait on.

import Glibc

/// Counts what threads may take: each `wait()` takes one, and blocks while there is none.
final class Semaphore: Sendable {
    /// Unsafe to the compiler, and safe because sem_post and sem_wait are the synchronisation: POSIX makes both safe
    /// from any thread, and the memory lives as long as this object.
    nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0, errno == EINTR {}
    }
}
