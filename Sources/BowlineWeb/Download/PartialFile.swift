// The file of a download while it isn't whole: it stands under another name in the folder of the final one, and beside it, of
// which version of which page it is a part. Everything in here blocks, and is called from the thread pool, one call at a time.

package import BowlineReactor
import Glibc

/// Where a download's bytes go. Every function blocks.
package protocol DownloadFile: AnyObject, Sendable {
    /// What can be gone on with: how many bytes there are, and the validator of their version.
    func resumption() -> (byteCount: Int, validator: String)?
    /// Empties the file, and notes of which version the bytes will be; nil if they couldn't be told from those of another.
    func begin(validator: String?) throws(SystemError)
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError)
    /// Gives the file its final name, when its bytes are on the disk.
    func finish() throws(SystemError)
    /// Removes what nobody can go on with.
    func discard()
    /// Lets others have it. Doesn't block.
    func unlock()
}

final class PartialFile: DownloadFile {
    /// What flock says of a file that another download writes.
    static let busy = EWOULDBLOCK
    /// What is said where neither a regular file nor a folder has the name.
    static let special = EEXIST
    /// What is said where a symbolic link has it. It isn't followed, as that of the part isn't: the part has to stand in
    /// the folder of the file, and whoever may write to this one would lead us to another.
    static let symbolicLink = ELOOP

    private let path: String
    private let folder: String
    private let partPath: String
    private let notePath: String
    private let url: String
    private let descriptor: CInt

    /// Opens the part, and locks it: two downloads into one file would make it neither's.
    init(_ path: String, url: String) throws(SystemError) {
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard !name.isEmpty, name != ".", name != ".." else { throw SystemError(EISDIR, "open") }
        try Self.requireReplaceable(path)
        let place = path.dropLast(name.count)
        folder = place.isEmpty ? "." : String(place)
        partPath = "\(place).\(name).part"
        notePath = "\(place).\(name).part.from"
        self.path = path
        self.url = url
        // Whoever may write to the folder must not lead us elsewhere.
        let descriptor = open(partPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else { throw SystemError(errno, "open") }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw SystemError(Self.special, "open")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw SystemError(code, "flock")
        }
        // Another download may have finished in between: what was opened has the final name then.
        var current = stat()
        guard stat(partPath, &current) == 0, current.st_ino == status.st_ino, current.st_dev == status.st_dev else {
            close(descriptor)
            throw SystemError(Self.busy, "flock")
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Whether a file may get this name: nothing has it, or a regular file. A device, a pipe, a socket or a symbolic link
    /// would be gone.
    private static func requireReplaceable(_ path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw SystemError(EISDIR, "open")
        case S_IFLNK: throw SystemError(symbolicLink, "open")
        default: throw SystemError(special, "open")
        }
    }

    func resumption() -> (byteCount: Int, validator: String)? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > 0, let note = readNote() else { return nil }
        let lines = note.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, lines[0] == url else { return nil }
        return (Int(status.st_size), String(lines[1]))
    }

    func begin(validator: String?) throws(SystemError) {
        // In this order: at no moment does the note speak of bytes that aren't its version's.
        unlink(notePath)
        guard ftruncate(descriptor, 0) == 0 else { throw SystemError(errno, "ftruncate") }
        guard let validator else { return }
        let note = open(notePath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard note >= 0 else { throw SystemError(errno, "open") }
        defer { close(note) }
        try Self.write(Array("\(url)\n\(validator)\n".utf8), to: note, at: 0)
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        try Self.write(bytes, to: descriptor, at: offset)
    }

    func finish() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw SystemError(errno, "fsync") }
        // Much may have come to stand there meanwhile.
        try Self.requireReplaceable(path)
        guard rename(partPath, path) == 0 else { throw SystemError(errno, "rename") }
        unlink(notePath)
        // The name, too, is to survive a crash. Not every file system lets folders be synchronised: then it does so itself.
        let folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    func discard() {
        unlink(notePath)
        unlink(partPath)
    }

    func unlock() { flock(descriptor, LOCK_UN) }

    private func readNote() -> String? {
        let note = open(notePath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard note >= 0 else { return nil }
        defer { close(note) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            count = max(0, read(note, buffer.baseAddress, buffer.count))
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: Int) throws(SystemError) {
        var position = 0
        while position < bytes.count {
            let written = bytes.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress.map { $0 + position }, bytes.count - position, off_t(offset + position))
            }
            if written >= 0 {
                position += written
            } else if errno != EINTR {
                throw SystemError(errno, "pwrite")
            }
        }
    }
}
