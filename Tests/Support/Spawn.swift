// posix_spawn and pipes, as Subprocess and RealServer use them. Every descriptor of the test process is closed in the
// child, but for those connected here.

import Glibc

/// What went wrong in the test's own machinery; not a failure of what is tested.
package struct SupportError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    /// What the last system call said.
    static func system(_ what: String) -> SupportError { SupportError("\(what): \(String(cString: strerror(errno)))") }
}

/// A pipe whose ends are not inherited; each can be closed twice.
final class Pipe {
    private(set) var reading: CInt
    private(set) var writing: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SupportError.system("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
        // A program that doesn't read its input must not end the tests.
        signal(SIGPIPE, SIG_IGN)
    }

    deinit {
        closeReading()
        closeWriting()
    }

    var isReading: Bool { reading >= 0 }
    var isWriting: Bool { writing >= 0 }

    func closeReading() {
        if isReading { close(reading) }
        reading = -1
    }

    func closeWriting() {
        if isWriting { close(writing) }
        writing = -1
    }

    /// Appends what is there; false at the end.
    func read(into bytes: inout [UInt8]) -> Bool {
        let piece = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = max(0, Glibc.read(reading, buffer.baseAddress, buffer.count))
        }
        bytes += piece
        return !piece.isEmpty
    }
}

/// A process to be started in a group of its own, with default signals, and /dev/null for what isn't connected.
struct Spawn: ~Copyable {
    private var actions = posix_spawn_file_actions_t()
    private var attributes = posix_spawnattr_t()

    init() throws {
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        for descriptor in 0...2 as ClosedRange<CInt> {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    deinit {
        var (actions, attributes) = (actions, attributes)
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
    }

    mutating func connect(_ descriptor: CInt, to number: CInt) {
        posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }

    mutating func write(_ number: CInt, to path: String) {
        posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    }

    mutating func start(_ words: [String], environment: [String: String?] = [:]) throws -> pid_t {
        var variables: [String] = []
        var next = environ
        while let entry = next.pointee {
            let variable = String(cString: entry)
            let name = variable.prefix { $0 != "=" }
            if environment[String(name)] == nil { variables.append(variable) }
            next += 1
        }
        variables += environment.compactMap { name, value in value.map { "\(name)=\($0)" } }

        let arguments = words.map { strdup($0) } + [nil]
        let settings = variables.map { strdup($0) } + [nil]
        defer { for string in arguments + settings { free(string) } }
        var process = pid_t()
        let error = posix_spawn(&process, words[0], &actions, &attributes, arguments, settings)
        guard error == 0 else { throw SupportError("\(words[0]): \(String(cString: strerror(error)))") }
        return process
    }
}
