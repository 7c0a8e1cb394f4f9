// The system calls of inotify(7), and what their events mean for the files that are watched. Knows nothing of the loop:
// watches are set on a thread of the pool, since that looks at the disk; events are read in the loop, where the
// descriptor is registered.

import BowlineReactor
import Glibc

/// A descriptor that tells of changes on disk. Closed when it is released.
final class Inotify: Sendable {
    let descriptor: Int32

    /// inotify_init1(2).
    init() throws(SystemError) {
        descriptor = inotify_init1(Int32(O_NONBLOCK | O_CLOEXEC))
        if descriptor < 0 { throw SystemError(errno, "inotify_init1") }
    }

    deinit {
        close(descriptor)
    }

    /// inotify_add_watch(2): the number of the watch, the same for the same inode; nil if there is nothing to watch.
    func watch(_ path: String, _ mask: Int32) -> Int32? {
        let number = inotify_add_watch(descriptor, path, UInt32(bitPattern: mask))
        return number >= 0 ? number : nil
    }

    /// inotify_rm_watch(2). A watch that ended with its inode is no error.
    func unwatch(_ number: Int32) {
        inotify_rm_watch(descriptor, number)
    }

    /// read(2): an event; the name is empty for the watched inode itself.
    struct Event {
        var watch: Int32
        var mask: UInt32
        var name: String

        func has(_ bits: Int32) -> Bool { mask & UInt32(bitPattern: bits) != 0 }
    }

    /// The events that are there, at most a buffer of them; readiness is told again for the others.
    func read() -> [Event] {
        withUnsafeTemporaryAllocation(byteCount: Self.bufferSize, alignment: 8) { buffer in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            var events: [Event] = []
            var offset = 0
            // The kernel writes whole events only.
            while offset + Self.headerSize <= count {
                let header = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                let start = offset + Self.headerSize
                let end = min(start + Int(header.len), count)
                let name = buffer[start..<end].prefix { $0 != 0 }
                events.append(Event(watch: header.wd, mask: header.mask, name: String(decoding: name, as: UTF8.self)))
                offset = end
            }
            return events
        }
    }

    private static let bufferSize = 4096
    private static let headerSize = MemoryLayout<inotify_event>.size
}

/// What is watched for some files: everything on the way to them, and the files themselves.
struct FileWatches: Sendable {
    /// What an event means.
    enum Change: Hashable {
        case none
        /// A file is being written.
        case writing
        /// Something is there, is gone, or was written.
        case complete
    }

    /// Names come, go and are replaced.
    private static let folderMask =
        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
    /// Written in place, which is also what a bind mount shows; made readable.
    private static let fileMask = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF

    /// The names that count, by the watch of their folder.
    private var names: [Int32: Set<String>] = [:]
    private var files: Set<Int32> = []

    /// Watches nothing.
    init() {}

    /// Watches the files at `paths` as they lead now, and gives up what `former` watched besides. Blocks.
    init(_ paths: [String], with inotify: Inotify, replacing former: FileWatches) {
        for path in paths {
            let trail = PathTrail(of: path)
            for step in trail.steps {
                guard let watch = inotify.watch(step.folder, Self.folderMask) else { continue }
                names[watch, default: []].insert(step.name)
            }
            if let file = trail.file, let watch = inotify.watch(file, Self.fileMask) { files.insert(watch) }
        }
        for watch in former.all.subtracting(all) { inotify.unwatch(watch) }
    }

    private var all: Set<Int32> { files.union(names.keys) }

    func change(by event: Inotify.Event) -> Change {
        // The end of a watch: its cause was told before.
        if event.has(IN_IGNORED) { return .none }
        if event.has(IN_Q_OVERFLOW) { return .complete }
        if let names = names[event.watch] {
            return event.name.isEmpty || names.contains(event.name) ? .complete : .none
        }
        // A watch that isn't known yet is one that is just being set.
        guard files.contains(event.watch) else { return .complete }
        return event.has(IN_MODIFY) ? .writing : .complete
    }
}
