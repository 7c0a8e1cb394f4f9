// Runs the programs that Bowline is compared with. Each is bounded by a deadline, so a bench can't hang.

import Glibc

enum Program {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let seconds = 300

    /// Whether a path, or a name in PATH, can be executed.
    static func isInstalled(_ program: String) -> Bool {
        if program.contains("/") { return access(program, X_OK) == 0 }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }

    /// Runs a program to its end and reads the figure after `rate=`. One that counts failures (`failed=`) must have none:
    /// a rate of things that went wrong is no rate.
    static func rate(_ words: [String]) throws -> Double {
        let output = try output(["timeout", "-k", "1", "\(seconds)"] + words)
        let fields = output.split(whereSeparator: \.isWhitespace)
        func figure(_ name: String) -> Double? {
            fields.first { $0.hasPrefix(name + "=") }.flatMap { Double($0.dropFirst(name.count + 1)) }
        }
        guard let rate = figure("rate") else { throw Failure(description: "\(words[0]) printed no rate") }
        if let failed = figure("failed"), failed > 0 {
            throw Failure(description: "\(words[0]): \(Int(failed)) failed")
        }
        return rate
    }

    /// Runs a program to its end, its output thrown away.
    static func run(_ words: [String]) throws {
        try wait(for: start(words, stdout: nil), words)
    }

    /// Runs a program to its end and gives what it wrote to stdout.
    static func output(_ words: [String]) throws -> String {
        let (reading, writing) = try pipe()
        defer { close(reading) }
        let process = try start(words, stdout: writing)
        close(writing)
        var bytes: [UInt8] = []
        while let more = readSome(reading) { bytes += more }
        try wait(for: process, words)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Starts a server, waits for the first thing that it prints, runs `body`, and stops it.
    static func with<Result>(_ words: [String], _ body: () throws -> Result) throws -> Result {
        let (reading, writing) = try pipe()
        defer { close(reading) }
        let process = try start(["timeout", "-k", "1", "\(seconds)"] + words, stdout: writing)
        close(writing)
        defer {
            kill(process, SIGTERM)
            waitpid(process, nil, 0)
        }
        guard readSome(reading) != nil else { throw Failure(description: "\(words[0]) did not start") }
        return try body()
    }

    /// Starts a program with no input; its stdout goes to a descriptor, or nowhere.
    private static func start(_ words: [String], stdout: CInt?) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let stdout {
            posix_spawn_file_actions_adddup2(&actions, stdout, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var process = pid_t()
        let error = posix_spawnp(&process, words[0], &actions, nil, arguments, environ)
        guard error == 0 else { throw Failure(description: "\(words[0]): \(String(cString: strerror(error)))") }
        return process
    }

    private static func wait(for process: pid_t, _ words: [String]) throws {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            let end = status & 0x7f == 0 ? "exit code \((status >> 8) & 0xff)" : "signal \(status & 0x7f)"
            throw Failure(description: "\(words.joined(separator: " ")): \(end)")
        }
    }

    /// The reading and the writing end, neither inherited.
    private static func pipe() throws -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// What can be read now, after waiting for it; nil at the end.
    private static func readSome(_ descriptor: CInt) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        return bytes.isEmpty ? nil : bytes
    }
}
