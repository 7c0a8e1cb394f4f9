// The file of -o while its body arrives. A plain file gets its name when all of it is there, so that a fetch that fails
// leaves what stood there before; a device, a pipe or a file with several names is written where it is.
//
// Everything in here but `abandon` blocks, and is called from the thread pool, one call at a time.

import Bowline
import Glibc
import Synchronization

final class BodyFile: Sendable {
    /// How often a wait looks whether anybody still wants the file, in milliseconds.
    private static let patience: CInt = 50

    private struct Opened {
        var descriptor: CInt = -1
        /// The name that it has until it is whole; nil if it is written where it is.
        var temporary: String?
        var isAbandoned = false
    }

    private let path: String
    private let opened = Mutex(Opened())

    init(_ path: String) {
        self.path = path
    }

    deinit {
        opened.withLock { opened in
            if opened.descriptor >= 0 { close(opened.descriptor) }
        }
    }

    /// What will keep a file from being written there, as far as that can be told without touching anything: a request is
    /// better not sent than carried out for nothing.
    static func obstacle(to path: String) -> SystemError? {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { return SystemError(EISDIR, "open") }
            return access(path, W_OK) == 0 ? nil : SystemError(errno, "open")
        }
        guard errno == ENOENT else { return SystemError(errno, "open") }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        return access(folder, W_OK | X_OK) == 0 ? nil : SystemError(errno, "open")
    }

    private var isAbandoned: Bool { opened.withLock(\.isAbandoned) }

    /// - Throws: the `SystemError` of open(2).
    func open() throws(SystemError) {
        if let temporary = makeTemporary() { return keep(temporary.descriptor, temporary.path) }
        // Non-blocking, so that a pipe whose reader is slow keeps nobody from ending; files don't mind.
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK
        while true {
            let descriptor = Glibc.open(path, flags, 0o666)
            let code = errno
            if descriptor >= 0 { return keep(descriptor, nil) }
            // A named pipe whose reader isn't there yet is waited for; others do so inside open(2).
            guard code == ENXIO, isPipe, !isAbandoned else { throw SystemError(code, "open") }
            poll(nil, 0, Self.patience)
        }
    }

    private var isPipe: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    private func keep(_ descriptor: CInt, _ temporary: String?) {
        let isLate = opened.withLock { opened in
            opened.descriptor = descriptor
            opened.temporary = temporary
            return opened.isAbandoned
        }
        if isLate, let temporary { unlink(temporary) }
    }

    /// A file beside the one that is to be, in whose place it can be put. Nil where there can be none: then it is for the
    /// path itself to say why.
    private func makeTemporary() -> (descriptor: CInt, path: String)? {
        var mode: mode_t?
        var status = stat()
        if lstat(path, &status) == 0 {
            // Another's file stays his, and a link stays one.
            guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1, status.st_uid == geteuid(),
                access(path, W_OK) == 0
            else { return nil }
            mode = status.st_mode & 0o7777
        } else if errno != ENOENT {
            return nil
        }
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard !name.isEmpty else { return nil }
        let temporary = "\(path.dropLast(name.count)).\(name).\(getpid()).part"
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { return nil }
        if let mode { fchmod(descriptor, mode) }
        return (descriptor, temporary)
    }

    /// - Throws: the `SystemError` of write(2): EPIPE when the reader has gone, ENOSPC on a full disk.
    func write(_ bytes: [UInt8]) throws(SystemError) {
        let descriptor = opened.withLock(\.descriptor)
        var position = 0
        while position < bytes.count {
            guard !isAbandoned else { throw SystemError(ECANCELED, "write") }
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + position }, bytes.count - position)
            }
            if written >= 0 {
                position += written
            } else if errno == EAGAIN {
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&polled, 1, Self.patience)
            } else if errno != EINTR {
                throw SystemError(errno, "write")
            }
        }
    }

    /// All is written: the file gets its name.
    func finish() throws(SystemError) {
        let (descriptor, temporary) = opened.withLock { opened in
            defer { opened.descriptor = -1 }
            return (opened.descriptor, opened.temporary)
        }
        // A full disk across a network may be told only here.
        guard close(descriptor) == 0 || errno == EINTR else { throw SystemError(errno, "close") }
        guard let temporary else { return }
        guard rename(temporary, path) == 0 else { throw SystemError(errno, "rename") }
        opened.withLock { $0.temporary = nil }
    }

    /// Nobody wants it any more: what is under way ends soon, and nothing is left of what has no name yet. Doesn't block.
    func abandon() {
        let temporary = opened.withLock { opened in
            opened.isAbandoned = true
            return opened.temporary
        }
        if let temporary { unlink(temporary) }
    }
}
