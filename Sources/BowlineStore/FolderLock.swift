// A lock between processes, for as long as one of them opens a file or gives it another name. It is on the folder, so that no
// file of its own is needed, and the kernel lets go of it with its holder, however that ends.

import Glibc

struct FolderLock: ~Copyable {
    enum Kind {
        /// With others of this kind.
        case shared
        /// With nobody else.
        case alone
    }

    /// How often somebody looks whether it has become free.
    private static let pause = timespec(tv_sec: 0, tv_nsec: 5_000_000)

    private let descriptor: CInt
    /// False if it can't be had: others held it for too long, or the file system has no locks.
    let isHeld: Bool

    /// Takes the lock for a file's folder. Blocks while others hold it, but not for long.
    ///
    /// - Parameter milliseconds: no longer than that.
    init(of path: String, _ kind: Kind, timeout milliseconds: CInt) {
        descriptor = open(path.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let operation = (kind == .alone ? LOCK_EX : LOCK_SH) | LOCK_NB
        var attempts = Int(milliseconds) / 5
        var status = flock(descriptor, operation)
        while status != 0, errno == EWOULDBLOCK || errno == EINTR, attempts > 0 {
            attempts -= 1
            var pause = Self.pause
            nanosleep(&pause, nil)
            status = flock(descriptor, operation)
        }
        isHeld = status == 0
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }
}
